import type { Value } from '../graph/graph.ts';
import { attention, inChunks, linear, type Rotary, rotate } from '../graph/layers.ts';
import type { Scope } from '../graph/scope.ts';
import type { StreamConfig, TransformerConfig } from './transformer-config.ts';

/** What a block takes of a stream; D is the stream's width. */
export type Stream = {
	readonly config: StreamConfig;
	/** [tokens, D] */
	readonly hidden: Value;
	/** Which row of the tables of timesteps each token takes, int64 [tokens]; null: all take the only one. */
	readonly rows: Value | null;
	/** [timesteps, 6 or 9, D] */
	readonly ada: Value;
	readonly rotary: Rotary;
	/** Added to the scores of self-attention, [1, tokens, tokens]. */
	readonly bias: Value | null;
	readonly text: Text;
	/** For looking at the other stream; null where it is absent or kept apart. */
	readonly cross: Cross | null;
};

/** The prompt: as it is, with [1, 2, D] of sigma where that modulates it, or its keys and values. */
export type Text = { readonly context: Value; readonly ada: Value | null } | Keys;

/** Normed keys and values, each [tokens, heads · width]. */
export type Keys = { readonly key: Value; readonly value: Value };

export type Cross = {
	/** [timesteps, 4, D] */
	readonly ada: Value;
	/** [1, 1, D] */
	readonly gate: Value;
	readonly rotary: Rotary;
};

export type Streams = { readonly video: Stream | null; readonly audio: Stream | null };

/** Spatio-temporal guidance: self-attention gives each token its own value. */
export type SkippedSelfAttention = { readonly video?: boolean; readonly audio?: boolean };

/** A stream inside a block: rows of the tables, each [timesteps, D]. */
type Inside = Stream & {
	/** Shift, scale and gate of self-attention, of the feed-forward layer and (2.3 on) of the text. */
	readonly main: readonly Value[];
	/** Scale and shift where video looks at audio, the same where audio looks at video; the gate. */
	readonly between: readonly Value[];
};

/**
 * One block. Each stream looks at itself and at the text; then both look at each other, from what
 * they were before either did; then each goes through its feed-forward layer:
 *
 *     x += gate · f(rms(x) · (1 + scale) + shift)
 */
export function transformerBlock(
	m: Scope,
	c: TransformerConfig,
	{ video, audio }: Streams,
	skip: SkippedSelfAttention = {},
): Streams {
	const alone = (stream: Stream, skipped = false) =>
		lookAtText(m, c, lookAtSelf(m, c, enter(m, c, stream), skipped));
	const v = video && alone(video, skip.video);
	const a = audio && alone(audio, skip.audio);
	return {
		video: v && feedForward(m, c, v.cross && a?.cross ? lookAtOther(m, c, v, a) : v),
		audio: a && feedForward(m, c, a.cross && v?.cross ? lookAtOther(m, c, a, v) : a),
	};
}

/** Adds the block's tables to what the timesteps give. */
function enter(m: Scope, c: TransformerConfig, stream: Stream): Inside {
	const { name, prefix, width } = stream.config;
	const table = m.param(`${prefix}scale_shift_table`, [mainRows(c), width]);
	const main = rowsOf(m, m.add(table, stream.ada));
	if (!stream.cross) return { ...stream, main, between: [] };
	const shared = m.param(`scale_shift_table_a2v_ca_${name}`, [5, width]);
	const [looks, gate] = m.split(shared, 0, [4, 1]) as [Value, Value];
	const { ada, gate: sigma } = stream.cross;
	const between = [...rowsOf(m, m.add(looks, ada)), ...rowsOf(m, m.add(gate, sigma))];
	return { ...stream, main, between };
}

function lookAtSelf(m: Scope, c: TransformerConfig, stream: Inside, skipped: boolean): Inside {
	const { prefix, heads, width } = stream.config;
	const at = m.at(`${prefix}attn1`);
	const [shift, scale, gate] = stream.main;
	const x = modulate(m, c, stream, scale, shift);
	const { rotary, bias } = stream;
	const looked = skipped
		? linear(at.at('to_v'), x, width)
		: attend(at, c, x, keys(at, c, x, { heads, width, rotary }), { heads, rotary, bias });
	return add(m, stream, out(at, c, x, looked, heads, width), gate);
}

function lookAtText(m: Scope, c: TransformerConfig, stream: Inside): Inside {
	const { prefix, heads, width } = stream.config;
	const at = m.at(`${prefix}attn2`);
	const [shift, scale, gate] = stream.main.slice(6);
	const x = modulate(m, c, stream, scale, shift);
	const text = 'key' in stream.text ? stream.text : textKeys(m, c, stream.config, stream.text);
	return add(m, stream, out(at, c, x, attend(at, c, x, text, { heads }), heads, width), gate);
}

/** The text as a stream sees it in a block: the same at every step, but for where sigma modulates it. */
export function textKeys(
	m: Scope,
	c: TransformerConfig,
	{ prefix, heads, width }: StreamConfig,
	{ context, ada }: Exclude<Text, Keys>,
): Keys {
	let text = context;
	if (c.contextModulation !== 'none') {
		const table = m.param(`${prefix}prompt_scale_shift_table`, [2, width]);
		const [shift, scale] = rowsOf(m, ada ? m.add(table, ada) : m.reshape(table, [1, 2, width]));
		text = m.add(m.mul(context, m.add(scale!, 1)), shift!);
	}
	return keys(m.at(`${prefix}attn2`), c, text, { heads, width });
}

/** `stream` after it has looked at `other`, which gives keys and values. */
function lookAtOther(m: Scope, c: TransformerConfig, stream: Inside, other: Inside): Inside {
	const { heads, width } = c.cross;
	const at = m.at(stream.config.crossAttention);
	const from = stream.config.name === 'video' ? 0 : 2;
	const [x, y] = [stream, other].map((side) => {
		const [scale, shift] = side.between.slice(from);
		return modulate(m, c, side, scale, shift);
	}) as [Value, Value];
	const [own, others] = [stream.cross!.rotary, other.cross!.rotary];
	const seen = keys(at, c, y, { heads, width, rotary: others });
	const looked = attend(at, c, x, seen, { heads, rotary: own });
	const update = out(at, c, x, looked, heads, stream.config.width);
	return { ...stream, hidden: m.add(stream.hidden, m.mul(update, stream.between[4]!)) };
}

function feedForward(m: Scope, c: TransformerConfig, stream: Inside): Inside {
	const { prefix, width, feedForwardBias: bias } = stream.config;
	const at = m.at(`${prefix}ff`);
	const [shift, scale, gate] = stream.main.slice(3);
	const x = modulate(m, c, stream, scale, shift);
	const [rows] = x.shape as [number];
	const part = (from: number, to: number) => {
		const some = to - from === rows ? x : m.slice(x, 0, from, to);
		const inner = m.gelu(linear(at.at('net.0.proj'), some, 4 * width, { bias }));
		return linear(at.at('net.2'), inner, width, { bias });
	};
	return add(m, stream, inChunks(m, rows, m.graph.rowChunk, part), gate);
}

type HeadOptions = {
	readonly heads: number;
	readonly rotary?: Rotary;
	readonly bias?: Value | null;
};

function keys(
	m: Scope,
	c: TransformerConfig,
	x: Value,
	{ heads, width, rotary }: HeadOptions & { readonly width: number },
): Keys {
	const scale = m.param('k_norm.weight', [width]);
	const normed = m.rmsNorm(linear(m.at('to_k'), x, width), scale, c.epsilon);
	return {
		key: rotary ? rotate(m, normed, rotary, heads) : normed,
		value: linear(m.at('to_v'), x, width),
	};
}

/** softmax(q · kᵀ / √d + bias) · v. The root is taken into q's norm: the scores of float16 stay small. */
function attend(
	m: Scope,
	c: TransformerConfig,
	x: Value,
	{ key, value }: Keys,
	{ heads, rotary, bias = null }: HeadOptions,
): Value {
	const width = key.shape[1]!;
	const scale = m.mul(m.param('q_norm.weight', [width]), 1 / Math.sqrt(width / heads));
	const normed = m.rmsNorm(linear(m.at('to_q'), x, width), scale, c.epsilon);
	const query = rotary ? rotate(m, normed, rotary, heads) : normed;
	return attention(m, query, key, value, { heads, bias, scale: 1 });
}

/** Each head by its gate, of what the query was made from, and together into the stream's width. */
function out(
	m: Scope,
	c: TransformerConfig,
	x: Value,
	looked: Value,
	heads: number,
	width: number,
): Value {
	if (!c.gatedAttention) return linear(m.at('to_out.0'), looked, width);
	const [tokens, inner] = looked.shape as [number, number];
	const gates = m.mul(m.unary('Sigmoid', linear(m.at('to_gate_logits'), x, heads)), 2);
	const byHead = m.reshape(looked, [tokens, heads, inner / heads]);
	const gated = m.mul(byHead, m.reshape(gates, [tokens, heads, 1]));
	return linear(m.at('to_out.0'), m.reshape(gated, [tokens, inner]), width);
}

/** Rows of a block's main table: shift, scale and gate of two updates, or (2.3 on) of three. */
export function mainRows({
	contextModulation,
}: Pick<TransformerConfig, 'contextModulation'>): number {
	return contextModulation === 'none' ? 6 : 9;
}

/** [timesteps, k, width] as k tables of [timesteps, width]. */
function rowsOf(m: Scope, table: Value): Value[] {
	const [timesteps, count, width] = table.shape as [number, number, number];
	const parts = m.split(table, 1, new Array<number>(count).fill(1));
	return parts.map((part) => m.reshape(part, [timesteps, width]));
}

/** rms(x) · (1 + scale) + shift; rms(x) alone where there are none. */
function modulate(
	m: Scope,
	c: TransformerConfig,
	{ hidden, rows }: Stream,
	scale: Value | undefined,
	shift: Value | undefined,
): Value {
	const normed = m.rmsNorm(hidden, null, c.epsilon);
	if (!scale || !shift) return normed;
	return m.add(m.mul(normed, perToken(m, m.add(scale, 1), rows)), perToken(m, shift, rows));
}

function add(m: Scope, stream: Inside, update: Value, gate: Value | undefined): Inside {
	const gated = gate ? m.mul(update, perToken(m, gate, stream.rows)) : update;
	return { ...stream, hidden: m.add(stream.hidden, gated) };
}

/** Of a table [timesteps, D] the row of each token; where there is one row it is broadcast. */
export function perToken(m: Scope, table: Value, rows: Value | null): Value {
	return rows ? m.gather(table, rows) : table;
}
