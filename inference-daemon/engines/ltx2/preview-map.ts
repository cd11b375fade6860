import type { RgbPicture } from '../../media/jpeg.ts';
import { CELL } from './diffusion/latent.ts';
import type { Numbers } from './runtime/session.ts';

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
	readonly latent: Numbers;
	/** [3, 8 (f − 1) + 1, 32 h, 32 w], bytes or floats in −1…1; a 1 may stand before. */
	readonly pixels: Numbers;
	/** Which of the f cells in time to go by, where not all are real. */
	readonly cells?: readonly number[] | undefined;
};

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
	return sums.isFlat() ? null : solve(sums, prior);
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
	latent: Numbers,
	cell: number,
): RgbPicture {
	const [c, f, h, w] = shapeOf(latent, channels);
	if (!(cell >= 0 && cell < f)) throw new RangeError(`Expected one of ${f} cells, got ${cell}`);
	const patches = patchesOf(weights, latent.data as Float32Array, [c, f, h, w], cell);
	const data = new Uint8ClampedArray(h * w * OUTPUTS);
	const row = PATCH * COLOURS;
	for (let i = 0; i < h * w; i++) {
		const [x, y] = [i % w, Math.floor(i / w)];
		for (let line = 0; line < PATCH; line++) {
			const to = ((y * PATCH + line) * w + x) * row;
			const from = i * OUTPUTS + line * row;
			for (let k = 0; k < row; k++) data[to + k] = (patches[from + k]! + 1) * 127.5;
		}
	}
	return { width: w * PATCH, height: h * PATCH, data };
}

/** Of each place of a cell in time its patch: [h w, C + 1] times the map, filled up to whole tiles. */
function patchesOf(
	weights: Float32Array,
	values: Float32Array,
	[c, f, h, w]: Shape,
	cell: number,
): Float32Array {
	const size = 4 * Math.ceil((c + 1) / 4);
	const rows = 2 * Math.ceil((h * w) / 2);
	const inputs = new Float32Array(rows * size);
	for (let i = 0; i < h * w; i++) {
		for (let k = 0; k < c; k++) inputs[i * size + k] = values[(k * f + cell) * h * w + i]!;
		inputs[i * size + c] = 1;
	}
	const map = new Float32Array(size * OUTPUTS);
	map.set(weights);
	const patches = new Float32Array(rows * OUTPUTS);
	for (let i = 0; i < rows; i += 2) {
		for (let k = 0; k < size; k += 4) addTile(patches, inputs, map, { i, k, size });
	}
	return patches;
}

/** Two rows of a matrix product go on by four terms: each number of the map is read for both. */
function addTile(
	patches: Float32Array,
	inputs: Float32Array,
	map: Float32Array,
	{ i, k, size }: { readonly i: number; readonly k: number; readonly size: number },
): void {
	const one = i * size + k;
	const two = one + size;
	const a0 = inputs[one]!;
	const a1 = inputs[one + 1]!;
	const a2 = inputs[one + 2]!;
	const a3 = inputs[one + 3]!;
	const b0 = inputs[two]!;
	const b1 = inputs[two + 1]!;
	const b2 = inputs[two + 2]!;
	const b3 = inputs[two + 3]!;
	for (let at = k * OUTPUTS, to = i * OUTPUTS; at < (k + 1) * OUTPUTS; at++, to++) {
		const m0 = map[at]!;
		const m1 = map[at + OUTPUTS]!;
		const m2 = map[at + 2 * OUTPUTS]!;
		const m3 = map[at + 3 * OUTPUTS]!;
		patches[to]! += a0 * m0 + a1 * m1 + a2 * m2 + a3 * m3;
		patches[to + OUTPUTS]! += b0 * m0 + b1 * m1 + b2 * m2 + b3 * m3;
	}
}

type Shape = readonly [c: number, f: number, h: number, w: number];

function shapeOf({ data, shape }: Numbers, channels?: number): Shape {
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

/**
 * Sums over cells of x xᵀ and x yᵀ, where x is a cell's channels and 1, y its patch. Four cells are
 * added at once, since the sums are larger than the processor's nearest memory.
 */
class Sums {
	readonly size: number;
	/** Its lower half, which the upper one mirrors. */
	readonly gram: Float64Array;
	readonly products: Float64Array;
	count = 0;
	#squares = 0;
	readonly #inputs: readonly Float64Array[];
	readonly #outputs: readonly Float64Array[];
	#waiting = 0;

	constructor(channels: number) {
		this.size = channels + 1;
		this.gram = new Float64Array(this.size * this.size);
		this.products = new Float64Array(this.size * OUTPUTS);
		this.#inputs = [0, 1, 2, 3].map(() => new Float64Array(this.size));
		this.#outputs = [0, 1, 2, 3].map(() => new Float64Array(OUTPUTS));
	}

	/** `fill` writes a cell's channels and its patch. */
	add(fill: (input: Float64Array, output: Float64Array) => void): void {
		const input = this.#inputs[this.#waiting]!;
		const output = this.#outputs[this.#waiting]!;
		fill(input, output);
		input[this.size - 1] = 1;
		for (let k = 0; k < OUTPUTS; k++) this.#squares += output[k]! * output[k]!;
		this.count += 1;
		this.#waiting += 1;
		if (this.#waiting === 4) this.flush();
	}

	/** Adds what still waits for four to be together. */
	flush(): void {
		for (let i = this.#waiting; i < 4; i++) {
			this.#inputs[i]!.fill(0);
			this.#outputs[i]!.fill(0);
		}
		addProducts(this.gram, this.#inputs, this.#inputs, true);
		addProducts(this.products, this.#inputs, this.#outputs);
		this.#waiting = 0;
	}

	/** Whether the patches hardly differ from their mean. */
	isFlat(): boolean {
		this.flush();
		const { count, size, products } = this;
		let between = 0;
		for (const sum of products.subarray((size - 1) * OUTPUTS)) between += (sum * sum) / count;
		const variance = (this.#squares - between) / (count * OUTPUTS);
		return !(variance > FLAT * FLAT);
	}
}

/** to[i, k] += Σ a[i] · b[k] over four pairs of vectors; in the lower half k ≤ i. */
function addProducts(
	to: Float64Array,
	[a0, a1, a2, a3]: readonly Float64Array[],
	[b0, b1, b2, b3]: readonly Float64Array[],
	isHalf = false,
): void {
	const columns = b0!.length;
	for (let i = 0; i < a0!.length; i++) {
		const [w0, w1, w2, w3] = [a0![i]!, a1![i]!, a2![i]!, a3![i]!];
		const row = i * columns;
		const end = isHalf ? i + 1 : columns;
		for (let k = 0; k < end; k++) {
			to[row + k]! += w0 * b0![k]! + w1 * b1![k]! + w2 * b2![k]! + w3 * b3![k]!;
		}
	}
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
	{ data, shape }: Numbers,
	frame: number,
	y: number,
	x: number,
	patch: Float64Array,
): void {
	const [frames, height, width] = shape.slice(-3) as [number, number, number];
	const values = data as Float32Array | Uint8Array;
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
	const isBytes = values instanceof Uint8Array;
	for (let k = 0; k < OUTPUTS; k++) {
		const mean = patch[k]! / (side * side);
		patch[k] = isBytes ? mean / 127.5 - 1 : mean;
	}
}

/** prior + (x xᵀ + ridge)⁻¹ (x yᵀ − x xᵀ prior); the bias is free of the ridge. */
function solve(sums: Sums, prior: PreviewMap | null): PreviewMap | null {
	const { size, gram, products, count } = sums;
	const known = Float64Array.from(prior?.weights ?? new Float32Array(size * OUTPUTS));
	const rest = products.slice();
	for (let i = 0; i < size; i++) {
		for (let k = 0; k < size; k++) {
			addRow(rest, i, known, k, -gram[Math.max(i, k) * size + Math.min(i, k)]!);
		}
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
