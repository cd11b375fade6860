import type { RgbPicture } from '../../../media/png.ts';
import { CELL } from '../diffusion/latent.ts';
import type { NdArray } from '../runtime/values.ts';

/** Pixels of a cell's patch, in width and height: a preview is a quarter of the work's size. */
export const PATCH = 8;
const COLOURS = 3;
const OUTPUTS = PATCH * PATCH * COLOURS;

/**
 * What a cell looks like: its channels and 1, times this [channels + 1, 8 · 8 · 3], are rows of
 * pixels in −1…1.
 */
export type PreviewMap = { readonly channels: number; readonly weights: Float32Array };

/** A latent, and the pictures that it was encoded from or is decoded to. */
export type Pair = {
	/** Normalised, [C, f, h, w]; a 1 may stand before. */
	readonly latent: NdArray;
	/** [3, 8 (f − 1) + 1, 32 h, 32 w], floats or 16 bits for −1…1; a 1 may stand before. */
	readonly pixels: NdArray;
	/** Which of the f cells in time to go by, where not all are real. */
	readonly cells?: readonly number[] | undefined;
};

/** Of 16 bits, from −1 to 0. */
const LEVELS = 32_767.5;
/** More cells than this tell nothing new; those used are spread evenly over all. */
const MOST_CELLS = 4096;
/** How much the map keeps to what was known before, as a share of the cells seen. */
const RIDGE = 0.01;
/** Standard deviation, of −1…1, below which pictures are one flat colour. */
const FLAT = 1 / 64;

/**
 * The linear map from cells to patches with the least squared error (ridge regression with a bias):
 * where the pairs say nothing, the map stays with `prior`, or with none, zero. Null where they show
 * nothing but one flat colour, or numbers that are not finite. Throws RangeError for shapes that do
 * not belong together.
 */
export function fitPreview(
	pairs: readonly Pair[],
	prior: PreviewMap | null = null,
): PreviewMap | null {
	const channels = prior?.channels ?? shapeOf(pairs[0]!.latent)[0];
	const sums = new Sums(channels);
	const total = pairs.reduce((count, pair) => count + cellsIn(pair), 0);
	for (const pair of pairs) addPair(sums, pair, Math.max(1, total / MOST_CELLS));
	return isFlat(sums) ? null : solve(sums, prior);
}

/**
 * Whether pixels [3, F, H, W], a 1 may stand before, surely show enough to learn from in these cells in
 * time, as one pixel in each patch of one frame of each tells.
 */
export function showsMuch({ data, shape }: NdArray, cells: readonly number[]): boolean {
	const [frames, height, width] = shape.slice(-3) as [number, number, number];
	const scale = data instanceof Uint16Array ? LEVELS : 1;
	let [count, sum, squares] = [0, 0, 0];
	for (const cell of cells) {
		const frame = Math.min(frames - 1, cell * CELL.frames);
		for (let c = 0; c < COLOURS; c++) {
			for (let y = 0; y < height; y += PATCH) {
				const row = ((c * frames + frame) * height + y) * width;
				for (let x = 0; x < width; x += PATCH) {
					const value = Number(data[row + x]) / scale;
					count += 1;
					sum += value;
					squares += value * value;
				}
			}
		}
	}
	return count > 0 && squares / count - (sum / count) ** 2 > (2 * FLAT) ** 2;
}

/** Which cell in time shows a frame: the first one shows frame 0, each other one eight. */
export function cellOf(frame: number): number {
	return Math.ceil(frame / CELL.frames);
}

/** The cells in time of 8k + 1 frames that show only frames that are given. */
export function cellsWhere(frames: number, isGiven: (frame: number) => boolean): number[] {
	const missing = new Set<number>();
	for (let frame = 0; frame < frames; frame++) if (!isGiven(frame)) missing.add(cellOf(frame));
	return Array.from({ length: cellOf(frames - 1) + 1 }, (_, cell) => cell).filter(
		(cell) => !missing.has(cell),
	);
}

/** What one cell in time of a latent [C, f, h, w] looks like, 8 w × 8 h pixels. */
export function pictureOfCell(
	{ channels, weights }: PreviewMap,
	latent: NdArray,
	cell: number,
): RgbPicture {
	const [c, f, h, w] = shapeOf(latent, channels);
	if (!(cell >= 0 && cell < f)) throw new RangeError(`Expected one of ${f} cells, got ${cell}`);
	const values = latent.data as Float32Array;
	const data = new Uint8ClampedArray(h * w * OUTPUTS);
	const row = PATCH * COLOURS;
	const patch = new Float64Array(OUTPUTS);
	const bias = weights.subarray(c * OUTPUTS);
	for (let i = 0; i < h * w; i++) {
		patch.set(bias);
		for (let k = 0; k < c; k++) {
			const share = values[(k * f + cell) * h * w + i]!;
			const from = k * OUTPUTS;
			for (let m = 0; m < OUTPUTS; m++) patch[m]! += share * weights[from + m]!;
		}
		const [x, y] = [i % w, Math.floor(i / w)];
		for (let line = 0; line < PATCH; line++) {
			const to = ((y * PATCH + line) * w + x) * row;
			for (let k = 0; k < row; k++) data[to + k] = (patch[line * row + k]! + 1) * 127.5;
		}
	}
	return { width: w * PATCH, height: h * PATCH, data };
}

type Shape = readonly [c: number, f: number, h: number, w: number];

function shapeOf({ data, shape }: NdArray, channels?: number): Shape {
	const [c, f, h, w] = shape.slice(-4) as [number, number, number, number];
	const isOne = shape.length === 4 || (shape.length === 5 && shape[0] === 1);
	if (!isOne || !(data instanceof Float32Array) || data.length !== c * f * h * w) {
		throw new RangeError(`Expected a float32 latent [C, f, h, w], got [${shape}]`);
	}
	if (channels !== undefined && c !== channels) {
		throw new RangeError(`Expected a latent of ${channels} channels, got ${c}`);
	}
	return [c, f, h, w];
}

function cellsIn({ latent, cells }: Pair): number {
	const [, f, h, w] = shapeOf(latent);
	return (cells?.length ?? f) * h * w;
}

/** Sums over cells, where x is a cell's channels and 1, y its patch. */
class Sums {
	readonly size: number;
	count = 0;
	/** Of all numbers of patches. */
	squares = 0;
	/** x xᵀ, [size, size]. */
	readonly gram: Float64Array;
	/** x yᵀ, [size, 8 · 8 · 3]. */
	readonly products: Float64Array;
	readonly #input: Float64Array;
	readonly #output = new Float64Array(OUTPUTS);

	constructor(channels: number) {
		this.size = channels + 1;
		this.gram = new Float64Array(this.size * this.size);
		this.products = new Float64Array(this.size * OUTPUTS);
		this.#input = new Float64Array(this.size);
	}

	/** `fill` writes a cell's channels and its patch. */
	add(fill: (input: Float64Array, output: Float64Array) => void): void {
		const [input, output] = [this.#input, this.#output];
		fill(input, output);
		input[this.size - 1] = 1;
		addProducts(this.gram, input, input);
		addProducts(this.products, input, output);
		for (let k = 0; k < OUTPUTS; k++) this.squares += output[k]! * output[k]!;
		this.count += 1;
	}
}

function addProducts(sums: Float64Array, x: Float64Array, y: Float64Array): void {
	for (let i = 0, at = 0; i < x.length; i++) {
		const share = x[i]!;
		for (let k = 0; k < y.length; k++, at++) sums[at]! += share * y[k]!;
	}
}

/** Whether the patches hardly differ from their mean. */
function isFlat({ count, size, products, squares }: Sums): boolean {
	let between = 0;
	for (const sum of products.subarray((size - 1) * OUTPUTS)) between += (sum * sum) / count;
	const variance = (squares - between) / (count * OUTPUTS);
	return !(variance > FLAT * FLAT);
}

/** Every `stride`th of the pair's cells, with its patch. */
function addPair(sums: Sums, pair: Pair, stride: number): void {
	const { latent, pixels } = pair;
	const [c, f, h, w] = shapeOf(latent, sums.size - 1);
	const expected = [COLOURS, CELL.frames * (f - 1) + 1, CELL.size * h, CELL.size * w];
	if (pixels.shape.slice(-4).join() !== expected.join()) {
		throw new RangeError(`Expected pixels [${expected}], got [${pixels.shape}]`);
	}
	const values = latent.data as Float32Array;
	const cells = pair.cells ?? Array.from({ length: f }, (_, cell) => cell);
	let at = 0;
	let next = 0;
	for (const cell of cells) {
		if (!(cell >= 0 && cell < f)) throw new RangeError(`Expected one of ${f} cells, got ${cell}`);
		for (let place = 0; place < h * w; place++, at++) {
			if (at < next) continue;
			next += stride;
			sums.add((input, output) => {
				for (let i = 0; i < c; i++) input[i] = values[(i * f + cell) * h * w + place]!;
				readPatch(pixels, middleFrame(cell), Math.floor(place / w), place % w, output);
			});
		}
	}
}

/**
 * The frame that stands for a cell. The middle one of its eight and not their mean: a picture that
 * was there, where a mean is a blur wherever something moves.
 */
function middleFrame(cell: number): number {
	return Math.max(0, CELL.frames * cell - CELL.frames / 2);
}

/** The means of 4 × 4 pixels of a frame where the cell (y, x) is: [8, 8, 3]. */
function readPatch(
	{ data, shape }: NdArray,
	frame: number,
	y: number,
	x: number,
	patch: Float64Array,
): void {
	const [frames, height, width] = shape.slice(-3) as [number, number, number];
	const values = data as Float32Array | Uint16Array;
	const side = CELL.size / PATCH;
	patch.fill(0);
	for (let colour = 0; colour < COLOURS; colour++) {
		for (let line = 0; line < CELL.size; line++) {
			const row = ((colour * frames + frame) * height + y * CELL.size + line) * width;
			const to = Math.floor(line / side) * PATCH * COLOURS + colour;
			let at = row + x * CELL.size;
			for (let k = 0; k < PATCH; k++) {
				let sum = 0;
				for (const end = at + side; at < end; at++) sum += values[at]!;
				patch[to + k * COLOURS]! += sum;
			}
		}
	}
	const isWhole = values instanceof Uint16Array;
	for (let k = 0; k < OUTPUTS; k++) {
		const mean = patch[k]! / (side * side);
		patch[k] = isWhole ? mean / LEVELS - 1 : mean;
	}
}

/** prior + (x xᵀ + ridge)⁻¹ (x yᵀ − x xᵀ prior); the bias is free of the ridge. */
function solve({ size, gram, products, count }: Sums, prior: PreviewMap | null): PreviewMap | null {
	const known = Float64Array.from(prior?.weights ?? new Float32Array(size * OUTPUTS));
	const rest = products.slice();
	for (let i = 0; i < size; i++) {
		for (let k = 0; k < size; k++) addRow(rest, i, known, k, -gram[i * size + k]!);
	}
	const ridged = gram.slice();
	for (let i = 0; i < size - 1; i++) ridged[i * size + i]! += RIDGE * count;
	if (!decompose(ridged, size)) return null;
	substitute(ridged, size, rest);
	const weights = Float32Array.from(known, (weight, i) => weight + rest[i]!);
	return weights.every(Number.isFinite) ? { channels: size - 1, weights } : null;
}

/** Cholesky: a symmetric matrix becomes, in its lower half, L with L Lᵀ = it. False where it cannot. */
function decompose(matrix: Float64Array, size: number): boolean {
	for (let i = 0; i < size; i++) {
		for (let k = 0; k <= i; k++) {
			let sum = matrix[i * size + k]!;
			for (let m = 0; m < k; m++) sum -= matrix[i * size + m]! * matrix[k * size + m]!;
			if (k < i) matrix[i * size + k] = sum / matrix[k * size + k]!;
			else if (sum > 0) matrix[i * size + i] = Math.sqrt(sum);
			else return false;
		}
	}
	return true;
}

/** L Lᵀ z = rows, in place: forwards through L, then backwards through Lᵀ. */
function substitute(lower: Float64Array, size: number, rows: Float64Array): void {
	for (let i = 0; i < size; i++) {
		for (let k = 0; k < i; k++) addRow(rows, i, rows, k, -lower[i * size + k]!);
		scaleRow(rows, i, 1 / lower[i * size + i]!);
	}
	for (let i = size - 1; i >= 0; i--) {
		for (let k = i + 1; k < size; k++) addRow(rows, i, rows, k, -lower[k * size + i]!);
		scaleRow(rows, i, 1 / lower[i * size + i]!);
	}
}

function addRow(to: Float64Array, i: number, rows: Float64Array, k: number, factor: number): void {
	for (let m = 0; m < OUTPUTS; m++) to[i * OUTPUTS + m]! += factor * rows[k * OUTPUTS + m]!;
}

function scaleRow(rows: Float64Array, i: number, factor: number): void {
	for (let m = 0; m < OUTPUTS; m++) rows[i * OUTPUTS + m]! *= factor;
}
