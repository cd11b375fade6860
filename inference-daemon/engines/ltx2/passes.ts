import { PickupError } from '../../../protocol/errors.ts';
import { type FrameRange, type FrameRate, formatRate } from '../../../protocol/time.ts';
import { CELL } from './diffusion/latent.ts';
import { snapDown, snapUp, type Window, windowAround } from './diffusion/window.ts';

/** A part of the clip that the model makes in one go. */
export type Pass = {
	readonly index: number;
	/** What it adds to the clip, in the sequence's frames. */
	readonly range: FrameRange;
	/** What the model sees meanwhile. From the second pass on its left is what the last one made. */
	readonly window: Window;
};

/** What there is around the range, in frames. */
export type Room = {
	/** Wanted of each neighbour; 0: they are not looked at. */
	readonly context: number;
	readonly before: number;
	readonly after: number;
};

/** Seconds and frames that the model was trained for: places in time beyond them mean nothing to it. */
const HORIZON = { seconds: 20, frames: 505 } as const;
/** Each pass starts from what the last one made, so that faults add up. */
const MOST_PASSES = 4;
/** Seconds that a pass sees of what the last one made. */
const CARRIED = 1;

/**
 * The range in as few passes as the model's horizon allows, about equally long. Throws PickupError
 * `too-long` that names the limit.
 */
export function passesFor(range: FrameRange, rate: FrameRate, room: Room): readonly Pass[] {
	const length = range.end - range.start;
	const found = split(length, rate, room);
	if (found === null) {
		const most = longest(rate, room);
		throw new PickupError(
			'too-long',
			`Expected at most ${most} frames at ${formatRate(rate)} frames per second, got ${length}`,
			{ field: 'context.range' },
		);
	}
	let start = range.start;
	return found.map((window, index) => {
		const end = start + window.gap.end - window.gap.start;
		const pass = { index, range: { start, end }, window };
		start = end;
		return pass;
	});
}

/** The longest range that can be made at a rate, in frames. */
export function longest(rate: FrameRate, room: Room): number {
	let [low, high] = [0, MOST_PASSES * HORIZON.frames];
	while (low < high) {
		const middle = Math.ceil((low + high) / 2);
		if (split(middle, rate, room) === null) high = middle - 1;
		else low = middle;
	}
	return low;
}

/** Windows whose gaps make up the length, or null where the model cannot hold them. */
function split(length: number, rate: FrameRate, room: Room): readonly Window[] | null {
	const perSecond = rate.num / rate.den;
	const most = snapDown(Math.min(HORIZON.frames, Math.floor(HORIZON.seconds * perSecond)));
	const carried = snapUp(Math.max(room.context, Math.round(CARRIED * perSecond)));
	for (let count = 1; count <= MOST_PASSES; count++) {
		const windows = inPasses(length, count, carried, room);
		if (windows.every(({ frames }) => frames <= most)) return windows;
	}
	return null;
}

function inPasses(length: number, count: number, carried: number, room: Room): readonly Window[] {
	const windows: Window[] = [];
	let rest = length;
	for (let index = 0; index < count && rest > 0; index++) {
		const isLast = index === count - 1;
		// All but the last end on a cell's edge: nothing is made in vain.
		const even = CELL.frames * Math.ceil(rest / (count - index) / CELL.frames);
		const gap = isLast ? rest : Math.min(rest, even);
		const after = gap === rest ? room.after : 0;
		const isCarried = index > 0;
		const before = isCarried ? carried : room.before;
		const left = windowAround(gap, isCarried ? carried : room.context, { before, after });
		windows.push(left);
		rest -= gap;
	}
	return windows;
}
