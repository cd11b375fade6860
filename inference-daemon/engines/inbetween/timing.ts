/**
 * How far things have moved after `frame` frames when they keep on at one pixel per frame and
 * come to rest at `settle` frames: speed 1 at the start, 0 at the end, no jerk between.
 */
export function coast(frame: number, settle: number): number {
	return frame < settle ? frame - (frame * frame) / (2 * settle) : settle / 2;
}

/**
 * A swing out and back: 0, then 1 after the first frame, and back at 0 with speed 0 after `settle`
 * frames (at least 2; with fewer than 4 the first frame is less). Added to a straight path it gives
 * the path the speed of the neighbour at that end.
 */
export function swing(frame: number, settle: number): number {
	if (frame >= settle) return 0;
	const rest = (settle - frame) / (settle - Math.min(1, (settle - 1) / 3));
	return frame * rest * rest;
}

/** 0 before 0, 1 after 1, smooth between. */
export function smoothStep(t: number): number {
	const x = Math.max(0, Math.min(1, t));
	return x * x * (3 - 2 * x);
}

/**
 * How far the change from one shot to another has come at `step` of `steps`: up to ten frames
 * in the middle, a third of a short gap, and a plain cut where there is no room.
 */
export function changeOver(step: number, steps: number): number {
	const length = Math.min(10, Math.floor(steps / 3));
	if (length < 2) return step > steps / 2 ? 1 : 0;
	return Math.max(0, Math.min(1, (step - (steps - length) / 2) / length));
}

/**
 * The share of the right side at `step` of `steps` where both sides show the same: they are
 * blended for at most 20 frames in the middle, since one picture alone is the sharper.
 */
export function crossing(step: number, steps: number): number {
	const length = Math.min(20, steps);
	return smoothStep((step - (steps - length) / 2) / length);
}
