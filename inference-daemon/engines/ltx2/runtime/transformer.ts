import type { Graph, Precision } from '../graph/graph.ts';
import { rotaryGraph } from '../networks/rotary-graph.ts';
import {
	blocksGraph,
	captionGraph,
	headGraph,
	type StreamSizes,
	TRANSFORMER,
	type Transformer,
	tailGraph,
} from '../networks/transformer.ts';
import type { SkippedSelfAttention } from '../networks/transformer-block.ts';
import { type TransformerConfig, transformerConfig } from '../networks/transformer-config.ts';
import type { Checkpoint } from '../weights/checkpoint.ts';
import { DeviceMemory } from './device-memory.ts';
import { firstWrong } from './finite.ts';
import { bytesLeft, MOST_LEFT } from './kernels.ts';
import type { Provider } from './provider.ts';
import { type RunOptions, Session } from './session.ts';
import { type Inputs, maskBias, type Noise, noiseInputs } from './transformer-inputs.ts';
import { emptyArrays, type NdArray, type Values } from './values.ts';

export type StreamName = 'video' | 'audio';

/** What a stream is and stays while a latent is made. */
export type StreamSetting = {
	/** [axes, tokens, start and end]. */
	readonly positions: { readonly data: Float32Array; readonly shape: readonly number[] };
	/** How much query tokens attend to key tokens, 0…1, [tokens, tokens]; null: all fully. */
	readonly attentionMask: Float32Array | null;
	/** 1 per token that is a frame of its own; 2.5 marks them. */
	readonly keyframes: Float32Array | null;
};

export type Settings = Readonly<Record<StreamName, StreamSetting | null>>;

/** A prompt as the connectors give it, per stream [tokens, width]. */
export type PromptContext = Readonly<Record<StreamName, NdArray>>;

/** Of a job's prompts; a distilled model, which has no guidance, needs no negative one. */
export type Contexts = {
	readonly positive: PromptContext;
	readonly negative: PromptContext | null;
};

/** Of each stream that is there, [tokens, channels]. */
type Velocities = Partial<Record<StreamName, Float32Array>>;

/** Of one forward pass: what goes in, and what of the network is left out. */
export type ForwardInputs = {
	readonly latents: Readonly<Partial<Record<StreamName, Float32Array>>>;
	readonly noise: Readonly<Record<StreamName, Noise | null>>;
	readonly context: PromptContext;
	/** Without attention between picture and sound. */
	readonly isolated?: boolean;
	readonly skipSelfAttention?: ReadonlyMap<number, SkippedSelfAttention>;
	readonly signal?: AbortSignal | undefined;
	/** Told after every block. */
	readonly onBlock?: (() => void) | undefined;
};

export type RunnerOptions = {
	readonly provider?: Provider;
	readonly precision?: Precision;
	readonly hold: Hold;
};

/** A graph that is run in its turn. */
type Part = {
	readonly kind: 'head' | 'block' | 'tail';
	readonly key: string;
	readonly build: () => Graph;
};

/**
 * `all`: sessions stay open from pass to pass, where memory has room for every block, and what goes
 * from one to the next stays on the device. `one`: a block at a time is opened, run and released.
 */
export type Hold = 'all' | 'one';

/**
 * The transformer of a checkpoint for latents of one size: latents and noise in, velocities out.
 * Takes memory from the first pass until it is released, also when a pass has failed.
 */
export class TransformerRunner {
	readonly config: TransformerConfig;
	readonly #checkpoint: Checkpoint;
	readonly #settings: Settings;
	readonly #options: RunnerOptions;
	/** By what they do at which sizes. */
	readonly #graphs = new Map<string, Graph>();
	readonly #sessions = new Map<string, Session>();
	readonly #prompts = new Map<PromptContext, Inputs>();
	#memory: DeviceMemory | null = null;
	/** What is in that memory, by what it is of. */
	readonly #held = new Map<unknown, Values>();
	readonly #fixed: Inputs;
	readonly #rotary: ReturnType<typeof rotaryGraph>;
	/** Bytes of weights that closed sessions have left on the device. */
	#left = 0;

	constructor(checkpoint: Checkpoint, settings: Settings, options: RunnerOptions) {
		this.config = transformerConfig(checkpoint.config.transformer);
		this.#checkpoint = checkpoint;
		this.#settings = settings;
		this.#options = options;
		this.#fixed = this.#fixedInputs();
		this.#rotary = rotaryGraph(
			this.config,
			this.#streams().map((name) => {
				return { stream: this.config[name], bounds: this.#settings[name]!.positions };
			}),
		);
	}

	/**
	 * Velocity of each stream that is there, [tokens, channels]; the arrays become the caller's. Throws
	 * the signal's reason before the next node, PickupError `out-of-memory`, `bad-weights` or
	 * `engine-failed`.
	 */
	async velocities(inputs: ForwardInputs): Promise<Velocities> {
		const velocities = await this.#forward(inputs);
		if (Object.values(velocities).every((data) => firstWrong(data, 'float32') === null)) {
			return velocities;
		}
		// What is wrong anywhere comes through to the end: the pass is made once more to find where it began.
		const again = { ...inputs, onBlock: undefined };
		return this.#forward(again, { isWatched: true });
	}

	async #forward(inputs: ForwardInputs, watching = { isWatched: false }): Promise<Velocities> {
		const { isolated = false, skipSelfAttention, signal, onBlock } = inputs;
		const how = { signal, ...watching };
		signal?.throwIfAborted();
		const context = await this.#projected(inputs.context, signal);
		const noise = noiseInputs(this.config, inputs.noise);
		const model = this.#modelFor(noise, inputs.context, isolated);
		let made: Values = {};
		for (const [index, part] of this.#parts(model, skipSelfAttention).entries()) {
			signal?.throwIfAborted();
			const values = {
				...(await this.#rotaryTables(signal)),
				...(await this.#heldOf(this.#fixed)),
				...(await this.#heldOf(context)),
				...this.#latentInputs(inputs),
				...noise,
				...made,
			};
			made = { ...made, ...renamed(await this.#run(part, values, index, how)) };
			if (part.kind === 'block') onBlock?.();
		}
		const ending = made as Inputs;
		return this.#byStream((stream) => ending[`${stream}.velocity`]!.data as Float32Array);
	}

	/** Closes every session. */
	async release(): Promise<void> {
		const open = [...this.#sessions.values(), ...(this.#memory ? [this.#memory] : [])];
		this.#sessions.clear();
		this.#memory = null;
		this.#held.clear();
		this.#left = 0;
		const closed = await Promise.allSettled(open.map((one) => one.release()));
		const failed = closed.find(({ status }) => status === 'rejected');
		if (failed) throw (failed as PromiseRejectedResult).reason;
	}

	get #provider(): Provider {
		return this.#options.provider ?? 'cpu';
	}

	/** Head, blocks and tail. */
	#parts(model: Transformer, skipped: ForwardInputs['skipSelfAttention']): Part[] {
		const sizes = JSON.stringify(model.work);
		const part = (kind: Part['kind'], build: () => Graph, name: string = kind): Part => {
			return { kind, key: `${name} ${sizes}`, build };
		};
		const blocks = Array.from({ length: this.config.blocks }, (_, i) => {
			const skip = skipped?.get(i);
			const options = skip && skipped ? { skipSelfAttention: skipped } : {};
			const name = `block ${i} ${JSON.stringify(skip ?? null)}`;
			return part('block', () => blocksGraph(model, i, i, options), name);
		});
		const head = part('head', () => headGraph(model));
		return [head, ...blocks, part('tail', () => tailGraph(model))];
	}

	async #run({ kind, key, build }: Part, values: Values, at: number, how: RunOptions) {
		this.#checkpoint.check();
		const graph = this.#graphs.get(key) ?? build();
		this.#graphs.set(key, graph);
		const { hold } = this.#options;
		const provider = this.#provider;
		// A block writes where the one before the last has written, which nobody reads any more.
		const turn = kind === 'block' ? `block ${at % 2}` : kind;
		const into = kind === 'tail' ? {} : { into: await this.#room(graph, turn) };
		if (hold === 'all') {
			const session = this.#sessions.get(key) ?? (await Session.open(graph, { provider }));
			this.#sessions.set(key, session);
			return session.run(values, { ...how, ...into });
		}
		const options = { provider, weights: 'mapped', ...how, ...into } as const;
		const made = await Session.once(graph, values, options);
		await this.#used(graph);
		return made;
	}

	/** On WebGPU what is uploaded keeps a session open; before too much is left there all is closed. */
	async #used(graph: Graph): Promise<void> {
		if (this.#provider !== 'webgpu') return;
		this.#left += bytesLeft(graph);
		if (this.#left > MOST_LEFT) await this.release();
	}

	#heldOf(inputs: Inputs): Promise<Values> {
		return this.#once(inputs, async (memory) => memory.hold(inputs));
	}

	#rotaryTables(signal?: AbortSignal): Promise<Values> {
		const { graph, inputs } = this.#rotary;
		return this.#once(graph, async (memory) => {
			const into = await memory.room(graph.outputs);
			return Session.once(graph, inputs, { provider: this.#provider, into, signal });
		});
	}

	/** What goes from part to part: with all held on the device, else in memory, since it outlives them. */
	#room({ outputs }: Graph, turn: string): Promise<Values> {
		return this.#once(`${turn} ${JSON.stringify(outputs)}`, async (memory) => {
			return this.#options.hold === 'all' ? memory.room(outputs) : emptyArrays(outputs);
		});
	}

	/** Until all is closed. */
	async #once(what: unknown, make: (memory: DeviceMemory) => Promise<Values>): Promise<Values> {
		const known = this.#held.get(what);
		if (known) return known;
		this.#memory ??= await DeviceMemory.open(this.#provider);
		const made = await make(this.#memory);
		this.#held.set(what, made);
		return made;
	}

	/** Through the caption projection where the model has one (19B), once for each prompt. */
	async #projected(context: PromptContext, signal?: AbortSignal): Promise<Inputs> {
		const known = this.#prompts.get(context);
		if (known) return known;
		let inputs: Inputs = this.#named('context', (stream) => context[stream]);
		if (this.config.captionChannels !== null) {
			const captions = this.#named('caption', (stream) => context[stream]);
			const work = { ...this.#sizes(context, () => 1), isolated: false };
			const graph = captionGraph(this.#model(work));
			this.#checkpoint.check();
			const options = { provider: this.#provider, weights: 'mapped', signal } as const;
			inputs = await Session.once(graph, captions, options);
		}
		this.#prompts.set(context, inputs);
		return inputs;
	}

	#latentInputs({ latents }: Pick<ForwardInputs, 'latents'>): Inputs {
		return this.#named('latent', (stream) => {
			const data = latents[stream]!;
			const tokens = this.#settings[stream]!.positions.shape[1]!;
			return { data, shape: [tokens, data.length / tokens] };
		});
	}

	#fixedInputs(): Inputs {
		const inputs: Record<string, NdArray> = {};
		for (const stream of this.#streams()) {
			const { positions, attentionMask, keyframes } = this.#settings[stream]!;
			const tokens = positions.shape[1]!;
			if (attentionMask) {
				const mask = { data: attentionMask, shape: [1, tokens, tokens] };
				inputs[`${stream}.bias`] = maskBias(mask, this.#options.precision);
			}
			if (keyframes) inputs[`${stream}.keyframes`] = { data: keyframes, shape: [tokens, 1] };
		}
		return inputs;
	}

	#modelFor(changing: Inputs, context: PromptContext, isolated: boolean): Transformer {
		const timesteps = (stream: StreamName) => changing[`${stream}.sinusoids`]!.shape[0]!;
		return this.#model({ ...this.#sizes(context, timesteps), isolated });
	}

	#sizes(context: PromptContext, timesteps: (stream: StreamName) => number) {
		const sizeOf = (stream: StreamName): StreamSizes | null => {
			const setting = this.#settings[stream];
			return (
				setting && {
					tokens: setting.positions.shape[1]!,
					timesteps: timesteps(stream),
					contextTokens: context[stream].shape[0]!,
					masked: setting.attentionMask !== null,
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

	#named<T>(what: string, of: (stream: StreamName) => T): Record<string, T> {
		return Object.fromEntries(this.#streams().map((stream) => [`${stream}.${what}`, of(stream)]));
	}

	#byStream<T>(of: (stream: StreamName) => T): Partial<Record<StreamName, T>> {
		return Object.fromEntries(this.#streams().map((stream) => [stream, of(stream)]));
	}

	#streams(): StreamName[] {
		return (['video', 'audio'] as const).filter((stream) => this.#settings[stream] !== null);
	}
}

/** What a block gives is the next one's. */
function renamed(outputs: Values): Values {
	const entries = Object.entries(outputs);
	return Object.fromEntries(
		entries.map(([name, value]) => [name.replace('.next', '.hidden'), value]),
	);
}
