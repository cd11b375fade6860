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

/** Samples beside a join that stand for the sound there. */
const JOIN_SAMPLES = 19_200;

/** The part of the windows that is quietest, and how much louder others may be that sound like it. */
const QUIETEST = 0.05;
const ALIKE = 1.6;

/**
 * Looks at the sound beside a join; `joinAtEnd` says on which side of it the join lies. `loudest`
 * is the mean square of what still counts as the sound at the join, `speeds` are steady tones
 * (radians a sample) to be left out.
 */
export function findTextures(
	sound: Sound,
	joinAtEnd: boolean,
	{ loudest, speeds }: { readonly loudest: number; readonly speeds: readonly number[] },
	fft: Fft,
): Textures {
	const { length } = sound.left;
	const windows: Window[] = [];
	for (let from = 0; from + WINDOW <= Math.max(length, WINDOW); from += WINDOW / 2) {
		const start = joinAtEnd ? Math.max(0, length - WINDOW - from) : from;
		windows.push({ start, power: meanSquare(sound, start, Math.min(length, start + WINDOW)) });
	}
	// A window into which sound only just came or went would be taken for a quiet one.
	const audible = windows.filter(({ start }) => {
		const quarters = [0, 1, 2, 3].map((n) => start + (n * WINDOW) / 4);
		return quarters.every((at) => at >= length || meanSquare(sound, at, at + WINDOW / 4) > SILENCE);
	});
	const sorted = [...audible].sort((a, b) => a.power - b.power);
	const quietest = sorted.slice(0, Math.max(2, Math.ceil(sorted.length * QUIETEST)));
	const quiet = sorted.filter(({ power }) => power <= ALIKE * meanPower(quietest));
	const near = audible.filter(
		({ start, power }) =>
			(joinAtEnd ? start + WINDOW > length - JOIN_SAMPLES : start < JOIN_SAMPLES) &&
			power <= loudest,
	);
	const tone = measure(sound, quiet, speeds, fft);
	return { tone, join: near.length > 0 ? measure(sound, near, speeds, fft) : tone };
}

type Window = { readonly start: number; readonly power: number };

function meanPower(windows: readonly Window[]): number {
	return windows.reduce((sum, { power }) => sum + power, 0) / Math.max(1, windows.length);
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
	windows: readonly Window[],
	speeds: readonly number[],
	fft: Fft,
): Texture {
	const texture = {
		left: new Float32Array(BINS),
		right: new Float32Array(BINS),
		crossReal: new Float32Array(BINS),
		crossImaginary: new Float32Array(BINS),
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
	const { left, right, crossReal, crossImaginary } = texture;
	const parts = [left, right, crossReal, crossImaginary];
	const sum = () => left.reduce((total, value, k) => total + value + right[k]!, 0);
	const all = sum();
	for (const part of parts) bridgeBins(part, speeds);
	const total = sum();
	if (total > 0) {
		for (const part of parts) for (let k = 0; k < BINS; k++) part[k]! /= total / 2;
	}
	return { ...texture, power: total > 0 ? (meanPower(windows) * total) / all : 0 };
}

/** Bins to each side of a steady tone in which a window spreads it. */
const SPREAD = 5;

/** Puts a straight line in place of steady tones. */
function bridgeBins(bins: Float32Array, speeds: readonly number[]): void {
	const taken = new Uint8Array(BINS);
	for (const speed of speeds) {
		const bin = Math.round((speed * WINDOW) / (2 * Math.PI));
		taken.fill(1, Math.max(0, bin - SPREAD), bin + SPREAD + 1);
	}
	for (let from = 0; from < BINS; from++) {
		if (taken[from] === 0) continue;
		const end = taken.indexOf(0, from);
		const above = bins[end] ?? 0;
		const below = from > 0 ? bins[from - 1]! : above;
		for (let k = from; k < (end < 0 ? BINS : end); k++) {
			bins[k] = below + ((above - below) * (k - from + 1)) / (end - from + 1);
		}
		if (end < 0) return;
		from = end;
	}
}
