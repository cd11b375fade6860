/** Half the length of the filter in zero crossings. */
const ZERO_CROSSINGS = 32;
/** Kaiser window: about 100 dB of stop band. */
const BETA = 10;
/** Table entries per zero crossing; between them the filter is a straight line. */
const RESOLUTION = 512;

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
	const filter = sincTable();
	const output = new Float32Array(count);
	const cutoff = Math.min(1, 1 / Math.abs(step));
	const reach = ZERO_CROSSINGS / cutoff;
	const perSample = RESOLUTION * cutoff;
	for (let k = 0; k < count; k++) {
		const position = start + k * step;
		const from = Math.max(0, Math.ceil(position - reach));
		const to = Math.min(input.length - 1, Math.floor(position + reach));
		let sum = 0;
		for (let i = from; i <= to; i++) {
			const at = Math.abs(i - position) * perSample;
			const entry = Math.floor(at);
			const low = filter[entry]!;
			sum += input[i]! * (low + (at - entry) * (filter[entry + 1]! - low));
		}
		output[k] = sum * cutoff;
	}
	return output;
}

function sincTable(): Float64Array {
	if (table) return table;
	const length = ZERO_CROSSINGS * RESOLUTION;
	table = new Float64Array(length + 2);
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
