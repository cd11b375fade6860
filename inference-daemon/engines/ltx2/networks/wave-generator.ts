import * as z from 'zod';
import type { Value } from '../graph/graph.ts';
import { conv } from '../graph/layers.ts';
import type { Scope } from '../graph/scope.ts';

/** Of the filters around a snake. */
const TAPS = 12;

/** cos(π · d) for |d| ≤ ½ as a polynomial of d², highest power first; least largest error, 5e-8. */
const COSINE = [0.2196968, -1.33188016, 4.05841191, -4.93479286, 0.99999995] as const;

const counts = z.array(z.int().positive());

/** Configuration of a generator, the values that are shipped standing in for what is not told. */
export function generatorSchema(shipped: {
	/** '1': HiFi-GAN (arXiv 2010.05646); 'AMP1': BigVGAN (arXiv 2206.04658). */
	readonly resblock: '1' | 'AMP1';
	readonly channels: number;
	readonly rates: number[];
	readonly kernels: number[];
}) {
	const plain = shipped.resblock === '1';
	return z.object({
		resblock: z.enum(['1', 'AMP1']).default(shipped.resblock),
		upsample_initial_channel: z.int().positive().default(shipped.channels),
		upsample_rates: counts.default(shipped.rates),
		upsample_kernel_sizes: counts.default(shipped.kernels),
		resblock_kernel_sizes: counts.default([3, 7, 11]),
		resblock_dilation_sizes: z.array(counts).default([0, 1, 2].map(() => [1, 3, 5])),
		stereo: z.literal(true).default(true),
		activation: z.literal('snakebeta').default('snakebeta'),
		use_tanh_at_final: z.boolean().default(plain),
		use_bias_at_final: z.boolean().default(plain),
		apply_final_activation: z.boolean().default(true),
	});
}

export type GeneratorConfig = z.infer<ReturnType<typeof generatorSchema>>;

/** Is told of values on the way. */
export type Watch = (name: string, value: Value) => void;

/**
 * A log mel spectrogram [1, 2, T, bands] to sound [1, 2, T · product of the rates], in [−1, 1]
 * unless the final activation is left out. Throws RangeError for a graph that is not in float32:
 * in 16 bits half of the spectrum is error.
 */
export function waveGenerator(
	m: Scope,
	mel: Value,
	config: GeneratorConfig,
	watch: Watch = () => {},
): Value {
	if (m.graph.precision !== 'float32') throw m.mismatch('a graph in float32', m.graph.precision);
	const [, channels, frames, bands] = mel.shape as [number, number, number, number];
	const { resblock, resblock_kernel_sizes: kernels, resblock_dilation_sizes: dilations } = config;
	const { upsample_rates: rates, upsample_kernel_sizes: wide } = config;
	if (rates.length !== wide.length || kernels.length !== dilations.length) {
		const lengths = [rates, wide, kernels, dilations].map(({ length }) => length);
		throw m.mismatch('a kernel for each rate, dilations for each kernel', `${lengths} of them`);
	}
	let x = m.reshape(m.transpose(mel, [0, 1, 3, 2]), [1, channels * bands, frames]);
	x = sameConv(m.at('conv_pre'), x, 7, { out: config.upsample_initial_channel });
	watch('conv_pre', x);
	for (const [i, rate] of rates.entries()) {
		if (resblock === '1') x = leakyRelu(m, x, 0.1);
		x = upsample(m.at('ups').at(i), x, wide[i]!, rate);
		watch(`up${i}`, x);
		const sum = kernels
			.map((kernel, j) => {
				const at = m.at('resblocks').at(i * kernels.length + j);
				return resBlock(at, x, kernel, dilations[j]!, resblock);
			})
			.reduce((a, b) => m.add(a, b));
		x = m.div(sum, kernels.length);
	}
	x = resblock === '1' ? leakyRelu(m, x, 0.01) : smoothSnake(m.at('act_post'), x);
	const wave = sameConv(m.at('conv_post'), x, 7, { out: 2, bias: config.use_bias_at_final });
	if (!config.apply_final_activation) return wave;
	return config.use_tanh_at_final ? m.unary('Tanh', wave) : m.clip(wave, -1, 1);
}

/** x + conv(act(conv_d(act(x)))), once for each dilation d; what acts is a snake in BigVGAN. */
function resBlock(
	m: Scope,
	x: Value,
	kernel: number,
	dilations: readonly number[],
	type: GeneratorConfig['resblock'],
): Value {
	const act = (name: string, i: number, y: Value) =>
		type === 'AMP1' ? smoothSnake(m.at(name).at(i), y) : leakyRelu(m, y, 0.1);
	const step = (y: Value, dilation: number, i: number) => {
		const h = sameConv(m.at('convs1').at(i), act('acts1', i, y), kernel, { dilation });
		return m.add(y, sameConv(m.at('convs2').at(i), act('acts2', i, h), kernel));
	};
	return dilations.reduce(step, x);
}

/** The snake at twice the rate, where the harmonics that it makes are filtered out. */
function smoothSnake(m: Scope, x: Value): Value {
	const [, channels, length] = x.shape as [number, number, number];
	const filter = (name: string) => m.at(name).param('filter', [1, 1, TAPS]);
	const wide = stretch(m, m.reshape(x, [channels, 1, length]), filter('upsample'), 2);
	const bent = snake(m.at('act'), m.reshape(wide, [1, channels, 2 * length]));
	const single = m.reshape(bent, [channels, 1, 2 * length]);
	const around = m.pad(single, [0, 0, TAPS / 2 - 1], [0, 0, TAPS / 2], 'edge');
	const inputs = [around, filter('downsample.lowpass')];
	const attributes = { kernel_shape: [TAPS], strides: [2] };
	return m.reshape(m.op('Conv', inputs, [channels, 1, length], attributes), x.shape);
}

/**
 * x + sin²(eᵅ · x) / (eᵝ + 1e-9). With eᵅ · x = π · (n + ½ + d), n whole and |d| ≤ ½, the sine's
 * square is cos²(π · d). A GPU's own sine may be wrong by 2⁻¹¹, which can be heard.
 */
function snake(m: Scope, x: Value): Value {
	const channels = x.shape[1]!;
	const exp = (name: string) =>
		m.unary('Exp', m.reshape(m.param(name, [channels]), [1, channels, 1]));
	const turns = m.mul(x, m.mul(exp('alpha'), 1 / Math.PI));
	const d = m.sub(m.sub(turns, m.unary('Floor', turns)), 0.5);
	const square = m.mul(d, d);
	const [highest, ...lower] = COSINE;
	const horner = (sum: Value, factor: number) => m.add(m.mul(sum, square), factor);
	const cosine = lower.reduce(horner, m.constant(highest));
	return m.add(x, m.div(m.mul(cosine, cosine), m.add(exp('beta'), 1e-9)));
}

/**
 * x [n, 1, T] `factor` times as long through a low-pass `filter` f [1, 1, taps], the ends repeated:
 * y(factor · i + p) = factor · Σ_t x(i + t) · f(p + centre − factor · t), a convolution for each phase p.
 */
export function stretch(m: Scope, x: Value, filter: Value, factor: number): Value {
	const [n, , length] = x.shape as [number, number, number];
	const taps = filter.shape[2]!;
	const centre = (taps - 1) >> 1;
	const reach = Math.floor((centre + factor - 1) / factor);
	const width = 2 * reach + 1;
	const before = factor * reach - centre;
	const after = factor * width - taps - before;
	const whole = m.reshape(m.pad(filter, [0, 0, before], [0, 0, after]), [width, factor]);
	const backwards = m.integers(Array.from({ length: width }, (_, i) => width - 1 - i));
	const byPhase = m.transpose(m.gather(whole, backwards), [1, 0]);
	const weight = m.mul(m.reshape(byPhase, [factor, 1, width]), factor);
	const around = m.pad(x, [0, 0, reach], [0, 0, reach], 'edge');
	const attributes = { kernel_shape: [width] };
	const phases = m.op('Conv', [around, weight], [n, factor, length], attributes);
	return m.reshape(m.transpose(phases, [0, 2, 1]), [n, 1, factor * length]);
}

function upsample(m: Scope, x: Value, kernel: number, rate: number): Value {
	const [, channels, length] = x.shape as [number, number, number];
	const out = channels / 2;
	const inputs = [x, m.param('weight', [channels, out, kernel]), m.param('bias', [out])];
	const pad = (kernel - rate) >> 1;
	return m.op('ConvTranspose', inputs, [1, out, (length - 1) * rate + kernel - 2 * pad], {
		kernel_shape: [kernel],
		strides: [rate],
		pads: [pad, pad],
	});
}

/** A convolution that keeps the length, and unless told otherwise the channels. */
function sameConv(
	m: Scope,
	x: Value,
	kernel: number,
	{ out = x.shape[1]!, dilation = 1, bias = true } = {},
): Value {
	const pad = ((kernel - 1) * dilation) / 2;
	return conv(m, x, out, [kernel], { dilation: [dilation], pads: [pad, pad], bias });
}

function leakyRelu(m: Scope, x: Value, slope: number): Value {
	return m.unary('LeakyRelu', x, { alpha: { float: slope } });
}
