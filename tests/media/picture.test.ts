import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readFrames } from '../../inference-daemon/media/frames.ts';
import { fitInside } from '../../inference-daemon/media/picture.ts';
import { frameBytes, planesOf } from '../../inference-daemon/media/pixels.ts';
import { encodeJpeg } from '../../inference-daemon/media/poster.ts';
import { probe } from '../../inference-daemon/media/probe.ts';
import type { Frame, PixelFormat } from '../../inference-daemon/media/types.ts';
import { rational, ZERO } from '../../protocol/time.ts';
import { brightness, ffmpeg, inFolder, makeFilm, numberOf, run, SQUARE } from './media-files.ts';

const SAMPLE = join(import.meta.dirname, '../samples/media/rotate-buck-bunny.mp4');
const FULL_RANGE_SAMPLE = join(import.meta.dirname, '../samples/media/video.mp4');

async function firstFrame(
	path: string,
	wanted: {
		width: number;
		height: number;
		format?: PixelFormat;
		pixelAspect?: { num: number; den: number };
	},
): Promise<Frame> {
	const { width, height, format = 'rgb24', pixelAspect = SQUARE } = wanted;
	const [frame] = await readFrames(ffmpeg, {
		path,
		at: [ZERO],
		size: { width, height },
		pixelAspect,
		format,
	});
	expect(frame).toMatchObject({ width, height, format });
	expect(frame!.data.length).toBe(frameBytes(format, { width, height }));
	return frame!;
}

function rgbAt(frame: Frame, x: number, y: number): number[] {
	const at = (y * frame.width + x) * 3;
	return [...frame.data.subarray(at, at + 3)];
}

/** Y, Cb and Cr of the middle of a picture, in 8 bits. */
function yuvAtMiddle(frame: Frame): number[] {
	const scale = frame.format === 'yuv422p10le' ? 4 : 1;
	return planesOf(frame.format, frame).map((plane) => {
		const at = Math.floor(plane.height / 2) * plane.width + Math.floor(plane.width / 2);
		const { data } = frame;
		const from = plane.offset + at * plane.bytesPerSample;
		return (
			(plane.bytesPerSample === 2 ? data[from]! | (data[from + 1]! << 8) : data[from]!) / scale
		);
	});
}

/** Where the picture lies between black bars, by its middle row and column. */
function litBox(frame: Frame) {
	const isLit = (x: number, y: number) => brightness(frame, x, y) > 0.1;
	const columns = [...Array(frame.width).keys()].filter((x) => isLit(x, frame.height >> 1));
	const rows = [...Array(frame.height).keys()].filter((y) => isLit(frame.width >> 1, y));
	return { left: columns[0], right: columns.at(-1)! + 1, top: rows[0], bottom: rows.at(-1)! + 1 };
}

async function makeColour(
	folder: string,
	name: string,
	colour: string,
	options: readonly string[],
) {
	const path = join(folder, name);
	await run(ffmpeg.path, [
		...['-v', 'error', '-f', 'lavfi', '-i', `color=${colour}:s=720x576:r=25:d=0.2,format=gbrp`],
		...[...options, path],
	]);
	return path;
}

/** An MP4 whose track header (ISO/IEC 14496-12, 8.3.2) says that it is to be turned. */
function turnedClockwise(film: Buffer, degrees: number): Buffer {
	const matrix = film.indexOf('tkhd') + 44;
	const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
	[cos, sin, 0, -sin, cos].forEach((value, i) => {
		film.writeInt32BE(Math.round(value * 65_536), matrix + 4 * i);
	});
	return film;
}

describe('rotation', () => {
	it('of a phone clip is applied: portrait, its top at the top', async () => {
		const media = await probe(ffmpeg, SAMPLE);
		expect(media.video).toMatchObject({
			size: { width: 1080, height: 1920 },
			rotation: 90,
			codec: 'h264',
			rate: { num: 24, den: 1 },
			start: { num: 1, den: 12 },
		});
		expect(media.audio).toMatchObject({ channels: 6, layout: '5.1', sampleRate: 48_000 });
	});

	it.each([
		[90, [2, 0]],
		[180, [3, 2]],
		[270, [1, 3]],
	])('by %i degrees clockwise', async (degrees, [topLeft, topRight]) => {
		await inFolder(async (folder) => {
			// Quarters of different grey: top left, top right, bottom left, bottom right.
			const grey = 'lum=40+50*gte(X\\,W/2)+100*gte(Y\\,H/2):cb=128:cr=128';
			const plain = join(folder, 'plain.mp4');
			await run(ffmpeg.path, [
				...['-v', 'error', '-f', 'lavfi', '-i', `color=black:s=160x96:r=25:d=0.4,geq=${grey}`],
				...['-c:v', 'libx264', '-qp', '4', '-pix_fmt', 'yuv420p', plain],
			]);
			const path = join(folder, 'turned.mp4');
			await writeFile(path, turnedClockwise(await readFile(plain), degrees));
			const turned = degrees !== 180;
			const size = turned ? { width: 96, height: 160 } : { width: 160, height: 96 };
			const { video } = await probe(ffmpeg, path);
			expect(video).toMatchObject({ size, rotation: degrees });
			const frame = await firstFrame(path, { ...size, format: 'yuv420p' });
			const quarter = (x: number, y: number) =>
				Math.round((frame.data[y * frame.width + x]! - 40) / 50);
			expect([quarter(8, 8), quarter(frame.width - 8, 8)]).toEqual([topLeft, topRight]);
		});
	});
});

describe('shape', () => {
	it.each([
		['the same shape fills the frame', [1920, 1080], [1, 1], [640, 360], [1, 1], [640, 360]],
		['wider gets bars above and below', [1920, 800], [1, 1], [640, 360], [1, 1], [640, 266]],
		['narrower gets bars beside', [720, 1280], [1, 1], [640, 360], [1, 1], [202, 360]],
		['PAL 16:9 fills HD', [720, 576], [64, 45], [1920, 1080], [1, 1], [1920, 1080]],
		['PAL 4:3', [720, 576], [16, 15], [1920, 1080], [1, 1], [1440, 1080]],
		['HD fills anamorphic PAL', [1920, 1080], [1, 1], [720, 576], [64, 45], [720, 576]],
		['a hair narrower is not given bars', [1918, 1080], [1, 1], [640, 360], [1, 1], [640, 360]],
		['never nothing', [16_000, 2], [1, 1], [64, 64], [1, 1], [64, 2]],
	])('%s', (_, from, fromAspect, to, toAspect, expected) => {
		const size = ([width = 0, height = 0]: readonly number[]) => ({ width, height });
		const inside = fitInside(
			{ size: size(from), pixelAspect: rational(fromAspect[0]!, fromAspect[1]) },
			{ size: size(to), pixelAspect: rational(toAspect[0]!, toAspect[1]) },
		);
		expect(inside).toEqual(size(expected));
	});

	it('a picture of 64:45 pixels lies in the middle on black, in each format', async () => {
		await inFolder(async (folder) => {
			const path = join(folder, 'wide.mp4');
			await run(ffmpeg.path, [
				...['-v', 'error', '-f', 'lavfi', '-i', 'color=white:s=72x60:r=25:d=0.2,setsar=64/45'],
				...['-c:v', 'libx264', '-pix_fmt', 'yuv420p', path],
			]);
			expect((await probe(ffmpeg, path)).video?.pixelAspect).toEqual({ num: 64, den: 45 });
			for (const format of ['rgb24', 'yuv420p', 'yuv422p10le'] as const) {
				// 102.4 × 60 wide pictures in 200 × 100: 170.7 × 100.
				const frame = await firstFrame(path, { width: 200, height: 100, format });
				expect(litBox(frame)).toEqual({ left: 14, right: 184, top: 0, bottom: 100 });
				expect(brightness(frame, 2, 50)).toBeCloseTo(0, 5);
			}
			const tall = await firstFrame(path, { width: 100, height: 101, format: 'rgb24' });
			expect(litBox(tall)).toEqual({ left: 0, right: 100, top: 20, bottom: 78 });
		});
	});

	it('odd sizes', async () => {
		await inFolder(async (folder) => {
			const path = await makeFilm(join(folder, 'film.mov'), {
				count: 6,
				rate: '25',
				options: ['-c:v', 'libx264'],
			});
			for (const format of ['rgb24', 'yuv420p', 'yuv422p10le'] as const) {
				const [frame] = await readFrames(ffmpeg, {
					path,
					at: [rational(5, 25)],
					size: { width: 161, height: 97 },
					pixelAspect: SQUARE,
					format,
				});
				expect(numberOf(frame!)).toBe(5);
			}
		});
	});
});

describe('colour', () => {
	const RED_601 = ['-vf', 'scale=out_color_matrix=bt601:flags=accurate_rnd,format=yuv420p'];
	const RED_709 = ['-vf', 'scale=out_color_matrix=bt709:flags=accurate_rnd,format=yuv420p'];

	it.each([
		['untagged SD is BT.601', RED_601],
		['tagged BT.601', [...RED_601, '-colorspace', 'smpte170m']],
		['SD tagged BT.709', [...RED_709, '-colorspace', 'bt709']],
		['untagged HD is BT.709', [RED_709[0]!, `${RED_709[1]},scale=1280:720`]],
		[
			'full range',
			[
				...['-vf', 'scale=out_color_matrix=bt601:out_range=pc,format=yuvj420p'],
				...['-colorspace', 'bt470bg', '-color_range', 'pc'],
			],
		],
		[
			'ten bits',
			['-vf', 'scale=out_color_matrix=bt709,format=yuv420p10le', '-colorspace', 'bt709'],
		],
	])('red stays red: %s', async (_, options) => {
		await inFolder(async (folder) => {
			const path = await makeColour(folder, 'red.mkv', 'red', [
				...options,
				...['-c:v', 'libx264', '-qp', '2'],
			]);
			const rgb = await firstFrame(path, { width: 160, height: 128 });
			const [r, g, b] = rgbAt(rgb, 80, 64);
			expect(r).toBeGreaterThan(250);
			expect(Math.max(g!, b!)).toBeLessThan(5);
			// BT.709 red in video range.
			for (const format of ['yuv420p', 'yuv422p10le'] as const) {
				const [y, cb, cr] = yuvAtMiddle(
					await firstFrame(path, { width: 160, height: 128, format }),
				);
				expect(Math.abs(y! - 63)).toBeLessThanOrEqual(1.5);
				expect(Math.abs(cb! - 102)).toBeLessThanOrEqual(1.5);
				expect(Math.abs(cr! - 240)).toBeLessThanOrEqual(1.5);
			}
		});
	});
});

describe('colour of stills and posters', () => {
	it('an RGB still and a JPEG are converted to BT.709', async () => {
		await inFolder(async (folder) => {
			for (const name of ['red.png', 'red.jpg', 'red.tif']) {
				const path = await makeColour(folder, name, 'red', [
					...[
						'-frames:v',
						'1',
						'-update',
						'1',
						'-pix_fmt',
						name.endsWith('jpg') ? 'yuvj444p' : 'rgb24',
					],
				]);
				const [y, cb, cr] = yuvAtMiddle(
					await firstFrame(path, { width: 160, height: 128, format: 'yuv422p10le' }),
				);
				expect(Math.abs(y! - 63)).toBeLessThanOrEqual(2);
				expect(Math.abs(cb! - 102)).toBeLessThanOrEqual(2);
				expect(Math.abs(cr! - 240)).toBeLessThanOrEqual(2);
				const [r, g, b] = rgbAt(await firstFrame(path, { width: 160, height: 128 }), 80, 64);
				expect(r).toBeGreaterThan(250);
				expect(Math.max(g!, b!)).toBeLessThan(5);
			}
		});
	});

	it('full range video keeps its white and its black', async () => {
		const { video } = await probe(ffmpeg, FULL_RANGE_SAMPLE);
		expect(video).toMatchObject({ pixelFormat: 'yuvj420p', rate: { num: 25, den: 1 } });
		const frame = await firstFrame(FULL_RANGE_SAMPLE, {
			width: 320,
			height: 180,
			format: 'yuv420p',
		});
		const luma = frame.data.subarray(0, 320 * 180);
		expect(Math.min(...luma)).toBeGreaterThanOrEqual(15);
		expect(Math.max(...luma)).toBeLessThanOrEqual(236);
	});

	it('a poster is a JPEG of the colours that went in, no wider than asked', async () => {
		await inFolder(async (folder) => {
			const red = await makeColour(folder, 'red.png', 'red', ['-frames:v', '1', '-update', '1']);
			for (const format of ['rgb24', 'yuv420p', 'yuv422p10le'] as const) {
				const frame = await firstFrame(red, { width: 320, height: 180, format });
				const jpeg = await encodeJpeg(ffmpeg, frame, 100);
				const path = join(folder, `${format}.jpg`);
				await writeFile(path, jpeg);
				expect((await probe(ffmpeg, path)).video?.size).toEqual({ width: 100, height: 56 });
				const [r, g, b] = rgbAt(await firstFrame(path, { width: 100, height: 56 }), 50, 28);
				expect(r).toBeGreaterThan(245);
				expect(Math.max(g!, b!)).toBeLessThan(8);
			}
		});
	});
});

describe('interlaced film', () => {
	it('is deinterlaced, and each frame keeps its time', async () => {
		await inFolder(async (folder) => {
			const path = await makeFilm(join(folder, 'film.mov'), {
				count: 60,
				rate: '25',
				options: [
					...['-vf', 'setfield=tff', '-c:v', 'mpeg2video', '-flags', '+ilme+ildct'],
					...['-g', '12', '-bf', '2', '-q:v', '1'],
				],
			});
			const wanted = [0, 1, 2, 25, 26, 57, 58, 59];
			const frames = await readFrames(ffmpeg, {
				path,
				at: wanted.map((n) => rational(n, 25)),
				size: { width: 160, height: 96 },
				pixelAspect: SQUARE,
				format: 'yuv420p',
			});
			expect(frames.map((frame) => numberOf(frame))).toEqual(wanted);
		});
	});

	it('shows no comb where something moves', async () => {
		await inFolder(async (folder) => {
			// Fields of different brightness, as of something that moved between them.
			const path = join(folder, 'comb.mov');
			await run(ffmpeg.path, [
				...['-v', 'error', '-f', 'lavfi'],
				...['-i', 'color=black:s=160x96:r=50:d=1,geq=lum=if(mod(N\\,2)\\,200\\,40):cb=128:cr=128'],
				...['-vf', 'interlace=lowpass=off,setfield=tff', '-c:v', 'mpeg2video'],
				...['-flags', '+ilme+ildct', '-q:v', '1', path],
			]);
			const frame = await firstFrame(path, { width: 160, height: 96, format: 'yuv420p' });
			const rows = Array.from({ length: 96 }, (_, y) => brightness(frame, 80, y));
			const steps = rows.slice(1).map((value, y) => Math.abs(value - rows[y]!));
			expect(Math.max(...steps.slice(8, -8))).toBeLessThan(0.2);
		});
	});
});
