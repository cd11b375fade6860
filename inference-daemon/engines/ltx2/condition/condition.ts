import type { GenerationRequest } from '../../../../protocol/generation.ts';
import {
	appendKeyframe,
	appendReference,
	beginWith,
	type Conditioned,
	type ConditionedStream,
	frozen,
	regenerateAlso,
	regenerateRegion,
	replaceCells,
	startFrom,
	unconditioned,
} from '../diffusion/conditioning.ts';
import {
	audioPositions,
	audioTokens,
	audioTokensTo,
	audioToTokens,
	toTokens,
	videoPositions,
	videoShape,
} from '../diffusion/latent.ts';
import { normalNoise } from '../diffusion/noise.ts';
import type { Latents, Stream } from '../diffusion/samplers.ts';
import { audioVaeConfig } from '../networks/audio-vae.ts';
import { videoVaeConfig } from '../networks/video-vae.ts';
import type { Treatment } from '../plan/plan.ts';
import type { Stage } from '../plan/stages.ts';
import { fitted, type WorkSize } from '../plan/window.ts';
import { runBoth } from '../run-both.ts';
import type { NdArray } from '../runtime/values.ts';
import { logMel } from '../sound/mel.ts';
import type { Vae } from '../vae/vae.ts';
import type { Checkpoint } from '../weights/checkpoint.ts';
import type { Prefetch } from './prefetch.ts';
import {
	onCanvas,
	type PassSource,
	readPictures,
	readReference,
	readWindowSound,
} from './read-window.ts';
import type { StillPicture } from './still.ts';

/** Inwards from the gap's limits, in seconds: a limit on a cell's edge could fall to either side. */
const INWARDS = 1e-4;
const MEL_RATE = 48_000;

/** One stage of a pass before it is made. */
export type ConditionedPass = {
	readonly conditioned: Conditioned;
	/** null where the window shows nothing. */
	readonly seen: Seen | null;
};

/** The window's own pictures, 16 bits, [1, 3, frames, height, width], and their latent. */
export type Seen = { readonly pixels: NdArray; readonly latent: NdArray };

export type ConditionInputs = PassSource & {
	readonly checkpoint: Checkpoint;
	readonly vae: Vae;
	readonly stage: Stage;
	readonly size: WorkSize;
	/** The request's stills by the frame of the clip that they show. */
	readonly stills: readonly Still[];
	/** What an earlier stage has made, as tokens: the picture already enlarged. */
	readonly earlier: Latents | null;
	/** What has been read for this pass and stage; null: nothing yet. */
	readonly prefetch: Prefetch | null;
};

export type Still = StillPicture & { readonly frame: number; readonly strength: number };

/**
 * Picture and sound before they are made, with all that is given of them. The sound is read while the
 * picture is encoded.
 */
export async function conditionOnNeighbours(inputs: ConditionInputs): Promise<ConditionedPass> {
	const both = (signal: AbortSignal) =>
		[conditionedPicture({ ...inputs, signal }), conditionedSound({ ...inputs, signal })] as const;
	const [{ video, seen }, audio] = await runBoth(inputs.signal, both);
	inputs.signal.throwIfAborted();
	// What is seen of it is for the first stage's previews; of a later one it takes gigabytes.
	return { conditioned: { video, audio }, seen: inputs.earlier === null ? seen : null };
}

type Picture = { readonly video: ConditionedStream; readonly seen: Seen | null };

async function conditionedPicture(inputs: ConditionInputs): Promise<Picture> {
	const { request, work, pass, previous, checkpoint, vae, size, signal, earlier } = inputs;
	const { rate } = request.context.sequence;
	const { window } = pass;
	const channels = videoVaeConfig(checkpoint).latent_channels;
	const shape = videoShape(window.frames, size.width, size.height);
	const encode = (pixels: NdArray) => vae.encodePicture(pixels, signal);
	const tokens = async (pixels: NdArray) =>
		toTokens((await encode(pixels)).data as Float32Array, channels);
	let state = unconditioned(videoPositions(shape, rate), channels);
	let seen: Seen | null = null;
	if (work.picture !== 'made' || previous !== null) {
		const read = inputs.prefetch?.takePictures() ?? readPictures(inputs, size);
		const { pixels, firstRight } = await read;
		const latent = await encode(pixels);
		seen = { pixels, latent };
		const source = toTokens(latent.data as Float32Array, channels);
		if (work.picture === 'given') return { video: frozen(state, source), seen };
		state = regenerateGap(state, source, inputs, work.picture);
		if (firstRight !== null) {
			// The right join rarely meets a cell's edge: its first frame is given by itself.
			const at = { frame: window.gap.end, rate, strength: 1 };
			state = appendKeyframe(state, await tokens(firstRight), { ...shape, frames: 1 }, at);
		}
	}
	for (const { frame, strength, ...still } of stillsIn(inputs)) {
		const given = await tokens(onCanvas(still, size));
		const at = { frame, rate, strength };
		state =
			frame === 0
				? replaceCells(state, given, 0, strength)
				: appendKeyframe(state, given, { ...shape, frames: 1 }, at);
	}
	state = await withReference(inputs, state, tokens);
	const initial = earlier?.video;
	return { video: initial ? beginWith(state, initial) : state, seen };
}

/** The stills that the pass shows, by the window's frames. */
function stillsIn({ stills, request, pass }: ConditionInputs): readonly Still[] {
	const { range, window } = pass;
	const first = request.context.range.start;
	return stills
		.filter(({ frame }) => frame + first >= range.start && frame + first < range.end)
		.map((still) => ({ ...still, frame: still.frame + first - range.start + window.left }));
}

async function withReference(
	inputs: ConditionInputs,
	state: ConditionedStream,
	tokens: (pixels: NdArray) => Promise<Float32Array>,
): Promise<ConditionedStream> {
	const { request, stage, pass, size } = inputs;
	if (stage.reference === null || !request.reference) return state;
	const { scale, pace } = stage.reference;
	const small = { width: size.width / scale, height: size.height / scale };
	const pixels = await readReference(inputs, { ...small, inner: fitted(size.inner, small) }, pace);
	const [, , frames, height, width] = pixels.shape as readonly number[];
	const shape = videoShape(frames!, width!, height!);
	const { strength, attention } = request.reference;
	const { rate } = request.context.sequence;
	return appendReference(state, await tokens(pixels), shape, {
		rate,
		scale,
		pace,
		start: pass.window.gap.start,
		strength,
		attention,
	});
}

async function conditionedSound(inputs: ConditionInputs): Promise<ConditionedStream> {
	const { request, work, pass, previous, checkpoint, vae, signal, earlier } = inputs;
	const { rate } = request.context.sequence;
	const { z_channels: channels, mel_bins } = audioVaeConfig(checkpoint);
	const bands = mel_bins / 4;
	const { frames, gap } = pass.window;
	const count =
		work.sound === 'given' ? audioTokens(frames, rate) : audioTokensTo(gap.end, frames, rate);
	const free = unconditioned(audioPositions(count), channels * bands);
	const started = (state: ConditionedStream) =>
		earlier?.audio ? beginWith(state, earlier.audio) : state;
	if (work.sound === 'made' && previous === null) return started(free);
	const heard = await (inputs.prefetch?.takeSound() ?? readWindowSound(inputs));
	const mel = logMel({ channels: [heard.left, heard.right], sampleRate: MEL_RATE });
	const { data } = await vae.encodeSound(mel, signal);
	const all = audioToTokens(data as Float32Array, channels, bands);
	const source = new Float32Array(count * channels * bands);
	source.set(all.subarray(0, source.length));
	if (work.sound === 'given') return frozen(free, source);
	return started(regenerateGap(free, source, inputs, work.sound));
}

/**
 * The source is kept but for the gap and, beyond the end of the material, what fills the grid. Of what
 * is made there is a source on the left alone: the end of the pass before.
 */
function regenerateGap(
	state: ConditionedStream,
	source: Float32Array,
	{ request, pass }: ConditionInputs,
	treatment: Treatment,
): ConditionedStream {
	const { rate } = request.context.sequence;
	const { window } = pass;
	const seconds = (frame: number) => (frame * rate.den) / rate.num;
	const { start, end } = window.gap;
	const beyond = seconds(window.frames) + 1;
	const from = start === 0 ? -1 : seconds(start) + INWARDS;
	if (window.right === 0 || treatment === 'made')
		return regenerateRegion(state, source, from, beyond);
	const kept = regenerateRegion(state, source, from, seconds(end) - INWARDS);
	return regenerateAlso(kept, seconds(window.frames - window.spare) + INWARDS, beyond);
}

/** The latents full of noise, or of as much as `sigma` says; what is given stands where it is. */
export function noisyStreams(
	conditioned: Conditioned,
	sigma: number,
	{ seed, draw }: { readonly seed: number; readonly draw: number },
): Record<string, Stream> {
	const streams = (['video', 'audio'] as const).flatMap((stream) => {
		const state = conditioned[stream];
		if (state === null) return [];
		const noise = normalNoise({ seed, stream, draw }, state.clean.length);
		const latent = startFrom(state, noise, state.isFrozen ? 0 : sigma);
		return [[stream, { latent, clean: state.clean, mask: state.mask }] as const];
	});
	return Object.fromEntries(streams);
}

/** Pictures that a request brings along, and the frames of the clip that they show. */
export function stillsOf(request: GenerationRequest) {
	if (request.kind === 'insert') return request.images;
	if (request.kind === 'animate' && request.firstFrame !== undefined) {
		return [{ path: request.firstFrame, frame: 0, strength: 1 }];
	}
	return [];
}
