import * as z from 'zod';
import { readConfig } from './config.ts';

/**
 * `config.transformer` of a checkpoint's metadata. The defaults are the shipped LTX-2 19B's; the
 * literals are what the equations here are for.
 */
const Metadata = z.object({
	rope_type: z.literal('split').default('split'),
	frequencies_precision: z.literal('float64').default('float64'),
	use_middle_indices_grid: z.literal(true).default(true),
	activation_fn: z.literal('gelu-approximate').default('gelu-approximate'),
	qk_norm: z.literal('rms_norm').default('rms_norm'),
	standardization_norm: z.literal('rms_norm').default('rms_norm'),
	norm_eps: z.number().positive().default(1e-6),
	num_layers: z.int().positive().default(48),
	in_channels: z.int().positive().default(128),
	out_channels: z.int().positive().default(128),
	audio_in_channels: z.int().positive().default(128),
	audio_out_channels: z.int().positive().default(128),
	num_attention_heads: z.int().positive().default(32),
	attention_head_dim: z.int().positive().default(128),
	audio_num_attention_heads: z.int().positive().default(32),
	audio_attention_head_dim: z.int().positive().default(64),
	caption_channels: z.int().positive().default(3840),
	positional_embedding_theta: z.number().positive().default(10_000),
	positional_embedding_max_pos: z.array(z.number().positive()).length(3).default([20, 2048, 2048]),
	audio_positional_embedding_max_pos: z.array(z.number().positive()).length(1).default([20]),
	timestep_scale_multiplier: z.number().positive().default(1000),
	av_ca_timestep_scale_multiplier: z.number().positive().default(1000),
	caption_proj_before_connector: z.boolean().default(false),
	apply_gated_attention: z.boolean().default(false),
	cross_attention_adaln: z.boolean().default(false),
	use_prompt_adaln_single: z.boolean().default(true),
	ff_bias: z.boolean().default(true),
	use_keyframes_abs_pos_embedding: z.boolean().default(false),
});

/** One of the two streams of tokens. */
export type StreamConfig = {
	readonly name: 'video' | 'audio';
	/** Before the names of its tensors. */
	readonly prefix: '' | 'audio_';
	readonly inChannels: number;
	readonly outChannels: number;
	readonly heads: number;
	/** heads · width of a head: the channels of the residual stream. */
	readonly width: number;
	/** What position stands for 1, per axis: seconds, then pixels. */
	readonly maxPositions: readonly number[];
	readonly feedForwardBias: boolean;
	/** Frames of their own, an image and generated slots, are marked by an embedding (2.5). */
	readonly keyframeEmbedding: boolean;
	/** The attention in which it looks at the other stream, and what gates that. */
	readonly crossAttention: string;
	readonly crossGate: string;
};

export type TransformerConfig = {
	readonly blocks: number;
	readonly video: StreamConfig;
	readonly audio: StreamConfig;
	/** Heads and channels in which the streams look at each other, and the seconds that stand for 1. */
	readonly cross: { readonly heads: number; readonly width: number; readonly maxSeconds: number };
	readonly epsilon: number;
	readonly theta: number;
	readonly timestepScale: number;
	/** Of the other stream's sigma, for the gates between the streams. */
	readonly crossTimestepScale: number;
	/** Each head's result is multiplied by 2 · sigmoid of a gate (2.3 on). */
	readonly gatedAttention: boolean;
	/** Channels of the context before the caption projection; null: it comes in the stream's width (2.3 on). */
	readonly captionChannels: number | null;
	/** How the context is scaled and shifted: not (19B), by a table, or by a table and sigma (2.3 on). */
	readonly contextModulation: 'none' | 'table' | 'sigma';
};

/** From `checkpoint.config.transformer`. Throws PickupError `bad-weights` that names each wrong value. */
export function transformerConfig(metadata: unknown): TransformerConfig {
	const c = readConfig(Metadata, metadata ?? {}, 'config.transformer');
	const maxSeconds = Math.max(
		c.positional_embedding_max_pos[0]!,
		c.audio_positional_embedding_max_pos[0]!,
	);
	const audioWidth = c.audio_num_attention_heads * c.audio_attention_head_dim;
	return {
		blocks: c.num_layers,
		video: {
			name: 'video',
			prefix: '',
			inChannels: c.in_channels,
			outChannels: c.out_channels,
			heads: c.num_attention_heads,
			width: c.num_attention_heads * c.attention_head_dim,
			maxPositions: c.positional_embedding_max_pos,
			feedForwardBias: c.ff_bias,
			keyframeEmbedding: c.use_keyframes_abs_pos_embedding,
			crossAttention: 'audio_to_video_attn',
			crossGate: 'av_ca_a2v_gate_adaln_single',
		},
		audio: {
			name: 'audio',
			prefix: 'audio_',
			heads: c.audio_num_attention_heads,
			width: audioWidth,
			inChannels: c.audio_in_channels,
			outChannels: c.audio_out_channels,
			maxPositions: c.audio_positional_embedding_max_pos,
			feedForwardBias: true,
			keyframeEmbedding: false,
			crossAttention: 'video_to_audio_attn',
			crossGate: 'av_ca_v2a_gate_adaln_single',
		},
		cross: { heads: c.audio_num_attention_heads, width: audioWidth, maxSeconds },
		epsilon: c.norm_eps,
		theta: c.positional_embedding_theta,
		timestepScale: c.timestep_scale_multiplier,
		crossTimestepScale: c.av_ca_timestep_scale_multiplier,
		gatedAttention: c.apply_gated_attention,
		captionChannels: c.caption_proj_before_connector ? null : c.caption_channels,
		contextModulation: !c.cross_attention_adaln
			? 'none'
			: c.use_prompt_adaln_single
				? 'sigma'
				: 'table',
	};
}
