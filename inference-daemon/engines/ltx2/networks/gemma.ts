import { Graph, type Precision, type Value } from '../graph/graph.ts';
import { attention, linear, type Rotary, rotate } from '../graph/layers.ts';
import { Scope } from '../graph/scope.ts';
import type { Checkpoint, Weights } from '../weights/checkpoint.ts';
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

/** Inputs of one kind of layer. */
export type GemmaTables = Rotary & {
	/** 0 where a query sees a key, very negative elsewhere, [1, tokens, tokens]. */
	readonly mask: Value;
};

/** The text model's weights: `embed_tokens`, `layers` and `norm` below whatever the file prefixes. */
export function gemmaWeights(checkpoint: Checkpoint): Weights {
	const prefixes = ['language_model.model', 'model.language_model', 'model', 'language_model'];
	const roots = prefixes.map((prefix) => checkpoint.at(prefix));
	return roots.find((root) => root.has('embed_tokens.weight')) ?? checkpoint.at('model');
}

// Streaming: three graphs, of which one session is open at a time. Gemma sees the prompt's n tokens
// and no padding; hidden state 0 is the embedding, state i the output of layer i, and the last one
// is the output of the final norm instead.

/** `tokens` int64 [n] → `next` [n, hidden]. */
export function gemmaEmbeddingGraph(weights: Weights, config: GemmaConfig, n: number): Graph {
	const graph = new Graph('gemma embedding');
	const m = new Scope(graph, weights);
	graph.output('next', gemmaEmbedding(m, graph.input('tokens', [n], 'int64'), config));
	return graph;
}

/** `state` [n, hidden] and `gemmaLayerInputs` → `next` [n, hidden]. */
export function gemmaLayerGraph(
	weights: Weights,
	config: GemmaConfig,
	n: number,
	layer: number,
	precision: Precision = 'float32',
): Graph {
	const graph = new Graph(`gemma layer ${layer}`, precision);
	const m = new Scope(graph, weights);
	const state = graph.input('state', [n, config.hidden]);
	const tables = tableInputs(graph, config.attention[config.spans[layer]!], n, '');
	graph.output('next', gemmaLayer(m.at('layers').at(layer), state, tables, config, layer));
	return graph;
}

/** `state` [n, hidden] → `next` [n, hidden]: the last hidden state from the last layer's output. */
export function gemmaNormGraph(weights: Weights, config: GemmaConfig, n: number): Graph {
	const graph = new Graph('gemma norm');
	const m = new Scope(graph, weights);
	graph.output('next', norm(m.at('norm'), graph.input('state', [n, config.hidden]), config));
	return graph;
}

/** What a layer's graph wants beside `state`: `cos`, `sin` [n, 1, headWidth / 2], `mask` [1, n, n]. */
export function gemmaLayerInputs(
	config: GemmaConfig,
	n: number,
	layer: number,
): Record<string, Table> {
	return tables(config.attention[config.spans[layer]!], n, '');
}

// Small models: everything in one graph.

/** `gemmaInputs` → `hidden_states` [layers + 1, n, hidden]. */
export function gemmaGraph(
	weights: Weights,
	config: GemmaConfig,
	n: number,
	precision: Precision = 'float32',
): Graph {
	const graph = new Graph('gemma', precision);
	const m = new Scope(graph, weights);
	const { sliding_attention, full_attention } = config.attention;
	const inputs = {
		sliding_attention: tableInputs(graph, sliding_attention, n, 'sliding_attention.'),
		full_attention: tableInputs(graph, full_attention, n, 'full_attention.'),
	};
	let x = gemmaEmbedding(m, graph.input('tokens', [n], 'int64'), config);
	const states = [x];
	for (const [layer, span] of config.spans.entries()) {
		x = gemmaLayer(m.at('layers').at(layer), x, inputs[span], config, layer);
		states.push(x);
	}
	states.splice(-1, 1, norm(m.at('norm'), x, config));
	const stacked = states.map((state) => m.reshape(state, [1, n, config.hidden]));
	graph.output('hidden_states', m.concat(stacked, 0));
	return graph;
}

/** What the one graph wants: `tokens` [n] and the tables of both kinds of layers. */
export function gemmaInputs(
	config: GemmaConfig,
	tokens: readonly number[],
): Record<string, Table | { readonly data: BigInt64Array; readonly shape: readonly number[] }> {
	const n = tokens.length;
	return {
		tokens: { data: BigInt64Array.from(tokens, BigInt), shape: [n] },
		...tables(config.attention.sliding_attention, n, 'sliding_attention.'),
		...tables(config.attention.full_attention, n, 'full_attention.'),
	};
}

/** Rows of the table, gathered where it lies in the file, times √hidden in the table's own type. */
function gemmaEmbedding(m: Scope, tokens: Value, { vocabulary, hidden }: GemmaConfig): Value {
	const stored = m.weights.tensor('embed_tokens.weight', [vocabulary, hidden]);
	if (stored === null) return m.expand(m.constant(0), [...tokens.shape, hidden]);
	const scale = Math.fround(Math.sqrt(hidden));
	const rows = m.cast(m.gather(m.graph.weight(stored), tokens), 'float32');
	return m.mul(rows, stored.type === 'BF16' ? toBfloat16(scale) : scale);
}

/** x + norm(attention(norm(x))), then the same with the gated feed-forward. */
function gemmaLayer(
	m: Scope,
	x: Value,
	tables: GemmaTables,
	config: GemmaConfig,
	layer: number,
): Value {
	const normed = (name: string, y: Value) => norm(m.at(name), y, config);
	const own = config.attention[config.spans[layer]!];
	const seen = selfAttention(m.at('self_attn'), normed('input_layernorm', x), tables, config, own);
	const h = m.add(x, normed('post_attention_layernorm', seen));
	const thought = feedForward(m.at('mlp'), normed('pre_feedforward_layernorm', h), config);
	const y = m.add(h, normed('post_feedforward_layernorm', thought));
	return config.layerScalar ? m.mul(y, m.param('layer_scalar', [1])) : y;
}

function selfAttention(
	m: Scope,
	x: Value,
	tables: GemmaTables,
	config: GemmaConfig,
	{ keyHeads, headWidth, keysAsValues }: GemmaAttention,
): Value {
	const { heads, scale, hidden, normedValues, epsilon } = config;
	const project = (name: string, count: number) =>
		m.reshape(linear(m.at(name), x, count * headWidth, { bias: false }), [
			...[x.shape[0]!, count, headWidth],
		]);
	const flat = (y: Value) => m.reshape(y, [y.shape[0]!, y.shape[1]! * headWidth]);
	const keys = project('k_proj', keyHeads);
	const values = keysAsValues ? keys : project('v_proj', keyHeads);
	const q = flat(norm(m.at('q_norm'), project('q_proj', heads), config));
	const k = flat(norm(m.at('k_norm'), keys, config));
	const v = flat(normedValues ? m.rmsNorm(values, null, epsilon) : values);
	const out = attention(
		m,
		rotate(m, q, tables, heads),
		repeatHeads(m, rotate(m, k, tables, keyHeads), keyHeads, heads / keyHeads),
		repeatHeads(m, v, keyHeads, heads / keyHeads),
		{ heads, scale, bias: tables.mask },
	);
	return linear(m.at('o_proj'), out, hidden, { bias: false });
}

/** x [tokens, heads · width], every head as often as told, one after the other. */
function repeatHeads(m: Scope, x: Value, heads: number, times: number): Value {
	const [tokens, inner] = x.shape as [number, number];
	const width = inner / heads;
	const one = m.reshape(x, [tokens, heads, 1, width]);
	return m.reshape(m.expand(one, [tokens, heads, times, width]), [tokens, inner * times]);
}

function feedForward(m: Scope, x: Value, { hidden, intermediate }: GemmaConfig): Value {
	const gate = m.gelu(linear(m.at('gate_proj'), x, intermediate, { bias: false }));
	const up = linear(m.at('up_proj'), x, intermediate, { bias: false });
	return linear(m.at('down_proj'), m.mul(gate, up), hidden, { bias: false });
}

function norm(m: Scope, x: Value, { normOffset, epsilon }: GemmaConfig): Value {
	const weight = m.param('weight', [x.shape.at(-1)!]);
	return m.rmsNorm(x, normOffset === 0 ? weight : m.add(weight, normOffset), epsilon);
}

function tableInputs(graph: Graph, own: GemmaAttention, n: number, prefix: string): GemmaTables {
	const half = own.headWidth / 2;
	return {
		cos: graph.input(`${prefix}cos`, [n, 1, half]),
		sin: graph.input(`${prefix}sin`, [n, 1, half]),
		mask: graph.input(`${prefix}mask`, [1, n, n]),
	};
}

function tables(own: GemmaAttention, n: number, prefix: string): Record<string, Table> {
	const angles = rotaryAngles(own, n);
	const shape = [n, 1, own.headWidth / 2];
	return {
		[`${prefix}cos`]: { data: angles.map(Math.cos), shape },
		[`${prefix}sin`]: { data: angles.map(Math.sin), shape },
		[`${prefix}mask`]: { data: maskOf(own, n), shape: [1, n, n] },
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

function maskOf({ window }: GemmaAttention, n: number): Float32Array {
	const mask = new Float32Array(n * n).fill(UNSEEN);
	for (let query = 0; query < n; query++) {
		mask.fill(0, query * n + Math.max(0, query - window + 1), query * n + query + 1);
	}
	return mask;
}

/** Rounded to the nearest, ties to even; for positive numbers. */
function toBfloat16(value: number): number {
	const bits = new Uint32Array(Float32Array.of(value).buffer);
	const [word] = bits as unknown as [number];
	bits[0] = (word + 0x7fff + ((word >>> 16) & 1)) & 0xffff0000;
	return new Float32Array(bits.buffer)[0]!;
}
