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
import { type ChainLink, runChain } from './chain.ts';
import { bytesLeft, MOST_LEFT } from './kernels.ts';
import { type Later, SpareTime } from './meanwhile.ts';
import { computed, releaseAll, type Uploaded, upload } from './on-device.ts';
import { type NdArray, Resident, type Values } from './resident.ts';
import { isProven, type Provider, Session } from './session.ts';
import { type Inputs, maskBias, type Noise, noiseInputs } from './transformer-inputs.ts';

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

/** Of one forward pass: what goes in, and what of the network is left out. */
export type ForwardInputs = {
	readonly latents: Readonly<Partial<Record<StreamName, Float32Array>>>;
	/** What `hold` has given for them. */
	readonly held?: Values | undefined;
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
type Part = { readonly key: string; readonly graph: Later<Graph>; readonly isBlock: boolean };

/**
 * `all`: sessions stay open from pass to pass, where memory has room for every block, and what goes
 * from one to the next stays on the device. `one`: a block at a time is opened, run and released;
 * what it gives passes through memory, because on a device it would need its block to stay.
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
	readonly #graphs = new Map<string, Later<Graph>>();
	readonly #spare = new SpareTime();
	readonly #sessions = new Map<string, Session>();
	readonly #prompts = new Map<PromptContext, Inputs>();
	readonly #uploads = new Map<Inputs, Uploaded>();
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
	 * the signal's reason before the next session, PickupError `out-of-memory`, `bad-weights` or
	 * `engine-failed`.
	 */
	async velocities(inputs: ForwardInputs): Promise<Partial<Record<StreamName, Float32Array>>> {
		const { isolated = false, skipSelfAttention, signal } = inputs;
		signal?.throwIfAborted();
		const context = await this.#projected(inputs.context);
		const noise = noiseInputs(this.config, inputs.noise);
		const model = this.#modelFor(noise, inputs.context, isolated);
		const changing = { ...(inputs.held ?? this.#latentInputs(inputs)), ...noise };
		const parts = this.#parts(model, skipSelfAttention);
		let made: Values = {};
		try {
			for (let at = 0; at < parts.length; ) {
				signal?.throwIfAborted();
				const constants = {
					...(await this.#rotaryTables()),
					...(await this.#uploaded(this.#fixed)),
					...(await this.#uploaded(context)),
				};
				const run = this.#run(parts.slice(at), { ...constants, ...changing, ...made }, inputs);
				const { count, outputs } = await run;
				at += count;
				made = replaced(made, outputs);
			}
			const ending = made as Inputs;
			return this.#byStream((stream) => ending[`${stream}.velocity`]!.data as Float32Array);
		} finally {
			releaseAll(made);
		}
	}

	/**
	 * Brings latents to where several passes over the same ones find them, in memory of the networks'
	 * thread until it is released. A device gets them with each pass.
	 */
	async hold({ latents }: Pick<ForwardInputs, 'latents'>): Promise<Uploaded> {
		const values = this.#latentInputs({ latents });
		if (this.#provider === 'webgpu') return { values, release: async () => {} };
		return upload(values, this.#provider);
	}

	/** Closes every session. */
	async release(): Promise<void> {
		const open = [...this.#sessions.values(), ...this.#uploads.values()];
		this.#sessions.clear();
		this.#uploads.clear();
		this.#left = 0;
		this.#spare.end();
		const closed = await Promise.allSettled(open.map((one) => one.release()));
		const failed = closed.find(({ status }) => status === 'rejected');
		if (failed) throw (failed as PromiseRejectedResult).reason;
	}

	get #provider(): Provider {
		return this.#options.provider ?? 'cpu';
	}

	/** Head, blocks and tail; graphs that are not known yet are made while those before them run. */
	#parts(model: Transformer, skipped: ForwardInputs['skipSelfAttention']): Part[] {
		const sizes = JSON.stringify(model.work);
		const part = (name: string, build: () => Graph, isBlock = false): Part => {
			const key = `${name} ${sizes}`;
			const graph = this.#graphs.get(key) ?? this.#spare.later(() => written(build()));
			this.#graphs.set(key, graph);
			return { key, graph, isBlock };
		};
		const blocks = Array.from({ length: this.config.blocks }, (_, i) => {
			const skip = skipped?.get(i);
			const options = skip && skipped ? { skipSelfAttention: skipped } : {};
			const name = `block ${i} ${JSON.stringify(skip ?? null)}`;
			return part(name, () => blocksGraph(model, i, i, options), true);
		});
		const head = part('head', () => headGraph(model));
		return [head, ...blocks, part('tail', () => tailGraph(model))];
	}

	/**
	 * Runs the first of the parts, or all of them that can be in one message, and tells how many. What
	 * the last part gives is read; what other parts give stays in the networks' thread.
	 */
	async #run(
		parts: readonly Part[],
		values: Values,
		{ signal, onBlock }: Pick<ForwardInputs, 'signal' | 'onBlock'>,
	): Promise<{ readonly count: number; readonly outputs: Values }> {
		const chained = this.#chained(parts);
		const count = Math.max(1, chained.length);
		const outputs = count === parts.length ? 'come' : 'stay';
		this.#checkpoint.check();
		if (count === 1) {
			const made = await this.#runOne(parts[0]!, values, outputs);
			if (parts[0]!.isBlock) onBlock?.();
			return { count, outputs: made };
		}
		const onLink = (index: number) => parts[index - 1]?.isBlock && onBlock?.();
		const options = {
			provider: this.#provider,
			renamed: RENAMED,
			outputs,
			signal,
			onLink,
		} as const;
		const made = await runChain(chained, values, options);
		onLink(count);
		return { count, outputs: made };
	}

	/**
	 * Those at the beginning that have been run before, so that their graphs and sessions are ready. On
	 * WebGPU a block at a time is a message by itself, since its weights may have to go after it.
	 */
	#chained(parts: readonly Part[]): readonly ChainLink[] {
		const { hold } = this.#options;
		if (hold === 'one' && this.#provider === 'webgpu') return [];
		const links: ChainLink[] = [];
		for (const { key, graph } of parts) {
			const session = this.#sessions.get(key) ?? null;
			const isOpen = hold === 'one' || session !== null;
			if (!isOpen || !graph.isMade || !isProven(graph.value)) break;
			links.push({ graph: graph.value, session });
		}
		return links;
	}

	async #runOne({ key, graph: { value: graph } }: Part, values: Values, outputs: 'come' | 'stay') {
		const ends = outputs === 'come';
		if (this.#options.hold === 'all') {
			const session = this.#sessions.get(key) ?? (await this.#open(graph, !ends));
			this.#sessions.set(key, session);
			return ends ? session.run(values) : session.forward(values);
		}
		const options = { provider: this.#provider, weights: 'mapped' } as const;
		const made = ends
			? await Session.once(graph, values, options)
			: await Session.onceForward(graph, values, options);
		await this.#used(graph);
		return made;
	}

	/** On WebGPU what is uploaded keeps a session open; before too much is left there all is closed. */
	async #used(graph: Graph): Promise<void> {
		if (this.#provider !== 'webgpu') return;
		this.#left += bytesLeft(graph);
		if (this.#left > MOST_LEFT) await this.release();
	}

	#open(graph: Graph, keep: boolean): Promise<Session> {
		this.#checkpoint.check();
		return Session.open(graph, { provider: this.#provider, weights: 'folded', keep });
	}

	#uploaded(inputs: Inputs): Promise<Values> {
		return this.#once(inputs, () => upload(inputs, this.#provider));
	}

	#rotaryTables(): Promise<Values> {
		const { graph, inputs } = this.#rotary;
		return this.#once(inputs, () => computed(graph, inputs, this.#provider));
	}

	/** Until all is closed. */
	async #once(inputs: Inputs, bring: () => Promise<Uploaded>): Promise<Values> {
		const uploaded = this.#uploads.get(inputs) ?? (await bring());
		this.#uploads.set(inputs, uploaded);
		return uploaded.values;
	}

	/** Through the caption projection where the model has one (19B), once for each prompt. */
	async #projected(context: PromptContext): Promise<Inputs> {
		const known = this.#prompts.get(context);
		if (known) return known;
		let inputs: Inputs = this.#named('context', (stream) => context[stream]);
		if (this.config.captionChannels !== null) {
			const captions = this.#named('caption', (stream) => context[stream]);
			const work = { ...this.#sizes(context, () => 1), isolated: false };
			const graph = captionGraph(this.#model(work));
			this.#checkpoint.check();
			inputs = await Session.once(graph, captions, { provider: this.#provider, weights: 'mapped' });
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
const RENAMED: Readonly<Record<string, string>> = {
	'video.next': 'video.hidden',
	'audio.next': 'audio.hidden',
};

/** Outputs take the place of what was known by their names, whose memory goes back at once. */
function replaced(known: Values, outputs: Values): Values {
	const next: Record<string, NdArray | Resident> = { ...known };
	for (const [output, value] of Object.entries(outputs)) {
		const name = RENAMED[output] ?? output;
		const before = next[name];
		if (before instanceof Resident) before.release();
		next[name] = value;
	}
	return next;
}

/** With its file. */
function written(graph: Graph): Graph {
	graph.encode();
	return graph;
}
