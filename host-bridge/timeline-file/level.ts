import type { ClipSound } from '../../protocol/timeline.ts';

/** A clip's level over time, as the protocol has it: straight lines between points. */
export type Level = NonNullable<ClipSound['level']>;
type Point = Level[number];

const MOST_POINTS = 1024;
const LOUDEST = 1000;
/** Straight lines that stand for one that is straight in decibels: a tenth of one off at most. */
const STEPS = 16;

/** Levels that follow one another: their product; undefined where there are none. */
export function product(levels: readonly (Level | undefined)[]): Level | undefined {
	const known = levels.filter((level) => level !== undefined);
	const [first, ...others] = known;
	if (!first || others.length === 0) return first && bounded(first);
	const frames = [...new Set(known.flatMap((level) => level.map(({ frame }) => frame)))];
	frames.sort((a, b) => a - b);
	return bounded(
		frames.map((frame) => {
			return { frame, gain: known.reduce((gain, level) => gain * gainAt(level, frame), 1) };
		}),
	);
}

/** Points in decibels with lines that are straight in decibels between them. */
export function inDecibels(
	points: readonly { readonly frame: number; readonly decibels: number }[],
): Level {
	return points.flatMap(({ frame, decibels }, index) => {
		const next = points[index + 1];
		const length = next ? next.frame - frame : 0;
		const steps = !next || next.decibels === decibels ? 1 : Math.min(STEPS, length);
		return Array.from({ length: Math.max(1, steps) }, (_, step) => {
			const part = step / steps;
			const value = decibels + ((next?.decibels ?? decibels) - decibels) * part;
			return { frame: frame + Math.round(length * part), gain: 10 ** (value / 20) };
		});
	});
}

/** The same level when what it belongs to starts so many frames later. */
export function later(level: Level, frames: number): Level {
	return level.map(({ frame, gain }) => ({ frame: frame + frames, gain }));
}

function gainAt(level: Level, frame: number): number {
	const after = level.findIndex((point) => point.frame > frame);
	if (after < 0) return level.at(-1)?.gain ?? 1;
	const right = level[after] as Point;
	const left = level[after - 1] ?? right;
	if (right.frame === left.frame) return right.gain;
	const part = (frame - left.frame) / (right.frame - left.frame);
	return left.gain + (right.gain - left.gain) * part;
}

function bounded(level: Level): Level {
	const every = Math.ceil(level.length / MOST_POINTS);
	return level
		.filter((_, index) => index % every === 0)
		.map(({ frame, gain }) => ({ frame, gain: Math.min(Math.max(gain, 0), LOUDEST) }));
}
