import { decibels, loudness, rms } from '../media/loudness.ts';
import type { Sound } from '../media/types.ts';
import { median } from './statistics.ts';

/** Samples of 48 kHz that are taken together: 0.2 s. */
const WINDOW = 9600;

/** LUFS, or dB of full scale, below which it is taken for silent. */
const SILENT = -70;

export type LoudnessStep = {
	/** dB, louder after the join is positive. */
	readonly step: number;
	/** What it changes by from window to window on either side, dB. */
	readonly usual: number;
};

/**
 * How much louder it is right after a join than right before it, K-weighted. `join` is a sample of
 * the sound. null where one of the sides is silent altogether.
 */
export function loudnessStep(sound: Sound, join: number): LoudnessStep | null {
	const isHeard = (from: number, to: number) => decibels(rms(sound, from, to)) > SILENT;
	if (!isHeard(0, join) || !isHeard(join, sound.left.length)) return null;
	const level = (from: number) => Math.max(SILENT, loudness(sound, from, from + WINDOW));
	const before: number[] = [];
	for (let from = join - WINDOW; from >= 0; from -= WINDOW) before.unshift(level(from));
	const after: number[] = [];
	for (let from = join; from + WINDOW <= sound.left.length; from += WINDOW) after.push(level(from));
	const steps = [before, after].flatMap((levels) =>
		levels.slice(1).map((value, i) => Math.abs(value - levels[i]!)),
	);
	return { step: after[0]! - before.at(-1)!, usual: median(steps) };
}
