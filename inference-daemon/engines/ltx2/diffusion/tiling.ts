/** The video VAE in tiles that overlap, for pictures that do not fit into memory at once. */

/** Half-open. */
export type Range = readonly [from: number, to: number];

/** A tile along one axis. */
export type Span = {
	readonly latent: Range;
	/** Frames, or pixels. */
	readonly pixels: Range;
	/** Of each frame or pixel of the range, 0…1; those of all spans that share it sum to one. */
	readonly weights: Float32Array;
};

type PerAxis<T> = readonly [time: T, height: T, width: T];

/** In frames and pixels, multiples of what a latent becomes. */
export type Tiling = { readonly tile: PerAxis<number>; readonly overlap: PerAxis<number> };

export const DEFAULT_TILING: Tiling = { tile: [80, 768, 768], overlap: [24, 64, 64] };

export type Tile = PerAxis<Span>;

/** Every choice of one span per axis is a tile. */
export type Plan = PerAxis<readonly Span[]>;

/** Tiles of a latent of so many frames, rows and columns; `scale` is what one of each becomes. */
export function planTiles(
	latent: PerAxis<number>,
	{ tile, overlap }: Tiling,
	scale: PerAxis<number> = [8, 32, 32],
): Plan {
	const spans = (axis: 0 | 1 | 2) =>
		normalised(planAxis(latent[axis], tile[axis], overlap[axis], scale[axis], axis === 0));
	return [spans(0), spans(1), spans(2)];
}

/**
 * The latents of an axis in runs of `tile`, each sharing `overlap` with the next and fading
 * linearly over it. In time the first latent of a run becomes a single frame which knows nothing of
 * what was before: all runs but the first start one latent earlier, and that frame counts nothing.
 */
function planAxis(length: number, tile: number, overlap: number, scale: number, isTime: boolean) {
	const [size, shared] = [tile / scale, overlap / scale];
	if (!Number.isInteger(size) || !Number.isInteger(shared) || shared < 0 || shared >= size) {
		throw new RangeError(
			`Expected tiles of a multiple of ${scale} that overlap by a smaller one, got ${tile} and ${overlap}`,
		);
	}
	const lead = isTime ? 1 : 0;
	const step = size - shared;
	const count = Math.max(1, Math.ceil((length - shared) / step));
	return Array.from({ length: count }, (_, i): Span => {
		const [isFirst, isLast] = [i === 0, i === count - 1];
		const latent: Range = [isFirst ? 0 : i * step - lead, isLast ? length : i * step + size];
		const pixels: Range = [latent[0] * scale, (latent[1] - lead) * scale + lead];
		const extent = pixels[1] - pixels[0];
		const weights = new Float32Array(extent).map((_, k) => {
			const rise = isFirst ? 1 : Math.min(1, (k + 1 - lead) / (overlap + 1));
			const fall = isLast ? 1 : Math.min(1, (extent - k) / (overlap + 1));
			return rise * fall;
		});
		return { latent, pixels, weights };
	});
}

/** Tiles are products of spans: where each axis sums to one, so do they. */
function normalised(spans: readonly Span[]): Span[] {
	const sum = new Float32Array(spans.at(-1)!.pixels[1]);
	for (const { pixels, weights } of spans) {
		for (const [k, weight] of weights.entries()) sum[pixels[0] + k]! += weight;
	}
	return spans.map((span) => {
		const weights = span.weights.map((weight, k) => weight / sum[span.pixels[0] + k]!);
		return { ...span, weights };
	});
}

/** The part of a latent [1, channels, frames, height, width] that a tile takes. */
export function cutTile(latent: Float32Array, shape: readonly number[], tile: Tile): Float32Array {
	const [, channels, frames, height, width] = shape as [number, number, number, number, number];
	const [{ latent: time }, { latent: rows }, { latent: columns }] = tile;
	const size = tile.reduce((product, { latent: [from, to] }) => product * (to - from), channels);
	const cut = new Float32Array(size);
	for (let c = 0, at = 0; c < channels; c++) {
		for (let t = time[0]; t < time[1]; t++) {
			for (let y = rows[0]; y < rows[1]; y++, at += columns[1] - columns[0]) {
				const row = ((c * frames + t) * height + y) * width;
				cut.set(latent.subarray(row + columns[0], row + columns[1]), at);
			}
		}
	}
	return cut;
}

/** Pixels [3, height, width] of one frame. */
export type Frame = { readonly index: number; readonly pixels: Float32Array };

/**
 * Decodes all tiles, time outermost, and gives each frame as soon as no later tile touches it.
 * `decode` gives a tile's pixels [3, frames, height, width]. The frames of one run of time are in
 * memory together.
 */
export async function* blendTiles(
	[time, height, width]: Plan,
	decode: (tile: Tile) => Promise<Float32Array>,
): AsyncGenerator<Frame> {
	const size = [height.at(-1)!.pixels[1], width.at(-1)!.pixels[1]] as const;
	const frames = new Map<number, Float32Array>();
	let done = 0;
	for (const [i, span] of time.entries()) {
		for (const rows of height) {
			for (const columns of width) {
				const tile: Tile = [span, rows, columns];
				addTile(frames, size, tile, await decode(tile));
			}
		}
		const end = time[i + 1]?.pixels[0] ?? span.pixels[1];
		for (; done < end; done++) {
			yield { index: done, pixels: frames.get(done)! };
			frames.delete(done);
		}
	}
}

function addTile(
	frames: Map<number, Float32Array>,
	[height, width]: readonly [number, number],
	[time, { weights: rows, pixels: inHeight }, { weights: columns, pixels: inWidth }]: Tile,
	pixels: Float32Array,
): void {
	const shape = [3, time.weights.length, rows.length, columns.length] as const;
	if (pixels.length !== shape.reduce((product, n) => product * n, 1)) {
		throw new RangeError(`Expected a tile of ${shape.join(' × ')} values, got ${pixels.length}`);
	}
	for (const [t, ofFrame] of time.weights.entries()) {
		const index = time.pixels[0] + t;
		const frame = frames.get(index) ?? new Float32Array(3 * height * width);
		frames.set(index, frame);
		// Not even a NaN counts there.
		if (ofFrame === 0) continue;
		for (let c = 0; c < 3; c++) {
			for (const [y, ofRow] of rows.entries()) {
				const from = ((c * shape[1] + t) * shape[2] + y) * shape[3];
				const to = (c * height + inHeight[0] + y) * width + inWidth[0];
				const weight = ofFrame * ofRow;
				for (let x = 0; x < columns.length; x++) {
					frame[to + x]! += weight * columns[x]! * pixels[from + x]!;
				}
			}
		}
	}
}
