import { createFft } from '../../fft.ts';
import { resample } from './resample.ts';

/** Stereo sound: one array of samples in [−1, 1] per channel, all of the same length. */
export type Sound = {
	readonly channels: readonly Float32Array[];
	/** Hz, a whole number. */
	readonly sampleRate: number;
};

/** What the audio VAE was trained on, the same in every release. */
const SAMPLE_RATE = 16_000;
const WINDOW = 1024;
const HOP = 160;
const BANDS = 64;
const HIGHEST = 8000;
const BINS = WINDOW / 2 + 1;
const FLOOR = 1e-5;
/** Slaney's mel scale: 200/3 Hz a mel up to 1 kHz = 15, above it 27 mels for a factor of 6.4. */
const LOG_STEP = Math.log(6.4) / 27;

const fft = createFft(WINDOW);

/** Hann's window, periodic. */
const HANN = Float64Array.from(
	{ length: WINDOW },
	(_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / WINDOW),
);

/**
 * log max(|STFT| · filters, 1e-5) of stereo sound at 16 kHz, [1, 2, T, 64] with T = 1 + ⌊samples / 160⌋:
 * frame t is the 1,024 samples around 160·t, the sound being mirrored at its ends. Sound at
 * another rate is resampled first. Throws RangeError for less than 513 samples at 16 kHz.
 */
export function logMel(sound: Sound): {
	readonly data: Float32Array;
	readonly shape: readonly [1, 2, number, 64];
} {
	const [left, right, more] = sound.channels.map((channel) =>
		resample(channel, sound.sampleRate, SAMPLE_RATE),
	);
	if (!left || !right || more || left.length !== right.length) {
		const lengths = sound.channels.map(({ length }) => length);
		throw new RangeError(`Expected two channels of one length, got lengths [${lengths}]`);
	}
	if (left.length <= WINDOW / 2) {
		throw new RangeError(`Expected more than ${WINDOW / 2} samples at 16 kHz, got ${left.length}`);
	}
	const frames = 1 + Math.floor(left.length / HOP);
	const data = new Float32Array(2 * frames * BANDS);
	const spectra = new Spectra();
	for (let frame = 0; frame < frames; frame++) {
		spectra.take(left, right, frame * HOP - WINDOW / 2);
		for (const [channel, magnitude] of [spectra.left, spectra.right].entries()) {
			const bands = data.subarray((channel * frames + frame) * BANDS);
			for (let band = 0; band < BANDS; band++) {
				const filter = FILTERS[band]!;
				let energy = 0;
				for (let bin = REACHES[band]![0]; bin < REACHES[band]![1]; bin++) {
					energy += filter[bin]! * magnitude[bin]!;
				}
				bands[band] = Math.log(Math.max(energy, FLOOR));
			}
		}
	}
	return { data, shape: [1, 2, frames, BANDS] };
}

/** |DFT| of windows of both channels. One transform does for two real signals: L + i·R. */
class Spectra {
	readonly left = new Float64Array(BINS);
	readonly right = new Float64Array(BINS);
	readonly #real = new Float64Array(WINDOW);
	readonly #imaginary = new Float64Array(WINDOW);

	/** In place of what was there before. */
	take(left: Float32Array, right: Float32Array, start: number): void {
		const [real, imaginary] = [this.#real, this.#imaginary];
		windowOf(left, start, real);
		windowOf(right, start, imaginary);
		fft(real, imaginary, false);
		for (let k = 0; k < BINS; k++) {
			const m = (WINDOW - k) % WINDOW;
			const a = real[k]! + real[m]!;
			const b = imaginary[k]! - imaginary[m]!;
			const c = imaginary[k]! + imaginary[m]!;
			const d = real[m]! - real[k]!;
			this.left[k] = Math.sqrt(a * a + b * b) / 2;
			this.right[k] = Math.sqrt(c * c + d * d) / 2;
		}
	}
}

function windowOf(channel: Float32Array, start: number, to: Float64Array): void {
	const { length } = channel;
	const isInside = start >= 0 && start + WINDOW <= length;
	for (let i = 0; i < WINDOW; i++) {
		const at = isInside ? start + i : mirrored(start + i, length);
		to[i] = HANN[i]! * channel[at]!;
	}
}

/** The index reached by walking back from an end that was passed; the end itself counts once. */
function mirrored(index: number, length: number): number {
	const i = Math.abs(index);
	return i < length ? i : 2 * (length - 1) - i;
}

/**
 * Triangles of area 1 over Hz between neighbouring points of the mel scale, [band][bin] (Slaney,
 * "Auditory Toolbox", 1998, mfcc).
 */
export const FILTERS: readonly Float64Array[] = melFilters();

/** Where each filter is more than zero, half-open. */
const REACHES = FILTERS.map(
	(filter) =>
		[
			filter.findIndex((weight) => weight > 0),
			filter.findLastIndex((weight) => weight > 0) + 1,
		] as const,
);

function melFilters(): Float64Array[] {
	const step = toMel(HIGHEST) / (BANDS + 1);
	const point = (i: number) => toHertz(i * step);
	return Array.from({ length: BANDS }, (_, band) => {
		const [low, centre, high] = [point(band), point(band + 1), point(band + 2)];
		return Float64Array.from({ length: BINS }, (_, bin) => {
			const hertz = (bin * SAMPLE_RATE) / WINDOW;
			const slope = Math.min((hertz - low) / (centre - low), (high - hertz) / (high - centre));
			return (Math.max(0, slope) * 2) / (high - low);
		});
	});
}

function toMel(hertz: number): number {
	return hertz < 1000 ? (3 * hertz) / 200 : 15 + Math.log(hertz / 1000) / LOG_STEP;
}

function toHertz(mel: number): number {
	return mel < 15 ? (200 * mel) / 3 : 1000 * Math.exp(LOG_STEP * (mel - 15));
}
