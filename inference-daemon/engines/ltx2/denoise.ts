import type { Conditioned } from './diffusion/conditioning.ts';
import { type Guidance, guide, neededFor, type Predictions } from './diffusion/guidance.ts';
import type { Denoise, Latents } from './diffusion/samplers.ts';
import type { SkippedSelfAttention } from './networks/transformer-block.ts';
import type {
	Look,
	PromptContext,
	Settings,
	StreamName,
	TransformerRunner,
} from './runtime/transformer.ts';

/** What is made together; null: the stream is absent. */
export type Shot = Readonly<Record<StreamName, Conditioned | null>>;

/** How a checkpoint that is not distilled is led. */
export type Guided = {
	readonly video: Guidance;
	readonly audio: Guidance;
	/** Blocks whose self-attention is skipped in the perturbed look. */
	readonly stgBlocks: readonly number[];
	readonly negative: PromptContext;
};

const STREAMS = ['video', 'audio'] as const;

/** What stays the same about the streams while they are made, for a `TransformerRunner`. */
export function settingsOf(shot: Shot, marked: Float32Array | null = null): Settings {
	const of = (stream: StreamName) => {
		const state = shot[stream];
		if (state === null) return null;
		const { axes, tokens, data } = state.positions;
		return {
			positions: { data, shape: [axes, tokens, 2] },
			heed: state.heed,
			keyframes: stream === 'video' ? marked : null,
		};
	};
	return { video: of('video'), audio: of('audio') };
}

/**
 * What the clean latents are taken to be at a noise level, x0 = x − velocity · timestep per token,
 * from as many looks as the guidance needs.
 */
export function denoiser(
	runner: TransformerRunner,
	shot: Shot,
	context: PromptContext,
	guided: Guided | null,
	{ signal, onBlock }: Pick<Look, 'signal' | 'onBlock'> = {},
): Denoise {
	return async (latents, sigma) => {
		const noise = { video: noiseOf(shot.video, sigma), audio: noiseOf(shot.audio, sigma) };
		const look = async (change: Partial<Look>): Promise<Latents> => {
			const always = { latents, noise, context, signal, onBlock };
			const velocities = await runner.velocities({ ...always, ...change });
			return withoutNoise(latents, velocities, noise);
		};
		const cond = await look({});
		if (guided === null) return cond;
		const needed = neededOf(
			guided,
			STREAMS.filter((stream) => shot[stream] !== null),
		);
		const uncond = needed.has('uncond') ? await look({ context: guided.negative }) : null;
		const perturbed = needed.has('perturbed')
			? await look({ skipSelfAttention: skippedIn(guided.stgBlocks) })
			: null;
		const isolated = needed.has('isolated') ? await look({ isolated: true }) : null;
		const led = Object.keys(cond).map((stream) => {
			const predictions: Predictions = {
				cond: cond[stream]!,
				...(uncond ? { uncond: uncond[stream]! } : {}),
				...(perturbed ? { perturbed: perturbed[stream]! } : {}),
				...(isolated ? { isolated: isolated[stream]! } : {}),
			};
			return [stream, guide(predictions, guided[stream as StreamName])];
		});
		return Object.fromEntries(led) as Latents;
	};
}

/** How often the model looks at picture and sound in order to denoise them once. */
export function looksOf(guided: Pick<Guided, StreamName> | null): number {
	return guided === null ? 1 : 1 + neededOf(guided, STREAMS).size;
}

function neededOf(guided: Pick<Guided, StreamName>, streams: readonly StreamName[]) {
	return new Set(streams.flatMap((stream) => neededFor(guided[stream])));
}

function noiseOf(state: Conditioned | null, sigma: number) {
	if (state === null) return null;
	const own = state.isFrozen ? 0 : sigma;
	return { timesteps: state.mask.map((share) => share * own), sigma: own };
}

function withoutNoise(
	latents: Latents,
	velocities: Partial<Record<StreamName, Float32Array>>,
	noise: Record<StreamName, { readonly timesteps: Float32Array } | null>,
): Latents {
	const clean = Object.entries(velocities).map(([stream, velocity]) => {
		const { timesteps } = noise[stream as StreamName]!;
		const channels = velocity.length / timesteps.length;
		const x = latents[stream]!;
		const x0 = new Float32Array(x.length);
		for (let token = 0, i = 0; token < timesteps.length; token++) {
			const timestep = timesteps[token]!;
			for (const end = i + channels; i < end; i++) x0[i] = x[i]! - velocity[i]! * timestep;
		}
		return [stream, x0];
	});
	return Object.fromEntries(clean) as Latents;
}

function skippedIn(blocks: readonly number[]): ReadonlyMap<number, SkippedSelfAttention> {
	return new Map(blocks.map((block) => [block, { video: true, audio: true }]));
}
