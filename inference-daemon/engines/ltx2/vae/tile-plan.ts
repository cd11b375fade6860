/** Where the video VAE's tiles lie (Lightricks/LTX-2, ltx-core, `tiling.py`). */
import { CELL } from '../diffusion/latent.ts';

/** Half-open. */
export type Range = readonly [from: number, to: number];

/** A tile along one axis. */
export type Span = {
	/** What the network is given: latents when decoding, frames or pixels when encoding. */
	readonly input: Range;
	/** What it makes of that. */
	readonly output: Range;
	/** Of each element of `output`, 0…1; those of all spans that share it sum to one. */
	readonly weights: Float32Array;
};

export type PerAxis<T> = readonly [time: T, height: T, width: T];

/** In frames and pixels, multiples of what a latent becomes. */
export type Tiling = { readonly tile: PerAxis<number>; readonly overlap: PerAxis<number> };

const DEFAULT_TILING: Tiling = { tile: [80, 768, 768], overlap: [24, 64, 64] };

/** Below this the reference tells of seams. */
const LEAST_OVERLAP: PerAxis<number> = [16, 64, 64];

export type Tile = PerAxis<Span>;

/** Every choice of one span per axis is a tile. */
export type TilePlan = PerAxis<readonly Span[]>;

/** Whether latents become pixels, or pixels latents. */
export type Way = 'decode' | 'encode';

const SCALE: PerAxis<number> = [CELL.frames, CELL.size, CELL.size];

/** The first latent of a run of time is a single frame that knows nothing of what was before. */
const LEAD: PerAxis<number> = [1, 0, 0];

export type Limits = {
	readonly way: Way;
	/** Bytes that may be taken. */
	readonly memory: number;
	/** Bytes that tiles of so many latents take, of which there are `count`. */
	readonly bytesOf: (tile: PerAxis<number>, count: number) => number;
	/** Whether the device computes a tile of so many latents in time; default any. */
	readonly isInTime?: (tile: PerAxis<number>) => boolean;
};

/**
 * One tile where memory and time are enough; else tiles no larger than the reference's, all of one size,
 * so that one network runs them all, and of all such plans the one of the least work. Where no plan
 * fits, the one of the least memory.
 */
export function fitTiles(latent: PerAxis<number>, limits: Limits): TilePlan {
	const { way, memory, bytesOf, isInTime = () => true } = limits;
	const whole: Even = { sizes: latent, counts: [1, 1, 1] };
	const bytes = ({ sizes, counts }: Even) => bytesOf(sizes, product(counts));
	const fits = (plan: Even) => bytes(plan) <= memory && isInTime(plan.sizes);
	let chosen = fits(whole) ? whole : null;
	let smallest = whole;
	for (const { overlap, isSmallAllowed } of OVERLAPS) {
		if (chosen !== null) break;
		const plans = evenPlans(latent, overlap, isSmallAllowed);
		for (const plan of plans) {
			if (bytes(plan) < bytes(smallest)) smallest = plan;
			if (fits(plan) && (chosen === null || isLess(plan, chosen))) chosen = plan;
		}
	}
	const { sizes, counts } = chosen ?? smallest;
	const spans = (axis: 0 | 1 | 2) =>
		spansOf(evenRuns(latent[axis], sizes[axis], counts[axis]), SCALE[axis], LEAD[axis], way);
	return [spans(0), spans(1), spans(2)];
}

/** Most wanted first; tiles are at least twice what they share, unless nothing else is possible. */
const OVERLAPS = [
	{ overlap: DEFAULT_TILING.overlap, isSmallAllowed: false },
	{ overlap: LEAST_OVERLAP, isSmallAllowed: false },
	{ overlap: LEAST_OVERLAP, isSmallAllowed: true },
];

/** Latents of a tile along each axis, and how many tiles lie there. */
type Even = { readonly sizes: PerAxis<number>; readonly counts: PerAxis<number> };

function evenPlans(
	latent: PerAxis<number>,
	overlap: PerAxis<number>,
	isSmallAllowed: boolean,
): Even[] {
	const [times, heights, widths] = ([0, 1, 2] as const).map((axis) => {
		const shared = overlap[axis] / SCALE[axis] + LEAD[axis];
		const most = DEFAULT_TILING.tile[axis] / SCALE[axis] + LEAD[axis];
		return evenSizes(latent[axis], shared, most, isSmallAllowed ? shared + 1 : 2 * shared);
	});
	return times!.flatMap(([t, frames]) =>
		heights!.flatMap(([y, rows]) =>
			widths!.map(([x, columns]): Even => ({ sizes: [t, y, x], counts: [frames, rows, columns] })),
		),
	);
}

/** Sizes of `least` to `most` latents with how many of each cover the axis, largest first. */
function evenSizes(length: number, shared: number, most: number, least: number) {
	const found: (readonly [size: number, count: number])[] = [];
	for (let wanted = Math.min(length, most); wanted >= Math.min(length, least); wanted--) {
		const count = wanted === length ? 1 : Math.ceil((length - shared) / (wanted - shared));
		const size = count === 1 ? length : shared + Math.ceil((length - shared) / count);
		if (found.at(-1)?.[1] !== count) found.push([size, count]);
	}
	return found;
}

function isLess(plan: Even, than: Even): boolean {
	const work = ({ sizes, counts }: Even) => product(sizes) * product(counts);
	return work(plan) < work(than) || (work(plan) === work(than) && tiles(plan) < tiles(than));
}

function tiles({ counts }: Even): number {
	return product(counts);
}

function product(numbers: PerAxis<number>): number {
	return numbers[0] * numbers[1] * numbers[2];
}

/** `count` runs of `size` latents, as far apart from each other as the axis allows. */
function evenRuns(length: number, size: number, count: number): Range[] {
	return Array.from({ length: count }, (_, i): Range => {
		const from = count === 1 ? 0 : Math.round((i * (length - size)) / (count - 1));
		return [from, from + size];
	});
}

/** Runs fade linearly over what they share; the lead of a run counts nothing. */
export function spansOf(runs: readonly Range[], scale: number, lead: number, way: Way): Span[] {
	const unit = way === 'decode' ? scale : 1;
	const spans = runs.map((run, i): Span => {
		const [from, to] = run;
		const pixels: Range = [from * scale, (to - lead) * scale + lead];
		const [input, output] = way === 'decode' ? [run, pixels] : [pixels, run];
		const [before, after] = [runs[i - 1], runs[i + 1]];
		const rise = before && (before[1] - from - lead) * unit + 1;
		const fall = after && (to - after[0] - lead) * unit + 1;
		const extent = output[1] - output[0];
		const weights = Float32Array.from({ length: extent }, (_, k) => {
			const rising = rise ? Math.min(1, (k + 1 - lead) / rise) : 1;
			return rising * (fall ? Math.min(1, (extent - k) / fall) : 1);
		});
		return { input, output, weights };
	});
	return normalised(spans);
}

/** Tiles are products of spans: where each axis sums to one, so do they. */
function normalised(spans: readonly Span[]): Span[] {
	const sum = new Float32Array(spans.at(-1)!.output[1]);
	for (const { output, weights } of spans) {
		for (const [k, weight] of weights.entries()) sum[output[0] + k]! += weight;
	}
	return spans.map((span) => {
		const weights = span.weights.map((weight, k) => weight / sum[span.output[0] + k]!);
		return { ...span, weights };
	});
}
