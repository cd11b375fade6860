import { randomUUID } from 'node:crypto';
import type { Job } from '../../protocol/jobs.ts';
import type { Landing } from '../../protocol/landings.ts';
import type { Journal } from '../jobs/journal.ts';
import { stamped } from './landing-room.ts';
import { sameSequence } from './standing.ts';
import { idOfTake } from './take-id.ts';

/**
 * Which clips of a press land by themselves: its draft, and of its takes the first that is finished.
 * Only one take has a landing from the press on, and gives it away when nothing comes of it.
 */

/** What waits for a take that was not made, gets one of the same press that was. */
export function passOn(journal: Journal): void {
	for (const landing of journal.landings.inState('waiting')) {
		const job = journal.find(landing.jobId);
		if (job?.state !== 'failed' && job?.state !== 'cancelled') continue;
		const heir = isOvertaken(journal, landing, job) ? null : firstFinished(journal, job);
		if (!heir) continue;
		const name = landing.destination.name.replace(/\d+$/, `${heir.takeOf?.take}`);
		const inherited = {
			id: randomUUID(),
			jobId: heir.id,
			destination: { ...landing.destination, name },
		};
		journal.land(
			{ ...stamped(landing), state: 'withdrawn' },
			{ ...stamped(inherited), state: 'waiting', waitsFor: 'editor' },
		);
	}
}

/**
 * A draft has nothing to show any more when a take of its shot is finished, and a take gives way to
 * one that the person has landed since.
 */
export function isOvertaken(journal: Journal, landing: Landing, { takeOf }: Job): boolean {
	if (takeOf === null) return false;
	const others = journal
		.ofShot(takeOf.shot)
		.filter(({ id, takeOf: other }) => id !== landing.jobId && other?.take !== 0);
	if (takeOf.take === 0) {
		return others.some(({ state, landings }) => state === 'done' && landings.length > 0);
	}
	const all = journal.landings.ofShot(takeOf.shot);
	const later = all.slice(all.findIndex(({ id }) => id === landing.id) + 1);
	return later.some(
		({ jobId, state, destination }) =>
			(state === 'landed' || state === 'landing') &&
			others.some(({ id }) => id === jobId) &&
			sameSequence(destination, landing.destination),
	);
}

/** Of the takes that the press has asked for; what was asked for later lands when that is asked for. */
function firstFinished(journal: Journal, { id, takeOf }: Job): Job | null {
	if (takeOf === null || takeOf.take === 0) return null;
	const { shot } = takeOf;
	if (id !== idOfTake(shot, takeOf.take)) return null;
	const finished = journal
		.ofShot(shot)
		.filter((job) => job.takeOf?.take !== 0 && job.id === idOfTake(shot, job.takeOf?.take ?? 0))
		.filter((job) => job.state === 'done' && !job.deleted && job.landings.length === 0)
		.sort((a, b) => (a.endedAt ?? '').localeCompare(b.endedAt ?? ''));
	return finished[0] ?? null;
}
