import type { SimpleCut } from '../../demo/timelines.ts';

/** Two shots whose files nobody has, and the gap between them. */
export const CUT: SimpleCut = {
	name: 'Cut',
	rate: { num: 25, den: 1 },
	size: { width: 640, height: 360 },
	startFrame: 90_000,
	clips: [
		{ name: 'A', path: '/media/a.mov', start: 0, frames: 50 },
		{ name: 'B', path: '/media/b.mov', start: 75, frames: 50 },
	],
};

export const GAP = { start: 50, end: 75 };
