import * as z from 'zod';
import type { Value } from '../graph/graph.ts';
import { conv } from '../graph/layers.ts';
import type { Scope } from '../graph/scope.ts';

const counts = z.array(z.int().positive());

/**
 * A generator of sound from mel spectrograms: HiFi-GAN (arXiv 2010.05646) where `resblock` is
 * '1', BigVGAN (arXiv 2206.04658) where it is 'AMP1'.
 */
export const GENERATOR = z.object({
	resblock: z.enum(['1', 'AMP1']),
	upsample_initial_channel: z.int().positive(),
	upsample_rates: counts,
	upsample_kernel_sizes: counts,
	resblock_kernel_sizes: counts.default([3, 7, 11]),
	resblock_dilation_sizes: z.array(counts).default([0, 1, 2].map(() => [1, 3, 5])),
	stereo: z.literal(true).default(true),
	activation: z.literal('snakebeta').default('snakebeta'),
	use_tanh_at_final: z.boolean().default(true),
	use_bias_at_final: z.boolean().default(true),
	apply_final_activation: z.boolean().default(true),
});

export type GeneratorConfig = z.infer<typeof GENERATOR>;

/** Is told of values on the way. */
export type Watch = (name: string, value: Value) => void;

/** Samples for a mel frame. */
export function samplesPerFrame({ upsample_rates: rates }: GeneratorConfig): number {
	return rates.reduce((product, rate) => product * rate, 1);
}

/**
 * A log mel spectrogram [1, 2, T, 64] to sound [1, 2, T · samplesPerFrame], in [−1, 1] unless the
 * final activation is left out. Throws RangeError for a graph that is not in float32: in 16 bits
 * half of the spectrum is error.
 */
export function waveGenerator(
	m: Scope,
	mel: Value,
	config: GeneratorConfig,
	watch: Watch = () => {},
): Value {
	if (m.graph.precision !== 'float32') throw m.mismatch('a graph in float32', m.graph.precision);
	const [, channels, frames, bands] = mel.shape as [number, number, number, number];
	const { resblock, upsample_initial_channel: initial, resblock_kernel_sizes: kernels } = config;
	const block = resblock === 'AMP1' ? ampBlock : resBlock;
	let x = m.reshape(m.transpose(mel, [0, 1, 3, 2]), [1, channels * bands, frames]);
	x = sameConv(m.at('conv_pre'), x, initial, 7);
	watch('conv_pre', x);
	for (const [i, rate] of config.upsample_rates.entries()) {
		if (resblock === '1') x = leakyRelu(m, x, 0.1);
		x = upsample(m.at('ups').at(i), x, config.upsample_kernel_sizes[i]!, rate);
		watch(`up${i}`, x);
		const sum = kernels
			.map((kernel, j) => {
				const dilations = config.resblock_dilation_sizes[j]!;
				return block(m.at('resblocks').at(i * kernels.length + j), x, kernel, dilations);
			})
			.reduce((a, b) => m.add(a, b));
		x = m.div(sum, kernels.length);
	}
	x = resblock === '1' ? leakyRelu(m, x, 0.01) : smoothSnake(m.at('act_post'), x);
	const wave = sameConv(m.at('conv_post'), x, 2, 7, 1, config.use_bias_at_final);
	if (!config.apply_final_activation) return wave;
	return config.use_tanh_at_final ? m.unary('Tanh', wave) : m.clip(wave, -1, 1);
}

/** x + conv(leaky(conv_d(leaky(x)))), once for each dilation d. */
function resBlock(m: Scope, x: Value, kernel: number, dilations: readonly number[]): Value {
	const channels = x.shape[1]!;
	return dilations.reduce((y, dilation, i) => {
		const wide = leakyRelu(m, y, 0.1);
		const h = sameConv(m.at('convs1').at(i), wide, channels, kernel, dilation);
		return m.add(y, sameConv(m.at('convs2').at(i), leakyRelu(m, h, 0.1), channels, kernel));
	}, x);
}

/** The same with snakes: "anti-aliased multi-periodicity". */
function ampBlock(m: Scope, x: Value, kernel: number, dilations: readonly number[]): Value {
	const channels = x.shape[1]!;
	return dilations.reduce((y, dilation, i) => {
		const wide = smoothSnake(m.at('acts1').at(i), y);
		const h = sameConv(m.at('convs1').at(i), wide, channels, kernel, dilation);
		const narrow = smoothSnake(m.at('acts2').at(i), h);
		return m.add(y, sameConv(m.at('convs2').at(i), narrow, channels, kernel));
	}, x);
}

/** The snake at twice the rate, where the harmonics that it makes are filtered out. */
function smoothSnake(m: Scope, x: Value): Value {
	const [, channels, length] = x.shape as [number, number, number];
	const single = m.reshape(x, [channels, 1, length]);
	const wide = stretch(m, single, m.at('upsample').param('filter', [1, 1, TAPS]), 2, {
		reach: TAPS / 2 - 1,
		crop: [(3 * TAPS) / 2 - 3, (3 * TAPS) / 2 - 3],
	});
	const bent = snake(m.at('act'), m.reshape(wide, [1, channels, 2 * length]));
	const around = m.pad(
		m.reshape(bent, [channels, 1, 2 * length]),
		[0, 0, TAPS / 2 - 1],
		[0, 0, TAPS / 2],
		'edge',
	);
	const filter = m.at('downsample.lowpass').param('filter', [1, 1, TAPS]);
	const narrow = m.op('Conv', [around, filter], single.shape, {
		...{ kernel_shape: [TAPS], strides: [2] },
	});
	return m.reshape(narrow, x.shape);
}

const TAPS = 12;

/** x + sin²(eᵅ · x) / (eᵝ + 1e-9). */
function snake(m: Scope, x: Value): Value {
	const channels = x.shape[1]!;
	const [alpha, beta] = ['alpha', 'beta'].map((name) =>
		m.unary('Exp', m.reshape(m.param(name, [channels]), [1, channels, 1])),
	) as [Value, Value];
	const sine = m.unary('Sin', m.mul(x, alpha));
	return m.add(x, m.div(m.mul(sine, sine), m.add(beta, 1e-9)));
}

/**
 * x [n, 1, T] `factor` times as long through a low-pass `filter` [1, 1, taps]: the ends are
 * repeated by `reach` samples, and of the longer signal `crop` samples go at either end.
 */
export function stretch(
	m: Scope,
	x: Value,
	filter: Value,
	factor: number,
	{ reach, crop }: { readonly reach: number; readonly crop: readonly [number, number] },
): Value {
	const around = m.pad(x, [0, 0, reach], [0, 0, reach], 'edge');
	const [n, , length] = x.shape as [number, number, number];
	return m.op('ConvTranspose', [around, m.mul(filter, factor)], [n, 1, factor * length], {
		...{ kernel_shape: [filter.shape[2]!], strides: [factor], pads: crop },
	});
}

function upsample(m: Scope, x: Value, kernel: number, rate: number): Value {
	const [, channels, length] = x.shape as [number, number, number];
	const out = channels / 2;
	const inputs = [x, m.param('weight', [channels, out, kernel]), m.param('bias', [out])];
	const pad = (kernel - rate) >> 1;
	return m.op('ConvTranspose', inputs, [1, out, (length - 1) * rate + kernel - 2 * pad], {
		...{ kernel_shape: [kernel], strides: [rate], pads: [pad, pad] },
	});
}

function sameConv(
	m: Scope,
	x: Value,
	out: number,
	kernel: number,
	dilation = 1,
	bias = true,
): Value {
	const pad = ((kernel - 1) * dilation) / 2;
	return conv(m, x, out, [kernel], { dilation: [dilation], pads: [pad, pad], bias });
}

function leakyRelu(m: Scope, x: Value, slope: number): Value {
	return m.unary('LeakyRelu', x, { alpha: { float: slope } });
}
