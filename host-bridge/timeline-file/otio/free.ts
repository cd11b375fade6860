import { PickupError } from '../../../protocol/errors.ts';
import type { FrameRange, FrameRate } from '../../../protocol/time.ts';
import type { Item, TrackKind } from './items.ts';
import { type Json, place } from './json.ts';
import { earliest, latest, nearestFrame, type TickRange, type Ticks } from './time.ts';

/** A track as it is written to. Items, `window` and `zero` are in the track's own time. */
export type OtioTrack = {
	readonly node: Json;
	readonly kind: TrackKind;
	readonly index: number;
	readonly name: string;
	readonly items: readonly Item[];
	/** What the track's source range leaves of it; all of it where there is none. */
	readonly window: TickRange;
	/** Where frame 0 of the sequence lies. */
	readonly zero: Ticks;
};

/** Time without clips: the gaps in it, and where it ends (null: never). */
type FreeTime = {
	readonly start: Ticks;
	readonly end: Ticks | null;
	readonly gaps: readonly Item[];
};

/** The free time of a track that holds a range. Throws `placement-conflict` where none does. */
export function freeTimeFor(track: OtioTrack, range: FrameRange, rate: FrameRate): FreeTime {
	const frame = (ticks: Ticks) => nearestFrame(ticks - track.zero, rate);
	const found = freeTimes(track).find(
		(free) =>
			frame(free.start) <= range.start && (free.end === null || frame(free.end) >= range.end),
	);
	if (found) return found;
	throw new PickupError(
		'placement-conflict',
		`Expected empty time on ${track.name} from frame ${range.start} to ${range.end}, got clips or trimmed time in ${place(track.node)}`,
		{ field: track.name },
	);
}

/**
 * The exact time of a range of frames. Where items are not cut on frames, a picture takes exactly
 * the free time whose frames it covers, so that nothing after it moves.
 */
export function exactTime(
	free: FreeTime,
	exact: TickRange,
	range: FrameRange,
	track: OtioTrack,
	rate: FrameRate,
	snap: boolean,
): TickRange {
	const frame = (ticks: Ticks) => nearestFrame(ticks - track.zero, rate);
	const starts = snap && frame(free.start) === range.start;
	const ends = snap && free.end !== null && frame(free.end) === range.end;
	return {
		start: starts ? free.start : latest(exact.start, free.start),
		end: free.end === null ? exact.end : ends ? free.end : earliest(exact.end, free.end),
	};
}

function freeTimes(track: OtioTrack): FreeTime[] {
	const found: FreeTime[] = [];
	let start = earliest(track.window.start, 0n);
	let gaps: Item[] = [];
	for (const item of track.items) {
		if (item.kind === 'gap') gaps.push(item);
		if (item.kind === 'gap' || item.kind === 'transition') continue;
		found.push({ start, end: item.start, gaps });
		start = item.end;
		gaps = [];
	}
	found.push({ start, end: null, gaps });
	return found;
}
