import type { GenerationRequest, Plan } from '../../../protocol/generation.ts';
import type { Clip } from '../../../protocol/jobs.ts';
import { pixelFormatFor } from '../../media/encode.ts';
import type { Frame, Sound } from '../../media/types.ts';
import { pictureOf } from '../cut-picture.ts';
import type { EngineOutput, Workplace } from '../engine.ts';
import { Relay } from '../relay.ts';
import { soundForClip, soundOfPass } from './clip-sound.ts';
import { Codec } from './codec.ts';
import { denoiser, type Guided, type Shot, settingsOf } from './denoise.ts';
import { fromTokens, toTokens, videoShape } from './diffusion/latent.ts';
import { normalisedNoise, normalNoise } from './diffusion/noise.ts';
import { type Latents, sampleBy } from './diffusion/samplers.ts';
import { predictFrames } from './duration.ts';
import { Film } from './film.ts';
import type { Carried } from './material.ts';
import { type Meter, openMeter } from './meter.ts';
import { transformerConfig } from './networks/transformer-config.ts';
import { videoVaeConfig } from './networks/video-vae.ts';
import type { Model } from './open-model.ts';
import type { Pass } from './passes.ts';
import { withoutPrompt } from './phases.ts';
import { frameMaker, type Planar, packed } from './picture.ts';
import type { Work } from './plan.ts';
import { prepare } from './prepare.ts';
import { checkpointKey, openPreviews, type Previews } from './preview.ts';
import { cellsWhere } from './preview-map.ts';
import type { Led, Recipe } from './recipe.ts';
import { chooseDevice, type Device, probeProgram } from './runtime/device.ts';
import { isOutOfMemory } from './runtime/failures.ts';
import { activationBytes, planHold } from './runtime/memory-plan.ts';
import type { Numbers } from './runtime/session.ts';
import { type Hold, TransformerRunner } from './runtime/transformer.ts';
import { begin, type Looked, look, type Still, stillsOf } from './shot.ts';
import { readStill } from './still.ts';
import { promptContext } from './text/context.ts';

/** One request on its way, and what it needs however it is made. */
type Job = {
	readonly request: GenerationRequest;
	readonly model: Model;
	readonly device: Device;
	readonly workplace: Workplace;
	readonly signal: AbortSignal;
	readonly meter: Meter;
	readonly previews: Previews;
	readonly tell: (output: EngineOutput) => void;
};

/** What a plan says, and what was read for it. */
type Take = Job & {
	readonly work: Work;
	readonly recipes: readonly Recipe[];
	/** Memory has run out before. */
	readonly isSmall: boolean;
	readonly contexts: Contexts;
	readonly stills: readonly Still[];
	readonly codec: Codec;
	readonly film: Film;
};

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
	const meter = await openMeter(timed, planned().phases);
	const channels = videoVaeConfig(model.checkpoint).latent_channels;
	const previews = await openPreviews({ folder, key, channels });
	const job = { request, model, device, workplace, signal, meter, previews, tell };
	try {
		tell(meter.at('prompt', 0));
		const contexts = await readPrompts(job);
		const frames = await framesWanted(job, contexts);
		tell(meter.at('prompt', 1));
		const stills = await readStills(job);
		const { work, recipes } = planned({ frames });
		try {
			return await shoot({ ...job, work, recipes, isSmall: false, contexts, stills }, []);
		} catch (error) {
			if (!isOutOfMemory(error) || signal.aborted) throw error;
			const second = planned({ frames, isSecondAttempt: true });
			meter.again(withoutPrompt(second.phases));
			const note = shrunk(work, second.work, device);
			return await shoot({ ...job, ...second, isSmall: true, contexts, stills }, [note]);
		}
	} finally {
		await meter.close();
	}
}

/** All passes into one clip. */
async function shoot(planned: Omit<Take, 'codec' | 'film'>, notes: readonly string[]) {
	const { request, work, model, device, tell, meter } = planned;
	const { provider, precision } = device;
	const memory = planned.isSmall ? { memory: SMALL } : {};
	const codec = new Codec(model.checkpoint, { provider, precision, ...memory });
	const film = startFilm(planned);
	const take: Take = { ...planned, codec, film };
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
		await codec.release();
	}
}

/** Look at the neighbours, start, denoise; in two stages the second goes on from the first. */
async function makePass(take: Take, pass: Pass, carried: Carried | null): Promise<Latents> {
	const { request, work, recipes, model, stills, codec, workplace, signal, meter, tell } = take;
	let made: Latents = {};
	let earlier: Latents | null = null;
	for (const [stage, recipe] of recipes.entries()) {
		const size = work.stages[stage]!;
		tell(meter.at('look', 0));
		const looked = await look({
			...{ ffmpeg: workplace.ffmpeg, request, work, pass, carried, signal },
			...{ checkpoint: model.checkpoint, codec, recipe, size, stills, earlier },
		});
		if (stage === 0) await learnPreview(take, pass, looked);
		tell(meter.at('look', 1));
		const latents = await denoise(take, pass, stage, looked.shot);
		made = recipe.makesSound ? latents : { ...latents, audio: made.audio! };
		if (stage + 1 < recipes.length) {
			const latent = pictureLatent(take, pass, stage, made);
			const larger = await codec.enlarge(latent, model.upsampler!, signal);
			const video = toTokens(larger.data as Float32Array, latent.shape[1]!);
			earlier = { ...made, video };
		}
	}
	return made;
}

/** From noise to clean latents as tokens, guides taken off; a preview after every step. */
async function denoise(take: Take, pass: Pass, stage: number, shot: Shot): Promise<Latents> {
	const { request, recipes, contexts, device, previews, signal, meter, tell } = take;
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
	const look = denoiser(runner, shot, contexts.positive, guided, signal);
	let latents: Latents = {};
	let step = 0;
	try {
		for await (const made of sampleBy(sampler, streams, sigmas, look, drawFresh)) {
			latents = made.latents;
			step += 1;
			tell(meter.at('make', Math.min(1, step / (sigmas.length - 1))));
			const { start, end } = pass.window.gap;
			const shown = { frame: (start + end) >> 1, crop: take.work.stages[stage]! };
			const jpeg = previews.jpeg(pictureLatent(take, pass, stage, made.clean), shown);
			if (jpeg) tell({ kind: 'preview', jpeg });
		}
	} finally {
		await runner.release();
	}
	const wanted = Object.entries(latents).map(([stream, tokens]) => {
		const { count, channels } = shot[stream as keyof Shot]!;
		return [stream, tokens.slice(0, count * channels)];
	});
	return Object.fromEntries(wanted);
}

/** A pass's latents into the film; the sound is made while the picture is drawn. */
async function drawPass(take: Take, pass: Pass, latents: Latents): Promise<Carried> {
	const stop = new AbortController();
	const signal = AbortSignal.any([take.signal, stop.signal]);
	const both = [
		drawPicture({ ...take, signal }, pass, latents),
		take.work.hasSound ? drawSound({ ...take, signal }, pass, latents) : null,
	] as const;
	try {
		const [frames, sound] = await Promise.all(both);
		return { frames, sound };
	} finally {
		// Where one has failed the other is still at work, with a network open.
		stop.abort(new Error('The other half of the shot has failed'));
		await Promise.allSettled(both);
	}
}

/** Gives the last frames, as many as the next pass goes on from. */
async function drawPicture(take: Take, pass: Pass, latents: Latents): Promise<Frame[]> {
	const { request, work, film, meter, tell } = take;
	const carries = work.passes[pass.index + 1]?.window.left ?? 0;
	const format = pixelFormatFor(request.output.codec) as 'yuv420p' | 'yuv422p10le';
	const size = work.stages.at(-1)!;
	const frameOf = frameMaker(size, sizeOf(request), format);
	const count = pass.range.end - pass.range.start;
	const frames: Frame[] = [];
	let drawn = 0;
	for await (const picture of oneAhead(picturesOf(take, pass, latents))) {
		const isDone = 'format' in picture;
		if (!isDone && count - drawn <= carries) frames.push(packed(picture, size));
		await film.write(isDone ? picture : frameOf(picture));
		drawn += 1;
		tell(meter.at('draw', drawn / count));
	}
	return frames;
}

/** Gives what was made, which the next pass goes on from. */
async function drawSound(take: Take, pass: Pass, latents: Latents): Promise<Sound | null> {
	const { request, work, model, codec, film, workplace, signal } = take;
	const material = { ffmpeg: workplace.ffmpeg, request, work, pass, carried: null, signal };
	const made =
		work.sound === 'given'
			? null
			: await soundOfPass(material, latents.audio!, codec, model.checkpoint);
	film.writeSound(await soundForClip(material, made));
	return made;
}

/** The pass's new pictures, on the work's canvas; or the clip's own, where they are given. */
async function* picturesOf(
	{ request, work, model, codec, workplace, signal }: Take,
	pass: Pass,
	latents: Latents,
): AsyncGenerator<Planar | Frame, void, void> {
	if (work.picture === 'given' && work.own !== null) {
		const sequence = { ...request.context.sequence, size: sizeOf(request) };
		const format = pixelFormatFor(request.output.codec);
		yield* pictureOf(workplace.ffmpeg, work.own, pass.range, sequence, format, signal);
		return;
	}
	const stage = work.stages.length - 1;
	const { width, height } = work.stages[stage]!;
	const latent = pictureLatent({ model, work }, pass, stage, latents);
	const key = { seed: request.seed, stream: 'decoder', draw: pass.index };
	const noise = { data: normalNoise(key, latent.data.length), shape: latent.shape };
	const frames = [pass.window.gap.start, pass.window.gap.end] as const;
	for await (const { pixels } of codec.decodeFrames(latent, { noise, frames, signal })) {
		yield { width, height, data: pixels };
	}
}

type Contexts = Awaited<ReturnType<typeof readPrompts>>;

async function readPrompts({ model, device, request, workplace, signal, meter, tell }: Job) {
	const { checkpoint, encoder } = model;
	const { provider, precision } = device;
	const looks = model.distilled ? 1 : 2;
	const read = (prompt: string, index: number, overlong: 'refuse' | 'cut') =>
		promptContext(prompt, encoder, checkpoint, {
			...{ provider, precision, signal, overlong, cache: { folder: workplace.cache } },
			onProgress: (share) => tell(meter.at('prompt', (0.99 * (index + share)) / looks)),
		});
	const positive = await read(request.prompt, 0, 'refuse');
	const negative = model.distilled ? null : await read(request.negativePrompt ?? '', 1, 'cut');
	return { positive, negative };
}

/** How many frames to make, where the request leaves that to the model. */
async function framesWanted({ request, model, device, signal }: Job, { positive }: Contexts) {
	const { range, sequence } = request.context;
	const most = range.end - range.start;
	if (request.kind !== 'insert' || request.length !== 'model') return most;
	const { provider } = device;
	const { rate } = sequence;
	return predictFrames(positive, model.checkpoint, { rate, most, provider, signal });
}

/** From this version on stills are less compressed (Lightricks/LTX-2, pipelines' constants). */
const CLEANER_FROM = 2.4;

async function readStills({ request, model, workplace, signal }: Job): Promise<Still[]> {
	const { size: shape } = request.context.sequence;
	const crf = Number.parseFloat(model.checkpoint.version ?? '2.0') >= CLEANER_FROM ? 18 : 33;
	return Promise.all(
		stillsOf(request).map(async ({ path, frame, strength }) => ({
			...{ frame, strength },
			picture: await readStill(workplace.ffmpeg, path, { shape, crf }, signal),
		})),
	);
}

function startFilm({ request, work, workplace, signal }: Omit<Take, 'codec' | 'film'>): Film {
	const { output, context } = request;
	const { rate, pixelAspect } = context.sequence;
	const wanted = {
		...{ path: workplace.clipPath, size: sizeOf(request), pixelAspect, rate, codec: output.codec },
		frameCount: work.range.end - work.range.start,
		tags: { title: output.name, comment: 'Made with LTX-2 by Pickup.' },
	};
	return new Film(workplace.ffmpeg, wanted, { hasSound: work.hasSound, signal });
}

/** Fits the preview to what the window shows, or once for each checkpoint to what noise looks like. */
async function learnPreview(take: Take, pass: Pass, { seen }: Looked): Promise<void> {
	const { previews, work, codec, signal } = take;
	const { gap, frames, spare } = pass.window;
	const isGiven = (frame: number) =>
		frame < frames - spare && (work.picture === 'given' || frame < gap.start || frame >= gap.end);
	if (seen !== null) await previews.fit(seen.latent, seen.pixels, cellsWhere(frames, isGiven));
	await previews.fitOnce((latent) => {
		const noise = normalNoise({ seed: 0, stream: 'decoder', draw: 0 }, latent.data.length);
		return codec.decodePicture(latent, { data: noise, shape: latent.shape }, signal);
	});
}

/** The picture among a pass's tokens, [1, channels, frames, height, width]. */
function pictureLatent(
	{ model, work }: Pick<Take, 'model' | 'work'>,
	{ window }: Pass,
	stage: number,
	{ video }: Latents,
): Numbers {
	const { latent_channels: channels } = videoVaeConfig(model.checkpoint);
	const { width, height } = work.stages[stage]!;
	const size = videoShape(window.frames, width, height);
	const cells = size.frames * size.height * size.width;
	const data = fromTokens(video!.slice(0, cells * channels), channels);
	return { data, shape: [1, channels, size.frames, size.height, size.width] };
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
	const parts = model.description.files.flatMap((file) => file.parts);
	const parameters = parts
		.filter(({ part }) => part === 'transformer')
		.reduce((sum, one) => sum + one.parameters, 0);
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

/** H.264 takes even sizes only. */
function sizeOf({ context, output }: GenerationRequest) {
	const { width, height } = context.sequence.size;
	if (output.codec !== 'h264-intra') return { width, height };
	return { width: width + (width % 2), height: height + (height % 2) };
}

/** What a source gives next is made while the last of it is in use. */
async function* oneAhead<T>(source: AsyncGenerator<T, void, void>): AsyncGenerator<T, void, void> {
	let next = source.next();
	try {
		for (;;) {
			const { done, value } = await next;
			if (done) return;
			next = source.next();
			next.catch(() => {});
			yield value;
		}
	} finally {
		await next.catch(() => {});
		await source.return();
	}
}
