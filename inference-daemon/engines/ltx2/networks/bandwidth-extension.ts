import * as z from 'zod';
import type { Value } from '../graph/graph.ts';
import type { Scope } from '../graph/scope.ts';
import { stretchFilter } from '../sound/resample.ts';
import { generatorSchema, stretch, type Watch, waveGenerator } from './wave-generator.ts';

/** Defaults are the shipped values of LTX-2.3 and 2.5. */
export const BANDWIDTH_EXTENSION = generatorSchema({
	resblock: 'AMP1',
	channels: 512,
	rates: [6, 5, 2, 2, 2],
	kernels: [12, 11, 4, 4, 4],
}).extend({
	apply_final_activation: z.literal(false).default(false),
	input_sampling_rate: z.int().positive().default(16_000),
	output_sampling_rate: z.int().positive().default(48_000),
	hop_length: z.int().positive().default(80),
	n_fft: z.int().positive().multipleOf(2).default(512),
	num_mels: z.int().positive().default(64),
});

export type BandwidthExtensionConfig = z.infer<typeof BANDWIDTH_EXTENSION>;

/**
 * Sound [1, 2, N] to sound [1, 2, 3N] at three times the sample rate: what is known, resampled,
 * and what a generator adds to it. `m` is the module `vocoder`.
 */
export function extendBandwidth(
	m: Scope,
	sound: Value,
	config: BandwidthExtensionConfig,
	watch: Watch = () => {},
): Value {
	const { output_sampling_rate: high, input_sampling_rate: low } = config;
	if (high % low !== 0) throw m.mismatch(`a multiple of ${low} Hz`, `${high}`);
	const factor = high / low;
	const [, channels, samples] = sound.shape as [number, number, number];
	const frames = Math.ceil(samples / config.hop_length);
	const missing = frames * config.hop_length - samples;
	const padded = m.pad(sound, [0, 0, 0], [0, 0, missing]);
	const whole = m.reshape(padded, [channels, 1, samples + missing]);
	const mel = logMel(m.at('mel_stft'), whole, config);
	watch('bwe_input_mel', mel);
	const added = waveGenerator(m.at('bwe_generator'), mel, config);
	watch('bwe_residual', added);
	const filter = stretchFilter(factor);
	const smooth = m.constant(filter, [1, 1, filter.length]);
	const known = m.reshape(stretch(m, whole, smooth, factor), added.shape);
	watch('resampled_skip', known);
	return m.slice(m.clip(m.add(added, known), -1, 1), 2, 0, factor * samples);
}

/**
 * log max(|STFT| · filters, 1e-5) [1, 2, N / hop, bands] of sound [2, 1, N], with silence before it.
 * The transform is a convolution with the stored waves: real parts, then imaginary ones.
 */
function logMel(m: Scope, sound: Value, config: BandwidthExtensionConfig): Value {
	const { n_fft: window, hop_length: hop, num_mels: bands } = config;
	const [channels, , samples] = sound.shape as [number, number, number];
	const bins = window / 2 + 1;
	const frames = samples / hop;
	const waves = m.at('stft_fn').param('forward_basis', [2 * bins, 1, window]);
	const before = m.pad(sound, [0, 0, window - hop], [0, 0, 0]);
	const transform = m.op('Conv', [before, waves], [channels, 2 * bins, frames], {
		kernel_shape: [window],
		strides: [hop],
	});
	const [real, imaginary] = m.split(transform, 1, [bins, bins]) as [Value, Value];
	const power = m.add(m.mul(real, real), m.mul(imaginary, imaginary));
	const mel = m.matmul(m.param('mel_basis', [bands, bins]), m.unary('Sqrt', power));
	const log = m.unary('Log', m.max(mel, 1e-5));
	return m.reshape(m.transpose(log, [0, 2, 1]), [1, channels, frames, bands]);
}
