import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
	appendKeyframe,
	appendReference,
	type Conditioned,
	frozen,
	keepOutside,
	replaceCells,
	startFrom,
	unconditioned,
} from '../../../inference-daemon/engines/ltx2/diffusion/conditioning.ts';
import {
	audioFromTokens,
	audioPositions,
	audioTokens,
	audioToTokens,
	fromTokens,
	toTokens,
	videoPositions,
	videoShape,
} from '../../../inference-daemon/engines/ltx2/diffusion/latent.ts';
import type { FrameRate } from '../../../protocol/time.ts';
import { readTensors, type Tensors } from './tensors.ts';

const FOLDER = fileURLToPath(new URL('../../golden/runs/', import.meta.url));
const RUNS = readdirSync(FOLDER).flatMap((file) => /^(.*)\.json$/.exec(file)?.[1] ?? []);
const VIDEO_CHANNELS = 6;
const AUDIO = { channels: 2, bands: 16 };
const RATES: Readonly<Record<string, FrameRate>> = {
	'24': { num: 24, den: 1 },
	'23.976023976023978': { num: 24_000, den: 1001 },
	'29.97002997002997': { num: 30_000, den: 1001 },
};

type Stream = { frozen: boolean; noise_scale: number; initial_latent: boolean };
type Stage = { tag: string; height: number; width: number; video: Stream | null; audio: Stream };
type Run = {
	frames: number;
	fps: number;
	stages: Stage[];
	images?: { frame_idx: number; strength: number; mechanism: string }[];
	region?: { start_time: number; end_time: number; applies_to?: string };
	reference?: { downscale_factor: number; strength: number; attention_strength: number };
	video_conditionings?: { tensor: string; mechanism: string; frame_idx?: number }[];
};

/** What the run's description says is given of the picture. */
function videoOf(run: Run, stage: Stage, tensors: Tensors): Conditioned {
	const rate = RATES[String(run.fps)]!;
	const shape = videoShape(run.frames, stage.width, stage.height);
	const tokens = (name: string) => toTokens(tensors[name]!.data as Float32Array, VIDEO_CHANNELS);
	const source = tensors[`${stage.tag}.video.initial`] ?? tensors['input.video_latent'];
	const initial = source ? toTokens(source.data as Float32Array, VIDEO_CHANNELS) : undefined;
	let state = unconditioned(videoPositions(shape, rate), VIDEO_CHANNELS, initial);
	if (stage.video!.frozen) return frozen(state, initial!);
	if (run.region && run.region.applies_to !== 'audio') {
		state = keepOutside(state, initial!, run.region.start_time, run.region.end_time);
	}
	for (const [i, image] of (run.images ?? []).entries()) {
		const given = tokens(`${stage.tag}.image${i}_latent`);
		const one = { ...shape, frames: 1 };
		const at = { frame: image.frame_idx, rate, strength: image.strength };
		state =
			image.mechanism === 'replace_latent'
				? replaceCells(state, given, 0, image.strength)
				: appendKeyframe(state, given, one, at);
	}
	for (const { tensor, mechanism, frame_idx: frame = 0 } of run.video_conditionings ?? []) {
		const given = tokens(`${tensor}_latent`);
		const two = { ...shape, frames: 2 };
		state =
			mechanism === 'replace_latent'
				? replaceCells(state, given, 0, 1)
				: appendKeyframe(state, given, two, { frame, rate, strength: 1 });
	}
	if (run.reference) {
		const { downscale_factor: scale, strength, attention_strength: attention } = run.reference;
		const small = { ...shape, height: shape.height / scale, width: shape.width / scale };
		const given = tokens('input.reference_latent');
		state = appendReference(state, given, small, { rate, scale, strength, attention });
	}
	return state;
}

function audioOf(run: Run, stage: Stage, tensors: Tensors): Conditioned {
	const count = audioTokens(run.frames, RATES[String(run.fps)]!);
	const source = tensors[`${stage.tag}.audio.initial`] ?? tensors['input.audio_latent'];
	const { channels, bands } = AUDIO;
	const initial = source && audioToTokens(source.data as Float32Array, channels, bands);
	const state = unconditioned(audioPositions(count), channels * bands, initial);
	if (stage.audio.frozen) return frozen(state, initial!);
	if (!run.region) return state;
	return keepOutside(state, initial!, run.region.start_time, run.region.end_time);
}

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
		const run = JSON.parse(readFileSync(`${FOLDER}${name}.json`, 'utf8')) as Run;
		const { tensors } = await readTensors(`${FOLDER}${name}.safetensors`);
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
				const heed = tensors[`${at}.attention_mask`];
				expect(state.heed === null, `${at} attention`).toBe(heed === undefined);
				if (heed) expectSame(state.heed!, heed.data as Float32Array, 1e-6, `${at} attention`);
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
	[9, 24, 1, 9],
	[17, 24_000, 1001, 18],
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
