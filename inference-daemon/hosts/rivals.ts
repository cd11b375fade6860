import { standingItems } from '../../host-bridge/landing.ts';
import { type Job, pathsOf } from '../../protocol/jobs.ts';
import type { Destination } from '../../protocol/landings.ts';
import type { Cut } from '../../protocol/timeline.ts';
import type { Journal } from '../jobs/journal.ts';
import { idOfTake } from './take-id.ts';

/** Paths of the clips of a shot, beside one, that stand in its sequence or did when it was last looked. */
export function rivalsIn(journal: Journal, shot: string, except: string): readonly string[] {
	return journal
		.ofShot(shot)
		.filter(({ id }) => id !== except)
		.filter(({ landings }) =>
			landings.some(({ state }) => state === 'landed' || state === 'landing' || state === 'gone'),
		)
		.flatMap(({ clip }) => (clip ? pathsOf(clip) : []));
}

/** Those that give way to a job's clip at its destination. */
export function rivalsOf(
	journal: Journal,
	jobId: string,
	{ replaces }: Destination,
): readonly string[] {
	return replaces === null ? [] : rivalsIn(journal, replaces, jobId);
}

/**
 * Those that give way in a cut as it stands. Where the person has taken out what a later press would
 * have replaced, that lands over the gap. Where they have taken out what the press itself had put
 * there, as its draft, nothing more is wanted of it.
 */
export function givingWay(
	journal: Journal,
	cut: Cut,
	{ id, takeOf }: Job,
	destination: Destination,
): readonly string[] {
	const rivals = rivalsOf(journal, id, destination);
	const isOfFirstPress = takeOf !== null && id === idOfTake(takeOf.shot, takeOf.take);
	return isOfFirstPress || standingItems(cut, rivals).length > 0 ? rivals : [];
}
