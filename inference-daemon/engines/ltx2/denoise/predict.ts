import type { Conditioned, ConditionedStream } from '../diffusion/conditioning.ts';
import {
	cleanLatent,
	type Guidance,
	type GuidancePass,
	GuidanceSum,
	guidancePasses,
} from '../diffusion/guidance.ts';
import type { Denoise, Latents } from '../diffusion/samplers.ts';
import type { SkippedSelfAttention } from '../networks/transformer-block.ts';
import type {
	Contexts,
	ForwardInputs,
	ForwardOptions,
	Settings,
	StreamName,
	TransformerRunner,
} from '../runtime/transformer.ts';
import type { Noise } from '../runtime/transformer-inputs.ts';

const STREAMS = ['video', 'audio'] as const;

/** What stays the same about the streams while they are made, for a `TransformerRunner`. */
export function settingsOf(
	conditioned: Conditioned,
	keyframes: Float32Array | null = null,
): Settings {
	const of = (stream: StreamName) => {
		const state = conditioned[stream];
		if (state === null) return null;
		const { axes, tokens, data } = state.positions;
		return {
			positions: { data, shape: [axes, tokens, 2] },
			attentionMask: state.attentionMask,
			keyframes: stream === 'video' ? keyframes : null,
		};
	};
	return { video: of('video'), audio: of('audio') };
}

/**
 * Predicts the clean latents at a noise level, x0 = x − velocity · timestep per token: in one forward
 * pass, or in as many as the guidance needs. A guidance by the negative prompt needs its context.
 */
export function denoiser(
	runner: TransformerRunner,
	conditioned: Conditioned,
	contexts: Contexts,
	guidance: Guidance | null,
	options: ForwardOptions = {},
): Denoise {
	const sums = guidance && new GuidanceSums(guidance, conditioned);
	const changes = guidance && changesFor(guidance, contexts);
	return async (latents, sigma) => {
		const noise = {
			video: noiseOf(conditioned.video, sigma),
			audio: noiseOf(conditioned.audio, sigma),
		};
		const inputs = { latents, noise, context: contexts.positive };
		const others = sums === null ? [] : [...sums.passes];
		const passes = [inputs, ...others.map((name) => ({ ...inputs, ...changes?.[name] }))];
		const [first, ...rest] = await runner.velocities(passes, options);
		if (sums === null) return cleanOf(latents, first!, noise);
		sums.begin(inputs, first!);
		for (const [i, name] of others.entries()) sums.add(name, rest[i]!);
		return sums.result();
	};
}

/** What the forward passes of a guidance have other than the first one. */
type Changes = Readonly<Record<GuidancePass, Partial<ForwardInputs>>>;

function changesFor({ stgBlocks }: Guidance, { negative }: Contexts): Changes {
	const skipped: SkippedSelfAttention = { video: true, audio: true };
	return {
		uncond: negative === null ? {} : { context: negative },
		perturbed: { skipSelfAttention: new Map(stgBlocks.map((block) => [block, skipped])) },
		isolated: { isolated: true },
	};
}

/** The guidance of all streams. */
class GuidanceSums {
	/** The forward passes that it needs beside the first. */
	readonly passes: ReadonlySet<GuidancePass>;
	readonly #guidance: Guidance;
	readonly #streams: ReadonlyMap<StreamName, GuidanceSum>;

	constructor(guidance: Guidance, conditioned: Conditioned) {
		const streams = STREAMS.filter((stream) => conditioned[stream] !== null);
		this.passes = passesOf(guidance, streams);
		this.#guidance = guidance;
		this.#streams = new Map(streams.map((stream) => [stream, new GuidanceSum(guidance[stream])]));
	}

	begin(
		{ latents, noise }: Pick<ForwardInputs, 'latents' | 'noise'>,
		velocities: Velocities,
	): void {
		for (const [stream, sum] of this.#streams) {
			const { timesteps } = noise[stream]!;
			sum.begin({ latent: latents[stream]!, timesteps }, velocities[stream]!);
		}
	}

	add(name: GuidancePass, velocities: Velocities): void {
		for (const [stream, sum] of this.#streams) {
			const needed = guidancePasses(this.#guidance[stream]);
			if (needed.includes(name)) sum.add(name, velocities[stream]!);
		}
	}

	result(): Latents {
		const results = [...this.#streams].map(([stream, sum]) => [stream, sum.result()]);
		return Object.fromEntries(results) as Latents;
	}
}

/** Forward passes in which picture and sound are denoised once. */
export function forwardsPerStep(guidance: Guidance | null): number {
	return guidance === null ? 1 : 1 + passesOf(guidance, STREAMS).size;
}

function passesOf(guidance: Guidance, streams: readonly StreamName[]): ReadonlySet<GuidancePass> {
	return new Set(streams.flatMap((stream) => guidancePasses(guidance[stream])));
}

function noiseOf(state: ConditionedStream | null, sigma: number) {
	if (state === null) return null;
	const own = state.isFrozen ? 0 : sigma;
	return { timesteps: state.mask.map((share) => share * own), sigma: own };
}

type Velocities = Partial<Record<StreamName, Float32Array>>;

function cleanOf(
	latents: Latents,
	velocities: Velocities,
	noise: Record<StreamName, Noise | null>,
): Latents {
	const clean = Object.entries(velocities).map(([stream, velocity]) => {
		const { timesteps } = noise[stream as StreamName]!;
		return [stream, cleanLatent({ latent: latents[stream]!, timesteps }, velocity)];
	});
	return Object.fromEntries(clean) as Latents;
}
