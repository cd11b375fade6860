import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ClipWriter } from '../../../inference-daemon/engines/ltx2/decode/clip-writer.ts';
import {
	crossfadeFrom,
	meetNeighbours,
} from '../../../inference-daemon/engines/ltx2/sound/joins.ts';
import { readFrames } from '../../../inference-daemon/media/frames.ts';
import { readSound } from '../../../inference-daemon/media/sound.ts';
import type { Sound } from '../../../inference-daemon/media/types.ts';
import type { GenerationRequest, RequestKind } from '../../../protocol/generation.ts';
import { type FrameRate, samplesForFrames } from '../../../protocol/time.ts';
import { ffmpeg, makeFilm, numberOf } from '../../media/media-files.ts';
import { type Cut, make, openStudio, requestFor, type Studio, spanOf } from './shots.ts';

const SIZE = { width: 96, height: 64 };
const ONE = { num: 1, den: 1 };
/** 5 ms. */
const FADE = 240;

let studio: Studio;
beforeAll(async () => {
	studio = await openStudio();
});
afterAll(() => studio.close());

/** What a source sounds like: the value of its `n`th sample. */
type Voice = (n: number) => number;
const LOW: Voice = (n) => 0.8 * Math.cos((2 * Math.PI * 330 * n) / 48_000);
const HIGH: Voice = (n) => 0.8 * Math.cos((2 * Math.PI * 470 * n) / 48_000 + 1);
const SILENT: Voice = () => 0;

async function film(rate: FrameRate, frames: number, voice: Voice): Promise<string> {
	const path = join(studio.folder, `${randomUUID()}.mov`);
	const samples = Float32Array.from({ length: samplesForFrames(frames, rate) }, (_, n) => voice(n));
	await writeFile(`${path}.f32`, samples);
	return makeFilm(path, {
		count: frames,
		rate: `${rate.num}/${rate.den}`,
		size: SIZE,
		sound: { path: `${path}.f32`, rate: 48_000, channels: 1 },
		options: ['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '8', '-c:a', 'pcm_s24le'],
	});
}

async function cutOf(
	rate: FrameRate,
	{ shot = 24, gap = 6, left = LOW, right = HIGH } = {},
): Promise<Cut> {
	const [first, second] = await Promise.all([film(rate, shot, left), film(rate, shot, right)]);
	return {
		studio,
		sequence: { ...rate, ...SIZE },
		gap,
		left: spanOf(first, 0, shot),
		right: spanOf(second, shot + gap, shot),
	};
}

const SETTINGS = { provider: 'cpu', context: 0.2, pixels: 96 * 64, steps: 1 } as const;

async function made(kind: RequestKind, cut: Cut, extra: Record<string, unknown> = {}) {
	const settings = { ...SETTINGS, model: studio.model };
	const request = requestFor(kind, cut, { settings, ...extra });
	const { clip } = await make(request, studio, randomUUID());
	return { ...clip, request, sound: await soundOf(clip.path, clip.samples) };
}

function soundOf(path: string, samples: number): Promise<Sound> {
	return readSound(ffmpeg, { path, from: { num: 0, den: 1 }, samples, speed: ONE });
}

/** How far each sample is from the one before it, in order of size. */
function steps(samples: Float32Array): Float32Array {
	return samples
		.slice(1)
		.map((value, i) => Math.abs(value - samples[i]!))
		.sort();
}

/** Samples of a cut's shots at their places; their frames begin at the nearest sample. */
function heardAt({ right, sequence }: Cut, voices: readonly [Voice, Voice], at: number) {
	const start = samplesForFrames(right.range.start, sequence);
	return at >= start ? voices[1](at - start) : voices[0](at);
}

const RATES = [
	{ num: 24_000, den: 1001 },
	{ num: 60_000, den: 1001 },
] as const;

it.each([
	['fill', {}, RATES[0]],
	['extend', { side: 'head' }, RATES[0]],
	['retake', { replace: 'sound' }, RATES[0]],
	['extend', {}, RATES[1]],
	['insert', {}, RATES[1]],
	['retake', { replace: 'both' }, RATES[1]],
] as const)('there is no step at either join (%s %o at %o)', async (kind, extra, rate) => {
	const cut = await cutOf(rate);
	const { sound, request } = await made(kind, cut, extra);
	const { start, end } = request.context.range;
	const before = heardAt(cut, [LOW, HIGH], samplesForFrames(start, rate) - 1);
	const after = heardAt(cut, [LOW, HIGH], samplesForFrames(end, rate));
	for (const channel of [sound.left, sound.right]) {
		const usual = steps(channel);
		expect(usual.at(-1)!).toBeGreaterThan(0.1);
		// Places are rounded to samples: there a neighbour may be half of one away.
		const most = Math.max(0.02, usual[usual.length >> 1]!);
		expect(Math.abs(channel[0]! - before)).toBeLessThan(most);
		expect(Math.abs(channel.at(-1)! - after)).toBeLessThan(most);
	}
});

it('sound that meets silence begins and ends with it', async () => {
	const cut = await cutOf({ num: 24, den: 1 }, { left: SILENT, right: SILENT });
	const { sound } = await made('fill', cut);
	for (const channel of [sound.left, sound.right]) {
		expect(channel[0]).toBeCloseTo(0, 5);
		expect(channel.at(-1)).toBeCloseTo(0, 5);
		expect(steps(channel).at(-1)!).toBeGreaterThan(0.05);
	}
});

it('sound changes within 5 ms of a join alone, and is whole up to there', async () => {
	// 17 frames: all that is made belongs to the clip.
	const cut = await cutOf({ num: 24, den: 1 }, { left: () => 0.9, right: () => -0.9, gap: 17 });
	const { context } = requestFor('insert', cut);
	const beside = async (sound: GenerationRequest['context']['sound']) =>
		(await made('insert', cut, { context: { ...context, sound } })).sound;
	const [alone, both] = [await beside([]), await beside([cut.left, cut.right])];
	expect(both.left[0]).toBeCloseTo(0.9, 4);
	expect(both.left.at(-1)).toBeCloseTo(-0.9, 4);
	for (const side of ['left', 'right'] as const) {
		const plain = alone[side];
		const differs = [...plain.keys()].filter((i) => both[side][i] !== plain[i]);
		expect(differs.length).toBeGreaterThan(FADE);
		expect(differs.every((i) => i < FADE || i >= plain.length - FADE)).toBe(true);
		expect(power(plain.slice(-3 * FADE, -FADE))).toBeGreaterThan(power(plain) / 4);
	}
});

function power(samples: Float32Array): number {
	return samples.reduce((sum, value) => sum + value ** 2, 0) / samples.length;
}

it('sound of fewer samples than both fades meets both sides', async () => {
	const cut = await cutOf({ num: 240, den: 1 }, { left: () => 0.9, right: () => -0.9, gap: 1 });
	const { sound, samples } = await made('fill', cut);
	expect(samples).toBe(200);
	expect(sound.left[0]).toBeCloseTo(0.9, 4);
	expect(sound.left.at(-1)).toBeCloseTo(-0.9, 4);
	expect(sound.left.every((value) => Math.abs(value) < 1)).toBe(true);
});

it('a pass goes on as the one before it was going on', async () => {
	const cut = await cutOf(RATES[1], { gap: 540 });
	const written = vi.spyOn(ClipWriter.prototype, 'writeSound');
	const { sound } = await made('insert', cut);
	const [[first, continuation], [second]] = written.mock.calls as [[Sound, Sound], [Sound]];
	written.mockRestore();
	const seam = first.left.length;
	for (const side of ['left', 'right'] as const) {
		const [heard, before, after] = [sound[side], continuation[side], second[side]];
		expect(before).toHaveLength(960);
		expect(power(before)).toBeGreaterThan(power(heard) / 4);
		expect(heard[seam]).toBeCloseTo(before[0]!, 4);
		expect(heard[seam + 960]).toBeCloseTo(after[960]!, 4);
		// Of two sounds that know nothing of each other the second would begin anywhere.
		expect(Math.abs(heard[seam]! - heard[seam - 1]!)).toBeLessThan(steps(heard).at(-1)!);
		const apart = heard
			.subarray(seam, seam + 960)
			.map(
				(value, i) =>
					Math.abs(2 * value - before[i]! - after[i]!) - Math.abs(before[i]! - after[i]!),
			);
		expect(Math.max(...apart)).toBeLessThan(1e-4);
	}
});

it('a soundtrack leaves every picture as it is', async () => {
	const rate = RATES[0];
	const cut = await cutOf(rate);
	const { path, frames, request } = await made('soundtrack', cut);
	const shape = { size: SIZE, pixelAspect: ONE, format: 'yuv420p' } as const;
	const times = (first: number) =>
		Array.from({ length: frames }, (_, i) => ({ num: (first + i) * rate.den, den: rate.num }));
	const { start } = request.context.range;
	const source = cut.left.source.kind === 'file' ? cut.left.source.path : '';
	const [own, clip] = await Promise.all([
		readFrames(ffmpeg, { path: source, at: times(start), ...shape }),
		readFrames(ffmpeg, { path, at: times(0), ...shape }),
	]);
	expect(clip.map((frame) => numberOf(frame))).toEqual(own.map((_, i) => start + i));
	for (const [i, { data }] of clip.entries()) {
		const apart = data.reduce((sum, value, at) => sum + Math.abs(value - own[i]!.data[at]!), 0);
		expect(apart / data.length).toBeLessThan(1);
	}
});

it('animation leaves every sample as it is', async () => {
	const rate = RATES[1];
	const cut = await cutOf(rate);
	const { sound, request } = await made('animate', cut);
	const first = Math.round((request.context.range.start * rate.den * 48_000) / rate.num);
	const wanted = sound.left.map((_, i) => Math.round(LOW(first + i) * 2 ** 23) / 2 ** 23);
	for (const channel of [sound.left, sound.right]) {
		const apart = channel.map((value, i) => Math.abs(value - wanted[i]!)).sort();
		expect(apart.at(-1)!).toBeLessThan(2 ** -22);
	}
});

describe('two sounds', () => {
	const sound = (values: ArrayLike<number>): Sound => {
		const left = Float32Array.from(values);
		return { left, right: left.map((value) => -value) };
	};
	const NOTHING = sound([]);

	it('meet whatever their lengths, and nothing is not met', () => {
		for (const length of [0, 1, 2, 3, 479, 480, 481, 5000]) {
			const own = sound(Float32Array.from({ length }, (_, i) => Math.cos(i)));
			expect(meetNeighbours(own, NOTHING, NOTHING)).toEqual(own);
			const { left, right } = meetNeighbours(own, sound([9, 0.5]), sound([-0.5, 9]));
			expect(left).toHaveLength(length);
			expect(right).toEqual(left.map((value) => -value));
			if (length < 2) continue;
			expect(left[0]).toBeCloseTo(0.5, 6);
			expect(left.at(-1)).toBeCloseTo(-0.5, 6);
			expect(left.every((value) => Math.abs(value) <= 1)).toBe(true);
			expect(meetNeighbours(own, sound([0.5]), NOTHING).left.at(-1)).toBe(own.left.at(-1));
		}
	});

	it('take each other over, as long as both are there', () => {
		const wave = Float32Array.from({ length: 2000 }, (_, i) => Math.sin(i / 30));
		expect(crossfadeFrom(sound(wave), NOTHING)).toEqual(sound(wave));
		const early = Float32Array.from({ length: 960 }, (_, i) => Math.cos(i / 30));
		const { left } = crossfadeFrom(sound(wave), sound(early));
		expect(left[0]).toBeCloseTo(1, 4);
		expect(left.subarray(960)).toEqual(wave.subarray(960));
		expect(steps(left).at(-1)!).toBeLessThan(0.04);
		expect(crossfadeFrom(sound([1, 1]), sound(early)).left).toHaveLength(2);
	});
});
