import * as z from 'zod';
import type { Value } from '../graph/graph.ts';
import { conv } from '../graph/layers.ts';
import type { Scope } from '../graph/scope.ts';
import type { Checkpoint } from '../weights/checkpoint.ts';
import { readConfig } from './config.ts';
import { normalise, type Statistics, unnormalise, type Watch } from './video-vae.ts';

const GROUPS = 32;
const count = z.int().positive();

const CONFIG = z
	.object({
		in_channels: count.default(128),
		mid_channels: count.multipleOf(GROUPS),
		num_blocks_per_stage: count.default(4),
		dims: z.literal(3).default(3),
		spatial_upsample: z.boolean().default(true),
		temporal_upsample: z.boolean().default(false),
		spatial_scale: z.literal([1.5, 2]).default(2),
		rational_resampler: z.boolean().default(false),
	})
	.refine((config) => config.spatial_upsample !== config.temporal_upsample, {
		error: 'expected either spatial_upsample or temporal_upsample',
	})
	.refine((config) => config.spatial_scale === 2 || config.rational_resampler, {
		error: 'expected rational_resampler with a spatial_scale of 1.5',
	});

export type UpsamplerConfig = z.infer<typeof CONFIG>;

/** The configuration in an upsampler's own file. Throws PickupError `bad-weights`. */
export function upsamplerConfig(checkpoint: Checkpoint): UpsamplerConfig {
	return readConfig(CONFIG, checkpoint.config, 'config');
}

const SAME = [1, 1, 1, 1, 1, 1];

/**
 * A normalised latent [1, channels, frames, height, width] made larger: twice or one and a half
 * times as wide and high, or 2 · frames − 1 long. The statistics are the video VAE's.
 */
export function upsampleLatent(
	m: Scope,
	latent: Value,
	config: UpsamplerConfig,
	statistics: Statistics,
): Value {
	return normalise(m, upsampler(m, unnormalise(m, latent, statistics), config), statistics);
}

/** The network itself, for a latent that is not normalised. */
export function upsampler(
	m: Scope,
	latent: Value,
	config: UpsamplerConfig,
	watch: Watch = () => {},
): Value {
	const { in_channels, mid_channels, num_blocks_per_stage: blocks } = config;
	let x = conv(m.at('initial_conv'), latent, mid_channels, [3, 3, 3], { pads: SAME });
	watch('initial_conv', x);
	x = m.silu(groupNorm(m.at('initial_norm'), x));
	for (let i = 0; i < blocks; i++) x = resBlock(m.at('res_blocks').at(i), x);
	x = config.temporal_upsample
		? inTime(m.at('upsampler'), x)
		: inSpace(m.at('upsampler'), x, config);
	for (let i = 0; i < blocks; i++) x = resBlock(m.at('post_upsample_res_blocks').at(i), x);
	return conv(m.at('final_conv'), x, in_channels, [3, 3, 3], { pads: SAME });
}

function resBlock(m: Scope, x: Value): Value {
	const channels = x.shape[1]!;
	const convolve = (name: string, y: Value) =>
		conv(m.at(name), y, channels, [3, 3, 3], { pads: SAME });
	let h = m.silu(groupNorm(m.at('norm1'), convolve('conv1', x)));
	h = groupNorm(m.at('norm2'), convolve('conv2', h));
	return m.silu(m.add(h, x));
}

function groupNorm(m: Scope, x: Value): Value {
	const channels = x.shape[1]!;
	const inputs = [x, m.param('weight', [channels]), m.param('bias', [channels])];
	return m.op('GroupNormalization', inputs, x.shape, {
		num_groups: GROUPS,
		epsilon: { float: 1e-5 },
	});
}

/** Each frame by itself: num² times the channels become num times the size, then every den-th is kept. */
function inSpace(m: Scope, x: Value, config: UpsamplerConfig): Value {
	const channels = x.shape[1]!;
	const [num, den] = config.spatial_scale === 1.5 ? [3, 2] : [config.spatial_scale, 1];
	const [, , frames, height, width] = x.shape as [number, number, number, number, number];
	const name = config.rational_resampler ? 'conv' : '0';
	const flat = m.reshape(m.transpose(x, [0, 2, 1, 3, 4]), [frames, channels, height, width]);
	const wide = conv(m.at(name), flat, num * num * channels, [3, 3], { pads: [1, 1, 1, 1] });
	const parts = m.reshape(wide, [frames, channels, num, num, height, width]);
	const mixed = m.transpose(parts, [0, 1, 4, 2, 5, 3]);
	let large = m.reshape(mixed, [frames, channels, num * height, num * width]);
	if (config.rational_resampler) {
		const kernel = m.at('blur_down').param('kernel', [1, 1, 5, 5]);
		if (den > 1) large = blurDown(m, large, kernel, den);
	}
	const [, , h, w] = large.shape as [number, number, number, number];
	return m.transpose(m.reshape(large, [1, frames, channels, h, w]), [0, 2, 1, 3, 4]);
}

function blurDown(m: Scope, x: Value, kernel: Value, stride: number): Value {
	const [frames, channels, height, width] = x.shape as [number, number, number, number];
	const single = m.reshape(x, [frames * channels, 1, height, width]);
	const [h, w] = [height, width].map((n) => Math.floor((n - 1) / stride) + 1) as [number, number];
	const y = m.op('Conv', [single, kernel], [frames * channels, 1, h, w], {
		kernel_shape: [5, 5],
		strides: [stride, stride],
		pads: [2, 2, 2, 2],
	});
	return m.reshape(y, [frames, channels, h, w]);
}

/** Two frames for each, the first of all dropped. */
function inTime(m: Scope, x: Value): Value {
	const [, channels, frames, height, width] = x.shape as [number, number, number, number, number];
	const wide = conv(m.at('0'), x, 2 * channels, [3, 3, 3], { pads: SAME });
	const parts = m.reshape(wide, [1, channels, 2, frames, height, width]);
	const mixed = m.transpose(parts, [0, 1, 3, 2, 4, 5]);
	const long = m.reshape(mixed, [1, channels, 2 * frames, height, width]);
	return m.slice(long, 2, 1, 2 * frames);
}
