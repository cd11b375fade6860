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

/** As many as are queued at most. */
const MOST_QUEUED = 10_000;

/** Keeps the order of the queue: an event tells of one job, and other ones have moved with it. */
export function followQueue(
	store: StoreApi<PanelState>,
	call: Link['call'],
): (event: JobEvent) => void {
	let isAsking = false;
	let isStale = false;
	return ({ kind }) => {
		if (!REORDERS.includes(kind)) return;
		isStale = true;
		if (!isAsking) void ask();
	};

	async function ask(): Promise<void> {
		isAsking = true;
		while (isStale) {
			isStale = false;
			// Without a connection there is none to show; all is listed anew when there is one.
			const listed = await call('job.list', { states: ['queued'], limit: MOST_QUEUED }).catch(
				() => null,
			);
			if (listed) store.setState(({ jobs }) => ({ jobs: withPositions(jobs, listed.jobs) }));
		}
		isAsking = false;
	}
}
