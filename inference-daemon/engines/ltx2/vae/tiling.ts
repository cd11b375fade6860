/** Tiles cut from a whole, and a whole made of tiles that fade into each other. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Range, Span, Tile, TilePlan } from './tile-plan.ts';

/**
 * The part of [1, channels, frames, height, width] that a tile is given. What a single tile would
 * take whole is not copied.
 */
export function cutTile<T extends Float32Array | Uint16Array>(
	whole: T,
	shape: readonly number[],
	tile: Tile,
): T {
	const [, channels, frames, height, width] = shape as [number, number, number, number, number];
	const [{ input: time }, { input: rows }, { input: columns }] = tile;
	const count = time[1] - time[0];
	const [high, across] = [rows[1] - rows[0], columns[1] - columns[0]];
	const size = channels * count * high * across;
	if (size === whole.length) return whole;
	const cut = (whole instanceof Uint16Array ? new Uint16Array(size) : new Float32Array(size)) as T;
	// Whole rows, and whole frames, lie behind one another.
	const isWide = across === width;
	const lines = isWide ? 1 : high;
	const runs = isWide && high === height ? 1 : count;
	const length = (count * high * across) / (runs * lines);
	for (let c = 0, at = 0; c < channels; c++) {
		for (let run = 0; run < runs; run++) {
			let from = ((c * frames + time[0] + run) * height + rows[0]) * width + columns[0];
			for (let line = 0; line < lines; line++, at += length, from += width) {
				cut.set(whole.subarray(from, from + length), at);
			}
		}
	}
	return cut;
}

/**
 * One frame: [height, width] of each channel. Where a single tile makes all of it, these are views
 * of that tile, to be read only.
 */
export type Layer = { readonly index: number; readonly planes: readonly Float32Array[] };

export type BlendOptions = {
	/** Default 3: pixels. */
	readonly channels?: number;
	/** Frames that are wanted, half-open; default all. */
	readonly frames?: Range;
};

/**
 * Makes [channels, frames, height, width] of a tile, an array that is taken over, and is told which
 * one comes after it, if any.
 */
export type MakeTile = (tile: Tile, next: Tile | null) => Promise<Float32Array>;

/**
 * Makes all tiles that touch the wanted frames, time outermost, and gives each frame as soon as no
 * later tile touches it. The next two tiles are made meanwhile. The frames of one run of time are in
 * memory together, and these two; where a run is one tile, all of that for as long as one of its
 * frames. What a single tile makes is not copied.
 */
export async function* blendTiles(
	plan: TilePlan,
	make: MakeTile,
	{ channels = 3, frames = [0, plan[0].at(-1)!.output[1]] }: BlendOptions = {},
): AsyncGenerator<Layer, void, void> {
	const [, height, width] = plan;
	const picture = { channels, height: height.at(-1)!.output[1], width: width.at(-1)!.output[1] };
	const tiles = tilesOf(plan, frames);
	const layers: Layers = new Map();
	const line = new Line(tiles, make);
	try {
		let done = frames[0];
		for (const [i, tile] of tiles.entries()) {
			const data = await line.next();
			// The one after it is on its way before the numbers of this one are gone through.
			await turn();
			addTile(layers, frames, picture, tile, data);
			const next = tiles[i + 1];
			const end = next ? next[0].output[0] : frames[1];
			for (; done < end; done++) {
				const planes = layers.get(done)!;
				layers.delete(done);
				yield { index: done, planes };
				// What the next one waits for comes in between.
				await turn();
			}
		}
	} finally {
		await line.end();
	}
}

/** Tiles that are made one after the other, a few before they are gone through. */
class Line {
	readonly #tiles: readonly Tile[];
	readonly #make: MakeTile;
	readonly #made: Promise<Float32Array>[] = [];
	#started = 0;
	#isOver = false;

	constructor(tiles: readonly Tile[], make: MakeTile) {
		this.#tiles = tiles;
		this.#make = make;
		for (let i = 0; i < AHEAD; i++) this.#start();
	}

	/** Fails where its making does, or that of one before it. */
	async next(): Promise<Float32Array> {
		const data = await this.#made[0]!;
		this.#made.shift();
		this.#start();
		return data;
	}

	/** None is being made when it returns. */
	async end(): Promise<void> {
		this.#isOver = true;
		await Promise.allSettled(this.#made);
	}

	#start(): void {
		const tile = this.#tiles[this.#started++];
		if (!tile) return;
		const next = this.#tiles[this.#started] ?? null;
		const made = this.#after(this.#made.at(-1), () => this.#make(tile, next));
		made.catch(() => {});
		this.#made.push(made);
	}

	async #after(before: Promise<unknown> | undefined, make: () => Promise<Float32Array>) {
		await before;
		if (this.#isOver) throw new Error('No more tiles are wanted');
		return make();
	}
}

/** One is made and one can wait, so that networks go on while frames are written. */
const AHEAD = 2;

/** Those that touch the frames, time outermost. */
function tilesOf([time, height, width]: TilePlan, frames: Range): Tile[] {
	return time
		.filter((span) => touches(span, frames))
		.flatMap((span) =>
			height.flatMap((rows) => width.map((columns): Tile => [span, rows, columns])),
		);
}

/** Whether any of these frames has something of the span. */
function touches({ output, weights }: Span, frames: Range): boolean {
	const from = Math.max(output[0], frames[0]) - output[0];
	const to = Math.min(output[1], frames[1]) - output[0];
	return to > from && weights.subarray(from, to).some((weight) => weight > 0);
}

type Layers = Map<number, readonly Float32Array[]>;
type Picture = { readonly channels: number; readonly height: number; readonly width: number };

function addTile(
	layers: Layers,
	frames: Range,
	picture: Picture,
	tile: Tile,
	data: Float32Array,
): void {
	const shape = [picture.channels, ...tile.map(({ weights }) => weights.length)];
	if (data.length !== shape.reduce((product, n) => product * n)) {
		throw new RangeError(`Expected a tile of ${shape.join(' × ')} values, got ${data.length}`);
	}
	const [time] = tile;
	const isWhole = coversAlone(tile, picture);
	for (const [t, weight] of time.weights.entries()) {
		const index = time.output[0] + t;
		// Not even a NaN counts there.
		if (weight === 0 || index < frames[0] || index >= frames[1]) continue;
		const parts = partsOf(data, tile, t, picture.channels);
		if (isWhole && weight === 1) {
			layers.set(index, parts);
			continue;
		}
		const known = layers.get(index);
		// Where the tile is all there is of the frame, what others add comes into its own numbers.
		const planes = known ?? (isWhole ? parts : emptyPlanes(picture));
		layers.set(index, planes);
		for (const [c, part] of parts.entries()) {
			const into = { plane: planes[c]!, width: picture.width, isEmpty: known === undefined };
			addPart(into, tile, part, weight);
		}
	}
}

/** Whether no other tile of its time counts in the picture. */
function coversAlone([, rows, columns]: Tile, { height, width }: Picture): boolean {
	const isAll = (weights: Float32Array, length: number) =>
		weights.length === length && weights.every((weight) => weight === 1);
	return isAll(rows.weights, height) && isAll(columns.weights, width);
}

/** Views of frame `t` of a tile, one for each channel. */
function partsOf(
	data: Float32Array,
	[time, rows, columns]: Tile,
	t: number,
	channels: number,
): Float32Array[] {
	const length = rows.weights.length * columns.weights.length;
	return Array.from({ length: channels }, (_, c) => {
		const from = (c * time.weights.length + t) * length;
		return data.subarray(from, from + length);
	});
}

function emptyPlanes({ channels, height, width }: Picture): Float32Array[] {
	return Array.from({ length: channels }, () => new Float32Array(height * width));
}

/** A channel of a picture. */
type Into = {
	readonly plane: Float32Array;
	readonly width: number;
	/** Whatever its numbers are, they count for nothing. */
	readonly isEmpty: boolean;
};

/** Adds a channel of a tile's frame. */
function addPart(into: Into, tile: Tile, part: Float32Array, ofFrame: number): void {
	const { plane, width } = into;
	const [, rows, columns] = tile;
	const [high, across] = [rows.weights.length, columns.weights.length];
	const add = (down: Range, right: Range) => addArea(into, tile, part, ofFrame, down, right);
	if (ofFrame !== 1) {
		add([0, high], [0, across]);
		return;
	}
	const [top, bottom] = whereAlone(rows.weights);
	const [left, right] = whereAlone(columns.weights);
	add([0, top], [0, across]);
	add([top, bottom], [0, left]);
	// No other tile counts there. Where a tile is as wide as the picture, rows lie behind one another.
	const isWide = right - left === width;
	const length = isWide ? (bottom - top) * width : right - left;
	for (let y = top; y < bottom && length > 0; y += isWide ? bottom - top : 1) {
		const from = y * across + left;
		const to = (rows.output[0] + y) * width + columns.output[0] + left;
		plane.set(part.subarray(from, from + length), to);
	}
	add([top, bottom], [right, across]);
	add([bottom, high], [0, across]);
}

/** Where a weight is one: no other tile counts there. */
function whereAlone(weights: Float32Array): Range {
	const from = weights.indexOf(1);
	return from < 0 ? [0, 0] : [from, weights.lastIndexOf(1) + 1];
}

/** Adds what lies in these rows and columns of a tile, by its weights. */
function addArea(
	{ plane, width, isEmpty }: Into,
	[, rows, columns]: Tile,
	part: Float32Array,
	ofFrame: number,
	[top, bottom]: Range,
	[left, right]: Range,
): void {
	const across = columns.weights.length;
	for (let y = top; y < bottom; y++) {
		const share = ofFrame * rows.weights[y]!;
		const from = y * across;
		const to = (rows.output[0] + y) * width + columns.output[0];
		for (let x = left; x < right; x++) {
			const value = share * columns.weights[x]! * part[from + x]!;
			plane[to + x] = isEmpty ? value : plane[to + x]! + value;
		}
	}
}
