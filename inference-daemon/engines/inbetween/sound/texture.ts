import type { Sound } from '../../../media/types.ts';
import type { Fft } from '../../fft.ts';

/** Samples of an analysis or synthesis window. */
export const WINDOW = 4096;
export const BINS = WINDOW / 2 + 1;

/** Below this mean square (−84 dB) there is nothing to grow sound from. */
export const SILENCE = 4e-9;

/**
 * How a sound is spread over frequency and between the two channels: for each bin the power of
 * left and right and their cross power (complex), scaled to unit mean power over both channels.
 */
export type Texture = {
	readonly left: Float32Array;
	readonly right: Float32Array;
	readonly crossReal: Float32Array;
	readonly crossImaginary: Float32Array;
	/** Mean square of the sound itself over both channels; 0 for silence. */
	readonly power: number;
};

export type Textures = {
	/** What the quiet parts sound like: room, not words. */
	readonly tone: Texture;
	/** What it sounds like right at the join. */
	readonly join: Texture;
};

/** Seconds beside a join that stand for the sound there. */
const JOIN_SAMPLES = 19_200;

/** Looks at the sound beside a join; `joinAtEnd` says on which side of it the join lies. */
export function findTextures(sound: Sound, joinAtEnd: boolean, fft: Fft): Textures {
	const length = sound.left.length;
	const starts: number[] = [];
	for (let start = 0; start + WINDOW <= length; start += WINDOW / 2) starts.push(start);
	if (starts.length === 0) starts.push(0);
	const windows = starts.map((start) => ({
		start,
		power: meanSquare(sound, start, Math.min(length, start + WINDOW)),
	}));
	const audible = windows.filter(({ power }) => power > SILENCE);
	const quiet = [...audible].sort((a, b) => a.power - b.power);
	const few = quiet.slice(0, Math.max(2, Math.ceil(quiet.length * 0.3)));
	const near = audible.filter(({ start }) =>
		joinAtEnd ? start + WINDOW > length - JOIN_SAMPLES : start < JOIN_SAMPLES,
	);
	return { tone: measure(sound, few, fft), join: measure(sound, near, fft) };
}

/** Mean square of both channels over samples `from ≤ i < to`. */
export function meanSquare(sound: Sound, from: number, to: number): number {
	const start = Math.max(0, from);
	const end = Math.min(sound.left.length, to);
	let sum = 0;
	for (let i = start; i < end; i++) sum += sound.left[i]! ** 2 + sound.right[i]! ** 2;
	return end > start ? sum / (2 * (end - start)) : 0;
}

const HANN = Float32Array.from(
	{ length: WINDOW },
	(_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / WINDOW),
);

function measure(
	sound: Sound,
	windows: readonly { readonly start: number; readonly power: number }[],
	fft: Fft,
): Texture {
	const texture = {
		left: new Float32Array(BINS),
		right: new Float32Array(BINS),
		crossReal: new Float32Array(BINS),
		crossImaginary: new Float32Array(BINS),
		power: windows.reduce((sum, { power }) => sum + power, 0) / Math.max(1, windows.length),
	};
	const real = new Float32Array(WINDOW);
	const imaginary = new Float32Array(WINDOW);
	for (const { start } of windows) {
		for (let i = 0; i < WINDOW; i++) {
			real[i] = (sound.left[start + i] ?? 0) * HANN[i]!;
			imaginary[i] = (sound.right[start + i] ?? 0) * HANN[i]!;
		}
		fft(real, imaginary, false);
		// Two real signals in one transform: their spectra are the even and the odd part.
		for (let k = 1; k < BINS - 1; k++) {
			const m = WINDOW - k;
			const lr = (real[k]! + real[m]!) / 2;
			const li = (imaginary[k]! - imaginary[m]!) / 2;
			const rr = (imaginary[k]! + imaginary[m]!) / 2;
			const ri = (real[m]! - real[k]!) / 2;
			texture.left[k]! += lr * lr + li * li;
			texture.right[k]! += rr * rr + ri * ri;
			texture.crossReal[k]! += rr * lr + ri * li;
			texture.crossImaginary[k]! += ri * lr - rr * li;
		}
	}
	let total = 0;
	for (let k = 0; k < BINS; k++) total += texture.left[k]! + texture.right[k]!;
	if (total > 0) {
		const { left, right, crossReal, crossImaginary } = texture;
		for (const part of [left, right, crossReal, crossImaginary]) {
			for (let k = 0; k < BINS; k++) part[k]! /= total / 2;
		}
	}
	return texture;
}
