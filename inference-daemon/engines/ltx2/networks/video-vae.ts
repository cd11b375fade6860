/** What the video VAE's encoder and decoder share: configuration, statistics, layers. */
import * as z from 'zod';
import type { Value } from '../graph/graph.ts';
import { conv } from '../graph/layers.ts';
import type { Scope } from '../graph/scope.ts';
import type { Checkpoint } from '../weights/checkpoint.ts';
import { readConfig } from './config.ts';

const count = z.int().positive();
const RES = z.tuple([z.literal('res_x'), z.object({ num_layers: count })]);
const DOWN = z.tuple([
	z.enum(['compress_space_res', 'compress_time_res', 'compress_all_res']),
	z.object({ multiplier: count }),
]);
const UP = z.tuple([
	z.enum(['compress_space', 'compress_time', 'compress_all']),
	z.object({ multiplier: count, residual: z.boolean().default(false) }),
]);
const error = 'expected res_x with num_layers or compress_space, _time or _all with a multiplier';

/** Of 2.3 and 2.5, whose VAE with a diffusion decoder tells only of that. */
const ENCODER: (z.infer<typeof RES> | z.infer<typeof DOWN>)[] = [
	['res_x', { num_layers: 4 }],
	['compress_space_res', { multiplier: 2 }],
	['res_x', { num_layers: 6 }],
	['compress_time_res', { multiplier: 2 }],
	['res_x', { num_layers: 4 }],
	['compress_all_res', { multiplier: 2 }],
	['res_x', { num_layers: 2 }],
	['compress_all_res', { multiplier: 1 }],
	['res_x', { num_layers: 2 }],
];

const CONFIG = z.object({
	latent_channels: count.default(128),
	patch_size: count.default(4),
	norm_layer: z.literal('pixel_norm').default('pixel_norm'),
	latent_log_var: z.literal('uniform').default('uniform'),
	causal_decoder: z.boolean().default(false),
	decoder_base_channels: count.default(128),
	/** Of both halves; without it the encoder pads with zeros and the decoder by reflection. */
	spatial_padding_mode: z.enum(['zeros', 'reflect']).optional(),
	/** As they run. */
	encoder_blocks: z.array(z.union([RES, DOWN], { error })).default(ENCODER),
	/** From the pixels to the latent: they run from the last to the first. */
	decoder_blocks: z.array(z.union([RES, UP], { error })).optional(),
});

export type VideoVaeConfig = z.infer<typeof CONFIG>;

/** The VAE's part of the checkpoint's configuration. Throws PickupError `bad-weights`. */
export function videoVaeConfig(checkpoint: Checkpoint): VideoVaeConfig {
	return readConfig(CONFIG, checkpoint.config.vae, 'config.vae');
}

/** Is told of values on the way: `conv_in`, `down_block0`… */
export type Watch = (name: string, value: Value) => void;

/** Mean and standard deviation of each latent channel [channels]. */
export type Statistics = { readonly mean: Value; readonly deviation: Value };

export function statistics(m: Scope, channels: number): Statistics {
	const of = (name: string) => m.at('per_channel_statistics').param(name, [channels]);
	return { mean: of('mean-of-means'), deviation: of('std-of-means') };
}

/** (z − mean) / deviation of a latent [1, channels, frames, height, width]. */
export function normalise(m: Scope, z: Value, { mean, deviation }: Statistics): Value {
	return m.div(m.sub(z, perChannel(m, mean)), perChannel(m, deviation));
}

/** z · deviation + mean. */
export function unnormalise(m: Scope, z: Value, { mean, deviation }: Statistics): Value {
	return m.add(m.mul(z, perChannel(m, deviation)), perChannel(m, mean));
}

function perChannel(m: Scope, x: Value): Value {
	return m.reshape(x, [1, x.shape[0]!, 1, 1, 1]);
}

export type Padding = {
	/** Whether a frame sees only itself and those before it. */
	readonly causal: boolean;
	readonly space: 'zeros' | 'reflect';
};

/**
 * Convolution by 3 × 3 × 3 that keeps the size. Frames repeat at the ends: the first twice in
 * front where causal, else one at each end.
 */
export function convolve(m: Scope, x: Value, channels: number, { causal, space }: Padding): Value {
	const beside = space === 'reflect' ? [0, 0, 0, 1, 1] : [0, 0, 0, 0, 0];
	const wide = m.cast(m.pad(x, beside, beside, 'reflect'), m.graph.precision);
	const frames = x.shape[2]!;
	const first = m.slice(wide, 2, 0, 1);
	const last = m.slice(wide, 2, frames - 1, frames);
	const long = m.concat(causal ? [first, first, wide] : [first, wide, last], 2);
	const pads = space === 'zeros' ? [0, 1, 1, 0, 1, 1] : [0, 0, 0, 0, 0, 0];
	return conv(m.at('conv'), long, channels, [3, 3, 3], { pads });
}

/** x / √(mean over channels of x² + 10⁻⁸). */
function pixelNorm(m: Scope, x: Value): Value {
	const squares = m.reduce('ReduceSumSquare', x, [1]);
	return m.div(x, m.unary('Sqrt', m.add(m.div(squares, x.shape[1]!), 1e-8)));
}

/** Shift and scale of a layer, each [1, channels, 1, 1, 1]. */
export type Modulation = { readonly shift: Value; readonly scale: Value };

/** norm → x · (1 + scale) + shift → SiLU: what stands before every convolution of a residual. */
export function activate(m: Scope, x: Value, modulation?: Modulation): Value {
	const y = pixelNorm(m, x);
	if (!modulation) return m.silu(y);
	return m.silu(m.add(m.mul(y, m.add(modulation.scale, 1)), modulation.shift));
}

/** x + conv2(activate(conv1(activate(x)))). */
export function resBlock(
	m: Scope,
	x: Value,
	padding: Padding,
	modulations: readonly Modulation[] = [],
): Value {
	const channels = x.shape[1]!;
	const h = convolve(m.at('conv1'), activate(m, x, modulations[0]), channels, padding);
	return m.add(x, convolve(m.at('conv2'), activate(m, h, modulations[1]), channels, padding));
}

/** Along time, height and width. */
export type Stride = readonly [number, number, number];

/** `compress_time`, `compress_space_res`… */
export function strideOf(kind: string): Stride {
	const [, axes] = kind.split('_');
	return [axes === 'space' ? 1 : 2, axes === 'time' ? 1 : 2, axes === 'time' ? 1 : 2];
}

/** The order of a block's elements among the channels. Patches of pixels have the width first. */
type Order = 'thw' | 'twh';

/** Each block of t × h × w neighbours becomes one, its elements channels (channel, t, h, w). */
export function spaceToDepth(m: Scope, x: Value, stride: Stride, order: Order = 'thw'): Value {
	const [t, h, w] = stride;
	const [, channels, frames, height, width] = x.shape as [number, number, number, number, number];
	const [f, y, z] = [frames / t, height / h, width / w];
	const parts = m.reshape(x, [channels, f, t, y, h, z, w]);
	const axes = order === 'thw' ? [0, 2, 4, 6, 1, 3, 5] : [0, 2, 6, 4, 1, 3, 5];
	return m.reshape(m.transpose(parts, axes), [1, channels * t * h * w, f, y, z]);
}

/** The way back. */
export function depthToSpace(m: Scope, x: Value, stride: Stride, order: Order = 'thw'): Value {
	const [t, h, w] = stride;
	const [, depth, f, y, z] = x.shape as [number, number, number, number, number];
	const channels = depth / (t * h * w);
	const inner = order === 'thw' ? [t, h, w] : [t, w, h];
	const parts = m.reshape(x, [channels, ...inner, f, y, z]);
	const axes = order === 'thw' ? [0, 4, 1, 5, 2, 6, 3] : [0, 4, 1, 5, 3, 6, 2];
	return m.reshape(m.transpose(parts, axes), [1, channels, f * t, y * h, z * w]);
}
