import * as z from 'zod';
import type { Checkpoint } from '../weights/checkpoint.ts';
import { readConfig } from './config.ts';
import { type Gemma, type GemmaConfig, gemmaKeys } from './gemma.ts';

const count = z.int().positive();
const positive = z.number().positive();

const near = z.object({
	rope_type: z.literal('default').default('default'),
	rope_theta: positive.default(1e4),
});

const far = z.object({
	rope_type: z.literal('proportional').default('proportional'),
	rope_theta: positive.default(1e6),
	partial_rotary_factor: z.number().min(0).max(1).default(0.25),
	factor: positive.default(1),
});

const rope = z.object({ sliding_attention: near.prefault({}), full_attention: far.prefault({}) });

const textSchema = z.object({
	...gemmaKeys,
	vocab_size: count.default(262_144),
	num_global_key_value_heads: count.default(1),
	global_head_dim: count.default(512),
	layer_types: z.array(z.enum(['sliding_attention', 'full_attention'])).optional(),
	rope_parameters: rope.prefault({}),
	attention_k_eq_v: z.literal(true).default(true),
	num_kv_shared_layers: z.literal(0).default(0),
	use_double_wide_mlp: z.literal(false).default(false),
});

const schema = z.object({ text_config: textSchema.prefault({}) });

/**
 * Gemma 4 of a file, by its own `gemma_config`, else by `json`, the `config.json` beside it; what
 * LTX-2.5 ships stands in for what they do not tell. Unlike in Gemma 3 scores are not scaled,
 * values are normed, and layers that see all tokens use their keys as values. Throws PickupError
 * `bad-weights`.
 */
export function gemma4(checkpoint: Checkpoint, json: unknown = {}): Gemma {
	const own = ownConfig(checkpoint);
	const { text_config: text } = readConfig(
		schema,
		own ?? json,
		own ? 'gemma_config' : 'config.json',
	);
	const { sliding_attention: near, full_attention: far } = text.rope_parameters;
	const config: GemmaConfig = {
		vocabulary: text.vocab_size,
		hidden: text.hidden_size,
		heads: text.num_attention_heads,
		intermediate: text.intermediate_size,
		epsilon: text.rms_norm_eps,
		spans: Array.from(
			{ length: text.num_hidden_layers },
			(_, i) => text.layer_types?.[i] ?? (i % 6 === 5 ? 'full_attention' : 'sliding_attention'),
		),
		attention: {
			sliding_attention: {
				keyHeads: text.num_key_value_heads,
				headWidth: text.head_dim,
				keysAsValues: false,
				window: text.sliding_window,
				theta: near.rope_theta,
				stretch: 1,
				turning: text.head_dim / 2,
			},
			full_attention: {
				keyHeads: text.num_global_key_value_heads,
				headWidth: text.global_head_dim,
				window: Infinity,
				theta: far.rope_theta,
				stretch: far.factor,
				keysAsValues: true,
				turning: Math.floor((far.partial_rotary_factor * text.global_head_dim) / 2),
			},
		},
		scale: 1,
		normOffset: 0,
		normedValues: true,
		layerScalar: true,
	};
	return { weights: checkpoint.at('model'), config };
}

function ownConfig({ files }: Checkpoint): unknown {
	const text = files.map(({ metadata }) => metadata.gemma_config).find(Boolean);
	try {
		return text && JSON.parse(text);
	} catch {
		// Told with what else is no configuration.
		return text;
	}
}
