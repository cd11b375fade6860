import { standingItems } from '../../host-bridge/landing.ts';
import { pathsOf } from '../../protocol/jobs.ts';
import type { Destination } from '../../protocol/landings.ts';
import { rangesOverlap, sameRange } from '../../protocol/time.ts';
import type { Cut } from '../../protocol/timeline.ts';
import type { Journal } from '../jobs/journal.ts';
import { rivalsIn } from './rivals.ts';
import { sameSequence } from './standing.ts';

export type WantedPlace = Pick<
	Destination,
	'program' | 'project' | 'sequence' | 'track' | 'where' | 'picture' | 'sound' | 'range'
>;

/**
 * The press whose clip stands where this one's would, or is about to: who presses again there wants
 * more takes of the same place. Null where there is none, also after the person took that clip out.
 */
export function pressAt(journal: Journal, cut: Cut, wanted: WantedPlace): string | null {
	const there = journal.landings
		.inState('waiting', 'landing', 'landed')
		.filter(({ destination }) => isSamePlace(destination, wanted));
	for (const { jobId, state } of [...there].reverse()) {
		const { takeOf, state: jobState, clip } = journal.job(jobId);
		if (takeOf === null) continue;
		if (state === 'landed') {
			const items = clip ? standingItems(cut, pathsOf(clip)) : [];
			if (items.some(({ range }) => rangesOverlap(range, wanted.range))) return takeOf.shot;
			continue;
		}
		const comes = jobState !== 'failed' && jobState !== 'cancelled';
		const wasTakenOut = journal.landings
			.ofShot(takeOf.shot)
			.some((landing) => landing.state === 'gone' && sameSequence(landing.destination, wanted));
		if (comes && !wasTakenOut) return takeOf.shot;
	}
	return null;
}

/** The clips of a press that stand in the cut. */
export function standingOfPress(journal: Journal, cut: Cut, shot: string): readonly string[] {
	return rivalsIn(journal, shot, '').filter((path) => standingItems(cut, [path]).length > 0);
}

/** The cut as it would be without those clips. */
export function without(cut: Cut, paths: readonly string[]): Cut {
	const isOurs = (path: string) => paths.includes(path);
	const tracks = cut.tracks.map((track) => ({
		...track,
		clips: track.clips.filter(({ source }) => source.kind !== 'file' || !isOurs(source.path)),
	}));
	return { ...cut, tracks };
}

function isSamePlace(destination: Destination, wanted: WantedPlace): boolean {
	return (
		sameSequence(destination, wanted) &&
		destination.track === wanted.track &&
		destination.where === wanted.where &&
		destination.picture === wanted.picture &&
		destination.sound === wanted.sound &&
		sameRange(destination.range, wanted.range)
	);
}
