import type { Sound } from './types.ts';

/** Root mean square of both channels together over samples `from ≤ i < to`; 0 of an empty range. */
export function rms(sound: Sound, from: number, to: number): number {
	const start = Math.max(0, from);
	const end = Math.min(sound.left.length, to);
	if (end <= start) return 0;
	let sum = 0;
	for (let i = start; i < end; i++) sum += sound.left[i]! ** 2 + sound.right[i]! ** 2;
	return Math.sqrt(sum / (2 * (end - start)));
}

/** An amplitude ratio in decibels; 0 is −Infinity. */
export function decibels(ratio: number): number {
	return 20 * Math.log10(ratio);
}

/** Samples that the filters run before the range, so that their onset is not measured. */
const RUN_IN = 4800;

/**
 * Loudness of samples `from ≤ i < to` in LUFS: K-weighted, without gating (ITU-R BS.1770-4,
 * annex 1). Silence, or an empty range, is −Infinity.
 */
export function loudness(sound: Sound, from: number, to: number): number {
	const start = Math.max(0, from);
	const end = Math.min(sound.left.length, to);
	if (end <= start) return Number.NEGATIVE_INFINITY;
	const power = weightedPower(sound.left, start, end) + weightedPower(sound.right, start, end);
	return -0.691 + 10 * Math.log10(power);
}

/** BS.1770-4, tables 1 and 2: the coefficients for 48 kHz. */
const SHELF = {
	b: [1.53512485958697, -2.69169618940638, 1.19839281085285],
	a: [-1.69065929318241, 0.73248077421585],
} as const;
const HIGH_PASS = { b: [1, -2, 1], a: [-1.99004745483398, 0.99007225036621] } as const;

/** Mean square after both filters, each in transposed direct form II. */
function weightedPower(channel: Float32Array, from: number, to: number): number {
	let sum = 0;
	let [s1, s2, h1, h2] = [0, 0, 0, 0];
	for (let i = Math.max(0, from - RUN_IN); i < to; i++) {
		const x = channel[i]!;
		const y = SHELF.b[0] * x + s1;
		s1 = SHELF.b[1] * x - SHELF.a[0] * y + s2;
		s2 = SHELF.b[2] * x - SHELF.a[1] * y;
		const z = HIGH_PASS.b[0] * y + h1;
		h1 = HIGH_PASS.b[1] * y - HIGH_PASS.a[0] * z + h2;
		h2 = HIGH_PASS.b[2] * y - HIGH_PASS.a[1] * z;
		if (i >= from) sum += z * z;
	}
	return sum / (to - from);
}
