import * as z from 'zod';
import { Graph, type Precision, type Value } from '../graph/graph.ts';
import { attention, linear } from '../graph/layers.ts';
import { Scope } from '../graph/scope.ts';
import type { Weights } from '../weights/checkpoint.ts';
import { readConfig } from './config.ts';

const count = z.int().positive();

/** Tells from a prompt how long the shot wants to be (LTX-2.5). */
export type DurationConfig = {
	readonly videoWidth: number;
	readonly audioWidth: number;
	/** Of the pooler. */
	readonly width: number;
	readonly heads: number;
	readonly hidden: number;
};

/** `config` of a checkpoint; the defaults are LTX-2.5's. */
const schema = z.object({
	transformer: z
		.object({
			cross_attention_dim: count.default(4096),
			audio_cross_attention_dim: count.default(2048),
		})
		.prefault({}),
	duration_head: z
		.object({
			pooler_hidden_dim: count.default(256),
			num_queries: z.literal(1).default(1),
			num_pooler_heads: count.default(4),
			mlp_hidden: count.default(256),
		})
		.prefault({}),
});

/** From `checkpoint.config`. Throws PickupError `bad-weights`. */
export function durationConfig(config: unknown = {}): DurationConfig {
	const { transformer, duration_head: head } = readConfig(schema, config, 'config');
	return {
		videoWidth: transformer.cross_attention_dim,
		audioWidth: transformer.audio_cross_attention_dim,
		...{ width: head.pooler_hidden_dim, heads: head.num_pooler_heads, hidden: head.mlp_hidden },
	};
}

/**
 * `video` [tokens, videoWidth] and `audio` [tokens, audioWidth], the connectors' contexts →
 * `seconds` [1, 1], not limited. `weights` are those below `duration_head`.
 */
export function durationHeadGraph(
	weights: Weights,
	config: DurationConfig,
	tokens: { readonly video: number; readonly audio: number },
	precision: Precision = 'float32',
): Graph {
	const graph = new Graph('config', precision);
	const video = graph.input('video', [tokens.video, config.videoWidth]);
	const audio = graph.input('audio', [tokens.audio, config.audioWidth]);
	graph.output('seconds', durationHead(new Scope(graph, weights), video, audio, config));
	return graph;
}

export function durationHead(
	m: Scope,
	video: Value,
	audio: Value,
	{ width, heads, hidden }: DurationConfig,
): Value {
	const embedded = (name: string, x: Value) =>
		m.add(linear(m.at(`${name}_input_proj`), x, width), m.param(`${name}_modality_emb`, [width]));
	const tokens = m.concat([embedded('video', video), embedded('audio', audio)], 0);
	const pooled = pool(m.at('attention_pooler'), tokens, heads);
	const h = m.gelu(linear(m.at('mlp_hidden'), pooled, hidden));
	return m.unary('Exp', linear(m.at('mlp_out'), h, 1));
}

/** One learned query looks at all tokens; its three projections lie in one matrix. */
function pool(m: Scope, tokens: Value, heads: number): Value {
	const width = tokens.shape[1]!;
	const fused = m.at('cross_attn');
	const third = [width, width, width];
	const weights = fused.split(fused.matrix('in_proj_weight', [3 * width, width]), 0, third);
	const biases = fused.split(fused.matrix('in_proj_bias', [3 * width]), 0, third);
	const [q, k, v] = [m.param('query_tokens', [1, width]), tokens, tokens].map((x, i) => {
		const inputs = [fused.cast(x, weights[i]!.type), weights[i]!, biases[i]!];
		return fused.cast(fused.op('Gemm', inputs, x.shape, { transB: 1 }), 'float32');
	}) as [Value, Value, Value];
	return linear(fused.at('out_proj'), attention(fused, q, k, v, { heads }), width);
}
