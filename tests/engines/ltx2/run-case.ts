import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
	appendKeyframe,
	appendReference,
	type ConditionedStream,
	frozen,
	regenerateRegion,
	replaceCells,
	unconditioned,
} from '../../../inference-daemon/engines/ltx2/diffusion/conditioning.ts';
import {
	audioPositions,
	audioTokens,
	audioToTokens,
	toTokens,
	videoPositions,
	videoShape,
} from '../../../inference-daemon/engines/ltx2/diffusion/latent.ts';
import type { FrameRate } from '../../../protocol/time.ts';
import { readTensors, type Tensors } from './tensors.ts';

const FOLDER = fileURLToPath(new URL('../../golden/runs/', import.meta.url));
/** Complete runs of the reference's pipelines; see tests/golden/runs/README.md. */
export const RUNS = readdirSync(FOLDER).flatMap((file) => /^(.*)\.json$/.exec(file)?.[1] ?? []);
export const VIDEO_CHANNELS = 6;
export const AUDIO = { channels: 2, bands: 16 };
const RATES: Readonly<Record<string, FrameRate>> = {
	'24': { num: 24, den: 1 },
	'23.976023976023978': { num: 24_000, den: 1001 },
	'29.97002997002997': { num: 30_000, den: 1001 },
};

type Stream = { frozen: boolean; noise_scale: number; initial_latent: boolean };
export type Stage = {
	tag: string;
	height: number;
	width: number;
	loras: { file: string; strength: number }[];
	video: Stream | null;
	audio: Stream;
};
type GuidanceScales = {
	cfg_scale: number;
	stg_scale: number;
	stg_blocks: number[];
	rescale_scale: number;
	modality_scale: number;
};
export type Run = {
	checkpoint: string;
	upscaler?: string;
	input_waveform_rate?: number;
	sampler: 'euler' | 'euler_ancestral' | 'res_2s';
	guidance?: Record<'video' | 'audio', GuidanceScales>;
	frames: number;
	fps: number;
	stages: Stage[];
	images?: { frame_idx: number; strength: number; mechanism: string }[];
	region?: { start_time: number; end_time: number; applies_to?: string };
	reference?: { downscale_factor: number; strength: number; attention_strength: number };
	video_conditionings?: { tensor: string; mechanism: string; frame_idx?: number }[];
};

/** What the run's description says is given of the picture. */
export function videoOf(run: Run, stage: Stage, tensors: Tensors): ConditionedStream {
	const rate = RATES[String(run.fps)]!;
	const shape = videoShape(run.frames, stage.width, stage.height);
	const tokens = (name: string) => toTokens(tensors[name]!.data as Float32Array, VIDEO_CHANNELS);
	const source = tensors[`${stage.tag}.video.initial`] ?? tensors['input.video_latent'];
	const initial = source ? toTokens(source.data as Float32Array, VIDEO_CHANNELS) : undefined;
	let state = unconditioned(videoPositions(shape, rate), VIDEO_CHANNELS, initial);
	if (stage.video!.frozen) return frozen(state, initial!);
	if (run.region && run.region.applies_to !== 'audio') {
		state = regenerateRegion(state, initial!, run.region.start_time, run.region.end_time);
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

export function audioOf(run: Run, stage: Stage, tensors: Tensors): ConditionedStream {
	const count = audioTokens(run.frames, RATES[String(run.fps)]!);
	const source = tensors[`${stage.tag}.audio.initial`] ?? tensors['input.audio_latent'];
	const { channels, bands } = AUDIO;
	const initial = source && audioToTokens(source.data as Float32Array, channels, bands);
	const state = unconditioned(audioPositions(count), channels * bands, initial);
	if (stage.audio.frozen) return frozen(state, initial!);
	if (!run.region) return state;
	return regenerateRegion(state, initial!, run.region.start_time, run.region.end_time);
}

export async function readRun(name: string): Promise<{ run: Run; tensors: Tensors }> {
	const run = JSON.parse(readFileSync(`${FOLDER}${name}.json`, 'utf8')) as Run;
	return { run, ...(await readTensors(`${FOLDER}${name}.safetensors`)) };
}
