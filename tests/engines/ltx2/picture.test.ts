import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
	canvasOf,
	middleOf,
	packed,
} from '../../../inference-daemon/engines/ltx2/condition/picture.ts';
import {
	onCanvas,
	readPictures,
} from '../../../inference-daemon/engines/ltx2/condition/read-window.ts';
import { covering } from '../../../inference-daemon/engines/ltx2/condition/scaling.ts';
import { readStill } from '../../../inference-daemon/engines/ltx2/condition/still.ts';
import { prepare } from '../../../inference-daemon/engines/ltx2/plan/prepare.ts';
import { type WorkSize, workSize } from '../../../inference-daemon/engines/ltx2/plan/window.ts';
import type { NdArray } from '../../../inference-daemon/engines/ltx2/runtime/values.ts';
import { Vae } from '../../../inference-daemon/engines/ltx2/vae/vae.ts';
import { Checkpoint } from '../../../inference-daemon/engines/ltx2/weights/checkpoint.ts';
import type { Frame } from '../../../inference-daemon/media/types.ts';
import { ffmpeg, run as runProgram } from '../../media/media-files.ts';
import { RUNS, readRun } from './run-case.ts';
import { makeCut, openStudio, requestFor, type Studio } from './shots.ts';
import { tinyCheckpoint } from './tiny.ts';

type Size = { readonly width: number; readonly height: number };

const SQUARE = { num: 1, den: 1 };
const { signal } = new AbortController();

let folder: string;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'pickup-picture-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const read = await Promise.all(RUNS.map(async (name) => [name, await readRun(name)] as const));
const WITH_IMAGES = read.filter(([, { run }]) => run.images && run.images.length > 0);

describe.each(WITH_IMAGES)('the images of %s', (name, { run, tensors }) => {
	it('come to the reference’s pixels and latents from a file', async () => {
		const vae = new Vae(
			await Checkpoint.open(await tinyCheckpoint(run.checkpoint.replace(/\.\w+$/, ''))),
		);
		for (const [key, { data, shape }] of Object.entries(tensors)) {
			const [, image] = /^s\d\.(image\d)_pixels$/.exec(key) ?? [];
			if (!image) continue;
			const given = tensors[`input.${image}`]!;
			const [height, width] = given.shape as [number, number];
			const path = await pictureFile(`${name} ${image}.png`, {
				width,
				height,
				format: 'rgb24',
				data: given.data as Uint8Array,
			});
			const size = { height: shape[3]!, width: shape[4]! };
			const seen = onCanvas(await readStill(ffmpeg, path, 0, signal), { ...size, inner: size });
			expect(farthest(signed(seen), data as Float32Array)).toBeLessThan(1e-4);
			const latent = await vae.encodePicture(seen, signal);
			const wanted = tensors[key.replace('_pixels', '_latent')]!;
			expect(farthest(latent.data as Float32Array, wanted.data as Float32Array)).toBeLessThan(1e-4);
		}
	});
});

/** Stills, and the size that they are to cover: larger, smaller, upright, odd, very small. */
const COVERED = [
	[
		{ width: 160, height: 90 },
		{ width: 64, height: 32 },
	],
	[
		{ width: 90, height: 161 },
		{ width: 64, height: 96 },
	],
	[
		{ width: 101, height: 57 },
		{ width: 96, height: 64 },
	],
	[
		{ width: 8, height: 66 },
		{ width: 64, height: 64 },
	],
	[
		{ width: 1, height: 1 },
		{ width: 64, height: 64 },
	],
] as const;

it.each(COVERED)('a picture of %o covers %o as the reference’s does', (size, target) => {
	const frame = noise(size);
	const area = covering({ size, pixelAspect: SQUARE }, target);
	const scale = Math.max(target.width / size.width, target.height / size.height);
	const [wide, high] = [Math.ceil(size.width * scale), Math.ceil(size.height * scale)];
	const [left, top] = [(wide - target.width) >> 1, (high - target.height) >> 1];
	const all = bilinear(frame, { width: wide, height: high });
	const seen = canvasOf(frame, area, { ...target, inner: target });
	let apart = 0;
	for (let c = 0; c < 3; c++) {
		for (let y = 0; y < target.height; y++) {
			for (let x = 0; x < target.width; x++) {
				const found = seen[(c * target.height + y) * target.width + x]! / 257;
				apart = Math.max(apart, Math.abs(found - all(c, x + left, y + top)));
			}
		}
	}
	expect(apart).toBeLessThan(1 / 257);
});

describe('the neighbours of a gap', () => {
	let studio: Studio;
	beforeAll(async () => {
		studio = await openStudio();
	});
	afterAll(() => studio.close());

	/** A film of one picture that loses nothing. */
	async function film(name: string, frame: Frame, count: number): Promise<string> {
		const path = join(folder, name);
		const raw = ['-f', 'rawvideo', '-pixel_format', 'rgb24', '-framerate', '24'];
		const size = ['-video_size', `${frame.width}x${frame.height}`];
		const input = Buffer.concat(Array.from({ length: count }, () => frame.data));
		const options = ['-y', '-loglevel', 'error', ...raw, ...size, '-i', 'pipe:0'];
		await runProgram(ffmpeg.path, [...options, '-c:v', 'qtrle', path], input);
		return path;
	}

	// Of the sequence's shape, narrower, and larger than what is read at once.
	it.each([
		{ width: 384, height: 256 },
		{ width: 96, height: 128 },
		{ width: 1920, height: 1280 },
	])('of %o are read at their own size and scaled as the reference does', async (size) => {
		const frame = noise(size);
		const path = await film(`${size.width}.mov`, frame, 26);
		const cut = await makeCut(studio, { num: 24, den: 1, width: 192, height: 128 });
		const source = { kind: 'file', path } as const;
		const settings = { model: studio.model, provider: 'cpu', pixels: 96 * 64, context: 1 / 3 };
		const [left, right] = [
			{ ...cut.left, source },
			{ ...cut.right, source },
		];
		const request = requestFor('fill', { ...cut, left, right }, { settings });
		const { work } = (await prepare(request, null)).planned();
		const pass = work.passes[0]!;
		const passSource = { ffmpeg, request, work, pass, previous: null, signal };
		const { pixels } = await readPictures(passSource, work.sizes[0]!);
		const target = work.sizes[0]!;
		const fits = Math.min(192 / size.width, 128 / size.height) * (target.width / 192);
		const inside = { width: size.width * fits, height: size.height * fits };
		const margin = (target.width - inside.width) / 2;
		const wanted = bilinear(frame, inside);
		let apart = 0;
		const [, , frames] = pixels.shape as [number, number, number];
		for (const index of [0, pass.window.left - 1, pass.window.gap.end, frames - 1]) {
			for (let c = 0; c < 3; c++) {
				for (let y = 0; y < target.height; y++) {
					for (let x = 0; x < target.width; x++) {
						const at = ((c * frames + index) * target.height + y) * target.width + x;
						const isInside = x >= margin && x < margin + inside.width;
						const level = isInside ? wanted(c, x - margin, y) : 0;
						apart = Math.max(apart, Math.abs(Number(pixels.data[at]) / 257 - level));
					}
				}
			}
		}
		expect(apart).toBeLessThan(1 / 257);
	});
});

describe('the middle of a canvas', () => {
	const work: WorkSize = { width: 64, height: 32, inner: { width: 40, height: 32 } };

	it('is what came onto it, and its edges go on to the canvas’s', () => {
		const frame = noise(work.inner);
		const canvas = canvasOf(frame, { left: 0, top: 0, ...work.inner }, work);
		const count = work.width * work.height;
		const planes = [0, 1, 2].map((c) =>
			Float32Array.from(
				canvas.subarray(c * count, (c + 1) * count),
				(level) => level / 32_767.5 - 1,
			),
		);
		expect(packed(middleOf({ ...work, planes }, work))).toEqual(frame);
		expect(canvas[0]).toBe(canvas[12]);
		expect(canvas[count - 1]).toBe(canvas[count - 13]);
	});

	it('is clipped, and black where it is no number', () => {
		const of = (value: number) => {
			const plane = new Float32Array(64 * 32).fill(value);
			const frame = middleOf({ ...work, planes: [plane, plane, plane] }, work);
			return new Set(packed(frame).data);
		};
		expect(of(1.7)).toEqual(new Set([255]));
		expect(of(-1.7)).toEqual(new Set([0]));
		expect(of(Number.NaN)).toEqual(new Set([0]));
	});
});

it('a picture stays unstretched in the middle of every size to work at', () => {
	for (const size of [
		{ width: 160, height: 90 },
		{ width: 90, height: 160 },
	]) {
		const { inner } = workSize(size, 64 * 32, 32);
		const { left, top, width, height } = covering({ size, pixelAspect: SQUARE }, inner);
		expect([left, top].every((offset) => Math.abs(offset) <= 1)).toBe(true);
		expect([width - inner.width, height - inner.height].every((more) => more <= 2)).toBe(true);
	}
});

async function pictureFile(name: string, { width, height, data }: Frame): Promise<string> {
	const path = join(folder, name);
	const raw = ['-f', 'rawvideo', '-pixel_format', 'rgb24', '-video_size', `${width}x${height}`];
	const input = ['-y', '-loglevel', 'error', ...raw, '-i', 'pipe:0'];
	await runProgram(
		ffmpeg.path,
		[...input, '-frames:v', '1', '-update', '1', path],
		Buffer.from(data),
	);
	return path;
}

function signed({ data }: NdArray): Float32Array {
	return Float32Array.from(data as Uint16Array, (level) => level / 32_767.5 - 1);
}

function farthest(found: Float32Array, wanted: Float32Array): number {
	expect(found.length).toBe(wanted.length);
	return found.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted[i]!)), 0);
}

/** torch's `interpolate` to a size, `bilinear`, without `align_corners` or `antialias`. */
function bilinear({ data, width, height }: Frame, to: Size) {
	const place = (at: number, from: number, length: number) => {
		const exact = Math.max(0, ((at + 0.5) * from) / length - 0.5);
		const first = Math.min(from - 1, Math.floor(exact));
		return [first, Math.min(from - 1, first + 1), exact - first] as const;
	};
	return (c: number, x: number, y: number) => {
		const [left, right, beside] = place(x, width, to.width);
		const [upper, lower, below] = place(y, height, to.height);
		const at = (column: number, row: number) => data[3 * (row * width + column) + c]!;
		const mixed = (row: number) => at(left, row) * (1 - beside) + at(right, row) * beside;
		return mixed(upper) * (1 - below) + mixed(lower) * below;
	};
}

function noise({ width, height }: Size): Frame {
	const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
		return ((Math.imul(i + 1, 2_654_435_761) >>> 0) / 2 ** 32) * 256;
	});
	return { width, height, format: 'rgb24', data };
}
