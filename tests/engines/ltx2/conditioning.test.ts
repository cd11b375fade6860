import { describe, expect, it } from 'vitest';
import { startFrom } from '../../../inference-daemon/engines/ltx2/diffusion/conditioning.ts';
import {
	audioFromTokens,
	audioTokens,
	audioToTokens,
	fromTokens,
	toTokens,
	videoShape,
} from '../../../inference-daemon/engines/ltx2/diffusion/latent.ts';
import { audioOf, RUNS, readRun, videoOf } from './run-case.ts';

function expectSame(got: Float32Array, expected: Float32Array, tolerance: number, what: string) {
	expect(got.length, what).toBe(expected.length);
	const apart = got.reduce((most, value, i) => {
		const scale = Math.max(1, Math.abs(expected[i]!));
		const difference = Math.abs(value - expected[i]!) / scale;
		return difference <= most ? most : difference;
	}, 0);
	expect(apart, what).toBeLessThanOrEqual(tolerance);
}

describe.each(RUNS)('%s starts', (name) => {
	it('from the reference’s positions, masks and latents', async () => {
		const { run, tensors } = await readRun(name);
		for (const stage of run.stages) {
			for (const kind of ['video', 'audio'] as const) {
				const stream = stage[kind];
				if (!stream) continue;
				const at = `${stage.tag}.${kind}`;
				const state = (kind === 'video' ? videoOf : audioOf)(run, stage, tensors);
				const read = (what: string) => tensors[`${at}.${what}`]!.data as Float32Array;
				expectSame(state.positions.data, read('positions'), 1e-6, `${at} positions`);
				expectSame(state.mask, read('mask'), 1e-7, `${at} mask`);
				// What is not given does not matter there.
				const isGiven = (i: number) => state.mask[Math.floor(i / state.channels)]! < 1;
				const given = (values: Float32Array) => values.filter((_, i) => isGiven(i));
				expectSame(given(state.clean), given(read('clean')), 1e-7, `${at} clean`);
				const attentionMask = tensors[`${at}.attention_mask`];
				expect(state.attentionMask === null, `${at} attention`).toBe(attentionMask === undefined);
				if (attentionMask)
					expectSame(
						state.attentionMask!,
						attentionMask.data as Float32Array,
						1e-6,
						`${at} attention`,
					);
				const x = startFrom(state, read('noise'), stream.noise_scale);
				expectSame(x, read('x').subarray(0, x.length), 1e-6, `${at} start`);
			}
		}
	});
});

it('latents go to tokens and back', () => {
	const latent = Float32Array.from({ length: 6 * 5 * 4 }, (_, i) => i);
	expect(toTokens(latent, 6).slice(0, 6)).toEqual(Float32Array.of(0, 20, 40, 60, 80, 100));
	expect(fromTokens(toTokens(latent, 6), 6)).toEqual(latent);
	expect(audioFromTokens(audioToTokens(latent, 2, 12), 2, 12)).toEqual(latent);
});

it.each([
	[121, 24, 1, 126],
	[121, 24_000, 1001, 126],
	[97, 25, 1, 97],
	[9, 24, 1, 9],
	[17, 24_000, 1001, 18],
	// Halves go to the even number: 60.5, 7.5, 62.5 and 27.5.
	[121, 50, 1, 60],
	[9, 30, 1, 8],
	[125, 50, 1, 62],
	[33, 30, 1, 28],
	[1, 50, 1, 0],
	[3, 50, 1, 2],
	[241, 60_000, 1001, 101],
])('%d frames at %d/%d go with %d audio tokens', (frames, num, den, tokens) => {
	expect(audioTokens(frames, { num, den })).toBe(tokens);
});

it.each([
	[8, 64, 64, /8k \+ 1 frames, got 8/],
	[0, 64, 64, /got 0/],
	[9, 60, 64, /multiples of 32 pixels, got 60×64/],
	[9, 64, 0, /got 64×0/],
] as const)('refuses %d frames of %d×%d', (frames, width, height, message) => {
	expect(() => videoShape(frames, width, height)).toThrow(message);
});
