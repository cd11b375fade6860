import type { Conditioned } from '../diffusion/conditioning.ts';
import { type Added, type Guidance, Guiding, neededFor } from '../diffusion/guidance.ts';
import type { Denoise, Latents } from '../diffusion/samplers.ts';
import type { SkippedSelfAttention } from '../networks/transformer-block.ts';
import { meanwhile } from '../runtime/meanwhile.ts';
import type {
	Look,
	PromptContext,
	Settings,
	StreamName,
	TransformerRunner,
} from '../runtime/transformer.ts';
import type { Noise } from '../runtime/transformer-inputs.ts';

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
	let leading: Leading | null = null;
	return async (latents, sigma) => {
		const noise = { video: noiseOf(shot.video, sigma), audio: noiseOf(shot.audio, sigma) };
		const always = { latents, noise, context, signal, onBlock };
		if (guided === null) return withoutNoise(latents, await runner.velocities(always), noise);
		leading ??= await Leading.open(guided, shot);
		return lead(runner, always, guided, leading);
	};
}

/** The same latents are looked at several times; each time is counted while the next is under way. */
async function lead(
	runner: TransformerRunner,
	look: Look,
	guided: Guided,
	leading: Leading,
): Promise<Latents> {
	const first = runner.velocities(look);
	// Later looks find the latents there, which takes time but no network.
	const holding = meanwhile(() => runner.hold(look));
	try {
		const velocities = await first;
		const counted = [meanwhile(() => leading.begin(look, velocities))];
		const held = { ...look, held: (await holding).values };
		for (const name of leading.needed) {
			const others = await runner.velocities({ ...held, ...changeFor(name, guided) });
			counted.push(meanwhile(() => leading.add(name, others)));
		}
		await Promise.all(counted);
		return leading.result();
	} finally {
		const [kept] = await Promise.allSettled([holding]);
		if (kept.status === 'fulfilled') await kept.value.release();
	}
}

/** What a look has other than that at what is to be made. */
function changeFor(name: Added, { negative, stgBlocks }: Guided): Partial<Look> {
	if (name === 'uncond') return { context: negative };
	if (name === 'perturbed') return { skipSelfAttention: skippedIn(stgBlocks) };
	return { isolated: true };
}

/** Guidance of all streams, added up while the next look is under way. */
class Leading {
	readonly #streams: ReadonlyMap<StreamName, Guiding>;
	readonly #guided: Guided;

	private constructor(streams: ReadonlyMap<StreamName, Guiding>, guided: Guided) {
		this.#streams = streams;
		this.#guided = guided;
	}

	static async open(guided: Guided, shot: Shot): Promise<Leading> {
		const streams = new Map<StreamName, Guiding>();
		for (const stream of STREAMS) {
			const state = shot[stream];
			if (state === null) continue;
			const { mask, channels } = state;
			streams.set(stream, await Guiding.open(guided[stream], mask.length, channels));
		}
		return new Leading(streams, guided);
	}

	get needed(): ReadonlySet<Added> {
		return neededOf(this.#guided, [...this.#streams.keys()]);
	}

	begin({ latents, noise }: Look, velocities: Velocities): void {
		for (const [stream, guiding] of this.#streams) {
			const { timesteps } = noise[stream]!;
			guiding.begin({ latent: latents[stream]!, timesteps }, velocities[stream]!);
		}
	}

	add(name: Added, velocities: Velocities): void {
		for (const [stream, guiding] of this.#streams) {
			if (neededFor(this.#guided[stream]).includes(name)) guiding.add(name, velocities[stream]!);
		}
	}

	result(): Latents {
		const led = [...this.#streams].map(([stream, guiding]) => [stream, guiding.result()]);
		return Object.fromEntries(led) as Latents;
	}
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

type Velocities = Partial<Record<StreamName, Float32Array>>;

/** In the velocities' place. */
function withoutNoise(
	latents: Latents,
	velocities: Velocities,
	noise: Record<StreamName, Noise | null>,
): Latents {
	const clean = Object.entries(velocities).map(([stream, velocity]) => {
		const { timesteps } = noise[stream as StreamName]!;
		const channels = velocity.length / timesteps.length;
		const x = latents[stream]!;
		for (let token = 0, i = 0; token < timesteps.length; token++) {
			const timestep = timesteps[token]!;
			for (const end = i + channels; i < end; i++) velocity[i] = x[i]! - velocity[i]! * timestep;
		}
		return [stream, velocity];
	});
	return Object.fromEntries(clean) as Latents;
}

function skippedIn(blocks: readonly number[]): ReadonlyMap<number, SkippedSelfAttention> {
	return new Map(blocks.map((block) => [block, { video: true, audio: true }]));
}
