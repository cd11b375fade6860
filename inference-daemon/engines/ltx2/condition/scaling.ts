import type { Size } from '../../../../protocol/schemas.ts';
import type { VectorKernels } from '../vector-kernels.ts';

/** How each number of a result is the weighted mean of `count` neighbouring ones of a source. */
export type Taps = {
	readonly from: number;
	readonly to: number;
	readonly count: number;
	/** Where those of each result begin. */
	readonly first: Int32Array;
	/** [to, count]; those of one result add up to 1. */
	readonly weights: Float32Array;
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

/** Scales a plane of bytes at a place in the kernels' memory to one of floats, and says where it is. */
export function byteScaler(kernels: VectorKernels): (at: number, from: Size, to: Size) => number {
	const known = new Map<string, Taps>();
	const tapsOnce = (from: number, to: number) => {
		const taps = known.get(`${from} ${to}`) ?? tapsFor(from, to);
		known.set(`${from} ${to}`, taps);
		return taps;
	};
	return (at, from, to) => {
		const narrow = kernels.allocate(4 * from.width * to.height);
		const down = placed(kernels, tapsOnce(from.height, to.height));
		kernels.run.bytesDown(at, from.width, ...down, narrow);
		return across(kernels, narrow, to.height, tapsOnce(from.width, to.width));
	};
}

/** Scales planes of floats at one place in the kernels' memory to planes of integers at another one. */
export function integerScaler(
	kernels: VectorKernels,
	{ across: wide, down }: { readonly across: Taps; readonly down: Taps },
	bytesPerSample: number,
): (at: number, target: number) => void {
	const rows = placed(kernels, down);
	const { downToBytes, downToWords } = kernels.run;
	const write = bytesPerSample === 1 ? downToBytes : downToWords;
	return (at, target) =>
		kernels.scratch(() => {
			const scaled = across(kernels, at, down.from, wide);
			write(scaled, wide.to, ...rows, target);
		});
}

type Tap = { readonly first: number; readonly weights: readonly number[] };

function madeOf(from: number, to: number, tapOf: (i: number) => Tap): Taps {
	const all = Array.from({ length: to }, (_, i) => trimmed(tapOf(i)));
	const count = all.reduce((most, tap) => Math.max(most, tap.weights.length), 1);
	const first = new Int32Array(to);
	const weights = new Float32Array(to * count);
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

/** Rows of `taps.from` floats as rows of `taps.to`; where they are. */
function across(kernels: VectorKernels, at: number, rows: number, taps: Taps): number {
	const { from, to } = taps;
	if (from === to && taps.count === 1) return at;
	const target = kernels.allocate(4 * rows * to);
	kernels.scratch(() => {
		const [, ...wide] = placed(kernels, taps);
		const scratch = kernels.allocate(16 * (from + to + 8));
		kernels.run.across(at, rows, from, to, ...wide, target, scratch);
	});
	return target;
}

/** Taps in the kernels' memory, as the kernels take them. */
function placed(kernels: VectorKernels, { to, count, first, weights }: Taps) {
	const [firstAt, weightsAt] = [kernels.allocate(4 * to), kernels.allocate(4 * to * count)];
	kernels.integers(firstAt, to).set(first);
	kernels.floats(weightsAt, to * count).set(weights);
	return [to, count, firstAt, weightsAt] as const;
}
