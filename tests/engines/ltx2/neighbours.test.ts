import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readFrames } from '../../../inference-daemon/media/frames.ts';
import { readSound } from '../../../inference-daemon/media/sound.ts';
import { samplesForFrames } from '../../../protocol/time.ts';
import { ffmpeg } from '../../media/media-files.ts';
import { localAttentionModel } from './local-attention.ts';
import {
	type Cut,
	make,
	makeCut,
	makeShot,
	openStudio,
	requestFor,
	SMALL,
	type Studio,
} from './shots.ts';

const GAP = 40;

/** 20 ms of sound. */
const SLICE = 960;
const SAMPLES = samplesForFrames(GAP, SMALL);

let studio: Studio;
let cut: Cut;
/** The cut with another shot on one side. */
let changed: Readonly<Record<'left' | 'right', Cut>>;
beforeAll(async () => {
	studio = await openStudio();
	cut = await makeCut(studio, SMALL, { gap: GAP });
	const other = { picture: 'mandelbrot', sound: 'anoisesrc=a=0.5:seed=4' };
	const path = await makeShot(join(studio.folder, 'other.mov'), SMALL, other);
	const source = { kind: 'file', path } as const;
	changed = {
		left: { ...cut, left: { ...cut.left, source } },
		right: { ...cut, right: { ...cut.right, source } },
	};
});
afterAll(() => studio.close());

type Made = { readonly frames: readonly Uint8Array[]; readonly sound: Float32Array };

async function made(from: Cut, model: string, seed: number): Promise<Made> {
	const name = randomUUID();
	const settings = { model, provider: 'cpu', context: 0.4, pixels: 64 * 64, steps: 2 };
	const { clip } = await make(requestFor('fill', from, { seed, settings }), studio, name);
	const { path } = clip;
	const at = Array.from({ length: GAP }, (_, frame) => ({ num: frame, den: 24 }));
	const shape = { size: { width: 64, height: 64 }, pixelAspect: { num: 1, den: 1 } };
	const frames = await readFrames(ffmpeg, { path, at, ...shape, format: 'rgb24' });
	const start = { num: 0, den: 1 };
	const sound = await readSound(ffmpeg, { path, from: start, samples: SAMPLES, speed: SPEED });
	return { frames: frames.map(({ data }) => data), sound: sound.left };
}

const SPEED = { num: 1, den: 1 };

type Difference = { readonly picture: readonly number[]; readonly sound: readonly number[] };

/** The energy of the difference in each quarter of the gap, mean of several seeds. */
async function differences(model: string, seeds: readonly number[]) {
	const found = { left: [] as Difference[], right: [] as Difference[] };
	for (const seed of seeds) {
		const before = await made(cut, model, seed);
		for (const side of ['left', 'right'] as const) {
			found[side].push(between(before, await made(changed[side], model, seed)));
		}
	}
	return { left: mean(found.left), right: mean(found.right) };
}

function between(one: Made, other: Made): Difference {
	const slices = (sound: Float32Array) =>
		Array.from({ length: Math.floor(sound.length / SLICE) }, (_, i) =>
			sound.subarray(i * SLICE, (i + 1) * SLICE),
		);
	const heard = slices(other.sound);
	return {
		picture: quarters(one.frames.map((frame, i) => energy(frame, other.frames[i]!))),
		// The outermost slices are faded into their neighbours, whatever the model has made.
		sound: quarters(
			slices(one.sound)
				.map((slice, i) => energy(slice, heard[i]!))
				.slice(1, -1),
		),
	};
}

function energy(one: ArrayLike<number>, other: ArrayLike<number>): number {
	expect(other.length).toBe(one.length);
	let sum = 0;
	for (let i = 0; i < one.length; i++) sum += (one[i]! - other[i]!) ** 2;
	return sum / one.length;
}

function quarters(values: readonly number[]): number[] {
	return [0, 1, 2, 3].map((quarter) => {
		const at = (share: number) => Math.round((values.length * share) / 4);
		const part = values.slice(at(quarter), at(quarter + 1));
		return part.reduce((sum, value) => sum + value, 0) / part.length;
	});
}

function mean(all: readonly Difference[]): Difference {
	const of = (stream: keyof Difference) =>
		[0, 1, 2, 3].map((i) => all.reduce((sum, one) => sum + one[stream][i]!, 0) / all.length);
	return { picture: of('picture'), sound: of('sound') };
}

/** Values that fall, the last of them below the first by more than `times`. */
function expectFalling(values: readonly number[], times: number): void {
	expect(values.every((value) => Number.isFinite(value))).toBe(true);
	expect([...values].sort((a, b) => b - a)).toEqual(values);
	expect(values[0]! / values.at(-1)!).toBeGreaterThan(times);
}

describe.each([
	['ltx-2-tiny', [1, 2]],
	['ltx-2.3-tiny', [1]],
] as const)('%s with attention to what is near', (name, seeds) => {
	it('makes picture and sound by each neighbour, the more the nearer its join is', {
		timeout: 1_800_000,
	}, async () => {
		const model = await localAttentionModel(join(studio.folder, name), name);
		const { left, right } = await differences(model, seeds);
		expectFalling(right.picture.toReversed(), 20);
		expectFalling(right.sound.toReversed(), 1000);
		expectFalling(left.picture, 20);
		expectFalling(left.sound, 1000);
	});
});

it('with attention to everything alike, each neighbour still shows most at its own join', {
	timeout: 1_800_000,
}, async () => {
	const { left, right } = await differences(studio.model, [1]);
	expect(right.picture[3]! / right.picture[0]!).toBeGreaterThan(2);
	expect(left.picture[0]! / left.picture[3]!).toBeGreaterThan(2);
	expect(left.sound[0]! / left.sound[3]!).toBeGreaterThan(2);
});
