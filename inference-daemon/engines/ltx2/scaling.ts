/** How each number of a result is the weighted mean of `count` neighbouring ones of a source. */
export type Taps = {
	readonly from: number;
	readonly to: number;
	readonly count: number;
	/** Where those of each result begin. */
	readonly first: Int32Array;
	/** [to, count]; those of one result add up to 1. */
	readonly weights: Float64Array;
};

/** A triangle filter: as wide as what a result covers, or the two nearest where there are more results. */
export function tapsFor(from: number, to: number): Taps {
	const ratio = from / to;
	const reach = Math.max(1, ratio);
	return madeOf(from, to, (i) => {
		const centre = (i + 0.5) * ratio - 0.5;
		const first = Math.max(0, Math.ceil(centre - reach));
		const last = Math.min(from - 1, Math.floor(centre + reach));
		const weights = Array.from({ length: last - first + 1 }, (_, k) =>
			Math.max(0, 1 - Math.abs(first + k - centre) / reach),
		);
		return { first, weights };
	});
}

/** The mean of every two results, of a last odd one alone. */
export function halved({ from, to, count, first, weights }: Taps): Taps {
	return madeOf(from, Math.ceil(to / 2), (i) => {
		const [a, b] = [2 * i, Math.min(2 * i + 1, to - 1)];
		const sums: number[] = new Array(first[b]! - first[a]! + count).fill(0);
		for (const each of [a, b]) {
			for (let k = 0; k < count; k++) {
				sums[first[each]! - first[a]! + k]! += weights[each * count + k]!;
			}
		}
		return { first: first[a]!, weights: sums };
	});
}

type Tap = { readonly first: number; readonly weights: readonly number[] };

function madeOf(from: number, to: number, tapOf: (i: number) => Tap): Taps {
	const all = Array.from({ length: to }, (_, i) => trimmed(tapOf(i)));
	const count = all.reduce((most, tap) => Math.max(most, tap.weights.length), 1);
	const first = new Int32Array(to);
	const weights = new Float64Array(to * count);
	for (const [i, tap] of all.entries()) {
		// Beside the last ones of the source there are no more: those before them count nothing.
		first[i] = Math.min(tap.first, from - count);
		const total = tap.weights.reduce((sum, weight) => sum + weight, 0);
		for (const [k, weight] of tap.weights.entries()) {
			weights[i * count + tap.first - first[i]! + k] = weight / total;
		}
	}
	return { from, to, count, first, weights };
}

function trimmed({ first, weights }: Tap): Tap {
	const begin = weights.findIndex((weight) => weight > 0);
	const end = weights.findLastIndex((weight) => weight > 0) + 1;
	return { first: first + begin, weights: weights.slice(begin, end) };
}

/** Each row of `taps.from` numbers becomes one of `taps.to`, all of them at the result's start. */
export function scaleAcross(
	source: Float32Array | Uint8Array,
	taps: Taps,
	result: Float32Array,
): void {
	const { from, to, count, first, weights } = taps;
	const rows = source.length / from;
	if (from === to) {
		result.set(source);
		return;
	}
	for (let row = 0; row < rows; row++) {
		const [at, out] = [row * from, row * to];
		if (count === 2) {
			for (let x = 0; x < to; x++) {
				const i = at + first[x]!;
				result[out + x] = weights[2 * x]! * source[i]! + weights[2 * x + 1]! * source[i + 1]!;
			}
			continue;
		}
		for (let x = 0; x < to; x++) {
			let sum = 0;
			for (let k = 0; k < count; k++) sum += weights[x * count + k]! * source[at + first[x]! + k]!;
			result[out + x] = sum;
		}
	}
}

/**
 * Row `row` of the `taps.to` that rows of `width` numbers become, at `start` of the result. Integers
 * lose their fraction.
 */
export function scaleRow(
	source: Float32Array,
	width: number,
	{ count, first, weights }: Taps,
	row: number,
	result: Float32Array | Uint8Array | Uint16Array,
	start: number,
): void {
	const at = first[row]! * width;
	const top = row * count;
	if (count === 1) {
		for (let x = 0; x < width; x++) result[start + x] = source[at + x]!;
		return;
	}
	if (count === 2) {
		const [a, b] = [weights[top]!, weights[top + 1]!];
		const below = at + width;
		for (let x = 0; x < width; x++) {
			result[start + x] = a * source[at + x]! + b * source[below + x]!;
		}
		return;
	}
	for (let x = 0; x < width; x++) {
		let sum = 0;
		for (let k = 0; k < count; k++) sum += weights[top + k]! * source[at + k * width + x]!;
		result[start + x] = sum;
	}
}
