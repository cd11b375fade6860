import { describe, expect, it } from 'vitest';
import { denoiser, settingsOf } from '../../../inference-daemon/engines/ltx2/denoise/predict.ts';
import {
	type Conditioned,
	startFrom,
} from '../../../inference-daemon/engines/ltx2/diffusion/conditioning.ts';
import type { Guidance } from '../../../inference-daemon/engines/ltx2/diffusion/guidance.ts';
import {
	audioFromTokens,
	fromTokens,
} from '../../../inference-daemon/engines/ltx2/diffusion/latent.ts';
import {
	type Denoise,
	sampleAncestral,
	sampleEuler,
	sampleRes2s,
} from '../../../inference-daemon/engines/ltx2/diffusion/samplers.ts';
import {
	type PromptContext,
	TransformerRunner,
} from '../../../inference-daemon/engines/ltx2/runtime/transformer.ts';
import type { NdArray } from '../../../inference-daemon/engines/ltx2/runtime/values.ts';
import { logMel } from '../../../inference-daemon/engines/ltx2/sound/mel.ts';
import { Vae } from '../../../inference-daemon/engines/ltx2/vae/vae.ts';
import { Checkpoint } from '../../../inference-daemon/engines/ltx2/weights/checkpoint.ts';
import { readWeights } from '../../../inference-daemon/engines/ltx2/weights/shards.ts';
import {
	AUDIO,
	audioOf,
	RUNS,
	type Run,
	readRun,
	type Stage,
	VIDEO_CHANNELS,
	videoOf,
} from './run-case.ts';
import type { Tensors } from './tensors.ts';
import { tinyCheckpoint } from './tiny.ts';

const SAMPLERS = {
	euler: sampleEuler,
	euler_ancestral: sampleAncestral,
	res_2s: sampleRes2s,
} as const;

/** The README's tolerances, largest absolute difference. */
const TOLERANCE = { encoded: 1e-4, latent: 1.5e-4, mel: 4e-4, waveform: 2e-4 };

describe.each(RUNS)('%s', (name) => {
	it('is the reference’s run from its inputs to frames and sound, step by step', async () => {
		const { run, tensors } = await readRun(name);
		const checkpoint = await Checkpoint.open(await tinyCheckpoint(stem(run.checkpoint)));
		const vae = new Vae(checkpoint);
		await compareInputs(run, tensors, vae);
		let last: Readonly<Record<string, Float32Array>> = {};
		for (const stage of run.stages) {
			if (stage.tag === 's2') await compareUpsampled(run, tensors, vae);
			last = await compareSteps(run, stage, tensors, checkpoint);
		}
		await compareOutputs(run, tensors, vae, last);
	});
});

async function compareInputs(run: Run, tensors: Tensors, vae: Vae): Promise<void> {
	for (const [key, { data, shape }] of Object.entries(tensors)) {
		const image = /^(s\d\.image\d)_pixels$/.exec(key)?.[1];
		if (image) {
			const found = await vae.encodePicture({ data: data as Float32Array, shape });
			expectNear(found.data, tensors[`${image}_latent`]!.data, TOLERANCE.encoded, image);
		}
		const clip = /^input\.(video|prefix|suffix|reference)$/.exec(key)?.[1];
		if (clip) {
			const found = await vae.encodePicture(pixelsOf(data as Uint8Array, shape));
			const expected = tensors[`input.${clip}_latent`]!;
			expectNear(found.data, expected.data, TOLERANCE.encoded, clip);
		}
	}
	const { 'input.waveform': wave, 'input.mel': mel } = tensors;
	if (!wave || !mel) return;
	const samples = wave.data as Float32Array;
	const channels = [samples.slice(0, samples.length / 2), samples.slice(samples.length / 2)];
	const heard = logMel({ channels, sampleRate: run.input_waveform_rate! });
	expectNear(heard.data, mel.data, TOLERANCE.mel, 'mel of the source');
	const found = await vae.encodeSound(mel as NdArray);
	expectNear(found.data, tensors['input.audio_latent_raw']!.data, TOLERANCE.encoded, 'sound');
}

async function compareUpsampled(run: Run, tensors: Tensors, vae: Vae): Promise<void> {
	const upsampler = await Checkpoint.open(await tinyCheckpoint(stem(run.upscaler!)));
	const found = await vae.upsample(tensors['s1.video.final'] as NdArray, upsampler);
	expectNear(found.data, tensors['s2.video.initial']!.data, TOLERANCE.latent, 'upsampled');
}

/** Gives the final latents as tokens, guides removed. */
async function compareSteps(
	run: Run,
	stage: Stage,
	tensors: Tensors,
	base: Checkpoint,
): Promise<Record<string, Float32Array>> {
	const conditioned: Conditioned = {
		video: stage.video && videoOf(run, stage, tensors),
		audio: audioOf(run, stage, tensors),
	};
	const loras = await Promise.all(
		stage.loras.map(async ({ file, strength }) => ({
			file: await readWeights(await tinyCheckpoint(stem(file))),
			strength,
		})),
	);
	const checkpoint = loras.length > 0 ? base.withLoras(loras) : base;
	const runner = new TransformerRunner(checkpoint, settingsOf(conditioned), {});
	try {
		const tag = stage.tag;
		const streams = (['video', 'audio'] as const).flatMap((stream) => {
			const state = conditioned[stream];
			if (!state) return [];
			const noise = tensors[`${tag}.${stream}.noise`]!.data as Float32Array;
			const latent = startFrom(state, noise, stage[stream]!.noise_scale);
			return [[stream, { latent, clean: state.clean, mask: state.mask }] as const];
		});
		const guidance = guidanceOf(run);
		const negative = guidance && contextOf(tensors, 'text_neg');
		const contexts = { positive: contextOf(tensors, 'text'), negative };
		const predict = denoiser(runner, conditioned, contexts, guidance);
		let evaluation = 0;
		const denoise: Denoise = async (latents, sigma) => {
			const x0 = await predict(latents, sigma);
			for (const [stream, data] of Object.entries(x0)) {
				const expected = row(tensors[`${tag}.${stream}.x0`]!, evaluation);
				expectNear(data, expected, TOLERANCE.latent, `${tag} ${stream} x0 ${evaluation}`);
				const x = row(tensors[`${tag}.${stream}.x`]!, evaluation);
				expectNear(latents[stream]!, x, TOLERANCE.latent, `${tag} ${stream} x ${evaluation}`);
			}
			evaluation += 1;
			return x0;
		};
		const drawn: Record<string, number> = { video: 0, audio: 0 };
		const draw = (stream: string) => row(tensors[`${tag}.${stream}.step_noise`]!, drawn[stream]!++);
		const sigmas = [...(tensors[`${tag}.sigmas`]!.data as Float32Array)];
		let latents: Readonly<Record<string, Float32Array>> = {};
		const sample = SAMPLERS[run.sampler];
		for await (const step of sample(Object.fromEntries(streams), sigmas, denoise, draw)) {
			latents = step.latents;
		}
		expect(evaluation).toBe(tensors[`${tag}.audio.x0`]!.shape[0]);
		const kept: Record<string, Float32Array> = {};
		for (const [stream, data] of Object.entries(latents)) {
			const { count, channels } = conditioned[stream as 'video' | 'audio']!;
			kept[stream] = data.slice(0, count * channels);
		}
		return kept;
	} finally {
		await runner.release();
	}
}

async function compareOutputs(
	run: Run,
	tensors: Tensors,
	vae: Vae,
	last: Readonly<Record<string, Float32Array>>,
): Promise<void> {
	const { tag } = run.stages.at(-1)!;
	const finals = {
		video: last.video && fromTokens(last.video, VIDEO_CHANNELS),
		audio: audioFromTokens(last.audio!, AUDIO.channels, AUDIO.bands),
	};
	for (const [stream, data] of Object.entries(finals)) {
		if (data) expectNear(data, tensors[`${tag}.${stream}.final`]!.data, TOLERANCE.latent, stream);
	}
	const frames = tensors['out.video_u8'];
	if (frames) {
		const { shape } = tensors[`${tag}.video.final`]!;
		const pixels = await vae.decodePicture({ data: finals.video!, shape });
		expectFrames(pixels, frames.data as Uint8Array);
	}
	const { 'out.mel': mel, 'out.waveform': waveform } = tensors;
	if (!mel || !waveform) return;
	const { shape } = tensors[`${tag}.audio.final`]!;
	const heard = await vae.decodeSound({ data: finals.audio, shape });
	expectNear(heard.data, mel.data, TOLERANCE.mel, 'mel');
	expectNear((await vae.vocode(heard)).data, waveform.data, TOLERANCE.waveform, 'waveform');
}

function stem(file: string): string {
	return file.replace(/\.safetensors$/, '');
}

function contextOf(tensors: Tensors, prompt: 'text' | 'text_neg'): PromptContext {
	const of = (stream: string) => {
		const { data, shape } = tensors[`${prompt}.${stream}_context`]!;
		return { data: data as Float32Array, shape: shape.slice(1) };
	};
	return { video: of('video'), audio: of('audio') };
}

function guidanceOf({ guidance }: Run): Guidance | null {
	if (!guidance) return null;
	const of = (stream: 'video' | 'audio') => ({
		cfg: guidance[stream].cfg_scale,
		stg: guidance[stream].stg_scale,
		modality: guidance[stream].modality_scale,
		rescale: guidance[stream].rescale_scale,
	});
	const stgBlocks = guidance.video.stg_blocks;
	return { video: of('video'), audio: of('audio'), stgBlocks };
}

/** Frames [F, H, W, 3] of bytes as [1, 3, F, H, W] in −1…1. */
function pixelsOf(bytes: Uint8Array, [frames, height, width]: readonly number[]): NdArray {
	const plane = frames! * height! * width!;
	const data = new Float32Array(3 * plane);
	for (let i = 0; i < plane; i++) {
		for (let c = 0; c < 3; c++) data[c * plane + i] = bytes[i * 3 + c]! / 127.5 - 1;
	}
	return { data, shape: [1, 3, frames!, height!, width!] };
}

/** Within one level, and that in at most 0.2 % of the values. */
function expectFrames({ data }: NdArray, expected: Uint8Array): void {
	const plane = expected.length / 3;
	let apart = 0;
	for (let i = 0; i < plane; i++) {
		for (let c = 0; c < 3; c++) {
			const value = Math.min(1, Math.max(0, ((data[c * plane + i] as number) + 1) / 2));
			const level = Math.floor(Math.fround(255 * value));
			const difference = Math.abs(level - expected[i * 3 + c]!);
			if (!(difference <= 1)) expect.fail(`frames differ by ${difference} levels`);
			apart += difference;
		}
	}
	expect(apart / expected.length).toBeLessThan(0.002);
}

function row({ data, shape }: Tensors[string], index: number): Float32Array {
	const length = data.length / shape[0]!;
	return (data as Float32Array).slice(index * length, (index + 1) * length);
}

function expectNear(
	got: NdArray['data'],
	expected: Tensors[string]['data'],
	tolerance: number,
	what: string,
): void {
	expect(got.length, what).toBe(expected.length);
	let most = 0;
	for (let i = 0; i < got.length; i++) {
		const apart = Math.abs(Number(got[i]) - Number(expected[i]));
		if (!(apart <= most)) most = apart;
	}
	expect(most, what).toBeLessThanOrEqual(tolerance);
}
