import { PickupError } from '../../../../protocol/errors.ts';
import { type FrameRange, type FrameRate, formatRate } from '../../../../protocol/time.ts';
import { leftOf, snapDown, snapUp, type Window, wantedOf, windowAround } from './window.ts';

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
const OVERLAP = 1;
/** Seconds of the shortest window: two sounds, and more than a frame of them is made from. */
const SHORTEST = 0.08;

/**
 * The range in as few passes as the model's horizon allows, about equally long. Throws PickupError
 * `too-long` that names the limit.
 */
export function passesFor(range: FrameRange, rate: FrameRate, room: Room): readonly Pass[] {
	const length = range.end - range.start;
	const most = longest(rate, room);
	if (length > most) {
		throw new PickupError(
			'too-long',
			`Expected at most ${most} frames at ${formatRate(rate)} frames per second, got ${length}`,
			{ field: 'context.range' },
		);
	}
	let start = range.start;
	return windowsOf(length, rate, room).map((window, index) => {
		const end = start + window.gap.end - window.gap.start;
		const pass = { index, range: { start, end }, window };
		start = end;
		return pass;
	});
}

/** The longest range that can be made at a rate, in frames. */
export function longest(rate: FrameRate, room: Room): number {
	return total(roomsFor(MOST_PASSES, rate, room));
}

/** Frames that a pass can see of each neighbour, so that there is as much for the gap between them. */
export function mostContext(rate: FrameRate): number {
	return snapDown(horizon(rate) / 3);
}

/** Frames that a window can have. */
function horizon({ num, den }: FrameRate): number {
	return snapDown(Math.min(HORIZON.frames, Math.floor((HORIZON.seconds * num) / den)));
}

/** What a pass has around it, and the frames that it can make there. */
type PassRoom = Room & { readonly left: number; readonly most: number };

function roomsFor(count: number, rate: FrameRate, room: Room): readonly PassRoom[] {
	const context = Math.min(room.context, mostContext(rate));
	const second = snapUp(Math.round((OVERLAP * rate.num) / rate.den));
	// Never more than the pass before has made.
	const overlap = Math.min(second, snapDown(horizon(rate) / 6));
	return Array.from({ length: count }, (_, index) => {
		const before = index === 0 ? room.before : overlap;
		const left = index === 0 ? leftOf(context, before) : overlap;
		const after = index === count - 1 ? room.after : 0;
		const most = horizon(rate) - left - Math.min(after, wantedOf(context));
		return { context, before, after, left, most };
	});
}

function total(rooms: readonly PassRoom[]): number {
	return rooms.reduce((sum, { most }) => sum + most, 0);
}

/** Windows whose gaps make up the length, which is at most the longest. */
function windowsOf(length: number, rate: FrameRate, room: Room): readonly Window[] {
	let count = 1;
	while (length > total(roomsFor(count, rate, room))) count += 1;
	const rooms = roomsFor(count, rate, room);
	const shortest = Math.ceil((SHORTEST * rate.num) / rate.den);
	let rest = length;
	return rooms.map(({ context, left, most, ...beside }, index) => {
		const later = total(rooms.slice(index + 1));
		const share = Math.min(most, Math.max(Math.ceil(rest / (count - index)), rest - later));
		// All but the last end with a cell: nothing is made in vain.
		const gap = index === count - 1 ? rest : snapUp(left + share) - left;
		rest -= gap;
		return windowAround(gap, context, { ...beside, left, shortest });
	});
}
