/** Half the length of the filter in zero crossings. */
const ZERO_CROSSINGS = 32;
/** Kaiser window: about 100 dB of stop band. */
const BETA = 10;
/** Table entries per zero crossing; between them the filter is a straight line. */
const RESOLUTION = 512;

/** Positions that repeat after more steps than this are worked out one by one. */
const LONGEST_PERIOD = 1024;
/** Samples by which positions that are taken to repeat may be off at the end. */
const LARGEST_DRIFT = 1e-7;

/** The filter at a sample, where all others count nothing. */
const ITSELF = Float64Array.of(1);

let table: Float64Array | undefined;

/** How many input samples on either side of a position `resample` looks at. */
export function resampleReach(step: number): number {
	return Math.ceil(ZERO_CROSSINGS * Math.max(1, Math.abs(step))) + 1;
}

/**
 * The value of a signal at `count` positions `start + k · step`, in samples of the input, which is
 * silent outside its array. Band-limited interpolation with a windowed sinc (J. O. Smith,
 * "Digital Audio Resampling", bandlimited interpolation); where positions lie further apart than
 * samples, what would alias is filtered out.
 */
export function resample(
	input: Float32Array,
	start: number,
	step: number,
	count: number,
): Float32Array {
	const cutoff = Math.min(1, 1 / Math.abs(step));
	const reach = Math.ceil(ZERO_CROSSINGS / cutoff);
	const taps = new Float64Array(2 * reach);
	const output = new Float32Array(count);
	const period = periodOf(step, count);
	const advance = Math.round(period * step);
	for (let phase = 0; phase < period; phase++) {
		const position = start + phase * step;
		const whole = Math.floor(position);
		const isSample = cutoff === 1 && position === whole;
		const kernel = isSample ? ITSELF : filled(taps, position - whole, cutoff);
		let first = whole + 1 - Math.ceil(kernel.length / 2);
		for (let k = phase; k < count; k += period, first += advance) {
			output[k] = sumOf(input, first, kernel);
		}
	}
	return output;
}

/** After how many steps positions lie between samples as before; `count` where they do not sooner. */
function periodOf(step: number, count: number): number {
	for (let period = 1; period < Math.min(count, LONGEST_PERIOD); period++) {
		const drift = Math.abs(period * step - Math.round(period * step));
		if ((drift * count) / period < LARGEST_DRIFT) return period;
	}
	return count;
}

/** The filter for a position `fraction` behind a sample, which is the last of the first half. */
function filled(kernel: Float64Array, fraction: number, cutoff: number): Float64Array {
	const filter = sincTable();
	const perSample = RESOLUTION * cutoff;
	const position = kernel.length / 2 - 1 + fraction;
	for (let i = 0; i < kernel.length; i++) {
		const at = Math.abs(i - position) * perSample;
		const entry = Math.floor(at);
		const low = filter[entry]!;
		kernel[i] = cutoff * (low + (at - entry) * (filter[entry + 1]! - low));
	}
	return kernel;
}

/** Σ input · kernel, the kernel's start at input `first`; beyond its ends the input is silent. */
export function sumOf(input: Float32Array, first: number, kernel: Float64Array): number {
	const from = Math.max(0, -first);
	const to = Math.min(kernel.length, input.length - first);
	let sum = 0;
	for (let i = from; i < to; i++) sum += input[first + i]! * kernel[i]!;
	return sum;
}

function sincTable(): Float64Array {
	if (table) return table;
	const length = ZERO_CROSSINGS * RESOLUTION;
	// The end of a kernel can lie up to one crossing beyond the filter's.
	table = new Float64Array(length + RESOLUTION + 2);
	for (let i = 0; i <= length; i++) {
		const x = (Math.PI * i) / RESOLUTION;
		const window = besselI0(BETA * Math.sqrt(1 - (i / length) ** 2)) / besselI0(BETA);
		table[i] = (i === 0 ? 1 : Math.sin(x) / x) * window;
	}
	return table;
}

/** Modified Bessel function of the first kind and order zero, by its power series. */
function besselI0(x: number): number {
	let sum = 1;
	let term = 1;
	for (let k = 1; term > sum * 1e-16; k++) {
		term *= (x / (2 * k)) ** 2;
		sum += term;
	}
	return sum;
}
