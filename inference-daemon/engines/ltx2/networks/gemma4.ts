import * as z from 'zod';
import { PickupError } from '../../../../protocol/errors.ts';
import type { Checkpoint } from '../weights/checkpoint.ts';
import { readConfig } from './config.ts';
import type { GemmaConfig, Span } from './gemma.ts';

const count = z.int().positive();

const spanSchema = z.enum(['sliding_attention', 'full_attention']);

const ropeSchema = z.object({
	sliding_attention: z
		.object({
			rope_type: z.literal('default').default('default'),
			rope_theta: z.number().positive().default(1e4),
		})
		.prefault({}),
	full_attention: z
		.object({
			rope_type: z.literal('proportional').default('proportional'),
			rope_theta: z.number().positive().default(1e6),
			partial_rotary_factor: z.number().min(0).max(1).default(0.25),
			factor: z.number().positive().default(1),
		})
		.prefault({}),
});

/** Hugging Face's `text_config`; the defaults are Gemma-4-12B as LTX-2.5 ships it. */
const textSchema = z.object({
	vocab_size: count.default(262_144),
	hidden_size: count.default(3840),
	intermediate_size: count.default(15_360),
	num_hidden_layers: count.default(48),
	num_attention_heads: count.default(16),
	num_key_value_heads: count.default(8),
	head_dim: count.default(256),
	num_global_key_value_heads: count.default(1),
	global_head_dim: count.default(512),
	rms_norm_eps: z.number().positive().default(1e-6),
	sliding_window: count.default(1024),
	layer_types: z.array(spanSchema).optional(),
	rope_parameters: ropeSchema.prefault({}),
	attention_k_eq_v: z.literal(true).default(true),
	attention_bias: z.literal(false).default(false),
	hidden_activation: z.literal('gelu_pytorch_tanh').default('gelu_pytorch_tanh'),
	num_kv_shared_layers: z.literal(0).default(0),
	use_double_wide_mlp: z.literal(false).default(false),
});

const schema = z.object({ text_config: textSchema.prefault({}) });

/**
 * From the file's own `gemma_config`, else from the `config.json` beside it. Unlike Gemma 3 scores
 * are not scaled, values are normed, and layers that see all tokens use their keys as values.
 * Throws PickupError `bad-weights`.
 */
export function gemma4Config(checkpoint: Checkpoint, json: unknown = {}): GemmaConfig {
	const { text_config: text } = readConfig(schema, ownConfig(checkpoint) ?? json, 'gemma_config');
	const { sliding_attention: near, full_attention: far } = text.rope_parameters;
	const everySixth = Array.from(
		{ length: text.num_hidden_layers },
		(_, i): Span => (i % 6 === 5 ? 'full_attention' : 'sliding_attention'),
	);
	return {
		vocabulary: text.vocab_size,
		hidden: text.hidden_size,
		intermediate: text.intermediate_size,
		heads: text.num_attention_heads,
		epsilon: text.rms_norm_eps,
		spans: text.layer_types ?? everySixth,
		attention: {
			sliding_attention: {
				keyHeads: text.num_key_value_heads,
				headWidth: text.head_dim,
				window: text.sliding_window,
				keysAsValues: false,
				...{ theta: near.rope_theta, stretch: 1, turning: text.head_dim / 2 },
			},
			full_attention: {
				keyHeads: text.num_global_key_value_heads,
				headWidth: text.global_head_dim,
				window: Infinity,
				keysAsValues: true,
				...{ theta: far.rope_theta, stretch: far.factor },
				turning: Math.floor((far.partial_rotary_factor * text.global_head_dim) / 2),
			},
		},
		scale: 1,
		normOffset: 0,
		normedValues: true,
		layerScalar: true,
	};
}

function ownConfig(checkpoint: Checkpoint): unknown {
	for (const { path, metadata } of checkpoint.files) {
		if (!metadata.gemma_config) continue;
		try {
			return JSON.parse(metadata.gemma_config);
		} catch (cause) {
			throw new PickupError('bad-weights', `Expected JSON as gemma_config of ${path}, got text`, {
				...{ field: path, cause },
			});
		}
	}
	return undefined;
}
