import { copyFile, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { normalNoise } from '../../../inference-daemon/engines/ltx2/diffusion/noise.ts';
import { videoVaeConfig } from '../../../inference-daemon/engines/ltx2/networks/video-vae.ts';
import {
	checkpointKey,
	openPreviews,
} from '../../../inference-daemon/engines/ltx2/preview/preview.ts';
import {
	cellOf,
	cellsWhere,
	fitPreview,
	pictureOfCell,
} from '../../../inference-daemon/engines/ltx2/preview/preview-map.ts';
import type { NdArray } from '../../../inference-daemon/engines/ltx2/runtime/values.ts';
import { Vae } from '../../../inference-daemon/engines/ltx2/vae/vae.ts';
import { Checkpoint } from '../../../inference-daemon/engines/ltx2/weights/checkpoint.ts';
import { rgbOfPng } from '../../media/rgb.ts';
import {
	correlation,
	type Floats,
	film,
	linearLatent,
	linearPixels,
	noiseLatent,
	quarter,
	withoutMeanPatch,
} from './preview-case.ts';
import { tinyCheckpoint } from './tiny.ts';

let root = '';
beforeAll(async () => {
	root = await mkdtemp(join(tmpdir(), 'pickup-preview-'));
});
afterAll(() => rm(root, { recursive: true }));

function decoder(channels: number): Float32Array {
	const noise = normalNoise({ seed: 1, stream: 'map', draw: 0 }, (channels + 1) * 192);
	return noise.map((value) => value / 5);
}

function pairOf(weights: Float32Array, latent: Floats) {
	return { latent, pixels: linearPixels(weights, latent) };
}

/** How far a is from b, as a share of b. */
function distance(a: Float32Array, b: Float32Array): number {
	expect(a.length).toBe(b.length);
	const square = (values: Float32Array) => values.reduce((sum, value) => sum + value * value, 0);
	return Math.sqrt(square(a.map((value, i) => value - b[i]!)) / square(b));
}

describe('the map', () => {
	it('of a linear decoder is found again, from the middle frames alone', () => {
		const weights = decoder(12);
		const map = fitPreview([pairOf(weights, noiseLatent([12, 3, 6, 8], 1))])!;
		expect(map.channels).toBe(12);
		expect(distance(map.weights, weights)).toBeLessThan(0.03);
		expect(distance(map.weights, weights.slice().reverse())).toBeGreaterThan(1);
	});

	it('is found from several pairs, by the cells that are named', () => {
		const weights = decoder(4);
		const [one, two] = [1, 2].map((seed) => pairOf(weights, noiseLatent([4, 1, 3, 5], seed)));
		expect(distance(fitPreview([one!, two!])!.weights, weights)).toBeLessThan(0.05);
		const spoiled = pairOf(weights, noiseLatent([4, 3, 3, 5], 3));
		const plane = 96 * 160;
		spoiled.pixels.data.fill(Number.NaN, plane, 9 * plane);
		expect(fitPreview([spoiled])).toBeNull();
		expect(fitPreview([{ ...spoiled, cells: [0, 1] }])).toBeNull();
		const named = fitPreview([{ ...spoiled, cells: [0, 2] }])!;
		expect(distance(named.weights, weights)).toBeLessThan(0.05);
	});

	it('stays with what was known where the pictures say nothing', () => {
		const weights = decoder(6);
		const prior = fitPreview([pairOf(weights, noiseLatent([6, 3, 4, 4], 1))])!;
		const { data, shape } = noiseLatent([6, 3, 4, 4], 2);
		const narrow = { shape, data: data.map((value, i) => (i < 48 ? value : 0)) };
		const pair = pairOf(weights, narrow);
		expect(distance(fitPreview([pair])!.weights, weights)).toBeGreaterThan(0.5);
		expect(distance(fitPreview([pair], prior)!.weights, weights)).toBeLessThan(0.03);
	});

	it('that pictures confirm stays as it is', () => {
		const weights = decoder(6);
		const pair = pairOf(weights, noiseLatent([6, 3, 4, 4], 1));
		const confirmed = fitPreview([pair], { channels: 6, weights })!;
		expect(distance(confirmed.weights, weights)).toBeLessThan(1e-6);
	});

	it('of flat pictures is none', () => {
		const latent = noiseLatent([4, 2, 3, 5], 1);
		for (const level of [-1, 0.3]) {
			const pixels = {
				data: new Float32Array(3 * 9 * 96 * 160).fill(level),
				shape: [3, 9, 96, 160],
			};
			expect(fitPreview([{ latent, pixels }])).toBeNull();
		}
	});

	it('refuses shapes that do not belong together', () => {
		const latent = noiseLatent([4, 2, 3, 5], 1);
		const pixels = { data: new Float32Array(3 * 9 * 96 * 160), shape: [3, 9, 96, 160] };
		const fitting = (changed: object) => () => fitPreview([{ latent, pixels, ...changed }]);
		expect(fitting({ pixels: { ...pixels, shape: [3, 8, 96, 160] } })).toThrow(
			'Expected pixels [3,9,96,160], got [3,8,96,160]',
		);
		expect(fitting({ latent: { ...latent, shape: [4, 6, 5] } })).toThrow(RangeError);
		expect(fitting({ cells: [2] })).toThrow('Expected one of 2 cells, got 2');
		const map = fitPreview([pairOf(decoder(4), latent)])!;
		expect(() => pictureOfCell(map, noiseLatent([5, 1, 2, 2], 1), 0)).toThrow(
			'Expected a latent of 4 channels, got 5',
		);
	});
});

it('cells in time and the frames that they show', () => {
	expect([0, 1, 8, 9, 16, 17].map(cellOf)).toEqual([0, 1, 1, 2, 2, 3]);
	const gap = (frame: number) => frame < 9 || frame >= 20;
	expect(cellsWhere(33, gap)).toEqual([0, 1, 4]);
	expect(cellsWhere(33, () => false)).toEqual([]);
	expect(cellsWhere(1, () => true)).toEqual([0]);
});

describe('a preview resembles the picture', () => {
	/** Correlation of what a map shows of a latent's cell with a film's own frame there. */
	const likeness = (
		map: NonNullable<ReturnType<typeof fitPreview>>,
		latent: Floats,
		cell: number,
		shown: Floats,
	) => correlation(pictureOfCell(map, latent, cell).data, quarter(shown, cell));

	it('with 128 channels of a VAE that takes means: above 0.95', async () => {
		const size = { width: 384, height: 256 };
		const shown = await film('mandelbrot', size, 25);
		const other = linearLatent(await film('testsrc2', size, 25), 128);
		const latent = linearLatent(shown, 128);
		const map = fitPreview([{ latent, pixels: shown, cells: [0, 1] }])!;
		for (const cell of [2, 3]) {
			expect(likeness(map, latent, cell, shown)).toBeGreaterThan(0.95);
			expect(likeness(map, other, cell, shown)).toBeLessThan(0.3);
		}
	});

	describe.each(['ltx-2-tiny', 'ltx-2.3-tiny'])('%s', (name) => {
		let checkpoint: Checkpoint;
		let vae: Vae;
		const [width, height] = [256, 192];
		let shown: Floats;
		let latent: Floats;
		let otherLatent: Floats;
		beforeAll(async () => {
			checkpoint = await Checkpoint.open(await tinyCheckpoint(name));
			vae = new Vae(checkpoint);
			shown = await film('mandelbrot', { width, height }, 33);
			latent = (await vae.encodePicture(shown)) as Floats;
			const other = await film('testsrc2', { width, height }, 33);
			otherLatent = (await vae.encodePicture(other)) as Floats;
		});

		// Random weights of six channels say less than a real VAE: 0.58…0.77 where another film's
		// latent gives at most 0.12.
		it('of frames that it was not fitted from, by the neighbours’ map: above 0.5', () => {
			const map = fitPreview([{ latent, pixels: shown, cells: [0, 1] }])!;
			for (const cell of [2, 3, 4]) {
				expect(likeness(map, latent, cell, shown)).toBeGreaterThan(0.5);
				expect(likeness(map, otherLatent, cell, shown)).toBeLessThan(0.25);
			}
		});

		// A decoder of random weights is far from linear, and most of what it draws is one pattern in
		// every cell. Without that pattern: on average 0.05…0.08, and less than 0.02 for wrong ones.
		it('of decoded frames, by a map from random latents, more than one of another latent', async () => {
			const decode = async (given: NdArray) => {
				const key = { seed: 5, stream: 'decoder', draw: 0 };
				const noise = (length: number) => normalNoise(key, length);
				return (await vae.decodePicture(given, noise)) as Floats;
			};
			const channels = videoVaeConfig(checkpoint).latent_channels;
			const previews = await openPreviews({ folder: root, key: name, channels });
			expect(previews.png(latent)).toBeNull();
			expect(await previews.fitOnce(decode)).toBe(true);
			const latents = [latent, otherLatent];
			const decoded = [await decode(latent), await decode(otherLatent)];
			const likenesses = { right: [] as number[], wrong: [] as number[] };
			for (const cell of [0, 2, 4]) {
				const drawn = decoded.map((film) => withoutMeanPatch(quarter(film, cell), width / 4));
				for (const [i, given] of latents.entries()) {
					const rgb = await rgbOfPng(previews.png(given, { frame: 8 * cell })!);
					const seen = withoutMeanPatch(rgb, width / 4);
					likenesses.right.push(correlation(seen, drawn[i]!));
					likenesses.wrong.push(correlation(seen, drawn[1 - i]!));
				}
			}
			expect(Math.min(...likenesses.right)).toBeGreaterThan(0.02);
			const mean = (values: number[]) => values.reduce((sum, value) => sum + value) / values.length;
			expect(mean(likenesses.right)).toBeGreaterThan(0.04);
			expect(mean(likenesses.right)).toBeGreaterThan(2 * Math.abs(mean(likenesses.wrong)));
		});
	});
});

describe('previews of a checkpoint', () => {
	const weights = decoder(6);
	const channels = 6;
	const learned = noiseLatent([6, 3, 4, 6], 1);

	async function fitted(folder: string) {
		const previews = await openPreviews({ folder, key: 'one', channels });
		expect(previews.ready).toBe(false);
		expect(await previews.fit(learned, linearPixels(weights, learned))).toBe(true);
		expect(previews.ready).toBe(true);
		return previews;
	}

	it('show the frame that is wanted, by default the middle, without what lies around it', async () => {
		const previews = await fitted(join(root, 'looks'));
		const latent = noiseLatent([6, 4, 4, 6], 2);
		const pixels = linearPixels(weights, latent);
		const likeness = async (png: Uint8Array | null, cell: number) =>
			correlation(await rgbOfPng(png!), clipped(quarter(pixels, cell)));
		expect(await likeness(previews.png(latent), 2)).toBeGreaterThan(0.9);
		expect(await likeness(previews.png(latent), 1)).toBeLessThan(0.3);
		for (const [frame, cell] of [
			[0, 0],
			[8, 1],
			[24, 3],
		] as const) {
			expect(await likeness(previews.png(latent, { frame }), cell)).toBeGreaterThan(0.9);
		}
		const one = { ...latent, data: rowOf(latent, 3), shape: [6, 1, 4, 6] };
		expect(previews.png(one, { frame: 24 })).toEqual(previews.png(latent, { frame: 24 }));

		const crop = { width: 192, height: 128, inner: { width: 160, height: 100 } };
		const rgb = await rgbOfPng(previews.png(latent, { crop })!);
		expect(rgb).toHaveLength(40 * 25 * 3);
		const whole = clipped(quarter(pixels, 2));
		const inside = Array.from({ length: 40 * 25 * 3 }, (_, i) => {
			const [x, y] = [Math.floor(i / 3) % 40, Math.floor(i / 120)];
			return whole[((y + 3) * 48 + x + 4) * 3 + (i % 3)]!;
		});
		expect(correlation(rgb, inside)).toBeGreaterThan(0.9);
	});

	it('take up the last map, of this checkpoint alone, and are not fitted at random then', async () => {
		const folder = join(root, 'kept');
		const previews = await fitted(folder);
		const again = await openPreviews({ folder, key: 'one', channels });
		expect(again.ready).toBe(true);
		expect(again.png(learned)).toEqual(previews.png(learned));
		expect(await again.fitOnce(() => Promise.reject(new Error('decoded')))).toBe(true);
		expect((await openPreviews({ folder, key: 'two', channels })).ready).toBe(false);
		expect((await openPreviews({ folder, key: 'one', channels: 8 })).ready).toBe(false);
		const other = await openPreviews({ folder, key: 'two', channels });
		await expect(other.fitOnce(() => Promise.reject(new Error('decoded')))).rejects.toThrow();
	});

	it('learn once from random latents that are decoded, where there are no pictures', async () => {
		const place = { folder: join(root, 'random'), key: 'one', channels };
		const previews = await openPreviews(place);
		const shapes: (readonly number[])[] = [];
		const decode = async (latent: NdArray) => {
			shapes.push(latent.shape);
			const { data, shape } = latent as Floats;
			return linearPixels(weights, { data, shape: shape.slice(1) });
		};
		expect(await previews.fitOnce(decode)).toBe(true);
		expect(await previews.fitOnce(decode)).toBe(true);
		expect(await (await openPreviews(place)).fitOnce(decode)).toBe(true);
		expect(shapes).toEqual([[1, 6, 2, 12, 12]]);
		const shown = await rgbOfPng(previews.png(learned)!);
		const likeness = (cell: number) =>
			correlation(shown, clipped(quarter(linearPixels(weights, learned), cell)));
		expect(likeness(1)).toBeGreaterThan(0.9);
		expect(likeness(2)).toBeLessThan(0.3);
	});

	it('are without a map where its file is damaged, and make it anew', async () => {
		const folder = join(root, 'damaged');
		await fitted(folder);
		const [name] = await readdir(folder);
		const path = join(folder, name!);
		const whole = await readFile(path);
		const middle = whole.length >> 1;
		const other = whole[middle] === 0x41 ? 0x42 : 0x41;
		const changed = Buffer.concat([
			...[whole.subarray(0, middle), Buffer.of(other), whole.subarray(middle + 1)],
		]);
		for (const bytes of [whole.subarray(0, middle), Buffer.alloc(0), Buffer.from('7'), changed]) {
			await writeFile(path, bytes);
			await fitted(folder);
		}
		expect(await readdir(folder)).toEqual([name]);
	});

	it('keep their map when a neighbour shows nothing, or no cell is real', async () => {
		const folder = join(root, 'black');
		const previews = await fitted(folder);
		const before = previews.png(learned);
		const black = { data: new Float32Array(3 * 17 * 128 * 192).fill(-1), shape: [3, 17, 128, 192] };
		expect(await previews.fit(learned, black)).toBe(false);
		expect(await previews.fit(learned, linearPixels(weights, learned), [])).toBe(false);
		expect(previews.png(learned)).toEqual(before);
	});

	it('are of a file by what it holds, wherever it lies', async () => {
		const [a, b] = [join(root, 'a.safetensors'), join(root, 'b.safetensors')];
		await copyFile(await tinyCheckpoint('ltx-2-tiny'), a);
		const key = await checkpointKey(await Checkpoint.open(a));
		await rename(a, b);
		expect(await checkpointKey(await Checkpoint.open(b))).toBe(key);
		const other = await Checkpoint.open(await tinyCheckpoint('ltx-2.3-tiny'));
		expect(await checkpointKey(other)).not.toBe(key);
	});
});

/** Pixels in −1…1 as bytes hold them. */
function clipped(values: Float64Array): Float64Array {
	return values.map((value) => Math.min(1, Math.max(-1, value)));
}

/** One cell in time of a latent. */
function rowOf({ data, shape }: Floats, cell: number): Float32Array {
	const [c, f, h, w] = shape as [number, number, number, number];
	const row = new Float32Array(c * h * w);
	for (let i = 0; i < c; i++) {
		const from = (i * f + cell) * h * w;
		row.set(data.subarray(from, from + h * w), i * h * w);
	}
	return row;
}
