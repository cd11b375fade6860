import { rational } from '../../../../protocol/time.ts';
import { sumOf } from '../../../media/resample.ts';

/** Zero crossings of the sinc on either side. */
const REACH = 6;
/** Where the pass band ends, as a part of the lower of the two Nyquist frequencies. */
const ROLLOFF = 0.99;

/**
 * A band-limited signal at another sample rate, y(j) = Σᵢ x(i) · h(i − j · from/to) with silence
 * beyond the ends. Rates are whole numbers of Hz; the result has ⌈length · to/from⌉ samples.
 */
export function resample(input: Float32Array, from: number, to: number): Float32Array {
	if (from === to) return input;
	const { num: step, den: phases } = rational(from, to);
	const cutoff = ROLLOFF * Math.min(1, to / from);
	const reach = Math.ceil(REACH / cutoff);
	const kernels: Float64Array[] = [];
	const output = new Float32Array(Math.ceil((input.length * phases) / step));
	for (let j = 0; j < output.length; j++) {
		const phase = (j * step) % phases;
		kernels[phase] ??= Float64Array.from({ length: 2 * reach + 2 }, (_, k) =>
			hannSinc(k - reach - phase / phases, cutoff),
		);
		const kernel = kernels[phase];
		const first = (j * step - phase) / phases - reach;
		output[j] = sumOf(input, first, kernel);
	}
	return output;
}

/** The low-pass filter, of sum 1, through which a signal becomes `factor` times as long. */
export function stretchFilter(factor: number): Float32Array {
	const centre = factor * Math.ceil(REACH / ROLLOFF);
	return Float32Array.from(
		{ length: 2 * centre + 1 },
		(_, k) => hannSinc((k - centre) / factor, ROLLOFF) / factor,
	);
}

/**
 * h(x) = c · sinc(c·x) · cos²(π·c·x / 12) for |c·x| < 6, else 0: a sinc under Hann's window, x in
 * samples and the cutoff c as a part of their Nyquist frequency.
 */
function hannSinc(distance: number, cutoff: number): number {
	const t = distance * cutoff;
	if (Math.abs(t) >= REACH) return 0;
	const sinc = t === 0 ? 1 : Math.sin(Math.PI * t) / (Math.PI * t);
	return cutoff * sinc * Math.cos((Math.PI * t) / (2 * REACH)) ** 2;
}
