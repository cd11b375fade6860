import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
	type ConditionedPass,
	conditionOnNeighbours,
	noisyStreams,
} from '../../../inference-daemon/engines/ltx2/condition/condition.ts';
import { denoiser, settingsOf } from '../../../inference-daemon/engines/ltx2/denoise/predict.ts';
import {
	audioFromTokens,
	fromTokens,
} from '../../../inference-daemon/engines/ltx2/diffusion/latent.ts';
import {
	type Latents,
	sampleBy,
} from '../../../inference-daemon/engines/ltx2/diffusion/samplers.ts';
import type { Pass } from '../../../inference-daemon/engines/ltx2/plan/passes.ts';
import { prepare } from '../../../inference-daemon/engines/ltx2/plan/prepare.ts';
import { promptContext } from '../../../inference-daemon/engines/ltx2/prompt/context.ts';
import { TransformerRunner } from '../../../inference-daemon/engines/ltx2/runtime/transformer.ts';
import type { NdArray } from '../../../inference-daemon/engines/ltx2/runtime/values.ts';
import { Vae } from '../../../inference-daemon/engines/ltx2/vae/vae.ts';
import type { RequestKind } from '../../../protocol/generation.ts';
import { ffmpeg } from '../../media/media-files.ts';
import { type Cut, makeCut, openStudio, requestFor, SMALL, type Studio } from './shots.ts';

/** How far from a frame the decoder sees, in frames, and for how long it remembers a sound, in 10 ms. */
const REACH = 64;
const ROWS_OF_MEMORY = 160;
/** Beyond what the decoder sees around a frame, so that some frames show nothing of the gap. */
const LONG = 121;

let studio: Studio;
let cut: Cut;
beforeAll(async () => {
	studio = await openStudio();
	const frames = { frames: LONG };
	cut = await makeCut(studio, SMALL, { gap: 12, left: frames, right: frames });
});
afterAll(() => studio.close());

type Finished = {
	readonly looked: ConditionedPass;
	readonly latents: Latents;
	readonly pass: Pass;
	readonly vae: Vae;
};

/** A request as far as its latents, without a file. */
async function finish(kind: RequestKind, context: number): Promise<Finished> {
	const settings = { model: studio.model, provider: 'cpu', context, pixels: 64 * 64, steps: 2 };
	const request = requestFor(kind, cut, { settings });
	const { signal } = new AbortController();
	const { model, planned } = await prepare(request, null);
	const { work, stages } = planned();
	const [pass, stage, size] = [work.passes[0]!, stages[0]!, work.sizes[0]!];
	const { checkpoint, encoder } = model;
	const vae = new Vae(checkpoint);
	const source = { ffmpeg, request, work, pass, previous: null, signal };
	const looked = await conditionOnNeighbours({
		...source,
		checkpoint,
		vae,
		stage,
		size,
		stills: [],
		earlier: null,
		prefetch: null,
	});
	const positive = await promptContext(request.prompt, encoder, checkpoint, { signal });
	const runner = new TransformerRunner(checkpoint, settingsOf(looked.conditioned), {});
	let latents: Latents = {};
	try {
		const streams = noisyStreams(looked.conditioned, stage.sigmas[0]!, { seed: 1, draw: 0 });
		const denoise = denoiser(runner, looked.conditioned, { positive, negative: null }, null);
		const fresh = () => expect.fail('Expected no fresh noise');
		for await (const step of sampleBy('euler', streams, stage.sigmas, denoise, fresh)) {
			latents = step.latents;
		}
	} finally {
		await runner.release();
	}
	return { looked, latents, pass, vae };
}

/** The largest difference between what is kept of a stream and what was given of it. */
function keptApart({ looked, latents }: Finished, stream: 'video' | 'audio'): number {
	const { mask, clean, channels, count } = looked.conditioned[stream]!;
	expect(mask.subarray(0, count).includes(0)).toBe(true);
	let most = 0;
	for (let i = 0; i < count * channels; i++) {
		const apart = Math.abs(latents[stream]![i]! - clean[i]!);
		if (mask[Math.floor(i / channels)] === 0 && !(apart <= most)) most = apart;
	}
	return most;
}

/** Mean squared difference of each frame of [1, 3, frames, height, width]. */
function byFrame(one: NdArray, other: NdArray): number[] {
	expect(other.shape).toEqual(one.shape);
	const [, channels, frames, height, width] = one.shape as readonly number[];
	const plane = height! * width!;
	return Array.from({ length: frames! }, (_, frame) => {
		let sum = 0;
		for (let c = 0; c < channels!; c++) {
			for (let i = 0; i < plane; i++) {
				const at = (c * frames! + frame) * plane + i;
				sum += (Number(one.data[at]) - Number(other.data[at])) ** 2;
			}
		}
		return sum / (channels! * plane);
	});
}

/** Mean squared difference of each row of a spectrogram [1, 2, rows, 64]. */
function byRow(one: NdArray, other: NdArray): number[] {
	expect(other.shape).toEqual(one.shape);
	const [, channels, rows, bands] = one.shape as readonly number[];
	return Array.from({ length: rows! }, (_, row) => {
		let sum = 0;
		for (let c = 0; c < channels!; c++) {
			for (let i = 0; i < bands!; i++) {
				const at = (c * rows! + row) * bands! + i;
				sum += (Number(one.data[at]) - Number(other.data[at])) ** 2;
			}
		}
		return sum / (channels! * bands!);
	});
}

const average = (values: readonly number[]) =>
	values.reduce((sum, value) => sum + value, 0) / values.length;

describe.each(['fill', 'extend', 'retake'] as const)('%s', (kind) => {
	it('keeps outside the gap every token that was given, picture and sound', async () => {
		const finished = await finish(kind, 0.5);
		expect(keptApart(finished, 'video')).toBe(0);
		expect(keptApart(finished, 'audio')).toBe(0);
	});
});

it('frames outside the gap come back as the VAE gives them back', async () => {
	const { looked, latents, pass, vae } = await finish('fill', 4);
	const { pixels, latent } = looked.seen!;
	const { count, channels } = looked.conditioned.video!;
	const data = fromTokens(latents.video!.slice(0, count * channels), channels);
	const back = await vae.decodePicture({ data, shape: latent.shape });
	const roundTrip = await vae.decodePicture(latent);
	const apart = byFrame(back, roundTrip);
	const error = byFrame(roundTrip, pixels);
	const { start, end } = pass.window.gap;
	const real = pass.window.frames - pass.window.spare;
	expect(average(apart.slice(start, end))).toBeGreaterThan(0.01);
	const given = [...apart.keys()].filter((at) => at < start || (at >= end && at < real));
	for (const frame of given) expect(apart[frame]).toBeLessThan(error[frame]!);
	const far = given.filter((at) => at < start - REACH || at >= end + REACH);
	expect(far.length).toBeGreaterThan(REACH);
	for (const frame of far) expect(apart[frame]).toBeLessThan(1e-9);
});

it('sound outside the gap comes back as the VAE gives it back', async () => {
	const { looked, latents, pass, vae } = await finish('fill', 4);
	const { count, channels, clean } = looked.conditioned.audio!;
	const bands = 16;
	const mel = (tokens: Float32Array) =>
		vae.decodeSound({
			data: audioFromTokens(tokens.slice(0, count * channels), channels / bands, bands),
			shape: [1, channels / bands, count, bands],
		});
	const back = await mel(latents.audio!);
	const given = await mel(clean);
	const apart = byRow(back, given);
	const { num, den } = SMALL;
	const row = (frame: number) => Math.floor((100 * frame * den) / num);
	const { start, end } = pass.window.gap;
	expect(average(apart.slice(row(start) + 4, row(end)))).toBeGreaterThan(0.1);
	// What comes before the gap is decoded before it; for a while after it the decoder remembers it.
	const far = apart.filter((_, at) => at < row(start) - 4 || at >= row(end) + ROWS_OF_MEMORY);
	expect(far.length).toBeGreaterThan(500);
	for (const difference of far) expect(difference).toBeLessThan(1e-9);
});
