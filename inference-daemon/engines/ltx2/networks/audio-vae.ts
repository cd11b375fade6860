import * as z from 'zod';
import type { Value } from '../graph/graph.ts';
import { conv } from '../graph/layers.ts';
import type { Scope } from '../graph/scope.ts';
import type { Checkpoint } from '../weights/checkpoint.ts';
import { readConfig } from './config.ts';

const _LATENTS_PER_SECOND = 25;
/** Mel frames for a latent. */
const STRIDE = 4;

/** Defaults are the shipped values; literals are what the equations here are for. */
const CONFIG = z.object({
	/** Of the mel: stereo. */
	in_channels: z.int().positive().default(2),
	out_ch: z.int().positive().default(2),
	mel_bins: z.int().positive().multipleOf(STRIDE).default(64),
	/** Of the latent. */
	z_channels: z.int().positive().default(8),
	double_z: z.literal(true).default(true),
	ch: z.int().positive().default(128),
	/** Every level but the last halves time and bands: together they are the stride. */
	ch_mult: z.array(z.int().positive()).length(3).default([1, 2, 4]),
	num_res_blocks: z.int().positive().default(2),
	attn_resolutions: z.array(z.int()).length(0).default([]),
	mid_block_add_attention: z.literal(false).default(false),
	norm_type: z.literal('pixel').default('pixel'),
	causality_axis: z.literal('height').default('height'),
});

export type AudioVaeConfig = z.infer<typeof CONFIG>;

const METADATA = z.object({ model: z.object({ params: z.object({ ddconfig: CONFIG }) }) });

/** The VAE's part of the checkpoint's configuration. Throws PickupError `bad-weights`. */
export function audioVaeConfig(checkpoint: Checkpoint): AudioVaeConfig {
	const { model } = readConfig(METADATA, checkpoint.config.audio_vae, 'audio_vae');
	return model.params.ddconfig;
}

/**
 * A log mel spectrogram [1, 2, T, 64] to its latent [1, 8, ⌈T/4⌉, 16], normalised. Every latent
 * knows its own four mel frames and earlier ones. `m` is the module `audio_vae`; `watch` is told
 * values on the way.
 */
export function audioEncoder(
	m: Scope,
	mel: Value,
	config: AudioVaeConfig,
	watch: (name: string, value: Value) => void = () => {},
): Value {
	const { in_channels, mel_bins, z_channels, ch, ch_mult, num_res_blocks: blocks } = config;
	const frames = mel.shape[2] ?? 0;
	expectShape(m, mel, [1, in_channels, frames, mel_bins]);
	const encoder = m.at('encoder');
	let x = causalConv(encoder.at('conv_in'), mel, ch);
	for (const [level, factor] of ch_mult.entries()) {
		const down = encoder.at('down').at(level);
		for (let i = 0; i < blocks; i++) x = resBlock(down.at('block').at(i), x, ch * factor);
		if (level < ch_mult.length - 1) x = downsample(down.at('downsample'), x);
	}
	x = middle(encoder.at('mid'), x);
	x = causalConv(encoder.at('conv_out'), activate(m, x), 2 * z_channels);
	watch('conv_out', x);
	const mean = m.slice(x, 1, 0, z_channels);
	const tokens = audioTokens(m, mean);
	const { centre, deviation } = statistics(m, tokens.shape[1]!);
	return audioLatent(m, m.div(m.sub(tokens, centre), deviation), z_channels);
}

/**
 * A normalised latent [1, 8, T', 16] to the log mel spectrogram [1, 2, 4T' − 3, 64]. `m` is the
 * module `audio_vae`.
 */
export function audioDecoder(m: Scope, latent: Value, config: AudioVaeConfig): Value {
	const { out_ch, mel_bins, z_channels, ch, ch_mult, num_res_blocks: blocks } = config;
	expectShape(m, latent, [1, z_channels, latent.shape[2] ?? 0, mel_bins / STRIDE]);
	const decoder = m.at('decoder');
	const tokens = audioTokens(m, latent);
	const { centre, deviation } = statistics(m, tokens.shape[1]!);
	const z = audioLatent(m, m.add(m.mul(tokens, deviation), centre), z_channels);
	let x = causalConv(decoder.at('conv_in'), z, ch * ch_mult.at(-1)!);
	x = middle(decoder.at('mid'), x);
	for (const [level, factor] of [...ch_mult.entries()].reverse()) {
		const up = decoder.at('up').at(level);
		for (let i = 0; i <= blocks; i++) x = resBlock(up.at('block').at(i), x, ch * factor);
		if (level > 0) x = upsample(up.at('upsample'), x);
	}
	return causalConv(decoder.at('conv_out'), activate(m, x), out_ch);
}

/** A latent [1, c, T', f] as the transformer's tokens [T', c · f]. */
export function audioTokens(m: Scope, latent: Value): Value {
	const [, channels, latents, bands] = latent.shape as [number, number, number, number];
	return m.reshape(m.transpose(latent, [0, 2, 1, 3]), [latents, channels * bands]);
}

/** Tokens [T', c · f] as a latent [1, c, T', f]. */
export function audioLatent(m: Scope, tokens: Value, channels: number): Value {
	const [latents, width] = tokens.shape as [number, number];
	const parts = m.reshape(tokens, [1, latents, channels, width / channels]);
	return m.transpose(parts, [0, 2, 1, 3]);
}

/** Mean and standard deviation of each of a token's channels. */
function statistics(m: Scope, width: number): { centre: Value; deviation: Value } {
	const of = m.at('per_channel_statistics');
	return {
		centre: of.param('mean-of-means', [width]),
		deviation: of.param('std-of-means', [width]),
	};
}

function middle(m: Scope, x: Value): Value {
	const channels = x.shape[1]!;
	return resBlock(m.at('block_2'), resBlock(m.at('block_1'), x, channels), channels);
}

function resBlock(m: Scope, x: Value, channels: number): Value {
	const h = causalConv(m.at('conv1'), activate(m, x), channels);
	const y = causalConv(m.at('conv2'), activate(m, h), channels);
	if (x.shape[1] === channels) return m.add(x, y);
	return m.add(conv(m.at('nin_shortcut.conv'), x, channels, [1, 1]), y);
}

/** SiLU of the pixel norm x / √(mean over channels of x² + 1e-6). */
function activate(m: Scope, x: Value): Value {
	const square = m.mean(m.mul(x, x), [1]);
	return m.silu(m.div(x, m.unary('Sqrt', m.add(square, 1e-6))));
}

/** 3 × 3 over time and bands; a frame sees itself and the two before it. */
function causalConv(m: Scope, x: Value, out: number): Value {
	return conv(m.at('conv'), x, out, [3, 3], { pads: [2, 1, 0, 1] });
}

function downsample(m: Scope, x: Value): Value {
	const options = { stride: [2, 2], pads: [2, 0, 0, 1] };
	return conv(m.at('conv'), x, x.shape[1]!, [3, 3], options);
}

/** Each value four times, convolved; the first frame is dropped, so that one frame stays one. */
function upsample(m: Scope, x: Value): Value {
	const [, channels, frames, bands] = x.shape as [number, number, number, number];
	const each = m.reshape(x, [1, channels, frames, 1, bands, 1]);
	const twice = m.expand(each, [1, channels, frames, 2, bands, 2]);
	const large = m.reshape(twice, [1, channels, 2 * frames, 2 * bands]);
	return m.slice(causalConv(m.at('conv'), large, channels), 2, 1, 2 * frames);
}

function expectShape(m: Scope, x: Value, shape: readonly number[]): void {
	if (x.shape.join() !== shape.join()) throw m.mismatch(`[${shape}]`, `[${x.shape}]`);
}
