import { expect, test } from 'vitest';
import {
	framesFor,
	predictFrames,
} from '../../../inference-daemon/engines/ltx2/prompt/duration.ts';
import type { Context } from '../../../inference-daemon/engines/ltx2/prompt/encode.ts';
import { Checkpoint } from '../../../inference-daemon/engines/ltx2/weights/checkpoint.ts';
import { type Case, goldenCase, goldenWeights } from './golden.ts';
import { tinyCheckpoint } from './tiny.ts';

const R24 = { num: 24, den: 1 };

test('a shot is as long as the reference’s head wants it for each prompt', async () => {
	const checkpoint = await goldenWeights('duration-head');
	const { tensors } = await goldenCase('duration-head', 'context');
	const seconds = tensors['out.seconds']!.data;
	for (const [row, wanted] of seconds.entries()) {
		// At a rate so high that only the exact length will do.
		const rate = { num: 8000, den: 1 };
		const options = { rate, most: 1_000_000 };
		const frames = await predictFrames(rowOf(tensors, row), checkpoint, options);
		const bounded = Math.min(20, Math.max(1, wanted));
		expect(Math.abs(frames - bounded * 8000)).toBeLessThan(9);
		expect(frames % 8).toBe(1);
		expect(await predictFrames(rowOf(tensors, row), checkpoint, { ...options, most: 17 })).toBe(17);
	}
	expect(seconds.length).toBeGreaterThan(0);
});

test.each([
	[5, R24, 113],
	[5.1, R24, 121],
	[0.01, R24, 25],
	[1, R24, 25],
	[900, R24, 473],
	[20, { num: 60_000, den: 1001 }, 1193],
	[3, { num: 24_000, den: 1001 }, 65],
	[2, { num: 1, den: 1 }, 1],
])('%d s at %o are %d frames', (seconds, rate, frames) => {
	expect(framesFor(seconds, rate)).toBe(frames);
});

test('a checkpoint without the head is refused by the names of its tensors', async () => {
	const checkpoint = await Checkpoint.open(await tinyCheckpoint('ltx-2-tiny'));
	const { tensors } = await goldenCase('duration-head', 'context');
	const predicted = predictFrames(rowOf(tensors, 0), checkpoint, { rate: R24, most: 100 });
	await expect(predicted).rejects.toMatchObject({
		code: 'bad-weights',
		message: expect.stringContaining('duration_head'),
	});
});

test('a cancelled job has no length', async () => {
	const checkpoint = await goldenWeights('duration-head');
	const { tensors } = await goldenCase('duration-head', 'context');
	const signal = AbortSignal.abort(new Error('enough'));
	const predicted = predictFrames(rowOf(tensors, 0), checkpoint, { rate: R24, most: 9, signal });
	await expect(predicted).rejects.toThrow('enough');
});

function rowOf(tensors: Case['tensors'], row: number): Context {
	const stream = (name: 'video' | 'audio') => {
		const { data, shape } = tensors[`in.${name}_context`]!;
		const [, tokens, width] = shape as [number, number, number];
		const size = tokens * width;
		return { data: data.slice(row * size, (row + 1) * size), shape: [tokens, width] };
	};
	return { video: stream('video'), audio: stream('audio') };
}
