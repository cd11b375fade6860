import * as z from 'zod';
import { Graph, type Value } from '../graph/graph.ts';
import { attention, linear } from '../graph/layers.ts';
import { Scope } from '../graph/scope.ts';
import type { Weights } from '../weights/checkpoint.ts';
import { readConfig } from './config.ts';

const count = z.int().positive();

const widths = z.object({
	cross_attention_dim: count.default(4096),
	audio_cross_attention_dim: count.default(2048),
});

const head = z.object({
	pooler_hidden_dim: count.default(256),
	num_queries: z.literal(1).default(1),
	num_pooler_heads: count.default(4),
	mlp_hidden: count.default(256),
});

/** The defaults are LTX-2.5's. */
const schema = z.object({ transformer: widths.prefault({}), duration_head: head.prefault({}) });

export type DurationConfig = z.infer<typeof schema>;

/** From `checkpoint.config`. Throws PickupError `bad-weights`. */
export function durationConfig(config: unknown = {}): DurationConfig {
	return readConfig(schema, config, 'config');
}

/**
 * How long a prompt wants its shot to be (LTX-2.5): `video` and `audio` [tokens, width], the
 * connectors' contexts → `seconds` [1, 1], not limited. `weights` are those below `duration_head`,
 * so few that it always runs in float32.
 */
export function durationHeadGraph(
	weights: Weights,
	{ transformer, duration_head: head }: DurationConfig,
	tokens: number,
): Graph {
	const graph = new Graph('duration head');
	const m = new Scope(graph, weights);
	const width = head.pooler_hidden_dim;
	const embedded = (stream: 'video' | 'audio', channels: number) => {
		const x = linear(m.at(`${stream}_input_proj`), graph.input(stream, [tokens, channels]), width);
		return m.add(x, m.param(`${stream}_modality_emb`, [width]));
	};
	const video = embedded('video', transformer.cross_attention_dim);
	const audio = embedded('audio', transformer.audio_cross_attention_dim);
	const pooled = pool(m.at('attention_pooler'), m.concat([video, audio], 0), head.num_pooler_heads);
	const h = m.gelu(linear(m.at('mlp_hidden'), pooled, head.mlp_hidden));
	graph.output('seconds', m.unary('Exp', linear(m.at('mlp_out'), h, 1)));
	return graph;
}

/** One learned query looks at all tokens; its three projections lie in one matrix. */
function pool(m: Scope, tokens: Value, heads: number): Value {
	const width = tokens.shape[1]!;
	const fused = m.at('cross_attn');
	const third = [width, width, width];
	const weights = fused.split(fused.param('in_proj_weight', [3 * width, width]), 0, third);
	const biases = fused.split(fused.param('in_proj_bias', [3 * width]), 0, third);
	const [q, k, v] = [m.param('query_tokens', [1, width]), tokens, tokens].map((x, i) =>
		fused.op('Gemm', [x, weights[i]!, biases[i]!], x.shape, { transB: 1 }),
	) as [Value, Value, Value];
	return linear(fused.at('out_proj'), attention(fused, q, k, v, { heads }), width);
}
