import * as z from 'zod';
import type { Value } from '../graph/graph.ts';
import type { Scope } from '../graph/scope.ts';
import type { Checkpoint } from '../weights/checkpoint.ts';
import { BANDWIDTH_EXTENSION, extendBandwidth } from './bandwidth-extension.ts';
import { readConfig } from './config.ts';
import { generatorSchema, type Watch, waveGenerator } from './wave-generator.ts';

/** LTX-2 19B. */
const PLAIN = generatorSchema({
	resblock: '1',
	channels: 1024,
	rates: [6, 5, 2, 2, 2],
	kernels: [16, 15, 8, 4, 4],
}).extend({ output_sampling_rate: z.int().positive().default(24_000) });

/** LTX-2.3 and 2.5. */
const EXTENDED = z.object({
	vocoder: generatorSchema({
		resblock: 'AMP1',
		channels: 1536,
		rates: [5, 2, 2, 2, 2, 2],
		kernels: [11, 4, 4, 4, 4, 4],
	}),
	bwe: BANDWIDTH_EXTENSION,
});

export type VocoderConfig = z.infer<typeof PLAIN> | z.infer<typeof EXTENDED>;

/** The vocoder's part of the checkpoint's configuration. Throws PickupError `bad-weights`. */
export function vocoderConfig(checkpoint: Checkpoint): VocoderConfig {
	const given = checkpoint.config.vocoder;
	const nested = typeof given === 'object' && given !== null && 'bwe' in given;
	return readConfig<VocoderConfig>(nested ? EXTENDED : PLAIN, given, 'vocoder');
}

/** Samples a second of what the vocoder gives: 24,000 (19B) or 48,000 Hz. */
export function vocoderSampleRate(config: VocoderConfig): number {
	return ('bwe' in config ? config.bwe : config).output_sampling_rate;
}

/**
 * A log mel spectrogram [1, 2, T, 64] to stereo sound [1, 2, samples] in [−1, 1]: 160 samples of
 * 16 kHz for a frame, made three times as many by the bandwidth extension, or 240 of 24 kHz (19B).
 * `m` is the module `vocoder`. Throws RangeError for a graph that is not in float32.
 */
export function vocoder(m: Scope, mel: Value, config: VocoderConfig, watch?: Watch): Value {
	if (!('bwe' in config)) return waveGenerator(m, mel, config, watch);
	const narrow = waveGenerator(m.at('vocoder'), mel, config.vocoder, watch);
	watch?.('stage1_waveform_16k', narrow);
	return extendBandwidth(m, narrow, config.bwe, watch);
}
