import * as z from 'zod';
import type { Checkpoint } from '../weights/checkpoint.ts';
import { readConfig } from './config.ts';
import { type Gemma, type GemmaConfig, gemmaKeys } from './gemma.ts';

const positive = z.number().positive();

const textSchema = z.object({
	...gemmaKeys,
	vocab_size: z.int().positive().default(262_208),
	query_pre_attn_scalar: positive.default(256),
	sliding_window_pattern: z.int().positive().default(6),
	rope_theta: positive.default(1e6),
	rope_local_base_freq: positive.default(1e4),
	rope_scaling: z
		.object({ rope_type: z.literal('linear'), factor: positive })
		.nullish()
		.transform((scaling) => scaling ?? { factor: 8 }),
	attn_logit_softcapping: z.null().default(null),
});

const schema = z.object({ text_config: textSchema.prefault({}) });

/**
 * Gemma 3 of a file; `json` is the `config.json` beside it, and Gemma-3-12B stands in for what
 * that does not tell. Throws PickupError `bad-weights`.
 */
export function gemma3(checkpoint: Checkpoint, json: unknown = {}): Gemma {
	const { text_config: text } = readConfig(schema, json, 'config.json');
	const common = {
		keyHeads: text.num_key_value_heads,
		headWidth: text.head_dim,
		keysAsValues: false,
		turning: text.head_dim / 2,
	};
	const near = { window: text.sliding_window, theta: text.rope_local_base_freq, stretch: 1 };
	const far = { window: Infinity, theta: text.rope_theta, stretch: text.rope_scaling.factor };
	const config: GemmaConfig = {
		vocabulary: text.vocab_size,
		hidden: text.hidden_size,
		heads: text.num_attention_heads,
		intermediate: text.intermediate_size,
		epsilon: text.rms_norm_eps,
		spans: Array.from({ length: text.num_hidden_layers }, (_, i) =>
			(i + 1) % text.sliding_window_pattern === 0 ? 'full_attention' : 'sliding_attention',
		),
		attention: {
			sliding_attention: { ...common, ...near },
			full_attention: { ...common, ...far },
		},
		scale: text.query_pre_attn_scalar ** -0.5,
		normOffset: 1,
		normedValues: false,
		layerScalar: false,
	};
	return { weights: checkpoint.at('language_model.model'), config };
}
