import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Graph } from '../../../inference-daemon/engines/ltx2/graph/graph.ts';
import { Scope } from '../../../inference-daemon/engines/ltx2/graph/scope.ts';
import { videoVaeConfig } from '../../../inference-daemon/engines/ltx2/networks/video-vae.ts';
import { videoVaeDecoder } from '../../../inference-daemon/engines/ltx2/networks/video-vae-decoder.ts';
import { Session } from '../../../inference-daemon/engines/ltx2/runtime/session.ts';
import {
	fitTiles,
	type Span,
	type Tile,
	type TilePlan,
} from '../../../inference-daemon/engines/ltx2/vae/tile-plan.ts';
import {
	blendTiles,
	cutTile,
	type Layer,
} from '../../../inference-daemon/engines/ltx2/vae/tiling.ts';
import { closedGate } from './gate.ts';
import { errorOf, goldenCase, goldenWeights, PROVIDERS } from './golden.ts';
import { planTiles } from './reference-tiles.ts';

const TOLERANCE = 5e-5;
const RELEASES = ['video-vae-2.0', 'video-vae-2.3'];

type Parameters = {
	readonly shape: readonly number[];
	readonly tile_size_frames_h_w: readonly [number, number, number];
	readonly overlap_frames_h_w: readonly [number, number, number];
	readonly tiles: readonly { readonly latent: number[][]; readonly pixels: number[][] }[];
};

async function tiledCase(network: string) {
	const { tensors, parameters } = await goldenCase(network, 'decode-tiled');
	const given = parameters as Parameters;
	const latent = tensors['in.latent']!;
	const [, , frames, height, width] = latent.shape as [number, number, number, number, number];
	const tiling = { tile: given.tile_size_frames_h_w, overlap: given.overlap_frames_h_w };
	return { tensors, given, latent, plan: planTiles([frames, height, width], tiling) };
}

/** In the order in which they are decoded. */
function tilesOf([time, height, width]: TilePlan): Tile[] {
	return time.flatMap((t) => height.flatMap((h) => width.map((w): Tile => [t, h, w])));
}

describe.each(RELEASES)('%s', (network) => {
	it('has the reference’s tiles, with its ranges and masks', async () => {
		const { tensors, given, plan } = await tiledCase(network);
		const tiles = tilesOf(plan);
		expect(
			tiles.map((tile) => ({
				latent: tile.map(({ input }) => input),
				pixels: tile.map(({ output }) => output),
			})),
		).toEqual(given.tiles);
		for (const [i, tile] of tiles.entries()) {
			for (const [axis, { weights }] of tile.entries()) {
				const name = `mid.tile${i}.mask_${'thw'[axis]}`;
				const error = errorOf({ data: weights, shape: [weights.length] }, tensors[name]!);
				expect(error, name).toBeLessThan(TOLERANCE);
			}
		}
	});

	it.each(PROVIDERS)('decodes in tiles to the reference’s pixels on %s', async (provider) => {
		const { tensors, given, latent, plan } = await tiledCase(network);
		const checkpoint = await goldenWeights(network);
		const sessions = new Map<string, Promise<Session>>();
		const open = (shape: readonly number[]) => {
			const graph = new Graph('video decoder');
			const input = graph.input('latent', shape);
			const m = new Scope(graph, checkpoint.at('vae'));
			graph.output('pixels', videoVaeDecoder(m, input, videoVaeConfig(checkpoint)));
			return Session.open(graph, { provider });
		};
		const decode = async (tile: Tile) => {
			const size = tile.map(({ input: [from, to] }) => to - from);
			const shape = [...latent.shape.slice(0, 2), ...size];
			const session = sessions.get(shape.join()) ?? open(shape);
			sessions.set(shape.join(), session);
			const data = cutTile(latent.data, latent.shape, tile);
			const { pixels } = await (await session).run({ latent: { data, shape } });
			return pixels!.data as Float32Array;
		};
		const [, , frames, height, width] = given.shape as [number, number, number, number, number];
		const found = await all(blendTiles(plan, decode));
		for (const session of sessions.values()) await (await session).release();
		expect(found.map(({ index }) => index)).toEqual([...Array(frames).keys()]);
		const reference = tensors['out.pixels_s8']!;
		const sampled = subsample(found, height, width);
		expect(errorOf({ data: sampled, shape: reference.shape }, reference)).toBeLessThan(TOLERANCE);
	});
});

/** pixels[:, :, 1::8, 2::8] of frames, as [3, frames, …]. */
function subsample(frames: readonly Layer[], height: number, width: number): Float32Array {
	const picked: number[] = [];
	for (let c = 0; c < 3; c++) {
		for (const { planes } of frames) {
			for (let y = 1; y < height; y += 8) {
				for (let x = 2; x < width; x += 8) picked.push(planes[c]![y * width + x]!);
			}
		}
	}
	return Float32Array.from(picked);
}

async function all(frames: AsyncIterable<Layer>): Promise<Layer[]> {
	const found: Layer[] = [];
	for await (const frame of frames) found.push(frame);
	return found;
}

/** What a decoder would give whose pixel (c, t, y, x) is a number of its place in the whole. */
function place([time, height, width]: readonly Pick<Span, 'output'>[]): Float32Array {
	const values: number[] = [];
	for (let c = 0; c < 3; c++) {
		for (let t = time!.output[0]; t < time!.output[1]; t++) {
			for (let y = height!.output[0]; y < height!.output[1]; y++) {
				for (let x = width!.output[0]; x < width!.output[1]; x++) {
					values.push(c * 0.3 + t * 0.11 - y * 0.07 + x * 0.05);
				}
			}
		}
	}
	return Float32Array.from(values);
}

/** How far a frame is at most from what `place` gives for it. */
function apartFromPlace({ index, planes }: Layer, height: number, width: number): number {
	const ranges = [[index, index + 1] as const, [0, height] as const, [0, width] as const];
	const whole = place(ranges.map((output) => ({ output })));
	const found = planes.flatMap((plane) => [...plane]);
	return found.reduce((most, value, i) => Math.max(most, Math.abs(value - whole[i]!)), 0);
}

/** Of cells of 8 frames and 4 × 4 pixels. */
const SMALL = [8, 4, 4] as const;

describe('any plan', () => {
	const SIZES = [1, 2, 3, 4, 6, 9].flatMap((length) =>
		[
			[1, 0],
			[2, 1],
			[3, 1],
			[4, 3],
			[5, 2],
		].map(([tile, overlap]) => [length, tile!, overlap!] as const),
	);

	it.each(SIZES)(
		'%i latents in tiles of %i sharing %i give every pixel once',
		async (n, tile, overlap) => {
			const tiling = {
				tile: [8 * tile, 4 * tile, 4 * tile],
				overlap: [8 * overlap, 4 * overlap, 4 * overlap],
			} as const;
			const plan = planTiles([n, n, 2], tiling, SMALL);
			const frames = await all(blendTiles(plan, async (part) => place(part)));
			expect(frames.map(({ index }) => index)).toEqual([...Array(8 * n - 7).keys()]);
			for (const frame of frames) expect(apartFromPlace(frame, 4 * n, 8)).toBeLessThan(1e-5);
			for (const { planes } of frames) {
				expect(planes.map(({ length }) => length)).toEqual([32 * n, 32 * n, 32 * n]);
			}
		},
	);

	it.each(['decode', 'encode'] as const)(
		'gives every element once when it is to %s',
		async (way) => {
			const plan = fitTiles([9, 5, 7], {
				way,
				memory: 60,
				bytesOf: ([t, y, x]) => t * y * x,
			});
			const [time, height, width] = plan;
			expect(time.length * height.length * width.length).toBeGreaterThan(4);
			const frames = await all(blendTiles(plan, async (part) => place(part)));
			expect(frames.map(({ index }) => index)).toEqual([
				...Array(way === 'decode' ? 65 : 9).keys(),
			]);
			const [high, wide] = way === 'decode' ? [160, 224] : [5, 7];
			for (const frame of frames) {
				expect(apartFromPlace(frame, high!, wide!)).toBeLessThan(1e-4);
			}
		},
	);
});

describe('cutting', () => {
	const SHAPE = [1, 2, 3, 4, 5];
	const WHOLE = Float32Array.from({ length: 120 }, (_, i) => i);
	const span = (from: number, to: number): Span => ({
		input: [from, to],
		output: [from, to],
		weights: new Float32Array(to - from).fill(1),
	});

	it.each([
		[span(0, 3), span(0, 4), span(0, 5)],
		[span(1, 3), span(0, 4), span(0, 5)],
		[span(0, 2), span(1, 4), span(0, 5)],
		[span(1, 3), span(0, 4), span(1, 4)],
		[span(1, 2), span(1, 4), span(0, 5)],
		[span(0, 3), span(1, 3), span(2, 5)],
	])('takes what the spans tell', (...tile) => {
		const [[t0, t1], [y0, y1], [x0, x1]] = tile.map(({ input }) => input) as [
			readonly [number, number],
			readonly [number, number],
			readonly [number, number],
		];
		const expected: number[] = [];
		for (let c = 0; c < 2; c++) {
			for (let t = t0; t < t1; t++) {
				for (let y = y0; y < y1; y++) {
					for (let x = x0; x < x1; x++) expected.push(((c * 3 + t) * 4 + y) * 5 + x);
				}
			}
		}
		expect([...cutTile(WHOLE, SHAPE, tile)]).toEqual(expected);
	});

	it('takes some columns of a single row', () => {
		const tile = [span(0, 2), span(0, 1), span(1, 3)] as const;
		const cut = cutTile(WHOLE.subarray(0, 12), [1, 2, 2, 1, 3], tile);
		expect([...cut]).toEqual([1, 2, 4, 5, 7, 8, 10, 11]);
	});
});

describe('blending', () => {
	const TILING = { tile: [16, 8, 8], overlap: [8, 4, 4] } as const;

	it('gives frames before later tiles are decoded', async () => {
		const plan = planTiles([4, 2, 2], TILING, SMALL);
		const begun: Tile[] = [];
		const mayEnd = closedGate();
		const frames = blendTiles(plan, async (tile, next) => {
			begun.push(tile);
			if (next === null) await mayEnd.opened;
			return place(tile);
		});
		const seen: number[] = [];
		for await (const { index } of frames) {
			seen.push(index);
			// Runs of time begin at frames 0, 0 and 8; the last one is made meanwhile.
			if (index < 8) expect(begun).toHaveLength(3);
			if (index === 7) mayEnd.open();
		}
		expect(seen).toEqual([...Array(25).keys()]);
	});

	it('does not end before a tile that is being made', async () => {
		let isDone = false;
		const frames = blendTiles(planTiles([4, 2, 2], TILING, SMALL), async (tile, next) => {
			if (next === null) {
				await turn();
				isDone = true;
			}
			return place(tile);
		});
		for await (const _ of frames) break;
		expect(isDone).toBe(true);
	});

	it('goes on with two more tiles while frames are looked at, and makes no other once nobody does', async () => {
		const plan = planTiles([9, 2, 2], TILING, SMALL);
		expect(plan[0].length).toBeGreaterThan(4);
		let begun = 0;
		const frames = blendTiles(plan, async (tile) => {
			begun += 1;
			await turn();
			return place(tile);
		});
		expect((await frames.next()).value!.index).toBe(0);
		const first = begun;
		for (let i = 0; i < 50; i++) await turn();
		// Those that the first frame is of, and two.
		const needed = plan[0].filter(({ output }) => output[0] === 0).length;
		expect(first).toBeLessThanOrEqual(needed + 2);
		expect(begun).toBe(needed + 2);
		await frames.return();
		for (let i = 0; i < 50; i++) await turn();
		expect(begun).toBe(needed + 2);
	});

	it('makes no tile after one that failed', async () => {
		let begun = 0;
		const frames = blendTiles(planTiles([9, 2, 2], TILING, SMALL), async (tile) => {
			begun += 1;
			if (begun === 2) throw new Error('no memory');
			return place(tile);
		});
		await expect(all(frames)).rejects.toThrow('no memory');
		for (let i = 0; i < 50; i++) await turn();
		expect(begun).toBe(2);
	});

	it('lets a NaN through, but not from a frame that does not count', async () => {
		const plan = planTiles([4, 2, 2], TILING, SMALL);
		const poisoned = (frame: number) =>
			all(
				blendTiles(plan, async (tile) => {
					const pixels = place(tile);
					if (tile[0] === plan[0][2]) pixels[frame * 64] = Number.NaN;
					return pixels;
				}),
			);
		const whereNaN = (frames: Layer[]) =>
			frames
				.filter(({ planes }) => planes.some((plane) => plane.includes(Number.NaN)))
				.map(({ index }) => index);
		expect(whereNaN(await poisoned(0))).toEqual([]);
		expect(whereNaN(await poisoned(1))).toEqual([9]);
	});

	/** For each frame the number of the tile that it is a view of, or −1; and the tiles. */
	async function ownersOf(plan: TilePlan) {
		const tiles: Float32Array[] = [];
		const make = async (tile: Tile) => {
			tiles.push(place(tile));
			return tiles.at(-1)!;
		};
		const frames = await all(blendTiles(plan, make));
		const owners = frames.map(({ planes }) => {
			const found = new Set(
				planes.map(({ buffer }) => tiles.findIndex((tile) => tile.buffer === buffer)),
			);
			expect(found.size).toBe(1);
			return [...found][0]!;
		});
		return { frames, tiles, owners };
	}

	it('copies no frame of tiles as large as the picture: what fades in comes into the one before', async () => {
		const plan = planTiles([7, 2, 3], { tile: [24, 8, 12], overlap: [8, 4, 4] }, SMALL);
		const { frames, owners } = await ownersOf(plan);
		const counting = (index: number) =>
			plan[0].flatMap(({ output, weights }, i) => (weights[index - output[0]]! > 0 ? [i] : []));
		expect(owners).toEqual(frames.map(({ index }) => counting(index)[0]!));
		expect(new Set(owners)).toEqual(new Set([0, 1, 2]));
		const alone = frames.filter(({ index }) => counting(index).length === 1);
		expect(alone.length).toBeGreaterThan(0);
		expect(alone.length).toBeLessThan(frames.length);
		for (const frame of alone) expect(apartFromPlace(frame, 8, 12)).toBe(0);
		for (const frame of frames) expect(apartFromPlace(frame, 8, 12)).toBeLessThan(1e-5);
	});

	it('copies nothing of a single tile', async () => {
		const plan = planTiles([2, 2, 2], TILING, SMALL);
		const { tiles, owners } = await ownersOf(plan);
		expect(tiles).toHaveLength(1);
		expect(new Set(owners)).toEqual(new Set([0]));
	});

	it.each([
		[1, 2, 3],
		[1, 3, 2],
	])(
		'puts together what tiles beside each other make, of %i × %i × %i latents',
		async (...size) => {
			const { owners } = await ownersOf(planTiles(size, TILING, SMALL));
			expect(new Set(owners)).toEqual(new Set([-1]));
		},
	);

	it('refuses a tile of another size', async () => {
		const plan = planTiles([1, 2, 2], TILING, SMALL);
		await expect(all(blendTiles(plan, async () => new Float32Array(7)))).rejects.toThrow(
			'Expected a tile of 3 × 1 × 8 × 8 values, got 7',
		);
	});
});
