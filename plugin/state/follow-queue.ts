import type { StoreApi } from 'zustand/vanilla';
import type { JobEvent } from '../../protocol/jobs.ts';
import { withPositions } from './jobs.ts';
import type { Link } from './link.ts';
import type { PanelState } from './state.ts';

const REORDERS: readonly JobEvent['kind'][] = [
	'accepted',
	'started',
	'cancelled',
	'moved',
	'requeued',
];

declare function setTimeout(callback: () => void, milliseconds: number): unknown;

/** How long until it is asked again where no answer came, in ms. */
const AGAIN_AFTER = 500;

/** As many as are queued at most. */
const MOST_QUEUED = 10_000;

/** Keeps the order of the queue: an event tells of one job, and other ones have moved with it. */
export function followQueue(
	store: StoreApi<PanelState>,
	call: Link['call'],
): { readonly onEvent: (event: JobEvent) => void; readonly stop: () => void } {
	let isAsking = false;
	let isStale = false;
	let isStopped = false;
	return {
		onEvent({ kind }) {
			if (!REORDERS.includes(kind)) return;
			isStale = true;
			if (!isAsking) void ask();
		},
		stop() {
			isStopped = true;
		},
	};

	async function ask(): Promise<void> {
		isAsking = true;
		while (isStale && !isStopped) {
			isStale = false;
			try {
				const listed = await call('job.list', { states: ['queued'], limit: MOST_QUEUED });
				store.setState(({ jobs }) => ({ jobs: withPositions(jobs, listed.jobs) }));
			} catch {
				// The connection was lost, and events go on where they were when it is back.
				isStale = true;
				await new Promise<void>((resolve) => setTimeout(resolve, AGAIN_AFTER));
			}
		}
		isAsking = false;
	}
}
