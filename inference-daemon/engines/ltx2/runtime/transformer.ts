import type { Precision } from '../graph/graph.ts';
import {
	blocksGraph,
	captionGraph,
	headGraph,
	type StreamWork,
	TRANSFORMER,
	type Transformer,
	tailGraph,
} from '../networks/transformer.ts';
import type { SkippedSelfAttention } from '../networks/transformer-block.ts';
import { type TransformerConfig, transformerConfig } from '../networks/transformer-config.ts';
import type { Checkpoint } from '../weights/checkpoint.ts';
import { type Numbers, type Provider, Session } from './session.ts';
import {
	type Inputs,
	maskBias,
	type Noise,
	noiseInputs,
	rotaryInputs,
} from './transformer-inputs.ts';

export type StreamName = 'video' | 'audio';

/** What a stream is and stays while a latent is made. */
export type StreamSetting = {
	/** [axes, tokens, start and end]. */
	readonly positions: { readonly data: Float32Array; readonly shape: readonly number[] };
	/** How much query tokens heed key tokens, 0…1, [tokens, tokens]; null: all fully. */
	readonly heed: Float32Array | null;
	/** 1 per token that is a frame of its own; 2.5 marks them. */
	readonly keyframes: Float32Array | null;
};

export type Settings = Readonly<Record<StreamName, StreamSetting | null>>;

/** A prompt as the connectors give it, per stream [tokens, width]. */
export type PromptContext = Readonly<Record<StreamName, Numbers>>;

/** One look: at what, and what of the network is left out. */
export type Look = {
	readonly latents: Readonly<Partial<Record<StreamName, Float32Array>>>;
	readonly noise: Readonly<Record<StreamName, Noise | null>>;
	readonly context: PromptContext;
	/** Streams do not look at each other. */
	readonly isolated?: boolean;
	readonly skipSelfAttention?: ReadonlyMap<number, SkippedSelfAttention>;
	readonly signal?: AbortSignal | undefined;
};

export type RunnerOptions = {
	readonly provider?: Provider;
	readonly precision?: Precision;
	/**
	 * `all`: sessions stay open from look to look, where memory has room for every block.
	 * `one`: a block at a time is opened, run and released.
	 */
	readonly hold: 'all' | 'one';
};

/** The transformer of a checkpoint for latents of one size: latents and noise in, velocities out. */
export class TransformerRunner {
	readonly config: TransformerConfig;
	readonly #checkpoint: Checkpoint;
	readonly #settings: Settings;
	readonly #options: RunnerOptions;
	readonly #fixed: Inputs;
	readonly #sessions = new Map<string, Session>();
	readonly #contexts = new Map<PromptContext, Inputs>();

	constructor(checkpoint: Checkpoint, settings: Settings, options: RunnerOptions) {
		this.config = transformerConfig(checkpoint.config.transformer);
		this.#checkpoint = checkpoint;
		this.#settings = settings;
		this.#options = options;
		this.#fixed = this.#fixedInputs();
	}

	/** Velocity of each stream that is there, [tokens, channels]. Throws the signal's reason. */
	async velocities(look: Look): Promise<Partial<Record<StreamName, Float32Array>>> {
		const context = await this.#contextOf(look.context);
		const inputs = { ...this.#fixed, ...context, ...this.#latentInputs(look) };
		const changing = noiseInputs(this.config, look.noise);
		const found: Record<string, Numbers> = { ...inputs, ...changing };
		const { isolated = false, skipSelfAttention, signal } = look;
		const model = this.#modelFor(found, look.context, isolated);
		const sizes = JSON.stringify(model.work);
		const run = async (name: string, build: () => ReturnType<typeof headGraph>) => {
			signal?.throwIfAborted();
			Object.assign(found, await this.#run(`${name} ${sizes}`, build, found));
		};
		await run('head', () => headGraph(model));
		for (let i = 0; i < this.config.blocks; i++) {
			const skip = skipSelfAttention?.get(i);
			const options = skip && skipSelfAttention ? { skipSelfAttention } : {};
			await run(`block ${i} ${JSON.stringify(skip ?? null)}`, () =>
				blocksGraph(model, i, i, options),
			);
			for (const stream of this.#streams()) found[`${stream}.hidden`] = found[`${stream}.next`]!;
		}
		await run('tail', () => tailGraph(model));
		return Object.fromEntries(
			this.#streams().map((stream) => [stream, found[`${stream}.velocity`]!.data as Float32Array]),
		);
	}

	async release(): Promise<void> {
		const sessions = [...this.#sessions.values()];
		this.#sessions.clear();
		for (const session of sessions) await session.release();
	}

	async #run(
		key: string,
		build: () => ReturnType<typeof headGraph>,
		found: Inputs,
	): Promise<Inputs> {
		const session = this.#sessions.get(key) ?? (await this.#open(build()));
		if (this.#options.hold === 'all') this.#sessions.set(key, session);
		try {
			return await session.run(found);
		} finally {
			if (this.#options.hold === 'one') await session.release();
		}
	}

	#open(graph: ReturnType<typeof headGraph>): Promise<Session> {
		this.#checkpoint.check();
		const { provider = 'cpu', hold } = this.#options;
		return Session.open(graph, { provider, weights: hold === 'all' ? 'folded' : 'mapped' });
	}

	/** Through the caption projection where the model has one (19B), once for each prompt. */
	async #contextOf(context: PromptContext): Promise<Inputs> {
		const known = this.#contexts.get(context);
		if (known) return known;
		const named = (what: string) =>
			Object.fromEntries(this.#streams().map((stream) => [`${stream}.${what}`, context[stream]]));
		let inputs: Inputs = named('context');
		if (this.config.captionChannels !== null) {
			const captions = named('caption');
			const work = { ...this.#sizes(context, () => 1), isolated: false };
			const session = await this.#open(captionGraph(this.#model(work)));
			inputs = await session.run(captions).finally(() => session.release());
		}
		this.#contexts.set(context, inputs);
		return inputs;
	}

	#latentInputs({ latents }: Look): Inputs {
		return Object.fromEntries(
			this.#streams().map((stream) => {
				const data = latents[stream]!;
				const tokens = this.#settings[stream]!.positions.shape[1]!;
				return [`${stream}.latent`, { data, shape: [tokens, data.length / tokens] }];
			}),
		);
	}

	#fixedInputs(): Inputs {
		const inputs: Record<string, Numbers> = {};
		for (const stream of this.#streams()) {
			const { positions, heed, keyframes } = this.#settings[stream]!;
			const tokens = positions.shape[1]!;
			Object.assign(inputs, rotaryInputs(this.config, this.config[stream], positions));
			if (heed) {
				const mask = { data: heed, shape: [1, tokens, tokens] };
				inputs[`${stream}.bias`] = maskBias(mask, this.#options.precision);
			}
			if (keyframes) inputs[`${stream}.keyframes`] = { data: keyframes, shape: [tokens, 1] };
		}
		return inputs;
	}

	#modelFor(found: Inputs, context: PromptContext, isolated: boolean): Transformer {
		const timesteps = (stream: StreamName) => found[`${stream}.sinusoids`]!.shape[0]!;
		return this.#model({ ...this.#sizes(context, timesteps), isolated });
	}

	#sizes(context: PromptContext, timesteps: (stream: StreamName) => number) {
		const sizeOf = (stream: StreamName): StreamWork | null => {
			const setting = this.#settings[stream];
			return (
				setting && {
					tokens: setting.positions.shape[1]!,
					timesteps: timesteps(stream),
					contextTokens: context[stream].shape[0]!,
					masked: setting.heed !== null,
					keyframes: setting.keyframes !== null,
				}
			);
		};
		return { video: sizeOf('video'), audio: sizeOf('audio') };
	}

	#model(work: Transformer['work']): Transformer {
		const { precision } = this.#options;
		const model = { weights: this.#checkpoint.at(TRANSFORMER), config: this.config, work };
		return precision === undefined ? model : { ...model, precision };
	}

	#streams(): StreamName[] {
		return (['video', 'audio'] as const).filter((stream) => this.#settings[stream] !== null);
	}
}
