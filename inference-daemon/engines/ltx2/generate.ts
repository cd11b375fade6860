import { totalmem } from 'node:os';
import type { GenerationRequest, Plan } from '../../../protocol/generation.ts';
import { type FrameRate, samplesForFrames } from '../../../protocol/time.ts';
import { encodeClip, pixelFormatFor } from '../../media/encode.ts';
import { resample } from '../../media/resample.ts';
import type { Frame, Sound } from '../../media/types.ts';
import { pictureOf } from '../cut-picture.ts';
import type { EngineOutput, Workplace } from '../engine.ts';
import { Codec } from './codec.ts';
import { denoiser, type Guided, type Shot, settingsOf } from './denoise.ts';
import {
	appendKeyframe,
	type Conditioned,
	frozen,
	keepOutside,
	replaceCells,
	startFrom,
	unconditioned,
} from './diffusion/conditioning.ts';
import {
	audioFromTokens,
	audioPositions,
	audioTokens,
	audioToTokens,
	fromTokens,
	toTokens,
	videoPositions,
	videoShape,
} from './diffusion/latent.ts';
import { normalNoise } from './diffusion/noise.ts';
import { type Latents, sampleEuler } from './diffusion/samplers.ts';
import { DISTILLED, devSchedule } from './diffusion/schedule.ts';
import { readPictures, readStill, readWindowSound } from './material.ts';
import { audioVaeConfig } from './networks/audio-vae.ts';
import { transformerConfig } from './networks/transformer-config.ts';
import { videoVaeConfig } from './networks/video-vae.ts';
import { type Model, openModel } from './open-model.ts';
import { encodable, fromCanvas } from './picture.ts';
import { numberOf, type Work, workFor } from './plan.ts';
import type { Numbers } from './runtime/session.ts';
import { TransformerRunner } from './runtime/transformer.ts';
import { logMel } from './sound/mel.ts';
import { promptContext } from './text/context.ts';

/** Inwards from the gap's limits, in seconds: a limit on a cell's edge could fall to either side. */
const INWARDS = 1e-4;
const MEL_RATE = 48_000;

/** How a checkpoint that is not distilled is led (Lightricks/LTX-2, pipelines' constants). */
const GUIDANCE = {
	video: { cfg: 3, stg: 1, modality: 3, rescale: 0.7 },
	audio: { cfg: 7, stg: 1, modality: 3, rescale: 0.7 },
} as const;

/** One request on its way, and all that it needs. */
type Job = {
	readonly request: GenerationRequest;
	readonly work: Work;
	readonly model: Model;
	readonly codec: Codec;
	readonly workplace: Workplace;
	readonly signal: AbortSignal;
};

/** The whole shot, top to bottom: look at the neighbours, context, start, denoise, picture, sound, file. */
export async function* generate(
	request: GenerationRequest,
	plan: Plan,
	workplace: Workplace,
	signal: AbortSignal,
): AsyncGenerator<EngineOutput, void, void> {
	const progress = (share: number, phase: string): EngineOutput => ({
		...{ kind: 'progress', progress: share, phase },
	});
	const work = workFor(request);
	const model = await openModel(String(request.settings.model));
	const codec = new Codec(model.checkpoint);
	const job: Job = { request, work, model, codec, workplace, signal };

	yield progress(0, 'Reading the prompt');
	const contexts = await readPrompts(job);

	yield progress(0.1, 'Looking at the neighbours');
	const shot = await conditionedShot(job);

	yield progress(0.2, 'Making the shot');
	const sigmas = sigmasFor(model, request);
	const hold = fitsInMemory(model) ? 'all' : 'one';
	const runner = new TransformerRunner(
		model.checkpoint,
		settingsOf(shot, marksFor(model, shot.video, work)),
		{ hold },
	);
	let latents: Latents = {};
	try {
		const denoise = denoiser(runner, shot, contexts.positive, contexts.guided, signal);
		let step = 0;
		for await (const made of sampleEuler(streamsOf(shot, request.seed), sigmas, denoise)) {
			latents = made.latents;
			step += 1;
			yield progress(0.2 + (0.6 * step) / (sigmas.length - 1), 'Making the shot');
		}
	} finally {
		await runner.release();
	}

	yield progress(0.8, 'Making the sound');
	const sound = work.hasSound ? await soundOf(job, latents, shot) : null;
	signal.throwIfAborted();

	yield progress(0.85, 'Making the picture');
	const clip = await encodeClip(
		workplace.ffmpeg,
		{
			path: workplace.clipPath,
			...{ size: sizeOf(request), pixelAspect: request.context.sequence.pixelAspect },
			...{ rate: request.context.sequence.rate, codec: request.output.codec },
			...{ frameCount: plan.frames, sound },
			frames: framesOf(job, latents),
			tags: { title: request.output.name, comment: 'Made with LTX-2 by Pickup.' },
		},
		signal,
	);
	yield progress(1, 'Done');
	const { path, frames, rate, size, samples } = clip;
	yield {
		kind: 'clip',
		clip: {
			...{ path, frames, rate, size, samples, codec: clip.codec },
			...{ draft: false, engine: 'ltx2', seed: request.seed },
		},
	};
}

export function sigmasFor(model: Model, request: GenerationRequest): readonly number[] {
	const steps = request.settings.steps;
	if (model.distilled && steps === undefined) return DISTILLED;
	const { version } = model.checkpoint;
	return devSchedule(Math.round(numberOf(steps, version === null ? 40 : 30, 2, 200)));
}

/** 2.5 marks the tokens of the first cell, which is a frame of its own, and no appended still. */
function marksFor(
	{ checkpoint }: Model,
	video: Conditioned | null,
	{ size }: Work,
): Float32Array | null {
	if (video === null) return null;
	if (!transformerConfig(checkpoint.config.transformer).video.keyframeEmbedding) return null;
	const { height, width } = videoShape(1, size.width, size.height);
	return new Float32Array(video.mask.length).fill(1, 0, height * width);
}

/** Whether all blocks may stay open at once, in float32, and leave most of the memory alone. */
function fitsInMemory({ description }: Model): boolean {
	return description.parameters * 4 < totalmem() / 4;
}

async function readPrompts({ model, request, workplace, signal }: Job) {
	const options = { signal, cache: { folder: workplace.cache } };
	const { checkpoint, encoder } = model;
	const positive = await promptContext(request.prompt, encoder, checkpoint, options);
	if (model.distilled) return { positive, guided: null };
	const negative = await promptContext(request.negativePrompt ?? '', encoder, checkpoint, {
		...options,
		overlong: 'cut',
	});
	const stgBlocks = [checkpoint.version === null ? 29 : 28];
	const guided: Guided = { ...GUIDANCE, stgBlocks, negative };
	return { positive, guided };
}

/** Picture and sound before they are made, with all that is given of them. */
async function conditionedShot(job: Job): Promise<Shot> {
	const video = await conditionedPicture(job);
	job.signal.throwIfAborted();
	const audio = await conditionedSound(job);
	job.signal.throwIfAborted();
	return { video, audio };
}

async function conditionedPicture({
	request,
	work,
	model,
	codec,
	workplace: { ffmpeg },
	signal,
}: Job): Promise<Conditioned> {
	const { rate } = request.context.sequence;
	const { window, size } = work;
	const channels = videoVaeConfig(model.checkpoint).latent_channels;
	const shape = videoShape(window.frames, size.width, size.height);
	const tokens = async (pixels: Numbers) =>
		toTokens((await codec.encodePicture(pixels)).data as Float32Array, channels);
	const free = unconditioned(videoPositions(shape, rate), channels);
	if (work.picture === 'made') {
		let state = free;
		for (const { path, frame, strength } of stillsOf(request)) {
			const given = await tokens(await readStill(ffmpeg, path, request, size, signal));
			const at = { frame, rate, strength };
			state =
				frame === 0
					? replaceCells(state, given, 0, strength)
					: appendKeyframe(state, given, { ...shape, frames: 1 }, at);
		}
		return state;
	}
	const { pixels, firstRight } = await readPictures(ffmpeg, request, work, signal);
	const source = await tokens(pixels);
	if (work.picture === 'given') return frozen(free, source);
	const kept = keepOutside(free, source, ...gapSeconds(work, rate));
	if (firstRight === null) return kept;
	// The right join rarely meets a cell's edge: its first frame is given by itself.
	const { width, height, data } = firstRight;
	const given = await tokens({ data, shape: [1, 3, 1, height, width] });
	const one = { ...shape, frames: 1 };
	return appendKeyframe(kept, given, one, { frame: window.gap.end, rate, strength: 1 });
}

async function conditionedSound({
	request,
	work,
	model,
	codec,
	workplace: { ffmpeg },
	signal,
}: Job): Promise<Conditioned> {
	const { rate } = request.context.sequence;
	const { z_channels: channels, mel_bins } = audioVaeConfig(model.checkpoint);
	const bands = mel_bins / 4;
	const count = audioTokens(work.window.frames, rate);
	const free = unconditioned(audioPositions(count), channels * bands);
	if (work.sound === 'made') return free;
	const heard = await readWindowSound(ffmpeg, request, work, signal);
	const mel = logMel({ channels: [heard.left, heard.right], sampleRate: MEL_RATE });
	const { data } = await codec.encodeSound(mel);
	const all = audioToTokens(data as Float32Array, channels, bands);
	const source = new Float32Array(count * channels * bands);
	source.set(all.subarray(0, source.length));
	if (work.sound === 'given') return frozen(free, source);
	return keepOutside(free, source, ...gapSeconds(work, rate));
}

/** From when to when the window is made anew: beyond its ends where nothing is given there. */
function gapSeconds({ window }: Work, rate: FrameRate): readonly [from: number, to: number] {
	const seconds = (frame: number) => (frame * rate.den) / rate.num;
	const { start, end } = window.gap;
	return [
		start === 0 ? -1 : seconds(start) + INWARDS,
		window.right > 0 ? seconds(end) - INWARDS : seconds(window.frames) + 1,
	];
}

function stillsOf(request: GenerationRequest) {
	if (request.kind === 'insert') return request.images;
	if (request.kind === 'animate' && request.firstFrame !== undefined) {
		return [{ path: request.firstFrame, frame: 0, strength: 1 }];
	}
	return [];
}

/** The latents full of noise; what is given stands where it is. */
function streamsOf(shot: Shot, seed: number) {
	const streams = (['video', 'audio'] as const).flatMap((stream) => {
		const state = shot[stream];
		if (state === null) return [];
		const noise = normalNoise({ seed, stream, draw: 0 }, state.clean.length);
		const latent = startFrom(state, noise, state.isFrozen ? 0 : 1);
		return [[stream, { latent, clean: state.clean, mask: state.mask }] as const];
	});
	return Object.fromEntries(streams);
}

/** The gap's sound at 48 kHz, exactly as long as its frames. */
async function soundOf(
	{ request, work, model, codec }: Job,
	latents: Latents,
	shot: Shot,
): Promise<Sound> {
	const { rate } = request.context.sequence;
	const { z_channels: channels, mel_bins } = audioVaeConfig(model.checkpoint);
	const bands = mel_bins / 4;
	const { count } = shot.audio!;
	const kept = latents.audio!.slice(0, count * channels * bands);
	const data = audioFromTokens(kept, channels, bands);
	const waveform = await codec.voice(
		await codec.decodeSound({ data, shape: [1, channels, count, bands] }),
	);
	const samples = waveform.shape[2]!;
	const { start, end } = request.context.range;
	const first = start - work.window.left;
	const from = samplesForFrames(start, rate) - samplesForFrames(first, rate);
	const length = samplesForFrames(end - start, rate);
	const step = codec.sampleRate / 48_000;
	const [left, right] = [0, 1].map((channel) => {
		const voice = (waveform.data as Float32Array).subarray(
			channel * samples,
			(channel + 1) * samples,
		);
		return resample(voice, from * step, step, length);
	});
	return { left: left!, right: right! };
}

/** The gap's pictures at the sequence's size, in the encoder's format. */
async function* framesOf(
	{ request, work, model, codec, workplace: { ffmpeg }, signal }: Job,
	latents: Latents,
): AsyncGenerator<Frame, void, void> {
	const { sequence, range } = request.context;
	const format = pixelFormatFor(request.output.codec) as 'yuv420p' | 'yuv422p10le';
	const size = sizeOf(request);
	if (work.picture === 'given' && work.own !== null) {
		const whole = { ...sequence, size };
		yield* pictureOf(ffmpeg, work.own, range, whole, format, signal);
		return;
	}
	const channels = videoVaeConfig(model.checkpoint).latent_channels;
	const { frames, height, width } = videoShape(
		work.window.frames,
		work.size.width,
		work.size.height,
	);
	const cells = frames * height * width;
	const latent = fromTokens(latents.video!.slice(0, cells * channels), channels);
	const noise = normalNoise({ seed: request.seed, stream: 'decoder', draw: 0 }, latent.length);
	const shape = [1, channels, frames, height, width];
	const pixels = await codec.decodePicture({ data: latent, shape }, { data: noise, shape });
	const plane = work.size.width * work.size.height;
	for (let frame = work.window.gap.start; frame < work.window.gap.end; frame++) {
		signal.throwIfAborted();
		const data = new Float32Array(3 * plane);
		for (let c = 0; c < 3; c++) {
			const from = (c * work.window.frames + frame) * plane;
			data.set((pixels.data as Float32Array).subarray(from, from + plane), c * plane);
		}
		const canvas = { width: work.size.width, height: work.size.height, data };
		yield encodable(fromCanvas(canvas, work.size, size), format);
	}
}

/** H.264 takes even sizes only. */
function sizeOf({ context, output }: GenerationRequest) {
	const { width, height } = context.sequence.size;
	if (output.codec !== 'h264-intra') return { width, height };
	return { width: width + (width % 2), height: height + (height % 2) };
}
