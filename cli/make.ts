import type { Client } from '../protocol/client.ts';
import { assertNever, PickupError } from '../protocol/errors.ts';
import type { GenerationRequest, Plan } from '../protocol/generation.ts';
import { type Job, type JobEvent, pauseSays } from '../protocol/jobs.ts';
import type { Progress, Terminal } from './terminal.ts';

/** A request and what it is called on the screen and in the timeline. */
export type NamedRequest = { readonly name: string; readonly request: GenerationRequest };

/** What the engines would do, or the first refusal; nothing is queued. */
export async function planAll(client: Client, wanted: readonly NamedRequest[]): Promise<Plan[]> {
	const plans: Plan[] = [];
	for (const { request } of wanted) plans.push((await client.call('job.plan', { request })).plan);
	return plans;
}

/**
 * Submits the requests and follows them to their ends, whichever those are. When `interrupt`
 * aborts, the jobs are cancelled and their ends awaited all the same.
 */
export async function makeAll(
	client: Client,
	wanted: readonly NamedRequest[],
	terminal: Terminal,
	interrupt: AbortSignal,
): Promise<Job[]> {
	if (interrupt.aborted) return [];
	const names = new Map(wanted.map(({ request, name }) => [request.id, name]));
	const open = new Set(names.keys());
	const after = (await client.call('job.list', { limit: 1 })).lastEvent;
	await Promise.all(wanted.map(({ request }) => client.call('job.submit', { request })));
	let patience: ReturnType<typeof setTimeout> | undefined;
	const cancelAll = () => {
		// A daemon that does not say what became of them does not hold the command up.
		patience = setTimeout(() => client.close(), CANCEL_PATIENCE);
		for (const jobId of open) {
			client.call('job.cancel', { jobId }).catch((error: unknown) => {
				terminal.note(`Could not cancel ${names.get(jobId)}: ${error}`);
			});
		}
	};
	const progress = terminal.progress();
	interrupt.addEventListener('abort', cancelAll, { once: true });
	if (interrupt.aborted) cancelAll();
	try {
		for await (const event of client.events(after)) {
			const name = names.get(event.jobId);
			if (name === undefined) continue;
			if (show(event, name, progress)) open.delete(event.jobId);
			if (open.size === 0) break;
		}
	} finally {
		interrupt.removeEventListener('abort', cancelAll);
		clearTimeout(patience);
		progress.stop();
	}
	return Promise.all(
		wanted.map(async ({ request }) => (await client.call('job.get', { jobId: request.id })).job),
	);
}

/** How long jobs may take to end when they are cancelled, in ms. */
const CANCEL_PATIENCE = 60_000;

/** The finished jobs. Throws the first failure where nothing was finished. */
export function finished(jobs: readonly Job[]): Job[] {
	const done = jobs.filter((job) => job.state === 'done');
	const failed = jobs.find((job) => job.problem !== null)?.problem;
	if (done.length === 0 && failed) throw PickupError.from(failed);
	return done;
}

function show(event: JobEvent, name: string, { update, say }: Progress): boolean {
	switch (event.kind) {
		case 'accepted':
			update(name, 0, 'waiting');
			return false;
		case 'progress':
			// Only a clip that is there, counted and named, is 100 %.
			update(name, Math.min(event.progress, 0.99), event.phase);
			return false;
		case 'paused':
			say(name, `${pauseSays(event.pause)}. ${goOnBy(event.jobId)}`);
			return false;
		case 'resumed':
			say(name, 'Goes on');
			return false;
		case 'done':
			update(name, 1, 'done');
			return true;
		case 'failed':
		case 'cancelled':
			return true;
		case 'moved':
		case 'started':
		case 'preview':
		case 'requeued':
		case 'landing':
		case 'clip-moved':
		case 'marked':
			return false;
		default:
			return assertNever(event);
	}
}

/** How a person has a paused job go on. */
function goOnBy(jobId: string): string {
	return `\`pickup jobs continue ${jobId.slice(0, 8)}\` goes on anyway`;
}
