import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Report } from '../../../inference-daemon/engines/engine.ts';
import { OPEN_GATE } from '../../../inference-daemon/engines/gate.ts';
import { inbetween } from '../../../inference-daemon/engines/inbetween/engine.ts';
import { readFrames } from '../../../inference-daemon/media/frames.ts';
import { findFfmpeg } from '../../../inference-daemon/media/locate.ts';
import { decibels, rms } from '../../../inference-daemon/media/loudness.ts';
import { readSound } from '../../../inference-daemon/media/sound.ts';
import type { Ffmpeg } from '../../../inference-daemon/media/types.ts';
import { countClip } from '../../../inference-daemon/media/verify.ts';
import { engineDescriptionSchema } from '../../../protocol/engines.ts';
import type { GenerationRequest } from '../../../protocol/generation.ts';
import { clipSchema } from '../../../protocol/jobs.ts';
import { rgbOfPng } from '../../media/rgb.ts';
import { context, ONE, RATE, request, span } from '../../requests.ts';
import { frame, psnr, texture } from './shots.ts';

const SIZE = { width: 160, height: 90 };
const PIXELS = SIZE.width * SIZE.height;

let folder: string;
let ffmpeg: Ffmpeg;
let shot: string;
const look = texture(1);
const truth = (at: number) => frame(160, 90, (x, y) => look(x + 1.5 * at, y));

beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'pickup-inbetween-'));
	ffmpeg = await findFfmpeg();
	shot = join(folder, 'shot.mov');
	const frames = Array.from({ length: 72 }, (_, at) => truth(at).data);
	const made = spawnSync(
		ffmpeg.path,
		[
			...['-v', 'error', '-f', 'rawvideo', '-pixel_format', 'yuv420p', '-video_size', '160x90'],
			...['-framerate', '24', '-i', 'pipe:0', '-f', 'lavfi'],
			...['-i', 'anoisesrc=color=brown:amplitude=0.3:seed=3:sample_rate=48000:duration=3'],
			...['-c:v', 'libx264', '-qp', '8', '-c:a', 'pcm_s16le', shot],
		],
		{ input: Buffer.concat(frames) },
	);
	expect(made.stderr.toString()).toBe('');
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const sourceIn = { num: 36, den: 24 };
/** The shot with its frames 24 to 35 cut out. */
function cut() {
	const left = span([0, 24], shot);
	const right = span([36, 72], shot, { sourceIn });
	const sound = [left, right].map((one) => ({ ...one, track: 'A1' }));
	return context({ left, right, sound });
}

async function make(
	wanted: GenerationRequest,
	name: string,
	signal = new AbortController().signal,
) {
	const outputs: Report[] = [];
	const path = join(folder, `${name}.mov`);
	const workplace = { ffmpeg, folder, cache: folder, unfinished: folder, clipPath: path };
	const report = (output: Report) => void outputs.push(output);
	const clip = await inbetween.generate(wanted, workplace, { report, signal, gate: OPEN_GATE });
	return { outputs, clip, path };
}

function picture(path: string, at: readonly number[]) {
	const times = at.map((frameNumber) => ({ num: frameNumber, den: 24 }));
	const wanted = { path, at: times, size: SIZE, pixelAspect: ONE, format: 'yuv420p' as const };
	return readFrames(ffmpeg, wanted);
}

describe('a filled gap', () => {
	it('is a clip of exactly the gap, along the motion and in level with both sides', async () => {
		const { outputs, clip, path } = await make(request('fill', cut(), {}), 'fill');
		expect(clipSchema.parse(clip)).toEqual(clip);
		expect(clip).toMatchObject({ frames: 12, samples: 24_000, draft: true, rate: RATE });
		expect(await countClip(path)).toMatchObject({ frames: 12, samples: 24_000 });
		const drawn = await picture(path, [0, 5, 11]);
		for (const [i, at] of [0, 5, 11].entries()) {
			const nearest = truth(24 + at).data;
			// Below the label, which is not in the truth.
			const below = (data: Uint8Array) => data.subarray(160 * 20, PIXELS);
			const score = psnr(below(drawn[i]!.data), below(nearest), PIXELS - 160 * 20);
			expect(score, `frame ${at}`).toBeGreaterThan(26);
		}

		const sound = (source: string, from: number, samples: number) =>
			readSound(ffmpeg, { path: source, from: { num: from, den: 48_000 }, samples, speed: ONE });
		const bed = await sound(path, 0, 24_000);
		const before = await sound(shot, 48_000 - 9600, 9600);
		const after = await sound(shot, 72_000, 9600);
		expect(Math.abs(decibels(rms(bed, 0, 9600) / rms(before, 0, 9600)))).toBeLessThan(1);
		expect(Math.abs(decibels(rms(bed, 14_400, 24_000) / rms(after, 0, 9600)))).toBeLessThan(1);

		const progress = outputs.flatMap((output) =>
			output.kind === 'progress' ? [output.progress] : [],
		);
		expect(progress).toEqual([...progress].sort((a, b) => a - b));
		expect(progress.at(-1)).toBe(1);
		const previews = outputs.filter((output) => output.kind === 'preview');
		expect(previews).toHaveLength(1);
		expect(await rgbOfPng(previews[0]!.png)).toHaveLength(3 * PIXELS);
	});

	for (const [name, colour, at] of [
		['white at the left', 'white', 23],
		['black at the right', 'black', 36],
	] as const) {
		it(`does not fade for one frame that flashes: ${name}`, async () => {
			const flashed = join(folder, `flash-${colour}.mov`);
			const flash = `drawbox=c=${colour}:t=fill:enable='eq(n,${at})'`;
			const args = ['-v', 'error', '-i', shot, '-vf', flash, '-c:v', 'libx264', '-qp', '8'];
			expect(spawnSync(ffmpeg.path, [...args, '-c:a', 'copy', flashed]).status).toBe(0);
			const inside = { ...cut(), left: span([0, 24], flashed) };
			const right = span([36, 72], flashed, { sourceIn });
			const { path } = await make(request('fill', { ...inside, right }, {}), `flash-${colour}`);
			const drawn = await picture(path, [0, 5, 11]);
			for (const [i, frameNumber] of [0, 5, 11].entries()) {
				const below = (data: Uint8Array) => data.subarray(160 * 20, PIXELS);
				const nearest = below(truth(24 + frameNumber).data);
				const score = psnr(below(drawn[i]!.data), nearest, nearest.length);
				expect(score, `frame ${frameNumber}`).toBeGreaterThan(24);
			}
		});
	}

	it('is the same file when it is made again', async () => {
		const wanted = request('fill', cut(), {});
		const first = await readFile((await make(wanted, 'first')).path);
		const second = await readFile((await make(wanted, 'second')).path);
		expect(first.equals(second)).toBe(true);
		const another = await readFile((await make({ ...wanted, seed: 8 }, 'third')).path);
		expect(another.equals(first)).toBe(false);
	});

	it('says DRAFT on the picture unless told not to', async () => {
		const large = { ...cut(), sequence: { ...cut().sequence, size: { width: 320, height: 180 } } };
		const shown = async (settings: object, name: string) => {
			const { path } = await make(request('fill', large, { settings }), name);
			const size = { width: 320, height: 180 };
			const at = [{ num: 6, den: 24 }];
			return (
				await readFrames(ffmpeg, { path, at, size, pixelAspect: ONE, format: 'yuv420p' })
			)[0]!;
		};
		const [labelled, plain] = [await shown({}, 'label'), await shown({ label: false }, 'plain')];
		const differing: number[] = [];
		for (let i = 0; i < 320 * 180; i++) {
			if (Math.abs(labelled.data[i]! - plain.data[i]!) > 24) differing.push(i);
		}
		expect(differing.length).toBeGreaterThan(100);
		expect(differing.every((i) => i % 320 < 60 && i / 320 < 32)).toBe(true);
	});

	for (const codec of ['prores-422-hq', 'dnxhr-hqx'] as const) {
		it(`can be ${codec} in 10 bit`, async () => {
			const size = { width: 256, height: 120 };
			const inside = { ...cut(), sequence: { ...cut().sequence, size } };
			const { path } = await make(request('fill', inside, {}, codec), codec);
			expect(await countClip(path)).toMatchObject({ frames: 12, samples: 24_000 });
		});
	}

	it('takes neighbours that run backwards and at another speed', async () => {
		const inside = cut();
		const left = span([0, 24], shot, {
			sourceIn: { num: 47, den: 24 },
			speed: { num: -2, den: 1 },
		});
		const { path } = await make(request('fill', { ...inside, left }, {}), 'reversed');
		const [drawn] = await picture(path, [0]);
		// Its last frame was source frame 1; the next would be −1, which looks like frame −1.
		const next = psnr(drawn!.data.subarray(3200), truth(-1).data.subarray(3200), PIXELS - 3200);
		const held = psnr(truth(1).data.subarray(3200), truth(-1).data.subarray(3200), PIXELS - 3200);
		expect(next).toBeGreaterThan(held + 3);
	});

	it('evens an odd size for H.264', async () => {
		const size = { width: 101, height: 57 };
		const inside = { ...cut(), sequence: { ...cut().sequence, size } };
		const { clip } = await make(request('fill', inside, {}), 'odd');
		expect(clip.size).toEqual({ width: 102, height: 58 });
	});

	it('is one frame long where the gap is', async () => {
		const inside = { ...cut(), range: { start: 24, end: 25 } };
		const right = span([25, 72], shot, { sourceIn: { num: 25, den: 24 } });
		const { path } = await make(request('fill', { ...inside, right }, {}), 'one');
		expect(await countClip(path)).toMatchObject({ frames: 1, samples: 2000 });
	});
});

describe('other kinds', () => {
	it('extends a clip at its tail and at its head', async () => {
		const tail = await make(
			request(
				'extend',
				{ ...cut(), right: null, sound: cut().sound.slice(0, 1) },
				{ side: 'tail' },
			),
			'tail',
		);
		const [first] = await picture(tail.path, [0]);
		const truthAt = (at: number) => truth(at).data.subarray(3200);
		expect(psnr(first!.data.subarray(3200), truthAt(24), PIXELS - 3200)).toBeGreaterThan(27);
		const head = await make(request('extend', cut(), { side: 'head' }), 'head');
		const [last] = await picture(head.path, [11]);
		expect(psnr(last!.data.subarray(3200), truthAt(35), PIXELS - 3200)).toBeGreaterThan(27);
	});

	it('retakes the picture, the sound or both of a clip', async () => {
		const clip = span([0, 72], shot);
		const inside = context({ left: null, right: null, sound: [{ ...clip, track: 'A1' }] });
		const retake = (replace: string) =>
			make(request('retake', inside, { clip, replace, strength: 1 }), replace);
		const soundOnly = await retake('sound');
		expect(soundOnly.clip.samples).toBe(24_000);
		const [same] = await picture(soundOnly.path, [6]);
		expect(psnr(same!.data, truth(30).data, PIXELS)).toBeGreaterThan(35);
		const sound = await readSound(ffmpeg, {
			path: soundOnly.path,
			from: { num: 0, den: 1 },
			samples: 24_000,
			speed: ONE,
		});
		expect(rms(sound, 0, 24_000)).toBeGreaterThan(0.01);
		expect((await retake('picture')).clip.samples).toBe(0);
		expect((await retake('both')).clip.samples).toBe(24_000);
	});
});

describe('when it cannot', () => {
	it('stops at once when told to and leaves nothing', async () => {
		const stop = new AbortController();
		const wanted = request('fill', { ...cut(), range: { start: 24, end: 1500 } }, {});
		const clipPath = join(folder, 'stopped.mov');
		const reason = new Error('cancelled by the test');
		const report = (output: Report) => {
			if (output.kind === 'progress' && output.progress > 0.2) stop.abort(reason);
		};
		const workplace = { ffmpeg, folder, cache: folder, unfinished: folder, clipPath };
		const made = inbetween.generate(wanted, workplace, {
			report,
			signal: stop.signal,
			gate: OPEN_GATE,
		});
		await expect(made).rejects.toBe(reason);
		expect((await readdir(folder)).filter((name) => name.startsWith('stopped'))).toEqual([]);
	});

	it('names the file that cannot be read', async () => {
		const broken = join(folder, 'broken.mov');
		await writeFile(broken, 'not a film');
		const wanted = request('fill', { ...cut(), left: span([0, 24], broken) }, {});
		await expect(make(wanted, 'unreadable')).rejects.toMatchObject({
			code: 'media-unreadable',
			message: expect.stringContaining('broken.mov'),
		});
		const gone = request('fill', { ...cut(), left: span([0, 24], join(folder, 'gone.mov')) }, {});
		await expect(make(gone, 'gone')).rejects.toMatchObject({ code: 'media-offline' });
		expect((await readdir(folder)).filter((name) => /^(unreadable|gone)/.test(name))).toEqual([]);
	});

	it('names sound that cannot be read', async () => {
		const broken = join(folder, 'noise.wav');
		await writeFile(broken, 'not a sound');
		const sound = [span([0, 24], broken, { track: 'A1' })];
		await expect(make(request('fill', { ...cut(), sound }, {}), 'unheard')).rejects.toMatchObject({
			code: 'media-unreadable',
			message: expect.stringContaining('noise.wav'),
		});
	});

	it('describes itself and says when ffmpeg is missing', async () => {
		const described = engineDescriptionSchema.parse(await inbetween.describe(ffmpeg));
		expect(described).toMatchObject({ name: 'inbetween', draft: true, ready: true });
		expect((await inbetween.describe(null)).ready).toBe(false);
	});
});
