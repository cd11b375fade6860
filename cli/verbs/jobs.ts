import type { Command } from 'commander';
import { openTimeline } from '../../host-bridge/timeline-file/host.ts';
import { foldersFor } from '../../host-bridge/timeline-file/output-folders.ts';
import type { Client } from '../../protocol/client.ts';
import { PickupError } from '../../protocol/errors.ts';
import type { Job } from '../../protocol/jobs.ts';
import { withDaemon } from '../daemon-link.ts';
import { EXIT } from '../exit-codes.ts';
import { landClips, makeFolders, placementOfJob } from '../landing.ts';
import { sequenceOption } from '../shot.ts';
import { openTerminal, type Terminal } from '../terminal.ts';

const ACTIONS = ['cancel', 'retry', 'continue', 'first', 'last', 'land'] as const;
type Action = (typeof ACTIONS)[number];

export function addJobs(program: Command, exit: (code: number) => void): void {
	program
		.command('jobs')
		.description('list the jobs of the daemon, or change one')
		.argument('[action]', ACTIONS.join(', '))
		.argument('[job]', 'a job id, or the beginning of one')
		.argument('[timeline]', 'with land: the file that gets the finished clip, in a copy')
		.option('--sequence <name>', 'with land: which sequence, where the file has several')
		.option('-o, --output <folder>', 'with land: gets the new timeline; default: as for a new shot')
		.option('--limit <number>', 'how many to list', Number, 20)
		.option('--json', 'print JSON')
		.addHelpText(
			'after',
			'\nExamples:\n  pickup jobs\n  pickup jobs cancel 3f2a\n  pickup jobs continue 3f2a\n  pickup jobs first 3f2a\n  pickup jobs land 3f2a cut.xml',
		)
		.action(
			async (
				action: string | undefined,
				prefix: string | undefined,
				timeline: string | undefined,
				options: ListOptions & LandOptions,
			) => {
				const terminal = openTerminal(options.json === true);
				await withDaemon({ expectJob: false }, async (client) => {
					const { jobs } = await client.call('job.list', { limit: 10_000 });
					if (action === undefined) {
						list(jobs.slice(0, options.limit), terminal);
						return;
					}
					const checked = checkedAction(action);
					const job = findJob(jobs, prefix);
					if (checked === 'land') {
						await land(client, job, timeline, options, terminal);
					} else {
						const changed = await change(client, checked, job, jobs);
						terminal.line(`${changed.id} is ${changed.state}`);
						terminal.result({ job: changed });
					}
				});
				exit(EXIT.ok);
			},
		);
}

type ListOptions = { readonly limit: number; readonly json?: boolean };
type LandOptions = { readonly sequence?: string; readonly output?: string };

function list(jobs: readonly Job[], terminal: Terminal): void {
	if (jobs.length === 0) terminal.line('There are no jobs.');
	else terminal.table(HEAD, jobs.map(rowOf));
	if (jobs.some(({ state }) => state === 'done')) {
		terminal.note(
			'A finished clip is put into a timeline with `pickup jobs land <job> <timeline>`.',
		);
	}
	terminal.result({ jobs });
}

/** Puts the clip of a job into a timeline, for a command that was not there to do so. */
async function land(
	client: Client,
	job: Job,
	timeline: string | undefined,
	options: LandOptions,
	terminal: Terminal,
): Promise<void> {
	if (timeline === undefined) throw new PickupError('usage', 'Expected a timeline to land it in');
	const { request } = await client.call('job.request', { jobId: job.id });
	const host = await openTimeline(timeline, sequenceOption(options));
	const placement = await placementOfJob(host, job, request);
	const folders = await makeFolders(foldersFor(host, options.output));
	try {
		const { saved, reports } = await landClips(host, [placement], folders.output, terminal);
		terminal.line(`Timeline: ${saved.path}`);
		terminal.result({
			timeline: saved.path,
			inserted: saved.spans,
			warnings: saved.warnings,
			placements: reports,
			clips: [job.clip],
		});
	} finally {
		await folders.tidy();
	}
}

const HEAD = ['Job', 'Kind', 'State', '%', 'Engine', 'Frames', 'Prompt or problem'];

function rowOf(job: Job): string[] {
	return [
		job.id.slice(0, 8),
		job.kind,
		stateOf(job),
		String(Math.round(job.progress * 100)),
		job.plan.engine,
		String(job.plan.frames),
		job.problem?.message ?? job.prompt.slice(0, 60),
	];
}

function stateOf({ state, position, pause }: Job): string {
	if (state === 'queued' && position !== null) return `queued, ${position + 1}.`;
	return pause ? `paused, ${pause.program} is ${pause.busy}` : state;
}

function checkedAction(text: string): Action {
	const action = ACTIONS.find((each) => each === text);
	if (action) return action;
	throw new PickupError('usage', `Expected ${ACTIONS.join(', ')}, got "${text}"`);
}

function findJob(jobs: readonly Job[], prefix: string | undefined): Job {
	const matching = jobs.filter((job) => prefix !== undefined && job.id.startsWith(prefix));
	const [job] = matching;
	if (job && matching.length === 1) return job;
	throw new PickupError(
		'no-such-job',
		`Expected the beginning of one job's id, got "${prefix ?? ''}", which fits ${matching.length}`,
	);
}

async function change(
	client: Client,
	action: Exclude<Action, 'land'>,
	{ id: jobId }: Job,
	jobs: readonly Job[],
): Promise<Job> {
	switch (action) {
		case 'cancel':
			return (await client.call('job.cancel', { jobId })).job;
		case 'continue':
			return (await client.call('job.continue', { jobId })).job;
		case 'retry':
			return (await client.call('job.retry', { jobId })).job;
		case 'last':
			return (await client.call('job.move', { jobId, before: null })).job;
		case 'first': {
			const next = jobs.find((job) => job.position === 0);
			const before = next === undefined || next.id === jobId ? null : next.id;
			if (next?.id === jobId) return next;
			return (await client.call('job.move', { jobId, before })).job;
		}
	}
}
