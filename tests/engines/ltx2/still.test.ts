import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { onCanvas } from '../../../inference-daemon/engines/ltx2/condition/read-window.ts';
import { readStill } from '../../../inference-daemon/engines/ltx2/condition/still.ts';
import { readFrames } from '../../../inference-daemon/media/frames.ts';
import type { Frame } from '../../../inference-daemon/media/types.ts';
import { ffmpeg, run } from '../../media/media-files.ts';
import { localAttentionModel } from './local-attention.ts';
import { type Cut, make, makeCut, openStudio, requestFor, type Studio } from './shots.ts';

let studio: Studio;
beforeAll(async () => {
	studio = await openStudio();
});
afterAll(() => studio.close());

type Colour = readonly [red: number, green: number, blue: number];
type Size = { readonly width: number; readonly height: number };

const RED: Colour = [200, 40, 40];
const GREEN: Colour = [40, 170, 60];
const BLUE: Colour = [50, 50, 210];
const GREY: Colour = [128, 128, 128];
const HD: Size = { width: 1920, height: 1080 };
const SQUARE: Size = { width: 1000, height: 1000 };

/** A picture as a file whose name says its kind; `options` go before the name. */
async function picture(
	name: string,
	{ width, height }: Size,
	colourAt: (x: number, y: number) => Colour,
	options: readonly string[] = [],
): Promise<string> {
	const path = join(studio.folder, name);
	const data = Buffer.alloc(3 * width * height);
	for (let y = 0, at = 0; y < height; y++) {
		for (let x = 0; x < width; x++, at += 3) data.set(colourAt(x, y), at);
	}
	const raw = ['-f', 'rawvideo', '-pixel_format', 'rgb24', '-video_size', `${width}x${height}`];
	const args = [
		'-y',
		'-loglevel',
		'error',
		...raw,
		'-i',
		'pipe:0',
		'-frames:v',
		'1',
		'-update',
		'1',
	];
	await run(ffmpeg.path, [...args, ...options, path], data);
	return path;
}

const { signal } = new AbortController();

/** What of a still comes onto a canvas of a size, packed. */
async function read(path: string, size: Size, crf = 18): Promise<Frame> {
	const still = await readStill(ffmpeg, path, crf, signal);
	const { data } = onCanvas(still, { ...size, inner: size });
	const count = size.width * size.height;
	const level = (i: number) => Number(data[(i % 3) * count + Math.floor(i / 3)]) / 257;
	return {
		...size,
		format: 'rgb24',
		data: Uint8Array.from({ length: 3 * count }, (_, i) => level(i) + 0.5),
	};
}

/** The colour at shares of a picture's width and height, mean of 3 × 3 pixels. */
function colourOf({ width, height, data }: Frame, across: number, down: number): number[] {
	const place = (share: number, length: number) =>
		Math.min(length - 2, Math.max(1, Math.floor(share * length)));
	const [x, y] = [place(across, width), place(down, height)];
	const sums = [0, 0, 0];
	for (const dy of [-1, 0, 1]) {
		for (const dx of [-1, 0, 1]) {
			for (const c of [0, 1, 2]) sums[c]! += data[3 * ((y + dy) * width + x + dx) + c]!;
		}
	}
	return sums.map((sum) => sum / 9);
}

/** Levels of 0…255 between two colours. */
function expectColour(got: readonly number[], wanted: Colour, most = 8): void {
	for (const [c, value] of got.entries()) {
		const apart = Math.abs(value - wanted[c]!);
		expect(apart <= most, `${got.map(Math.round)} instead of ${wanted}`).toBe(true);
	}
}

const inThirds =
	(length: number, along: 'x' | 'y') =>
	(x: number, y: number): Colour =>
		[RED, GREEN, BLUE][Math.floor((3 * (along === 'x' ? x : y)) / length)]!;

describe('a still covers a size, cut in the middle', () => {
	it('where it is wider', async () => {
		const path = await picture('wide.png', { width: 630, height: 200 }, inThirds(630, 'x'));
		const frame = await read(path, SQUARE);
		for (const across of [0.05, 0.5, 0.95]) expectColour(colourOf(frame, across, 0.5), GREEN);
		const half = await read(path, { width: 300, height: 200 });
		for (const [across, colour] of [
			[0.1, RED],
			[0.5, GREEN],
			[0.9, BLUE],
		] as const) {
			expectColour(colourOf(half, across, 0.5), colour);
		}
	});

	it('where it is taller', async () => {
		const path = await picture('tall.png', { width: 160, height: 510 }, inThirds(510, 'y'));
		const frame = await read(path, HD);
		for (const down of [0.05, 0.5, 0.95]) expectColour(colourOf(frame, 0.5, down), GREEN);
	});

	it.each([
		[1, 1],
		[1, 40],
		[101, 57],
		[2000, 3],
	])('of %d×%d pixels', async (width, height) => {
		const path = await picture(`${width} ${height}.png`, { width, height }, () => RED);
		for (const size of [HD, { width: 90, height: 160 }]) {
			const frame = await read(path, size);
			expectColour([...frame.data.subarray(0, 3)], RED);
			expectColour([...frame.data.subarray(-3)], RED);
		}
	});

	it('where it is larger than H.264 can be', async () => {
		const path = await picture('long.png', { width: 17_000, height: 199 }, () => RED);
		const frame = await read(path, { width: 2000, height: 24 });
		for (const across of [0, 0.5, 1]) expectColour(colourOf(frame, across, 0.5), RED);
	});

	it('where its pixels are not square', async () => {
		const stored = { width: 720, height: 576 };
		const stretched = ['-vf', 'setsar=64/45'];
		const path = await picture('dv.png', stored, inThirds(720, 'x'), stretched);
		const frame = await read(path, HD);
		for (const [across, colour] of [
			[0.02, RED],
			[0.31, RED],
			[0.36, GREEN],
			[0.64, GREEN],
			[0.69, BLUE],
			[0.98, BLUE],
		] as const) {
			expectColour(colourOf(frame, across, 0.5), colour);
		}
	});
});

describe('a still stands upright', () => {
	const stored = { width: 160, height: 96 };
	const inQuarters = (x: number, y: number): Colour =>
		y < 48 ? (x < 80 ? RED : GREEN) : x < 80 ? BLUE : GREY;
	const expectQuarters = (frame: Frame, quarters: readonly Colour[]) => {
		const places = [0.25, 0.75].flatMap((down) => [0.25, 0.75].map((across) => [across, down]));
		for (const [i, [across, down]] of places.entries()) {
			expectColour(colourOf(frame, across!, down!), quarters[i]!, 10);
		}
	};

	// As cameras write it: what is stored first is the top, the bottom, the right or the left side.
	it.each([
		[3, false, [GREY, BLUE, GREEN, RED]],
		[6, true, [BLUE, RED, GREY, GREEN]],
	] as const)('by its EXIF orientation %d', async (orientation, isTurned, quarters) => {
		const path = await picture('camera.jpg', stored, inQuarters, ['-q:v', '2']);
		await writeFile(path, withOrientation(await readFile(path), orientation));
		const shape = isTurned ? { width: 96, height: 160 } : stored;
		const frame = await read(path, shape);
		expectQuarters(frame, quarters);
	});

	it('by what a film says of its frames', async () => {
		const path = await picture('phone.mp4', stored, inQuarters, ['-pix_fmt', 'yuv444p']);
		await writeFile(path, turnedRight(await readFile(path)));
		const frame = await read(path, { width: 96, height: 160 });
		expectQuarters(frame, [BLUE, RED, GREY, GREEN]);
	});
});

/** A JPEG with an EXIF block of one entry (TIFF 6.0, tag 274). */
function withOrientation(jpeg: Buffer, orientation: number): Buffer {
	const tiff = Buffer.alloc(26);
	tiff.write('MM\0*', 'latin1');
	tiff.writeUInt32BE(8, 4);
	tiff.writeUInt16BE(1, 8);
	tiff.writeUInt16BE(274, 10);
	tiff.writeUInt16BE(3, 12);
	tiff.writeUInt32BE(1, 14);
	tiff.writeUInt16BE(orientation, 18);
	const content = Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), tiff]);
	const head = Buffer.of(0xff, 0xe1, 0, content.length + 2);
	return Buffer.concat([jpeg.subarray(0, 2), head, content, jpeg.subarray(2)]);
}

/** A film whose track is to be shown a quarter to the right (ISO/IEC 14496-12, 8.3.2). */
function turnedRight(film: Buffer): Buffer {
	const matrix = film.indexOf('tkhd', 0, 'latin1') + 44;
	for (const [i, value] of [0, 1, 0, -1, 0].entries()) {
		film.writeInt32BE(value * 2 ** 16, matrix + 4 * i);
	}
	return film;
}

describe('what H.264 makes of a still', () => {
	const PATCHES: readonly Colour[] = [
		...([RED, GREEN, BLUE, GREY, [0, 0, 0], [255, 255, 255]] as const),
		...([
			[250, 220, 20],
			[20, 210, 220],
			[200, 30, 200],
			[230, 180, 150],
			[60, 60, 60],
			[16, 16, 16],
		] as const),
	];
	const patchAt = (x: number, y: number) => PATCHES[4 * Math.floor(y / 64) + Math.floor(x / 64)]!;

	it.each(['png', 'jpg'])('has its colours (%s)', async (kind) => {
		const size = { width: 256, height: 192 };
		const options = kind === 'jpg' ? ['-q:v', '1', '-pix_fmt', 'yuvj444p'] : [];
		const path = await picture(`patches.${kind}`, size, patchAt, options);
		for (const crf of [18, 33]) {
			const frame = await read(path, size, crf);
			for (const [i, colour] of PATCHES.entries()) {
				const [across, down] = [((i % 4) + 0.5) / 4, (Math.floor(i / 4) + 0.5) / 3];
				expectColour(colourOf(frame, across, down), colour, 6);
			}
		}
	});

	it('is rougher the more it compresses', async () => {
		const path = join(studio.folder, 'fine.png');
		const source = ['-f', 'lavfi', '-i', 'mandelbrot=s=256x192:start_scale=0.2,hue=s=0'];
		await run(ffmpeg.path, ['-y', '-loglevel', 'error', ...source, '-frames:v', '1', path]);
		const size = { width: 256, height: 192 };
		const at = [{ num: 0, den: 1 }];
		const wanted = { path, at, size, pixelAspect: { num: 1, den: 1 }, format: 'rgb24' } as const;
		const [original] = await readFrames(ffmpeg, wanted);
		const [fine, rough] = [await read(path, size, 18), await read(path, size, 33)];
		expect(likeness(fine, original!)).toBeGreaterThan(likeness(rough, original!) + 5);
		expect(likeness(fine, original!)).toBeLessThan(45);
		expect(likeness(rough, original!)).toBeGreaterThan(20);
	});
});

/** PSNR in dB. */
function likeness({ data }: Frame, other: Frame): number {
	const sum = data.reduce((all, value, i) => all + (value - other.data[i]!) ** 2, 0);
	return 10 * Math.log10((255 ** 2 * data.length) / sum);
}

describe('is refused by name', () => {
	it('where it is sound alone', async () => {
		const path = join(studio.folder, 'tone.wav');
		const tone = ['-f', 'lavfi', '-i', 'sine=duration=0.1', path];
		await run(ffmpeg.path, ['-y', '-loglevel', 'error', ...tone]);
		await expect(read(path, HD)).rejects.toMatchObject({
			code: 'media-unreadable',
			message: `Expected a picture that can be read in ${path}: it has sound only`,
		});
	});

	it('where there is none, or no picture', async () => {
		const path = join(studio.folder, 'none.png');
		const message = expect.stringContaining(path);
		await expect(read(path, HD)).rejects.toMatchObject({ code: 'media-offline', message });
		await writeFile(path, 'not a picture');
		await expect(read(path, HD)).rejects.toMatchObject({ code: 'media-unreadable', message });
	});
});

describe('in a shot', () => {
	const GAP = 25;
	let cut: Cut;
	let model = '';
	let still = '';
	beforeAll(async () => {
		cut = await makeCut(studio, { num: 24, den: 1, width: 64, height: 64 }, { gap: GAP });
		model = await localAttentionModel(join(studio.folder, 'local attention'), 'ltx-2-tiny');
		still = await picture('still.png', { width: 90, height: 70 }, () => RED);
	});

	async function made(frame: number | null): Promise<readonly Frame[]> {
		const settings = { model, provider: 'cpu', pixels: 64 * 64, steps: 4 };
		const images = frame === null ? [] : [{ path: still, frame, strength: 1 }];
		const request = requestFor('insert', cut, { settings, images });
		const { clip } = await make(request, studio, `still at ${frame}`);
		const at = Array.from({ length: GAP }, (_, i) => ({ num: i, den: 24 }));
		const shape = { size: { width: 64, height: 64 }, pixelAspect: { num: 1, den: 1 } };
		return readFrames(ffmpeg, { path: clip.path, at, ...shape, format: 'rgb24' });
	}

	it('changes what is made, most where it is shown', async () => {
		const without = await made(null);
		/** Levels by which each frame changes. */
		const changes = async (frame: number) =>
			(await made(frame)).map(({ data }, i) => {
				const plain = without[i]!.data;
				return data.reduce((sum, value, k) => sum + Math.abs(value - plain[k]!), 0) / data.length;
			});
		const mean = (values: readonly number[]) =>
			values.reduce((sum, value) => sum + value, 0) / values.length;
		const leaning = (values: readonly number[]) =>
			mean(values.slice(-8)) / mean(values.slice(0, 8));
		const [first, early, late] = [await changes(0), await changes(8), await changes(20)];
		expect(first[0]).toBe(Math.max(...first));
		expect(first[0]).toBeGreaterThan(2 * first.at(-1)!);
		expect(mean(early)).toBeGreaterThan(1);
		expect(mean(late)).toBeGreaterThan(1);
		expect(leaning(late)).toBeGreaterThan(1.2 * leaning(early));
	});
});
