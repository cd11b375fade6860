/** Tiles cut from a whole, and a whole made of tiles that fade into each other. */
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
	const across = columns[1] - columns[0];
	const size = (rows[1] - rows[0]) * across * (time[1] - time[0]) * channels;
	if (size === whole.length) return whole;
	const cut = (whole instanceof Uint8Array ? new Uint8Array(size) : new Float32Array(size)) as T;
	// Whole rows lie behind one another.
	const [lines, length] =
		across === width ? [1, (rows[1] - rows[0]) * width] : [rows[1] - rows[0], across];
	for (let c = 0, at = 0; c < channels; c++) {
		for (let t = time[0]; t < time[1]; t++) {
			let from = ((c * frames + t) * height + rows[0]) * width + columns[0];
			for (let line = 0; line < lines; line++, at += length, from += width) {
				cut.set(whole.subarray(from, from + length), at);
			}
		}
	}
	return cut;
}

/** [channels, height, width] of one frame. */
export type Layer = { readonly index: number; readonly data: Float32Array };

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
 * together, and a tile of the next.
 */
export async function* blendTiles(
	plan: Plan,
	make: MakeTile,
	{ channels = 3, frames = [0, plan[0].at(-1)!.output[1]] }: BlendOptions = {},
): AsyncGenerator<Layer, void, void> {
	const [, height, width] = plan;
	const picture = { channels, height: height.at(-1)!.output[1], width: width.at(-1)!.output[1] };
	const tiles = tilesOf(plan, frames);
	const layers = new Map<number, Float32Array>();
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
			addTile(layers, frames, picture, tile, data);
			const end = next ? next[0].output[0] : frames[1];
			for (; done < end; done++) {
				const data = layers.get(done)!;
				layers.delete(done);
				yield { index: done, data };
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

type Picture = { readonly channels: number; readonly height: number; readonly width: number };

function addTile(
	layers: Map<number, Float32Array>,
	frames: Range,
	{ channels, height, width }: Picture,
	[time, rows, columns]: Tile,
	data: Float32Array,
): void {
	const shape = [channels, time.weights.length, rows.weights.length, columns.weights.length];
	const [, count, high, across] = shape as [number, number, number, number];
	if (data.length !== channels * count * high * across) {
		throw new RangeError(`Expected a tile of ${shape.join(' × ')} values, got ${data.length}`);
	}
	const alone = whereAlone(columns.weights);
	const [top, bottom] = whereAlone(rows.weights);
	// Where a tile is as wide as the picture, rows that are its own lie behind one another.
	const block = alone[1] - alone[0] === width ? bottom - top : 0;
	for (let t = 0; t < count; t++) {
		const index = time.output[0] + t;
		const ofFrame = time.weights[t]!;
		// Not even a NaN counts there.
		if (ofFrame === 0 || index < frames[0] || index >= frames[1]) continue;
		const layer = layers.get(index) ?? new Float32Array(channels * height * width);
		layers.set(index, layer);
		for (let c = 0; c < channels; c++) {
			const start = (c * count + t) * high * across;
			for (let y = 0; y < high; y++) {
				const from = start + y * across;
				const to = (c * height + rows.output[0] + y) * width + columns.output[0];
				if (ofFrame === 1 && y === top && block > 0) {
					layer.set(data.subarray(from, from + block * width), to);
					y += block - 1;
					continue;
				}
				const weight = ofFrame * rows.weights[y]!;
				addRow(layer, to, data, from, columns.weights, weight, 0, alone[0]);
				addAlone(layer, to + alone[0], data, from + alone[0], alone[1] - alone[0], weight);
				addRow(layer, to, data, from, columns.weights, weight, alone[1], across);
			}
		}
	}
}

/** Where a weight is one: no other tile counts there. */
function whereAlone(weights: Float32Array): Range {
	const from = weights.indexOf(1);
	return from < 0 ? [0, 0] : [from, weights.lastIndexOf(1) + 1];
}

function addRow(
	layer: Float32Array,
	to: number,
	data: Float32Array,
	from: number,
	weights: Float32Array,
	weight: number,
	start: number,
	end: number,
): void {
	for (let x = start; x < end; x++) layer[to + x]! += weight * weights[x]! * data[from + x]!;
}

/** As `addRow`, where the weights are one. */
function addAlone(
	layer: Float32Array,
	to: number,
	data: Float32Array,
	from: number,
	length: number,
	weight: number,
): void {
	if (weight === 1) layer.set(data.subarray(from, from + length), to);
	else for (let x = 0; x < length; x++) layer[to + x]! += weight * data[from + x]!;
}
