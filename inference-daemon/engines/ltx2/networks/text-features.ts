import * as z from 'zod';
import { Graph, type Precision, type Value } from '../graph/graph.ts';
import { linearInParts } from '../graph/layers.ts';
import { Scope } from '../graph/scope.ts';
import type { Weights } from '../weights/checkpoint.ts';
import { readConfig } from './config.ts';
import type { ConnectorConfig } from './connector.ts';

export type TextConfig = {
	/** 1: LTX-2 19B, both streams share their features; 2: LTX-2.3 and 2.5. */
	readonly version: 1 | 2;
	readonly video: ConnectorConfig;
	readonly audio: ConnectorConfig;
};

const count = z.int().positive();

/** The defaults are LTX-2 19B's. */
const schema = z.object({
	caption_proj_before_connector: z.boolean().default(false),
	caption_projection_first_linear: z.literal(false).default(false),
	caption_projection_second_linear: z.literal(false).default(false),
	caption_proj_input_norm: z.literal(false).default(false),
	rope_type: z.literal('split').default('split'),
	frequencies_precision: z.literal('float64').default('float64'),
	connector_num_attention_heads: count.default(30),
	connector_attention_head_dim: count.default(128),
	connector_num_layers: count.default(2),
	connector_num_learnable_registers: count.default(128),
	connector_positional_embedding_max_pos: z.array(z.number().positive()).length(1).default([4096]),
	connector_apply_gated_attention: z.boolean().default(false),
	connector_ff_bias: z.boolean().default(true),
	audio_connector_num_attention_heads: count.optional(),
	audio_connector_attention_head_dim: count.optional(),
	audio_connector_num_layers: count.optional(),
});

/** From `checkpoint.config.transformer`. Throws PickupError `bad-weights`. */
export function textConfig(transformer: unknown = {}): TextConfig {
	const c = readConfig(schema, transformer, 'config.transformer');
	const video = {
		heads: c.connector_num_attention_heads,
		width: c.connector_num_attention_heads * c.connector_attention_head_dim,
		layers: c.connector_num_layers,
		registers: c.connector_num_learnable_registers,
		maxPosition: c.connector_positional_embedding_max_pos[0]!,
		gated: c.connector_apply_gated_attention,
		feedForwardBias: c.connector_ff_bias,
	};
	const heads = c.audio_connector_num_attention_heads ?? video.heads;
	const width = heads * (c.audio_connector_attention_head_dim ?? c.connector_attention_head_dim);
	const audio = { ...video, heads, width, layers: c.audio_connector_num_layers ?? video.layers };
	return { version: c.caption_proj_before_connector ? 2 : 1, video, audio };
}

const EPSILON = 1e-6;
/** Of the projection, which has 188,160 columns in the 19B: 2.9 GB as a whole in float32. */
const PARTS = 8;

/**
 * `hidden_states` [layers, n, dim], all of the text model's for a prompt's tokens → `video` and
 * `audio` [n, width of the connector]. `weights` are those below `text_embedding_projection`.
 */
export function textFeaturesGraph(
	weights: Weights,
	{ version, video, audio }: TextConfig,
	[layers, n, dim]: readonly [number, number, number],
	precision?: Precision,
): Graph {
	const graph = new Graph('text features', { precision });
	const m = new Scope(graph, weights);
	const hidden = graph.input('hidden_states', [layers, n, dim]);
	if (version === 1) {
		const x = flatten(m, overRange(m, hidden));
		const features = linearInParts(m.at('aggregate_embed'), x, video.width, PARTS);
		graph.output('video', features);
		graph.output('audio', features);
	} else {
		const x = flatten(m, m.rmsNorm(hidden, null, EPSILON));
		graph.output('video', project(m.at('video_aggregate_embed'), x, video.width, dim));
		graph.output('audio', project(m.at('audio_aggregate_embed'), x, audio.width, dim));
	}
	return graph;
}

/** 8 · (x − mean) / (max − min), each layer by its own over all tokens. */
function overRange(m: Scope, x: Value): Value {
	const over = (op: string) => m.reduce(op, x, [1, 2]);
	const range = m.add(m.sub(over('ReduceMax'), over('ReduceMin')), EPSILON);
	return m.mul(m.sub(x, over('ReduceMean')), m.div(m.constant(8), range));
}

/** [layers, n, dim] → [n, dim · layers]: element d of layer l at d · layers + l. */
function flatten(m: Scope, x: Value): Value {
	const [layers, n, dim] = x.shape as [number, number, number];
	return m.reshape(m.transpose(x, [1, 2, 0]), [n, dim * layers]);
}

/** W (√(width / dim) · x) + b. */
function project(m: Scope, x: Value, width: number, dim: number): Value {
	const y = m.mul(linearInParts(m, x, width, PARTS), Math.sqrt(width / dim));
	return m.add(y, m.param('bias', [width]));
}
