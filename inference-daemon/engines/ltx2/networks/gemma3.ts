import * as z from 'zod';
import { readConfig } from './config.ts';
import type { GemmaConfig } from './gemma.ts';

const count = z.int().positive();

/** Every sixth layer sees all tokens. */
const PATTERN = 6;

/** Hugging Face's `text_config`; the defaults are Gemma-3-12B. */
const textSchema = z.object({
	vocab_size: count.default(262_208),
	hidden_size: count.default(3840),
	intermediate_size: count.default(15_360),
	num_hidden_layers: count.default(48),
	num_attention_heads: count.default(16),
	num_key_value_heads: count.default(8),
	head_dim: count.default(256),
	query_pre_attn_scalar: z.number().positive().default(256),
	rms_norm_eps: z.number().positive().default(1e-6),
	sliding_window: count.default(1024),
	sliding_window_pattern: count.default(PATTERN),
	rope_theta: z.number().positive().default(1e6),
	rope_local_base_freq: z.number().positive().default(1e4),
	rope_scaling: z
		.object({ rope_type: z.literal('linear'), factor: z.number().positive() })
		.nullish()
		.transform((scaling) => scaling ?? { factor: 8 }),
	attention_bias: z.literal(false).default(false),
	attn_logit_softcapping: z.null().default(null),
	hidden_activation: z.literal('gelu_pytorch_tanh').default('gelu_pytorch_tanh'),
});

const schema = z.object({ text_config: textSchema.prefault({}) });

/** From the `config.json` beside the weights, where there is one. Throws PickupError `bad-weights`. */
export function gemma3Config(json: unknown = {}): GemmaConfig {
	const { text_config: text } = readConfig(schema, json, 'config.json');
	const common = {
		keyHeads: text.num_key_value_heads,
		headWidth: text.head_dim,
		keysAsValues: false,
		turning: text.head_dim / 2,
	};
	return {
		vocabulary: text.vocab_size,
		hidden: text.hidden_size,
		intermediate: text.intermediate_size,
		heads: text.num_attention_heads,
		epsilon: text.rms_norm_eps,
		spans: Array.from({ length: text.num_hidden_layers }, (_, i) =>
			(i + 1) % text.sliding_window_pattern === 0 ? 'full_attention' : 'sliding_attention',
		),
		attention: {
			sliding_attention: {
				...common,
				...{ window: text.sliding_window, theta: text.rope_local_base_freq, stretch: 1 },
			},
			full_attention: {
				...common,
				...{ window: Infinity, theta: text.rope_theta, stretch: text.rope_scaling.factor },
			},
		},
		scale: text.query_pre_attn_scalar ** -0.5,
		normOffset: 1,
		normedValues: false,
		layerScalar: false,
	};
}
