/** Tiles cut from a whole, and a whole made of tiles that fade into each other. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Plan, Range, Span, Tile } from './tile-plan.ts';

/**
 * The part of [1, channels, frames, height, width] that a tile is given. What a single tile would
 * take whole is not copied.
 */
export function cutTile<T extends Float32Array | Uint8Array>(
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
	const cut = (whole instanceof Uint8Array ? new Uint8Array(size) : new Float32Array(size)) as T;
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

/** Makes [channels, frames, height, width] of a tile, and is told which one comes after it, if any. */
export type MakeTile = (tile: Tile, next: Tile | null) => Promise<Float32Array>;

/**
 * Makes all tiles that touch the wanted frames, time outermost, and gives each frame as soon as no
 * later tile touches it. The next tile is made meanwhile. The frames of one run of time are in memory
 * together, and a tile of the next. What a single tile makes is not copied.
 */
export async function* blendTiles(
	plan: Plan,
	make: MakeTile,
	{ channels = 3, frames = [0, plan[0].at(-1)!.output[1]] }: BlendOptions = {},
): AsyncGenerator<Layer, void, void> {
	const [, height, width] = plan;
	const picture = { channels, height: height.at(-1)!.output[1], width: width.at(-1)!.output[1] };
	const tiles = tilesOf(plan, frames);
	const layers: Layers = new Map();
	const start = (i: number) => {
		const made = make(tiles[i]!, tiles[i + 1] ?? null);
		made.catch(() => {});
		return made;
	};
	let ahead = start(0);
	try {
		let done = frames[0];
		for (const [i, tile] of tiles.entries()) {
			const data = await ahead;
			const next = tiles[i + 1];
			if (next) ahead = start(i + 1);
			// The next one is on its way before the numbers of this one are gone through.
			await turn();
			addTile(layers, frames, picture, tile, data);
			const end = next ? next[0].output[0] : frames[1];
			for (; done < end; done++) {
				const planes = layers.get(done)!;
				layers.delete(done);
				yield { index: done, planes };
			}
		}
	} finally {
		await ahead.catch(() => {});
	}
}

/** Those that touch the frames, time outermost. */
function tilesOf([time, height, width]: Plan, frames: Range): Tile[] {
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
		const planes = layers.get(index) ?? emptyPlanes(picture);
		layers.set(index, planes);
		for (const [c, part] of parts.entries()) {
			addPart(planes[c]!, picture.width, tile, part, weight);
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

/** Adds a channel of a tile's frame to that of the picture, `width` wide. */
function addPart(
	plane: Float32Array,
	width: number,
	[, rows, columns]: Tile,
	part: Float32Array,
	ofFrame: number,
): void {
	const [high, across] = [rows.weights.length, columns.weights.length];
	const alone = whereAlone(columns.weights);
	const [top, bottom] = whereAlone(rows.weights);
	// Where a tile is as wide as the picture, rows that are its own lie behind one another.
	const block = ofFrame === 1 && alone[1] - alone[0] === width ? bottom - top : 0;
	for (let y = 0; y < high; y++) {
		const from = y * across;
		const to = (rows.output[0] + y) * width + columns.output[0];
		if (y === top && block > 0) {
			plane.set(part.subarray(from, from + block * width), to);
			y += block - 1;
			continue;
		}
		const weight = ofFrame * rows.weights[y]!;
		addRow(plane, to, part, from, columns.weights, weight, 0, alone[0]);
		addAlone(plane, to + alone[0], part, from + alone[0], alone[1] - alone[0], weight);
		addRow(plane, to, part, from, columns.weights, weight, alone[1], across);
	}
}

/** Where a weight is one: no other tile counts there. */
function whereAlone(weights: Float32Array): Range {
	const from = weights.indexOf(1);
	return from < 0 ? [0, 0] : [from, weights.lastIndexOf(1) + 1];
}

function addRow(
	plane: Float32Array,
	to: number,
	part: Float32Array,
	from: number,
	weights: Float32Array,
	weight: number,
	start: number,
	end: number,
): void {
	for (let x = start; x < end; x++) plane[to + x]! += weight * weights[x]! * part[from + x]!;
}

/** As `addRow`, where the weights are one. */
function addAlone(
	plane: Float32Array,
	to: number,
	part: Float32Array,
	from: number,
	length: number,
	weight: number,
): void {
	if (weight === 1) plane.set(part.subarray(from, from + length), to);
	else for (let x = 0; x < length; x++) plane[to + x]! += weight * part[from + x]!;
}
