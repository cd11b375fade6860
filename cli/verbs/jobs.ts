import type { Command } from 'commander';
import { PickupError } from '../../protocol/errors.ts';
import type { Job } from '../../protocol/jobs.ts';
import { connectToDaemon } from '../daemon-link.ts';
import { EXIT } from '../exit-codes.ts';
import { openTerminal } from '../terminal.ts';

const ACTIONS = ['cancel', 'retry', 'first', 'last'] as const;
type Action = (typeof ACTIONS)[number];

export function addJobs(program: Command, exit: (code: number) => void): void {
	program
		.command('jobs')
		.description('list the jobs of the daemon, or change one')
		.argument('[action]', ACTIONS.join(', '))
		.argument('[job]', 'a job id, or the beginning of one')
		.option('--limit <number>', 'how many to list', Number, 20)
		.option('--json', 'print JSON')
		.addHelpText(
			'after',
			'\nExamples:\n  pickup jobs\n  pickup jobs cancel 3f2a\n  pickup jobs first 3f2a',
		)
		.action(
			async (
				action: string | undefined,
				prefix: string | undefined,
				options: { limit: number; json?: boolean },
			) => {
				const terminal = openTerminal(options.json === true);
				const client = await connectToDaemon({ expectJob: false });
				try {
					const { jobs } = await client.call('job.list', { limit: 10_000 });
					if (action === undefined) {
						const listed = jobs.slice(0, options.limit);
						if (listed.length === 0) terminal.line('There are no jobs.');
						else terminal.table(HEAD, listed.map(rowOf));
						terminal.result({ jobs: listed });
					} else {
						const job = findJob(jobs, prefix);
						const changed = await change(client, checkedAction(action), job, jobs);
						terminal.line(`${changed.id} is ${changed.state}`);
						terminal.result({ job: changed });
					}
				} finally {
					client.close();
				}
				exit(EXIT.ok);
			},
		);
}

const HEAD = ['Job', 'Kind', 'State', '%', 'Engine', 'Frames', 'Prompt or problem'];

function rowOf(job: Job): string[] {
	return [
		job.id.slice(0, 8),
		job.kind,
		job.state === 'queued' && job.position !== null ? `queued, ${job.position + 1}.` : job.state,
		String(Math.round(job.progress * 100)),
		job.plan.engine,
		String(job.plan.frames),
		job.problem?.message ?? job.prompt.slice(0, 60),
	];
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
	client: Awaited<ReturnType<typeof connectToDaemon>>,
	action: Action,
	{ id: jobId }: Job,
	jobs: readonly Job[],
): Promise<Job> {
	switch (action) {
		case 'cancel':
			return (await client.call('job.cancel', { jobId })).job;
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
