import { pathsOf } from '../../protocol/jobs.ts';
import type { Destination } from '../../protocol/landings.ts';
import type { Journal } from '../jobs/journal.ts';

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
