import type { GenerationRequest, Plan } from '../../../protocol/generation.ts';
import type { Clip } from '../../../protocol/jobs.ts';
import type { EngineOutput, Workplace } from '../engine.ts';
import { Relay } from '../relay.ts';
import { begin, look } from './condition/condition.ts';
import { Ahead } from './condition/prefetch.ts';
import type { Carried } from './condition/read-window.ts';
import { drawPass, startFilm } from './decode/decode.ts';
import { denoiser, type Guided, looksOf, type Shot, settingsOf } from './denoise/denoise.ts';
import { toTokens, videoShape } from './diffusion/latent.ts';
import { normalisedNoise, normalNoise } from './diffusion/noise.ts';
import { evaluationsOf, type Latents, sampleBy } from './diffusion/samplers.ts';
import { transformerParameters } from './model/open-model.ts';
import { transformerConfig } from './networks/transformer-config.ts';
import { videoVaeConfig } from './networks/video-vae.ts';
import type { Pass } from './plan/passes.ts';
import { withoutPrompt } from './plan/phases.ts';
import type { Work } from './plan/plan.ts';
import { type Planned, prepare } from './plan/prepare.ts';
import { openMeter } from './plan/progress.ts';
import type { Led } from './plan/stages.ts';
import { checkpointKey, openPreviews } from './preview/preview.ts';
import { type Lesson, learnPreview, Showing } from './preview/preview-shot.ts';
import { framesWanted, readPrompts, readStills } from './prompt/read-prompt.ts';
import { type Job, pictureLatent, type Take } from './run.ts';
import { chooseDevice, type Device, probeProgram } from './runtime/device.ts';
import { isOutOfMemory } from './runtime/failures.ts';
import { SpareTime } from './runtime/meanwhile.ts';
import { activationBytes, planHold } from './runtime/memory-plan.ts';
import { type Hold, TransformerRunner } from './runtime/transformer.ts';
import { Vae } from './vae/vae.ts';

/** A clip from a request; progress and previews on the way. */
export async function* generate(
	request: GenerationRequest,
	_plan: Plan,
	workplace: Workplace,
	outer: AbortSignal,
): AsyncGenerator<EngineOutput, void, void> {
	const stop = new AbortController();
	const signal = AbortSignal.any([outer, stop.signal]);
	const relay = new Relay<EngineOutput>();
	const made = make(request, workplace, signal, (output) => relay.send(output));
	relay.follow(made);
	try {
		yield* relay.outputs();
		yield { kind: 'clip', clip: await made };
	} finally {
		stop.abort(new Error('The shot was given up'));
		await made.catch(() => {});
	}
}

/** Context, then all the rest; once more and smaller where memory runs out. */
async function make(
	request: GenerationRequest,
	workplace: Workplace,
	signal: AbortSignal,
	tell: Job['tell'],
): Promise<Clip> {
	const { settings, model, planned } = await prepare(request);
	const { cache: folder } = workplace;
	const wanted = settings.provider;
	const device = await chooseDevice({ wanted, program: probeProgram(), folder, signal });
	const key = await checkpointKey(model.checkpoint);
	const timed = { folder, key: `${key} ${device.provider} ${device.precision}` };
	const first = planned();
	const meter = await openMeter(timed, first.phases);
	const channels = videoVaeConfig(model.checkpoint).latent_channels;
	const previews = await openPreviews({ folder, key, channels });
	const job = { request, model, device, workplace, signal, meter, previews, tell };
	const ahead = lookAhead(job, first);
	const spare = new SpareTime();
	spare.later(() => ahead.begin());
	try {
		tell(meter.at('prompt', 0));
		const either = AbortSignal.any([signal, ahead.failed]);
		const contexts = await readPrompts({ ...job, signal: either });
		const frames = await framesWanted(job, contexts);
		tell(meter.at('prompt', 1));
		const stills = await readStills(job);
		const { work, recipes } = planned({ frames });
		try {
			const whole = { work, recipes, ahead, signal: either, isSmall: false };
			return await shoot({ ...job, ...whole, contexts, stills }, []);
		} catch (error) {
			if (!isOutOfMemory(error) || signal.aborted) throw error;
			const second = planned({ frames, isSecondAttempt: true });
			meter.again(withoutPrompt(second.phases));
			const note = shrunk(work, second.work, device);
			const smaller = { ...second, ahead: null, isSmall: true };
			return await shoot({ ...job, ...smaller, contexts, stills }, [note]);
		}
	} finally {
		spare.end();
		await ahead.close();
		await meter.close();
	}
}

/** What the first pass will look at. */
function lookAhead({ request, workplace: { ffmpeg }, signal }: Job, { work }: Planned): Ahead {
	const pass = work.passes[0]!;
	return new Ahead({ ffmpeg, request, work, pass, carried: null, signal }, work.stages[0]!);
}

/** All passes into one clip. */
async function shoot(planned: Omit<Take, 'vae' | 'film'>, notes: readonly string[]) {
	const { request, work, model, device, tell, meter } = planned;
	const { provider, precision } = device;
	const memory = planned.isSmall ? { memory: SMALL } : {};
	const vae = new Vae(model.checkpoint, { provider, precision, ...memory });
	const film = startFilm(planned);
	const take: Take = { ...planned, vae, film };
	try {
		for (const note of notes) tell({ ...meter.at('look', 0), phase: note });
		let carried: Carried | null = null;
		for (const pass of work.passes) {
			const latents = await makePass(take, pass, carried);
			carried = await drawPass(take, pass, latents);
		}
		const { path, frames, rate, size, samples, codec: name } = await film.finish();
		tell({ kind: 'progress', progress: 1, phase: 'Done' });
		const clip: Clip = {
			...{ path, frames, rate, size, samples, codec: name },
			...{ draft: false, engine: 'ltx2', seed: request.seed },
			...(notes.length > 0 ? { notes } : {}),
		};
		return clip;
	} finally {
		await film.abandon();
		await vae.release();
	}
}

/** Look at the neighbours, start, denoise; in two stages the second goes on from the first. */
async function makePass(take: Take, pass: Pass, carried: Carried | null): Promise<Latents> {
	const { request, work, recipes, model, stills, vae, workplace, signal, meter, tell } = take;
	let made: Latents = {};
	let earlier: Latents | null = null;
	for (const [stage, recipe] of recipes.entries()) {
		const size = work.stages[stage]!;
		tell(meter.at('look', 0));
		const looked = await look({
			...{ ffmpeg: workplace.ffmpeg, request, work, pass, carried, signal },
			...{ checkpoint: model.checkpoint, vae, recipe, size, stills, earlier, ahead: take.ahead },
		});
		const isFirst = stage === 0 && pass.index === 0;
		const lesson = isFirst ? await learnPreview(take, pass, looked) : null;
		tell(meter.at('look', 1));
		const latents = await denoise(take, pass, stage, looked.shot, lesson);
		made = recipe.makesSound ? latents : { ...latents, audio: made.audio! };
		if (stage + 1 < recipes.length) {
			const latent = pictureLatent(take, pass, stage, made);
			const larger = await vae.upsample(latent, model.upsampler!, signal);
			const video = toTokens(larger.data as Float32Array, latent.shape[1]!);
			earlier = { ...made, video };
		}
	}
	return made;
}

/** From noise to clean latents as tokens, guides taken off; a preview after every step. */
async function denoise(
	take: Take,
	pass: Pass,
	stage: number,
	shot: Shot,
	lesson: Lesson | null,
): Promise<Latents> {
	const { request, recipes, contexts, device, signal, meter, tell } = take;
	const { checkpoint, sampler, sigmas, led } = recipes[stage]!;
	const { provider, precision } = device;
	const hold = holdFor(take, shot, led);
	const marks = marksFor(take, stage, shot);
	const draw = 2 * pass.index + stage;
	const runner = new TransformerRunner(checkpoint, settingsOf(shot, marks), {
		...{ provider, precision, hold },
	});
	const guided: Guided | null = led && { ...led, negative: contexts.negative! };
	let fresh = 0;
	const drawFresh = (stream: string, length: number) => {
		const key = { seed: request.seed, stream: `${stream} ${draw}`, draw: fresh++ };
		if (sampler !== 'res_2s') return normalNoise(key, length);
		return normalisedNoise(key, length, shot[stream as keyof Shot]!.channels);
	};
	const streams = begin(shot, sigmas[0]!, { seed: request.seed, draw });
	const looks = evaluationsOf(sampler, sigmas) * looksOf(guided);
	let blocks = 0;
	const onBlock = () => {
		blocks += 1;
		tell(meter.at('make', Math.min(1, blocks / (looks * runner.config.blocks))));
	};
	const look = denoiser(runner, shot, contexts.positive, guided, { signal, onBlock });
	let latents: Latents = {};
	const showing = new Showing(take, pass, stage, lesson);
	tell(meter.at('make', 0));
	try {
		for await (const made of sampleBy(sampler, streams, sigmas, look, drawFresh)) {
			latents = made.latents;
			await showing.next(made.clean);
		}
		await showing.end();
	} finally {
		await showing.abandon();
		await runner.release();
	}
	const wanted = Object.entries(latents).map(([stream, tokens]) => {
		const { count, channels } = shot[stream as keyof Shot]!;
		return [stream, tokens.slice(0, count * channels)];
	});
	return Object.fromEntries(wanted);
}

/** 2.5 marks the tokens of the first cell, which is a frame of its own, and no appended still. */
function marksFor({ model, work }: Take, stage: number, { video }: Shot): Float32Array | null {
	if (video === null) return null;
	const config = transformerConfig(model.checkpoint.config.transformer);
	if (!config.video.keyframeEmbedding) return null;
	const { width, height } = work.stages[stage]!;
	const first = videoShape(1, width, height);
	return new Float32Array(video.mask.length).fill(1, 0, first.height * first.width);
}

/** Whether all blocks may stay open at once. */
function holdFor({ isSmall, device, model }: Take, shot: Shot, led: Led | null): Hold {
	if (isSmall) return 'one';
	const parameters = transformerParameters(model);
	const tokens = { video: shot.video?.mask.length ?? 0, audio: shot.audio?.mask.length ?? 0 };
	const config = transformerConfig(model.checkpoint.config.transformer);
	const activations = activationBytes(config, tokens, shot.video?.heed != null);
	return planHold({ device, parameters, activations, kinds: led === null ? 1 : 2 });
}

/** Bytes for the video VAE after memory has run out. */
const SMALL = 2 ** 30;

function shrunk(first: Work, second: Work, { provider }: Device): string {
	const size = ({ stages }: Work) => `${stages.at(-1)!.width}×${stages.at(-1)!.height}`;
	return `Memory ran out on ${provider} at ${size(first)}, so it is made at ${size(second)}.`;
}
