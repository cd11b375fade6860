import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { encodeClip, pixelFormatFor } from '../../inference-daemon/media/encode.ts';
import { readFrames } from '../../inference-daemon/media/frames.ts';
import { frameBytes } from '../../inference-daemon/media/pixels.ts';
import { readSound } from '../../inference-daemon/media/sound.ts';
import type { ClipWanted, Frame, Sound } from '../../inference-daemon/media/types.ts';
import { countClip } from '../../inference-daemon/media/verify.ts';
import { PickupError } from '../../protocol/errors.ts';
import type { Codec } from '../../protocol/generation.ts';
import { framesToSeconds, rational, samplesForFrames, ZERO } from '../../protocol/time.ts';
import { tries } from '../tries.ts';
import { ffmpeg, ffprobe, inFolder, numberOf, run, SQUARE } from './media-files.ts';

const CODECS: readonly Codec[] = ['h264-intra', 'prores-422-hq', 'dnxhr-hqx'];
const RATES = [
	[24, 1],
	[24_000, 1001],
	[25, 1],
	[30_000, 1001],
	[60_000, 1001],
] as const;
const RARE_RATES = [
	[120_000, 1001],
	[240_000, 1001],
	[3_628_800, 502_589],
	[2 ** 31 - 1, 89_478_485],
	[59_940_012, 1_998_001],
	[100_000_007, 50_000_003],
	[99_999_989, 99_999_988],
] as const;
/** Of a codec's rates one in so many, each rate by one codec or another. */
const EVERY = tries(2, 1);

/** DNxHR has nothing smaller. */
const SIZE = { width: 256, height: 120 };

/** Pictures that carry their number, in the format of the codec. */
async function* numberedFrames(
	codec: Codec,
	count: number,
	size = SIZE,
): AsyncGenerator<Frame, void, void> {
	const format = pixelFormatFor(codec);
	const isDeep = format === 'yuv422p10le';
	const data = new Uint8Array(frameBytes(format, size));
	const samples = isDeep ? new Uint16Array(data.buffer) : data;
	const [black, white, grey] = isDeep ? [64, 940, 512] : [16, 235, 128];
	for (let frame = 0; frame < count; frame++) {
		samples.fill(grey!);
		for (let y = 0; y < size.height; y++) {
			for (let x = 0; x < size.width; x++) {
				const bit = (frame >> Math.floor((x * 10) / size.width)) & 1;
				samples[y * size.width + x] = bit ? white! : black!;
			}
		}
		// The same buffer each time: it may be reused once the next frame is asked for.
		yield { ...size, format, data };
	}
}

function ramp(samples: number): Sound {
	const left = new Float32Array(samples);
	const right = new Float32Array(samples);
	for (let i = 0; i < samples; i++) {
		left[i] = ((i % 2000) - 1000) / 1024;
		right[i] = i === 0 || i === samples - 1 ? 0.75 : 0;
	}
	return { left, right };
}

function wantedClip(
	folder: string,
	codec: Codec,
	frameCount: number,
	[num, den]: readonly [number, number] = [25, 1],
): ClipWanted {
	const rate = { num, den };
	return {
		path: join(folder, 'clip.mov'),
		size: SIZE,
		pixelAspect: SQUARE,
		rate,
		codec,
		frameCount,
		frames: numberedFrames(codec, frameCount),
		sound: ramp(samplesForFrames(frameCount, rate)),
		tags: { title: 'A shot', comment: 'made for a test' },
	};
}

type Probed = {
	streams: Record<string, string | number>[];
	format: { tags: Record<string, string>; duration: string };
	packets: { codec_type: string; pts: number; duration: number; flags: string }[];
};

describe.each(CODECS)('%s', (codec) => {
	const rates = RATES.filter((_, r) => (r + CODECS.indexOf(codec)) % EVERY === 0);
	it.each(rates)(
		'at %i/%i every frame and sample is there, tagged and in its place',
		async (...rate) => {
			for (const frameCount of [1, 37]) {
				await inFolder(async (folder) => {
					const wanted = wantedClip(folder, codec, frameCount, rate);
					const samples = samplesForFrames(frameCount, wanted.rate);
					const clip = await encodeClip(ffmpeg, wanted);
					expect(clip).toEqual({
						path: wanted.path,
						frames: frameCount,
						samples,
						rate: wanted.rate,
						size: SIZE,
						codec,
					});
					expect(await readdir(folder)).toEqual(['clip.mov']);
					expect(await countClip(wanted.path)).toEqual({ frames: frameCount, samples });
					await checkWithFfprobe(wanted, samples);
					await checkContent(wanted, samples);
				});
			}
		},
	);
});

it.each(RARE_RATES)('at %i/%i every frame and sample is in its place too', async (...rate) => {
	for (const codec of CODECS) {
		await inFolder(async (folder) => {
			const wanted = wantedClip(folder, codec, 5, rate);
			const { samples } = await encodeClip(ffmpeg, wanted);
			await checkWithFfprobe(wanted, samples);
		});
	}
});

async function checkWithFfprobe(wanted: ClipWanted, samples: number): Promise<void> {
	const { frameCount, rate, codec } = wanted;
	const found = (await ffprobe(
		['-count_frames', '-show_streams', '-show_format', '-show_packets'],
		wanted.path,
	)) as Probed;
	expect(found.streams).toHaveLength(2);
	const [video, audio] = found.streams;
	const [timeBaseNum = 0, timeBaseDen = 1] = String(video?.time_base).split('/').map(Number);
	expect(video).toMatchObject({
		codec_name: { 'h264-intra': 'h264', 'prores-422-hq': 'prores', 'dnxhr-hqx': 'dnxhd' }[codec],
		profile: { 'h264-intra': expect.anything(), 'prores-422-hq': 'HQ', 'dnxhr-hqx': 'DNXHR HQX' }[
			codec
		],
		pix_fmt: pixelFormatFor(codec),
		width: 256,
		height: 120,
		sample_aspect_ratio: '1:1',
		color_range: 'tv',
		color_space: 'bt709',
		color_transfer: 'bt709',
		color_primaries: 'bt709',
		has_b_frames: 0,
		r_frame_rate: `${rate.num}/${rate.den}`,
		avg_frame_rate: `${rate.num}/${rate.den}`,
		start_pts: 0,
		nb_frames: String(frameCount),
		nb_read_frames: String(frameCount),
	});
	expect(audio).toMatchObject({
		codec_name: 'pcm_s24le',
		sample_rate: '48000',
		channels: 2,
		channel_layout: 'stereo',
		start_pts: 0,
		time_base: '1/48000',
		duration_ts: samples,
	});
	await checkProgressive(wanted.path);
	const pictures = found.packets.filter((packet) => packet.codec_type === 'video');
	const ticks = (timeBaseDen * rate.den) / (rate.num * timeBaseNum);
	expect(Number.isInteger(ticks)).toBe(true);
	expect(pictures.map(({ pts, duration, flags }) => [pts, duration, flags[0]])).toEqual(
		Array.from({ length: frameCount }, (_, n) => [n * ticks, ticks, 'K']),
	);
	expect(video?.duration_ts).toBe(frameCount * ticks);
	const seconds = Math.max((frameCount * rate.den) / rate.num, samples / 48_000);
	expect(Number(found.format.duration)).toBeCloseTo(seconds, 4);
	expect(found.format.tags).toMatchObject({ title: 'A shot', comment: 'made for a test' });
}

async function checkProgressive(path: string): Promise<void> {
	const { frames } = (await ffprobe(
		[
			'-select_streams',
			'v:0',
			'-show_entries',
			'frame=interlaced_frame',
			'-read_intervals',
			'%+#2',
		],
		path,
	)) as { frames: { interlaced_frame: number }[] };
	expect(frames.map((frame) => frame.interlaced_frame)).not.toContain(1);
	expect(frames.length).toBeGreaterThan(0);
}

async function checkContent(wanted: ClipWanted, samples: number): Promise<void> {
	const { path, rate, frameCount } = wanted;
	const sound = (await wanted.sound) as Sound | null;
	const at = Array.from({ length: frameCount }, (_, n) => framesToSeconds(n, rate));
	const frames = await readFrames(ffmpeg, {
		path,
		at,
		size: SIZE,
		pixelAspect: SQUARE,
		format: 'yuv420p',
	});
	expect(frames.map((frame) => numberOf(frame))).toEqual(at.map((_, n) => n));
	const back = await readSound(ffmpeg, {
		path,
		from: ZERO,
		samples: samples + 5,
		speed: rational(1),
	});
	// The test's values are multiples of 2⁻¹⁰, which 24 bits hold exactly.
	expect(back.left.slice(0, samples)).toEqual(sound?.left);
	expect(back.right.slice(0, samples)).toEqual(sound?.right);
	expect([...back.left.slice(samples), ...back.right.slice(samples)]).toEqual(Array(10).fill(0));
}

describe('a clip', () => {
	it('keeps the pixel aspect of its sequence', async () => {
		await inFolder(async (folder) => {
			const clip = { ...wantedClip(folder, 'h264-intra', 3), pixelAspect: { num: 16, den: 11 } };
			await encodeClip(ffmpeg, clip);
			const found = (await ffprobe(['-show_streams'], clip.path)) as Probed;
			expect(found.streams[0]?.sample_aspect_ratio).toBe('16:11');
		});
	});

	it('hands over the still asked for once, while the clip is being made', async () => {
		for (const codec of CODECS) {
			await inFolder(async (folder) => {
				const stills: Uint8Array[] = [];
				const take = (png: Uint8Array) => stills.push(png);
				const still = { frame: 21, width: 128, take };
				await encodeClip(ffmpeg, { ...wantedClip(folder, codec, 37), still });
				expect(stills).toHaveLength(1);
				const path = join(folder, 'still.png');
				await writeFile(path, stills[0]!);
				const size = { width: 128, height: 60 };
				const wanted = { path, at: [ZERO], size, pixelAspect: SQUARE, format: 'yuv420p' } as const;
				const [picture] = await readFrames(ffmpeg, wanted);
				expect(numberOf(picture!)).toBe(21);
				expect((await countClip(join(folder, 'clip.mov'))).frames).toBe(37);
			});
		}
	});

	it('scales what is drawn in RGB to its size, in the colours of BT.709', async () => {
		const drawn = { size: { width: 40, height: 24 }, format: 'gbrp16le' } as const;
		const shown = { format: 'yuv420p', size: SIZE, pixelAspect: SQUARE } as const;
		for (const codec of CODECS) {
			await inFolder(async (folder) => {
				// White, black and red; planes are green, blue and red.
				const colours = [
					[1, 1, 1],
					[0, 0, 0],
					[0, 0, 1],
				];
				async function* frames() {
					for (const colour of colours) {
						const levels = Uint16Array.from({ length: 3 * 40 * 24 }, (_, i) => {
							return 65_535 * colour[Math.floor(i / (40 * 24))]!;
						});
						yield { ...drawn.size, format: drawn.format, data: new Uint8Array(levels.buffer) };
					}
				}
				const clip = { ...wantedClip(folder, codec, 3), drawn, frames: frames() };
				const { path } = await encodeClip(ffmpeg, clip);
				const at = [ZERO, rational(1, 25), rational(2, 25)];
				const found = await readFrames(ffmpeg, { path, at, ...shown });
				const luma = SIZE.width * SIZE.height;
				const middle = found.map(({ data }) =>
					[luma / 2, luma * 1.125, luma * 1.375].map((place) => data[Math.floor(place)]!),
				);
				for (const [i, wanted] of [
					[235, 128, 128],
					[16, 128, 128],
					[63, 102, 240],
				].entries()) {
					const apart = wanted.map((value, k) => Math.abs(value - middle[i]![k]!));
					expect(Math.max(...apart)).toBeLessThanOrEqual(1);
				}
			});
		}
	});

	it('waits for sound that is still being made', async () => {
		await inFolder(async (folder) => {
			const wanted = wantedClip(folder, 'h264-intra', 3);
			const sound = after(300, wanted.sound as Sound);
			const clip = await encodeClip(ffmpeg, { ...wanted, sound });
			expect(await countClip(clip.path)).toEqual({ frames: 3, samples: 5760 });
		});
	});

	it('takes its sound in pieces, each with the frames that it belongs to', async () => {
		await inFolder(async (folder) => {
			const frameCount = 100;
			const wanted = wantedClip(folder, 'h264-intra', frameCount);
			const whole = wanted.sound as Sound;
			const half = whole.left.length / 2;
			let drawn = 0;
			let drawnBeforeSecond = 0;
			async function* frames() {
				for await (const frame of wanted.frames) {
					drawn += 1;
					yield frame;
				}
			}
			async function* pieces() {
				yield { left: whole.left.slice(0, half), right: whole.right.slice(0, half) };
				// The encoder goes on as far as the sound that it has, and then waits.
				while (drawn < frameCount / 2) await new Promise((resolve) => setTimeout(resolve, 5));
				drawnBeforeSecond = drawn;
				yield { left: whole.left.slice(half), right: whole.right.slice(half) };
			}
			const clip = await encodeClip(ffmpeg, { ...wanted, frames: frames(), sound: pieces() });
			expect(await countClip(clip.path)).toEqual({ frames: frameCount, samples: 2 * half });
			expect(drawnBeforeSecond).toBeGreaterThanOrEqual(frameCount / 2);
			const back = await readSound(ffmpeg, {
				path: clip.path,
				from: ZERO,
				samples: 2 * half,
				speed: rational(1),
			});
			expect(Buffer.from(back.left.buffer).equals(Buffer.from(whole.left.buffer))).toBe(true);
			expect(Buffer.from(back.right.buffer).equals(Buffer.from(whole.right.buffer))).toBe(true);
		});
	});

	it('takes every frame of a short clip while nobody has said yet that there is no more sound', async () => {
		await inFolder(async (folder) => {
			const [size, frameCount] = [{ width: 640, height: 360 }, 20];
			const wanted = { ...wantedClip(folder, 'h264-intra', frameCount), size };
			const data = new Uint8Array(size.width * size.height * 1.5).fill(128);
			let allTaken = () => {};
			const taken = new Promise<void>((resolve) => {
				allTaken = resolve;
			});
			async function* frames() {
				for (let i = 0; i < frameCount; i++) yield { ...size, format: 'yuv420p' as const, data };
				allTaken();
			}
			async function* pieces() {
				yield wanted.sound as Sound;
				await taken;
			}
			const clip = await encodeClip(ffmpeg, { ...wanted, frames: frames(), sound: pieces() });
			expect(await countClip(clip.path)).toEqual({ frames: frameCount, samples: 38_400 });
		});
	});

	it('can be without sound', async () => {
		await inFolder(async (folder) => {
			const clip = await encodeClip(ffmpeg, {
				...wantedClip(folder, 'h264-intra', 3),
				sound: null,
			});
			expect(clip.samples).toBe(0);
			expect(await countClip(clip.path)).toEqual({ frames: 3, samples: 0 });
		});
	});

	it('cuts off what is louder than full scale and makes silence of what is no number', async () => {
		await inFolder(async (folder) => {
			const clip = wantedClip(folder, 'h264-intra', 1);
			(clip.sound as Sound).left.set([3, -3, Number.NaN, 0.5]);
			await encodeClip(ffmpeg, clip);
			const { left } = await readSound(ffmpeg, {
				path: clip.path,
				from: ZERO,
				samples: 4,
				speed: rational(1),
			});
			expect([...left]).toEqual([1 - 2 ** -23, -1, 0, 0.5]);
		});
	});

	it('replaces what stood under its name', async () => {
		await inFolder(async (folder) => {
			await encodeClip(ffmpeg, wantedClip(folder, 'h264-intra', 5));
			await encodeClip(ffmpeg, wantedClip(folder, 'h264-intra', 2));
			expect((await countClip(join(folder, 'clip.mov'))).frames).toBe(2);
		});
	});

	it('is read by MLT frame for frame', async () => {
		await inFolder(async (folder) => {
			const { path } = await encodeClip(
				ffmpeg,
				wantedClip(folder, 'h264-intra', 12, [24_000, 1001]),
			);
			const xml = await run('melt', ['-silent', path, '-consumer', 'xml']);
			expect(xml).toMatch(/<property name="length">12<\/property>/);
		});
	});
});

describe('leaves nothing behind and says why', () => {
	async function failure(
		folder: string,
		change: (clip: ClipWanted) => Partial<ClipWanted>,
		signal?: AbortSignal,
	): Promise<unknown> {
		const clip = wantedClip(folder, 'h264-intra', 12);
		const error = await encodeClip(ffmpeg, { ...clip, ...change(clip) }, signal).catch(
			(reason: unknown) => reason,
		);
		expect(await readdir(folder)).toEqual([]);
		return error;
	}

	it.each([
		[
			'one frame too few',
			() => ({ frames: numberedFrames('h264-intra', 11) }),
			'Expected 12 frames, got 11',
		],
		[
			'one frame too many',
			() => ({ frames: numberedFrames('h264-intra', 13) }),
			'Expected 12 frames, got more',
		],
		[
			'frames in another format',
			() => ({ frames: numberedFrames('dnxhr-hqx', 12) }),
			'Expected frames of 256×120 yuv420p',
		],
		['no frames', () => ({ frameCount: 0 }), 'Expected at least one frame, got 0'],
		[
			'sound that is too short',
			() => ({ sound: ramp(23_039) }),
			'Expected 23040 samples for 12 frames at 25, got 23039',
		],
		[
			'an odd size',
			() => ({ size: { width: 255, height: 120 } }),
			'Expected an even width and height',
		],
	])('%s', async (_, change, message) => {
		await inFolder(async (folder) => {
			const error = await failure(folder, change);
			expect(error).toBeInstanceOf(PickupError);
			expect(error).toMatchObject({
				code: 'bad-request',
				message: expect.stringContaining(message),
			});
		});
	});

	it('an encoder that refuses', async () => {
		await inFolder(async (folder) => {
			const size = { width: 64, height: 64 };
			const error = await failure(folder, () => ({
				codec: 'dnxhr-hqx',
				size,
				frames: numberedFrames('dnxhr-hqx', 12, size),
			}));
			expect(error).toMatchObject({
				code: 'encode-failed',
				message: expect.stringContaining('dnxhr-hqx at 64×64'),
			});
		});
	});

	it('frames that throw: the error is passed on', async () => {
		await inFolder(async (folder) => {
			const reason = new Error('the model broke');
			async function* breaking() {
				yield* numberedFrames('h264-intra', 4);
				throw reason;
			}
			expect(await failure(folder, () => ({ frames: breaking() }))).toBe(reason);
		});
	});

	it('an abort in the middle, before the start, and while no frame comes', async () => {
		await inFolder(async (folder) => {
			const reason = new Error('the editor changed her mind');
			const middle = new AbortController();
			async function* aborting() {
				for await (const frame of numberedFrames('h264-intra', 12)) {
					yield frame;
					middle.abort(reason);
				}
			}
			expect(await failure(folder, () => ({ frames: aborting() }), middle.signal)).toBe(reason);
			expect(await failure(folder, () => ({}), AbortSignal.abort(reason))).toBe(reason);
			const waiting = new AbortController();
			async function* stuck() {
				yield* numberedFrames('h264-intra', 2);
				setTimeout(() => waiting.abort(reason), 50);
				await new Promise(() => {});
			}
			expect(await failure(folder, () => ({ frames: stuck() }), waiting.signal)).toBe(reason);
		});
	});

	it('a folder that is not there, and one that is a file', async () => {
		await inFolder(async (folder) => {
			const missing = await encodeClip(ffmpeg, {
				...wantedClip(folder, 'h264-intra', 2),
				path: join(folder, 'none', 'clip.mov'),
			}).catch((error: unknown) => error);
			expect(missing).toMatchObject({ code: 'folder-missing', field: join(folder, 'none') });
			const { path } = await encodeClip(ffmpeg, wantedClip(folder, 'h264-intra', 2));
			const inFile = await encodeClip(ffmpeg, {
				...wantedClip(folder, 'h264-intra', 2),
				path: join(path, 'clip.mov'),
			}).catch((error: unknown) => error);
			expect(inFile).toMatchObject({ code: 'folder-missing' });
		});
	});
});
