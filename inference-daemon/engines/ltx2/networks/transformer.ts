import { Graph, type GraphOptions, type Value } from '../graph/graph.ts';
import { linear, type Rotary } from '../graph/layers.ts';
import { Scope } from '../graph/scope.ts';
import type { Weights } from '../weights/checkpoint.ts';
import {
	type Cross,
	mainRows,
	perToken,
	type SkippedSelfAttention,
	type Stream,
	type Text,
	textKeys,
	transformerBlock,
} from './transformer-block.ts';
import type { StreamConfig, TransformerConfig } from './transformer-config.ts';

/** Where a checkpoint holds the transformer. */
export const TRANSFORMER = 'model.diffusion_model';

/** The size of the work that a graph is for. */
export type StreamSizes = {
	readonly tokens: number;
	/** Different timesteps among the tokens. */
	readonly timesteps: number;
	readonly contextTokens: number;
	/** Self-attention takes a bias. */
	readonly masked?: boolean;
	/** Some tokens are marked as keyframes (2.5). */
	readonly keyframes?: boolean;
};

export type TransformerSizes = {
	/** null: the stream is absent. */
	readonly video: StreamSizes | null;
	readonly audio: StreamSizes | null;
	/** The streams do not look at each other (modality isolation). */
	readonly isolated?: boolean;
};

/** Weights at `TRANSFORMER` and what is to be built of them. Graphs' inputs and outputs are float32 unless told. */
export type Transformer = GraphOptions & {
	readonly weights: Weights;
	readonly config: TransformerConfig;
	readonly work: TransformerSizes;
};

/**
 * From latents and timesteps to what the blocks take. Inputs of each stream s, widths D and 256:
 *
 * - `s.latent` [tokens, channels]
 * - `s.sinusoids` [timesteps, 256] of the tokens' different timesteps
 * - `s.sigma` [1, 256], sinusoids of sigma (where it modulates the text)
 * - `s.other_sigma` [1, 256], sinusoids of the other stream's sigma (where streams look at each other)
 * - `s.keyframes` [tokens, 1], 1 where a token is marked, else 0 (with `keyframes`)
 *
 * Outputs: `s.hidden` [tokens, D], `s.ada` [timesteps, 6 or 9, D], `s.embedded` [timesteps, D],
 * `s.prompt_ada` [1, 2, D], `s.cross_ada` [timesteps, 4, D], `s.cross_gate` [1, 1, D].
 */
export function headGraph(model: Transformer): Graph {
	const { config } = model;
	const { graph, m } = start(model, 'transformer head');
	for (const { stream, size, meets } of present(model)) {
		const { name, prefix, width } = stream;
		const latent = graph.input(`${name}.latent`, [size.tokens, stream.inChannels]);
		let hidden = linear(m.at(`${prefix}patchify_proj`), latent, width);
		if (size.keyframes && stream.keyframeEmbedding) {
			const marks = graph.input(`${name}.keyframes`, [size.tokens, 1]);
			const embedding = m.param('keyframes_abs_pos_embedding', [1, width]);
			hidden = m.add(hidden, m.mul(marks, embedding));
		}
		graph.output(`${name}.hidden`, hidden);
		const times = graph.input(`${name}.sinusoids`, [size.timesteps, 256]);
		const main = adaln(m.at(`${prefix}adaln_single`), times, mainRows(config), width);
		graph.output(`${name}.ada`, main.ada);
		graph.output(`${name}.embedded`, main.embedded);
		if (config.contextModulation === 'sigma') {
			const sigma = graph.input(`${name}.sigma`, [1, 256]);
			const prompt = adaln(m.at(`${prefix}prompt_adaln_single`), sigma, 2, width);
			graph.output(`${name}.prompt_ada`, prompt.ada);
		}
		if (meets) {
			const other = graph.input(`${name}.other_sigma`, [1, 256]);
			const cross = m.at(`av_ca_${name}_scale_shift_adaln_single`);
			graph.output(`${name}.cross_ada`, adaln(cross, times, 4, width).ada);
			graph.output(`${name}.cross_gate`, adaln(m.at(stream.crossGate), other, 1, width).ada);
		}
	}
	return graph;
}

/** Timesteps' sinusoids to their embedding [n, D] and, from that, `count` rows each [n, count, D]. */
function adaln(m: Scope, times: Value, count: number, width: number) {
	const embedder = m.at('emb.timestep_embedder');
	const inner = m.silu(linear(embedder.at('linear_1'), times, width));
	const embedded = linear(embedder.at('linear_2'), inner, width);
	const ada = linear(m.at('linear'), m.silu(embedded), count * width);
	return { embedded, ada: m.reshape(ada, [times.shape[0]!, count, width]) };
}

/**
 * The prompt in the streams' widths, once for each prompt: `s.caption` [tokens, channels] to
 * `s.context` [tokens, D]. Only where `config.captionChannels` is a number.
 */
export function captionGraph(model: Transformer): Graph {
	const channels = model.config.captionChannels;
	if (channels === null) throw new RangeError('Expected a transformer with a caption projection');
	const { graph, m } = start(model, 'caption projection');
	for (const { stream, size } of present(model)) {
		const at = m.at(`${stream.prefix}caption_projection`);
		const caption = graph.input(`${stream.name}.caption`, [size.contextTokens, channels]);
		const inner = m.gelu(linear(at.at('linear_1'), caption, stream.width));
		graph.output(`${stream.name}.context`, linear(at.at('linear_2'), inner, stream.width));
	}
	return graph;
}

/** Whether a block's keys and values of the text are the same at every step. */
export function keepsTextKeys({ contextModulation }: TransformerConfig): boolean {
	return contextModulation !== 'sigma';
}

/**
 * `s.context` to what block `index` makes of it at every step, `s.key` and `s.value`
 * [context tokens, D], float16 where the graph multiplies so.
 */
export function textKeysGraph(model: Transformer, index: number): Graph {
	const { config } = model;
	if (!keepsTextKeys(config)) {
		throw new RangeError('Expected a transformer whose text does not change with sigma');
	}
	const { graph, m } = start(model, `text keys of block ${index}`);
	for (const { stream, size } of present(model)) {
		const { name, width } = stream;
		const context = graph.input(`${name}.context`, [size.contextTokens, width]);
		const block = m.at('transformer_blocks').at(index);
		const { key, value } = textKeys(block, config, stream, { context, ada: null });
		graph.output(`${name}.key`, m.cast(key, keyType(graph)));
		graph.output(`${name}.value`, m.cast(value, keyType(graph)));
	}
	return graph;
}

export type BlockOptions = {
	/** The text comes as keys and values of `textKeysGraph`, for one block only. */
	readonly text?: 'context' | 'keys';
	readonly skipSelfAttention?: ReadonlyMap<number, SkippedSelfAttention>;
};

/**
 * Block `first`, or all up to and with `last`, one after the other. Inputs of each stream s: the
 * head's outputs but `s.embedded`, and
 *
 * - `s.rows` int64 [tokens], which timestep each token has (with more than one timestep)
 * - `s.cos`, `s.sin` [tokens, heads, half]; `s.cross_cos`, `s.cross_sin`
 * - `s.bias` [1, tokens, tokens] (with `masked`)
 * - `s.context` [context tokens, D], or `s.key` and `s.value`
 *
 * Output: `s.next` [tokens, D], the next block's `s.hidden`.
 */
export function blocksGraph(
	model: Transformer,
	first: number,
	last = first,
	options: BlockOptions = {},
): Graph {
	const { config } = model;
	const { text = 'context', skipSelfAttention } = options;
	if (text === 'keys' && (last !== first || !keepsTextKeys(config))) {
		throw new RangeError('Expected one block, with text that does not change with sigma, for keys');
	}
	// Those whose weights are inputs are all one graph.
	const isShared = model.weightInputs !== undefined && first === last;
	const named = first === last ? `block ${first}` : `blocks ${first} to ${last}`;
	const { graph, m } = start(model, isShared ? 'transformer block' : `transformer ${named}`);
	const inputs = present(model).map((part) => streamInputs(graph, config, part, text));
	const of = (name: string) => inputs.find((stream) => stream.config.name === name) ?? null;
	let streams = { video: of('video'), audio: of('audio') };
	for (let i = first; i <= last; i++) {
		const block = m.at('transformer_blocks').at(i);
		const named = isShared ? block.as('block') : block;
		streams = transformerBlock(named, config, streams, skipSelfAttention?.get(i));
	}
	for (const stream of [streams.video, streams.audio]) {
		if (stream) graph.output(`${stream.config.name}.next`, stream.hidden);
	}
	return graph;
}

function streamInputs(
	graph: Graph,
	{ contextModulation, cross }: TransformerConfig,
	{ stream, size, meets }: Part,
	text: 'context' | 'keys',
): Stream {
	const { name, width, heads } = stream;
	const { tokens, timesteps, contextTokens } = size;
	const input = (what: string, shape: readonly number[], type: Value['type'] = 'float32') =>
		graph.input(`${name}.${what}`, shape, type);
	const rotary = (before: string, h: number, channels: number): Rotary => ({
		cos: input(`${before}cos`, [tokens, h, channels / h / 2]),
		sin: input(`${before}sin`, [tokens, h, channels / h / 2]),
	});
	const prompt = (): Text => ({
		context: input('context', [contextTokens, width]),
		ada: contextModulation === 'sigma' ? input('prompt_ada', [1, 2, width]) : null,
	});
	const key = (what: string) => input(what, [contextTokens, width], keyType(graph));
	const other = (): Cross => ({
		ada: input('cross_ada', [timesteps, 4, width]),
		gate: input('cross_gate', [1, 1, width]),
		rotary: rotary('cross_', cross.heads, cross.width),
	});
	return {
		config: stream,
		hidden: input('hidden', [tokens, width]),
		rows: timesteps > 1 ? input('rows', [tokens], 'int64') : null,
		ada: input('ada', [timesteps, mainRows({ contextModulation }), width]),
		rotary: rotary('', heads, width),
		bias: size.masked ? input('bias', [1, tokens, tokens]) : null,
		text: text === 'keys' ? { key: key('key'), value: key('value') } : prompt(),
		cross: meets ? other() : null,
	};
}

/**
 * The last block's `s.hidden` [tokens, D], `s.embedded` [timesteps, D] and, with more than one
 * timestep, `s.rows` to `s.velocity` [tokens, channels]:
 *
 *     projection(layerNorm(x) · (1 + scale) + shift),  shift, scale = table + embedded
 */
export function tailGraph(model: Transformer): Graph {
	const { graph, m } = start(model, 'transformer tail');
	for (const { stream, size } of present(model)) {
		const { name, prefix, width } = stream;
		const { tokens, timesteps } = size;
		const x = graph.input(`${name}.hidden`, [tokens, width]);
		const embedded = graph.input(`${name}.embedded`, [timesteps, width]);
		const rows = timesteps > 1 ? graph.input(`${name}.rows`, [tokens], 'int64') : null;
		const table = m.param(`${prefix}scale_shift_table`, [2, width]);
		const [shift, scale] = m
			.split(table, 0, [1, 1])
			.map((row) => perToken(m, m.add(row, embedded), rows)) as [Value, Value];
		const centred = m.sub(x, m.mean(x, [1]));
		const normed = m.rmsNorm(centred, null, model.config.epsilon);
		const modulated = m.add(m.mul(normed, m.add(scale, 1)), shift);
		const velocity = linear(m.at(`${prefix}proj_out`), modulated, stream.outChannels);
		graph.output(`${name}.velocity`, velocity);
	}
	return graph;
}

type Part = {
	readonly stream: StreamConfig;
	readonly size: StreamSizes;
	/** It looks at the other stream. */
	readonly meets: boolean;
};

function present({ config, work }: Transformer): Part[] {
	const meets = work.video !== null && work.audio !== null && !work.isolated;
	const parts = [
		{ stream: config.video, size: work.video },
		{ stream: config.audio, size: work.audio },
	];
	const found = parts.flatMap(({ stream, size }) => (size ? [{ stream, size, meets }] : []));
	if (found.length === 0) throw new RangeError('Expected video, audio or both, got neither');
	return found;
}

function keyType({ precision }: Graph): Value['type'] {
	return precision === 'float16' ? 'float16' : 'float32';
}

function start(model: Transformer, name: string): { graph: Graph; m: Scope } {
	const graph = new Graph(name, model);
	return { graph, m: new Scope(graph, model.weights) };
}
