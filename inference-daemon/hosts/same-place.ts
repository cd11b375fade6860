import { standingItems } from '../../host-bridge/landing.ts';
import type { Destination, Landing } from '../../protocol/landings.ts';
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
export function pressAt(journal: Journal, wanted: WantedPlace): string | null {
	const there = journal.landings
		.inState('waiting', 'landing', 'landed')
		.filter((landing) => isAt(landing, wanted));
	for (const { jobId, state } of [...there].reverse()) {
		const { takeOf, state: jobState } = journal.job(jobId);
		if (takeOf === null) continue;
		if (state === 'landed') return takeOf.shot;
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

function isAt(landing: Landing, wanted: WantedPlace): boolean {
	const { destination } = landing;
	if (!sameSequence(destination, wanted)) return false;
	const { track, where, picture, sound, range } = destination;
	const isSame =
		track === wanted.track &&
		where === wanted.where &&
		picture === wanted.picture &&
		sound === wanted.sound &&
		sameRange(range, wanted.range);
	if (!isSame || landing.state !== 'landed') return isSame;
	return landing.items.some((item) => rangesOverlap(item.range, wanted.range));
}
