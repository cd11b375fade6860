import { availableParallelism } from 'node:os';
import { type Gate, OPEN_GATE } from '../../gate.ts';
import type { Feed, Graph, GraphOptions, Precision, WeightInputs } from '../graph/graph.ts';
import { rotaryGraph } from '../networks/rotary-graph.ts';
import {
	captionGraph,
	type StreamSizes,
	TRANSFORMER,
	type Transformer,
} from '../networks/transformer.ts';
import { type TransformerConfig, transformerConfig } from '../networks/transformer-config.ts';
import type { Checkpoint } from '../weights/checkpoint.ts';
import type { Tensor } from '../weights/safetensors.ts';
import { WeightReader } from '../weights/weight-reader.ts';
import { DeviceMemory } from './device-memory.ts';
import { checkWeights, firstWrong } from './finite.ts';
import type { Provider } from './provider.ts';
import { Session } from './session.ts';
import { type BlockDevice, BlockStream } from './stream-blocks.ts';
import { type Inputs, maskBias, type Noise, noiseInputs } from './transformer-inputs.ts';
import { partOfBlock, type Skipped, TransformerParts } from './transformer-parts.ts';
import type { NdArray, Values } from './values.ts';
import { WeightPlaces } from './weight-places.ts';

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
	readonly skipSelfAttention?: Skipped | undefined;
};

export type ForwardOptions = {
	readonly signal?: AbortSignal | undefined;
	/** Told after every block. */
	readonly onBlock?: (() => void) | undefined;
	/** Waited for before every block. */
	readonly gate?: Pick<Gate, 'open'> | undefined;
};

/** How a transformer's weights lie on its device, and how much is computed there at a time. */
export type Layout = Pick<GraphOptions, 'queryChunk' | 'rowChunk'> & {
	readonly weights: WeightInputs;
	/** Numbers of the blocks that come again for every evaluation, through so many places. */
	readonly streamed: readonly number[];
	readonly slots: number;
};

export type RunnerOptions = {
	readonly provider?: Provider;
	readonly precision?: Precision;
	/** Default: all blocks stay, in the precision. */
	readonly layout?: Layout;
};

/** A forward pass on its way through the parts. */
type Forward = {
	readonly model: Transformer;
	readonly skipped: Skipped;
	/** What goes in, and what parts have made so far. */
	values: Values;
};

/** What takes memory. */
type Open = {
	readonly memory: DeviceMemory;
	readonly reader: WeightReader;
	readonly places: WeightPlaces;
	readonly stream: BlockStream;
};

/**
 * The transformer of a checkpoint for latents of one size: latents and noise in, velocities out. Its
 * weights are inputs of graphs that are opened once, equal blocks one graph. Takes memory from the first
 * pass until it is released or a pass has failed.
 */
export class TransformerRunner {
	readonly config: TransformerConfig;
	readonly #checkpoint: Checkpoint;
	readonly #settings: Settings;
	readonly #options: RunnerOptions;
	readonly #layout: Layout;
	readonly #parts: TransformerParts;
	readonly #sessions = new Map<string, Session>();
	readonly #prompts = new Map<PromptContext, Inputs>();
	#open: Open | null = null;
	/** What is in its memory, by what it is of. */
	readonly #held = new Map<unknown, Values>();
	readonly #fixed: Inputs;
	readonly #rotary: ReturnType<typeof rotaryGraph>;
	/** Those under way, and whether what they give is looked at. */
	#forwards: readonly Forward[] = [];
	#isWatched = false;
	#gate: Pick<Gate, 'open'> = OPEN_GATE;

	constructor(checkpoint: Checkpoint, settings: Settings, options: RunnerOptions) {
		this.config = transformerConfig(checkpoint.config.transformer);
		this.#checkpoint = checkpoint;
		this.#settings = settings;
		this.#options = options;
		this.#layout = options.layout ?? { weights: 'float', streamed: [], slots: 0 };
		this.#parts = new TransformerParts(checkpoint, this.config.blocks);
		this.#fixed = this.#fixedInputs();
		this.#rotary = rotaryGraph(
			this.config,
			this.#streams().map((name) => {
				return { stream: this.config[name], bounds: this.#settings[name]!.positions };
			}),
		);
	}

	/**
	 * Velocity of each stream that is there, [tokens, channels], of each forward pass; all of them go
	 * through a block together. The arrays become the caller's. Throws the signal's reason before the next
	 * node, PickupError `out-of-memory`, `bad-weights` or `engine-failed`.
	 */
	async velocities(
		passes: readonly ForwardInputs[],
		{ signal = new AbortController().signal, onBlock, gate = OPEN_GATE }: ForwardOptions = {},
	): Promise<Velocities[]> {
		this.#gate = gate;
		const velocities = await this.#run(passes, signal, onBlock);
		const all = velocities.flatMap((streams) => Object.values(streams));
		if (all.every((data) => firstWrong(data, 'float32') === null)) return velocities;
		// What is wrong anywhere comes through to the end: once more, to find where it began.
		this.#isWatched = true;
		try {
			return await this.#run(passes, signal);
		} finally {
			this.#isWatched = false;
		}
	}

	async #run(passes: readonly ForwardInputs[], signal: AbortSignal, onBlock?: () => void) {
		signal.throwIfAborted();
		try {
			this.#open ??= await this.#openAll();
			const forwards: Forward[] = [];
			for (const inputs of passes) forwards.push(await this.#forward(inputs, signal));
			this.#forwards = forwards;
			await this.#open.stream.pass(signal, (part) => {
				if (this.#parts.kindOf(part) === 'block') onBlock?.();
			});
		} catch (error) {
			await this.release();
			throw error;
		}
		return this.#forwards.map(({ values }) =>
			this.#byStream((stream) => (values as Inputs)[`${stream}.velocity`]!.data as Float32Array),
		);
	}

	async #openAll(): Promise<Open> {
		const { streamed, slots } = this.#layout;
		const memory = await DeviceMemory.open(this.#provider);
		const reader = new WeightReader(availableParallelism());
		const places = new WeightPlaces(memory, reader);
		const device: BlockDevice = {
			upload: (part, place, signal) => {
				return places.fill(place, this.#parts.weightsOf(part, this.#forwards[0]!.model), signal);
			},
			run: (part, place, signal) => this.#runPart(part, place, signal),
			release: async () => {},
		};
		const stream = new BlockStream(device, {
			blocks: this.#parts.count,
			streamed: streamed.map(partOfBlock),
			slots,
		});
		return { memory, reader, places, stream };
	}

	async #forward(inputs: ForwardInputs, signal: AbortSignal): Promise<Forward> {
		const { context, isolated = false, skipSelfAttention: skipped } = inputs;
		const projected = await this.#projected(context, signal);
		const noise = noiseInputs(this.config, inputs.noise);
		const values = {
			...(await this.#rotaryTables(signal)),
			...(await this.#heldOf(this.#fixed)),
			...(await this.#heldOf(projected)),
			...this.#latentInputs(inputs),
			...noise,
		};
		return { model: this.#modelFor(noise, context, isolated), skipped, values };
	}

	/** All forward passes through a part whose weights are in a place. */
	async #runPart(part: number, place: number, signal: AbortSignal): Promise<void> {
		await this.#gate.open(signal);
		const provider = this.#provider;
		for (const [pass, forward] of this.#forwards.entries()) {
			const { key, graph, feeds } = this.#parts.of(part, forward.model, forward.skipped);
			const session = this.#sessions.get(key) ?? (await Session.open(graph, { provider }));
			this.#sessions.set(key, session);
			const kind = this.#parts.kindOf(part);
			// A block writes where the one before the last has written, which nobody reads any more.
			const turn = `${pass} ${kind === 'block' ? `block ${part % 2}` : kind}`;
			const into = kind === 'tail' ? {} : { into: await this.#room(graph, turn) };
			const values = { ...forward.values, ...this.#open!.places.values(place, feeds) };
			try {
				const made = await session.run(values, { signal, isWatched: this.#isWatched, ...into });
				forward.values = { ...forward.values, ...renamed(made) };
			} catch (error) {
				if (this.#isWatched) await checkWeights(graph, tensorsOf(feeds));
				throw error;
			}
		}
	}

	/** Closes everything. */
	async release(): Promise<void> {
		const open = this.#open;
		const sessions = [...this.#sessions.values()];
		this.#open = null;
		this.#sessions.clear();
		this.#held.clear();
		const all = [open?.stream, ...sessions, open?.memory].filter((one) => one !== undefined);
		const closing = [...all.map((one) => one.release()), open?.reader.close()];
		const failed = (await Promise.allSettled(closing)).find(({ status }) => status === 'rejected');
		if (failed) throw (failed as PromiseRejectedResult).reason;
	}

	get #provider(): Provider {
		return this.#options.provider ?? 'cpu';
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

	/** For what goes from part to part. */
	#room({ outputs }: Graph, turn: string): Promise<Values> {
		return this.#once(`${turn} ${JSON.stringify(outputs)}`, (memory) => memory.room(outputs));
	}

	/** Until all is closed. */
	async #once(what: unknown, make: (memory: DeviceMemory) => Promise<Values>): Promise<Values> {
		const known = this.#held.get(what);
		if (known) return known;
		const made = await make(this.#open!.memory);
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
		const { weights: weightInputs, queryChunk, rowChunk } = this.#layout;
		const model = this.#model({ ...this.#sizes(context, timesteps), isolated });
		return { ...model, weightInputs, queryChunk, rowChunk };
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
		return { weights: this.#checkpoint.at(TRANSFORMER), config: this.config, work, precision };
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

function tensorsOf(feeds: readonly Feed[]): Tensor[] {
	return feeds.flatMap(({ stored }) => (stored === null ? [] : [stored.tensor]));
}
