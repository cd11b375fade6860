import * as z from 'zod';
import { Graph, type Precision, type Value } from '../graph/graph.ts';
import { attention, linear, type Rotary, rotate } from '../graph/layers.ts';
import { Scope } from '../graph/scope.ts';
import type { Weights } from '../weights/checkpoint.ts';
import type { Table } from './rope.ts';

/** What a layer sees of the tokens before it: the last few, or all. */
export type Span = 'sliding_attention' | 'full_attention';

export type GemmaAttention = {
	/** Keys and values have fewer heads than queries; each serves heads / keyHeads of them. */
	readonly keyHeads: number;
	readonly headWidth: number;
	/** How many tokens a token sees, itself among them. */
	readonly window: number;
	/** Values are the keys before their norm; there is no v_proj. */
	readonly keysAsValues: boolean;
	/** Pair i of a head turns by position · theta^(−2i / headWidth) / stretch for i < turning. */
	readonly theta: number;
	readonly stretch: number;
	readonly turning: number;
};

/** What Gemma 3 and Gemma 4 have in common; gemma3.ts and gemma4.ts read it from their files. */
export type GemmaConfig = {
	readonly vocabulary: number;
	readonly hidden: number;
	readonly intermediate: number;
	readonly heads: number;
	readonly epsilon: number;
	/** Of each layer. */
	readonly spans: readonly Span[];
	readonly attention: Readonly<Record<Span, GemmaAttention>>;
	/** Scores are q · k times this. */
	readonly scale: number;
	/** Norms multiply by this + weight. */
	readonly normOffset: 0 | 1;
	/** Values pass a norm without weight. */
	readonly normedValues: boolean;
	/** A layer's output is multiplied by its `layer_scalar`. */
	readonly layerScalar: boolean;
};

/** `weights` are those above `embed_tokens`, `layers` and `norm`. */
export type Gemma = { readonly weights: Weights; readonly config: GemmaConfig };

// One session at a time: the model in pieces. Gemma sees the n tokens of a prompt and no padding.
// Hidden state 0 is the embedding, state i the output of layer i; in place of the last one stands
// the output of the final norm.

/** `tokens` int64 [n] → `next` [n, hidden]. */
export function gemmaEmbeddingGraph({ weights, config }: Gemma, n: number): Graph {
	const graph = new Graph('gemma embedding');
	const tokens = graph.input('tokens', [n], 'int64');
	graph.output('next', embedding(new Scope(graph, weights), tokens, config));
	return graph;
}

/** `state` [n, hidden] and the tables of `gemmaInputs` → `next` [n, hidden]. */
export function gemmaLayerGraph(gemma: Gemma, n: number, i: number, precision?: Precision): Graph {
	const { weights, config } = gemma;
	const graph = new Graph(`gemma layer ${i}`, { precision });
	const state = graph.input('state', [n, config.hidden]);
	const tables = tableInputs(graph, config, config.spans[i]!, n);
	graph.output('next', layer(new Scope(graph, weights), state, tables, config, i));
	return graph;
}

/** `state` [n, hidden], the output of the last layer → `next` [n, hidden]. */
export function gemmaNormGraph({ weights, config }: Gemma, n: number): Graph {
	const graph = new Graph('gemma norm');
	const state = graph.input('state', [n, config.hidden]);
	graph.output('next', norm(new Scope(graph, weights).at('norm'), state, config));
	return graph;
}

/**
 * `tokens` [n], and what layers want beside `state`; K is `sliding_attention` or `full_attention`:
 * `K.cos` and `K.sin` [n, 1, headWidth / 2], `K.mask` [1, n, n].
 */
export function gemmaInputs({ config }: Gemma, tokens: readonly number[]) {
	const n = tokens.length;
	return {
		tokens: { data: BigInt64Array.from(tokens, BigInt), shape: [n] },
		...tables(config, 'sliding_attention', n),
		...tables(config, 'full_attention', n),
	};
}

/** Rows of the table, read where it lies in the file, times √hidden in the table's own type. */
function embedding(m: Scope, tokens: Value, { vocabulary, hidden }: GemmaConfig): Value {
	const stored = m.weights.tensor('embed_tokens.weight', [vocabulary, hidden]);
	if (stored === null) return m.expand(m.constant(0), [...tokens.shape, hidden]);
	const table = m.graph.weight(stored);
	const scale = m.cast(m.constant(Math.sqrt(hidden)), table.type);
	return m.mul(m.cast(m.gather(table, tokens), 'float32'), m.cast(scale, 'float32'));
}

const PLAIN = { bias: false };

type Tables = Rotary & { readonly mask: Value };

/** x + norm(attention(norm(x))), then the same with the feed-forward. */
function layer(root: Scope, x: Value, tables: Tables, config: GemmaConfig, i: number): Value {
	const m = root.at('layers').at(i);
	const normed = (name: string, y: Value) => norm(m.at(name), y, config);
	const own = config.attention[config.spans[i]!];
	const seen = selfAttention(m.at('self_attn'), normed('input_layernorm', x), tables, config, own);
	const h = m.add(x, normed('post_attention_layernorm', seen));
	const thought = feedForward(m.at('mlp'), normed('pre_feedforward_layernorm', h), config);
	const y = m.add(h, normed('post_feedforward_layernorm', thought));
	return config.layerScalar ? m.mul(y, m.param('layer_scalar', [1])) : y;
}

function selfAttention(
	m: Scope,
	x: Value,
	tables: Tables,
	config: GemmaConfig,
	{ keyHeads, headWidth, keysAsValues }: GemmaAttention,
): Value {
	const { heads, scale, hidden, normedValues, epsilon } = config;
	const n = x.shape[0]!;
	const project = (name: string, count: number) =>
		m.reshape(linear(m.at(name), x, count * headWidth, PLAIN), [n, count, headWidth]);
	const turned = (name: string, y: Value, count: number) =>
		rotate(m, m.reshape(norm(m.at(name), y, config), [n, count * headWidth]), tables, count);
	const spread = (y: Value) => {
		const each = m.reshape(y, [n, keyHeads, 1, headWidth]);
		const all = m.expand(each, [n, keyHeads, heads / keyHeads, headWidth]);
		return m.reshape(all, [n, heads * headWidth]);
	};
	const keys = project('k_proj', keyHeads);
	const values = keysAsValues ? keys : project('v_proj', keyHeads);
	// The scale is taken into the queries: products of float16 stay small.
	const q = m.mul(turned('q_norm', project('q_proj', heads), heads), scale);
	const k = spread(turned('k_norm', keys, keyHeads));
	const v = spread(normedValues ? m.rmsNorm(values, null, epsilon) : values);
	const seen = attention(m, q, k, v, { heads, scale: 1, bias: tables.mask });
	return linear(m.at('o_proj'), seen, hidden, PLAIN);
}

function feedForward(m: Scope, x: Value, { hidden, intermediate }: GemmaConfig): Value {
	const gate = m.gelu(linear(m.at('gate_proj'), x, intermediate, PLAIN));
	const up = linear(m.at('up_proj'), x, intermediate, PLAIN);
	return linear(m.at('down_proj'), m.mul(gate, up), hidden, PLAIN);
}

function norm(m: Scope, x: Value, { normOffset, epsilon }: GemmaConfig): Value {
	const weight = m.param('weight', [x.shape.at(-1)!]);
	return m.rmsNorm(x, normOffset === 0 ? weight : m.add(weight, normOffset), epsilon);
}

function tableInputs(graph: Graph, { attention }: GemmaConfig, span: Span, n: number): Tables {
	const turns = [n, 1, attention[span].headWidth / 2];
	return {
		cos: graph.input(`${span}.cos`, turns),
		sin: graph.input(`${span}.sin`, turns),
		mask: graph.input(`${span}.mask`, [1, n, n]),
	};
}

function tables({ attention }: GemmaConfig, span: Span, n: number): Record<string, Table> {
	const angles = rotaryAngles(attention[span], n);
	const turns = [n, 1, attention[span].headWidth / 2];
	return {
		[`${span}.cos`]: { data: angles.map(Math.cos), shape: turns },
		[`${span}.sin`]: { data: angles.map(Math.sin), shape: turns },
		[`${span}.mask`]: { data: maskOf(attention[span].window, n), shape: [1, n, n] },
	};
}

/** [positions, headWidth / 2], every step in float32 as the reference takes it. */
function rotaryAngles({ headWidth, theta, stretch, turning }: GemmaAttention, n: number) {
	const half = headWidth / 2;
	const angles = new Float32Array(n * half);
	for (let i = 0; i < turning; i++) {
		const power = Math.fround(theta ** Math.fround((2 * i) / headWidth));
		const frequency = Math.fround(Math.fround(1 / power) / stretch);
		for (let position = 0; position < n; position++) {
			angles[position * half + i] = position * frequency;
		}
	}
	return angles;
}

/** Far below any score, and still a number in float16. */
const UNSEEN = -30_000;

/** 0 where a query sees a key, [queries, keys]. */
function maskOf(window: number, n: number): Float32Array {
	const mask = new Float32Array(n * n).fill(UNSEEN);
	for (let query = 0; query < n; query++) {
		mask.fill(0, query * n + Math.max(0, query - window + 1), query * n + query + 1);
	}
	return mask;
}

const count = z.int().positive();

/** What both have in Hugging Face's `text_config`; the defaults are the models of 12B. */
export const gemmaKeys = {
	hidden_size: count.default(3840),
	intermediate_size: count.default(15_360),
	num_hidden_layers: count.default(48),
	num_attention_heads: count.default(16),
	num_key_value_heads: count.default(8),
	head_dim: count.default(256),
	rms_norm_eps: z.number().positive().default(1e-6),
	sliding_window: count.default(1024),
	attention_bias: z.literal(false).default(false),
	hidden_activation: z.literal('gelu_pytorch_tanh').default('gelu_pytorch_tanh'),
};
