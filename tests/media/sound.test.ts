import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { probe } from '../../inference-daemon/media/probe.ts';
import { readSound } from '../../inference-daemon/media/sound.ts';
import { framesToSeconds, ONE, type Rational, rational, ZERO } from '../../protocol/time.ts';
import { clicks, ffmpeg, inFolder, makeFilm, peakAt, run } from './media-files.ts';

const RATE = 48_000;

/** White noise that is the same every time; every stretch of it is unlike every other. */
function noise(length: number): Float32Array {
	const samples = new Float32Array(length);
	let state = 7;
	for (let i = 0; i < length; i++) {
		state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
		samples[i] = state / 2 ** 32;
	}
	return samples;
}

async function rawSound(folder: string, samples: Float32Array | Buffer): Promise<string> {
	const path = join(folder, 'sound.raw');
	const bytes = Buffer.isBuffer(samples) ? samples : Buffer.from(samples.buffer);
	await writeFile(path, bytes);
	return path;
}

/** A file with sound alone. */
async function makeSound(
	folder: string,
	name: string,
	samples: Float32Array | Buffer,
	options: readonly string[],
	format: { rate?: number; channels?: number } = {},
): Promise<string> {
	const raw = await rawSound(folder, samples);
	const path = join(folder, name);
	await run(ffmpeg.path, [
		...['-v', 'error', '-f', 'f32le', '-ar', `${format.rate ?? RATE}`],
		...['-ac', `${format.channels ?? 1}`, '-i', raw, ...options, path],
	]);
	return path;
}

function read(path: string, from: Rational, samples: number, speed = ONE) {
	return readSound(ffmpeg, { path, from, samples, speed });
}

/** Largest difference from what a function of time says, away from the ends. */
function worst(
	channel: Float32Array,
	expected: (seconds: number) => number,
	from = 0,
	speed = 1,
	margin = 0,
): number {
	let largest = 0;
	for (let k = margin; k < channel.length - margin; k++) {
		const difference = Math.abs(channel[k]! - expected(from + (k * speed) / RATE));
		largest = Math.max(largest, difference);
	}
	return largest;
}

const sine = (hertz: number) => (seconds: number) => 0.5 * Math.sin(2 * Math.PI * hertz * seconds);

function sineSamples(hertz: number, seconds: number, rate: number): Float32Array {
	const at = sine(hertz);
	return Float32Array.from({ length: seconds * rate }, (_, i) => at(i / rate));
}

describe('PCM at 48 kHz comes sample for sample', () => {
	it.each([
		['wav', ['-c:a', 'pcm_f32le']],
		['mov', ['-c:a', 'pcm_f32le']],
		['mkv', ['-c:a', 'pcm_f32le']],
		['nut', ['-c:a', 'pcm_f32le']],
	])('from any place in a %s', async (extension, options) => {
		await inFolder(async (folder) => {
			const samples = noise(20 * RATE);
			const path = await makeSound(folder, `sound.${extension}`, samples, options);
			for (const start of [0, 1, 777, 100_000, 480_123, 900_001]) {
				const { left, right } = await read(path, rational(start, RATE), 5000);
				expect(left).toEqual(samples.slice(start, start + 5000));
				expect(right).toEqual(left);
			}
		});
	});

	it('at the frames of every rate, to the nearest sample', async () => {
		await inFolder(async (folder) => {
			const samples = noise(4 * RATE);
			const path = await makeSound(folder, 'sound.mov', samples, ['-c:a', 'pcm_f32le']);
			for (const [num, den] of [
				[24_000, 1001],
				[30_000, 1001],
				[60_000, 1001],
			]) {
				for (const frame of [1, 2, 17]) {
					const from = framesToSeconds(frame, rational(num!, den));
					const { left } = await read(path, from, 100);
					const start = Math.round((from.num / from.den) * RATE);
					expect(left).toEqual(samples.slice(start, start + 100));
				}
			}
		});
	});

	it('silence before the start, after the end and where there is no sound', async () => {
		await inFolder(async (folder) => {
			const samples = noise(RATE);
			const path = await makeSound(folder, 'sound.wav', samples, ['-c:a', 'pcm_f32le']);
			const before = await read(path, rational(-1000, RATE), 1500);
			expect(before.left.slice(0, 1000)).toEqual(new Float32Array(1000));
			expect(before.left.slice(1000)).toEqual(samples.slice(0, 500));
			const after = await read(path, rational(RATE - 100, RATE), 300);
			expect(after.left.slice(0, 100)).toEqual(samples.slice(-100));
			expect(after.left.slice(100)).toEqual(new Float32Array(200));
			for (const from of [rational(-10), rational(60)]) {
				expect((await read(path, from, 64)).left).toEqual(new Float32Array(64));
			}
			const mute = await makeFilm(join(folder, 'mute.mp4'), {
				count: 5,
				rate: '25',
				options: ['-c:v', 'libx264'],
			});
			expect((await probe(ffmpeg, mute)).audio).toBeNull();
			expect(await read(mute, ZERO, 10)).toEqual({
				left: new Float32Array(10),
				right: new Float32Array(10),
			});
		});
	});

	it('backwards', async () => {
		await inFolder(async (folder) => {
			const samples = noise(RATE);
			const path = await makeSound(folder, 'sound.wav', samples, ['-c:a', 'pcm_f32le']);
			const { left } = await read(path, rational(2000, RATE), 1500, rational(-1));
			expect(left).toEqual(samples.slice(501, 2001).reverse());
		});
	});
});

describe('sound and picture share a clock: the first video frame is 0', () => {
	it.each([
		['mov', '25', ['-c:v', 'libx264', '-c:a', 'pcm_s24le']],
		['mov', '30000/1001', ['-c:v', 'mpeg4', '-q:v', '2', '-c:a', 'pcm_s16le']],
		['mxf', '25', ['-c:v', 'mpeg2video', '-q:v', '2', '-c:a', 'pcm_s24le']],
		['mkv', '24000/1001', ['-c:v', 'libx264', '-bf', '2', '-c:a', 'pcm_s16le']],
	])('a click in a %s of %s comes at its sample', async (extension, rate, options) => {
		await inFolder(async (folder) => {
			const places = [100, 60_007, 250_001];
			const sound = await rawSound(folder, clicks(6 * RATE, places));
			const path = await makeFilm(join(folder, `film.${extension}`), {
				count: 150,
				rate,
				sound: { path: sound, rate: RATE, channels: 1 },
				options,
			});
			for (const place of places) {
				const { left } = await read(path, rational(place - 50, RATE), 4000);
				expect(Math.abs(peakAt(left) - 50)).toBeLessThanOrEqual(extension === 'mkv' ? 24 : 0);
			}
		});
	});

	it('picture that starts late moves the sound with it', async () => {
		await inFolder(async (folder) => {
			const sound = await rawSound(folder, clicks(6 * RATE, [120_000]));
			const film = await makeFilm(join(folder, 'film.mov'), {
				count: 100,
				rate: '25',
				sound: { path: sound, rate: RATE, channels: 1 },
				options: ['-c:v', 'libx264', '-c:a', 'pcm_s16le'],
			});
			const late = join(folder, 'late.mov');
			await run(ffmpeg.path, [
				...['-v', 'error', '-itsoffset', '0.48', '-i', film, '-i', film],
				...['-map', '0:v', '-map', '1:a', '-c', 'copy', late],
			]);
			const media = await probe(ffmpeg, late);
			expect(media.video?.start).toEqual(rational(12, 25));
			expect(media.audio?.start).toEqual(ZERO);
			// The click is at 2.5 s of the container's clock, 2.02 s after the first frame.
			const { left } = await read(late, rational(2), 4000);
			expect(peakAt(left)).toBe(0.02 * RATE);
			const early = await read(late, rational(-12, 25), 130_000);
			expect(peakAt(early.left)).toBe(120_000);
		});
	});
});

describe('compressed sound', () => {
	it.each([
		['mp4', ['-c:a', 'aac', '-b:a', '192k']],
		['m4a', ['-c:a', 'aac', '-b:a', '192k']],
		['mkv', ['-c:a', 'aac', '-b:a', '192k']],
		['ts', ['-c:a', 'aac', '-b:a', '192k']],
		['mp3', ['-c:a', 'libmp3lame', '-b:a', '192k']],
		['flac', ['-c:a', 'flac']],
		['ogg', ['-c:a', 'libvorbis', '-q:a', '6']],
	])(
		'a click in a %s lies where a decoder that reads from the start has it',
		async (extension, options) => {
			await inFolder(async (folder) => {
				const places = [30_000, 480_000, 840_000];
				const sound = await rawSound(folder, clicks(20 * RATE, places, 2, 0.9));
				const path = join(folder, `film.${extension}`);
				const hasPicture = ['mp4', 'mkv', 'ts'].includes(extension);
				if (hasPicture) {
					await makeFilm(path, {
						count: 500,
						rate: '25',
						sound: { path: sound, rate: RATE, channels: 2 },
						options: ['-c:v', 'libx264', '-preset', 'ultrafast', ...options],
					});
				} else {
					await makeSound(folder, `film.${extension}`, clicks(20 * RATE, places, 2, 0.9), options, {
						channels: 2,
					});
				}
				const whole = await read(path, ZERO, 20 * RATE);
				for (const place of places) {
					const there = whole.left.slice(place - 2000, place + 4000);
					const heard = peakAt(there) + place - 2000;
					// Decoders delay by what their container does not say, never by much.
					expect(Math.abs(heard - place)).toBeLessThanOrEqual(extension === 'ts' ? 1100 : 48);
					const { left } = await read(path, rational(heard - 500, RATE), 1000);
					expect(peakAt(left)).toBe(500);
					const expected = whole.left.slice(heard - 500, heard + 500);
					const error = left.reduce(
						(sum, value, i) => Math.max(sum, Math.abs(value - expected[i]!)),
						0,
					);
					expect(error).toBeLessThan(1e-3);
				}
			});
		},
	);
});

describe('resampling', () => {
	it.each([44_100, 96_000, 22_050, 8000])('from %i Hz a tone keeps its phase', async (rate) => {
		await inFolder(async (folder) => {
			const path = await makeSound(
				folder,
				'tone.wav',
				sineSamples(997, 6, rate),
				['-c:a', 'pcm_f32le'],
				{ rate },
			);
			for (const from of [rational(1), rational(4_000_001, 1_000_000)]) {
				const { left } = await read(path, from, 9000);
				expect(worst(left, sine(997), from.num / from.den)).toBeLessThan(1e-4);
			}
		});
	});

	it.each([
		rational(2),
		rational(1, 2),
		rational(-3, 2),
		rational(24_000, 25_025),
		rational(-1, 4),
	])('at a speed of $num/$den a tone is where it must be', async (speed) => {
		await inFolder(async (folder) => {
			const path = await makeSound(folder, 'tone.wav', sineSamples(997, 6, RATE), [
				'-c:a',
				'pcm_f32le',
			]);
			const { left, right } = await read(path, rational(3), 9000, speed);
			expect(worst(left, sine(997), 3, speed.num / speed.den)).toBeLessThan(1e-4);
			expect(right).toEqual(left);
		});
	});

	it('what would alias is gone, at four times the speed', async () => {
		await inFolder(async (folder) => {
			const path = await makeSound(folder, 'tone.wav', sineSamples(9000, 6, RATE), [
				'-c:a',
				'pcm_f32le',
			]);
			const { left } = await read(path, rational(1), 9000, rational(4));
			expect(Math.max(...left.map(Math.abs))).toBeLessThan(1e-3);
		});
	});
});

describe('other layouts', () => {
	it('mono is on both sides at its own level', async () => {
		await inFolder(async (folder) => {
			const path = await makeSound(folder, 'mono.wav', noise(RATE), ['-c:a', 'pcm_f32le']);
			const { left, right } = await read(path, ZERO, 1000);
			expect(left).toEqual(noise(RATE).slice(0, 1000));
			expect(right).toEqual(left);
		});
	});

	it('left and right stay where they are', async () => {
		await inFolder(async (folder) => {
			const both = new Float32Array(2 * RATE);
			for (let i = 0; i < RATE; i++) both[2 * i] = 0.25;
			const path = await makeSound(folder, 'stereo.wav', both, ['-c:a', 'pcm_f32le'], {
				channels: 2,
			});
			const { left, right } = await read(path, ZERO, 1000);
			expect(left).toEqual(new Float32Array(1000).fill(0.25));
			expect(right).toEqual(new Float32Array(1000));
		});
	});

	it('5.1 at full scale on every channel does not clip, and every channel but the low one is heard', async () => {
		await inFolder(async (folder) => {
			const full = new Float32Array(6 * RATE).fill(1);
			const path = await makeSound(folder, 'full.wav', full, ['-c:a', 'pcm_f32le'], {
				channels: 6,
			});
			expect((await probe(ffmpeg, path)).audio).toMatchObject({ channels: 6, layout: '5.1' });
			const { left, right } = await read(path, ZERO, 1000);
			expect(left[500]).toBeCloseTo(1, 5);
			expect(right[500]).toBeCloseTo(1, 5);
			for (const [channel, isLeft, isRight] of [
				[0, true, false],
				[1, false, true],
				[2, true, true],
				[3, false, false],
				[4, true, false],
				[5, false, true],
			] as const) {
				const one = new Float32Array(6 * RATE);
				for (let i = 0; i < RATE; i++) one[6 * i + channel] = 1;
				const file = await makeSound(folder, `one${channel}.wav`, one, ['-c:a', 'pcm_f32le'], {
					channels: 6,
				});
				const sound = await read(file, ZERO, 1000);
				expect([sound.left[500]! > 0.2, sound.right[500]! > 0.2]).toEqual([isLeft, isRight]);
			}
		});
	});
});
