import { Graph, type Value } from './graph/graph.ts';
import { Scope } from './graph/scope.ts';
import { audioDecoder, audioEncoder, audioVaeConfig } from './networks/audio-vae.ts';
import { upsampleLatent, upsamplerConfig } from './networks/upsampler.ts';
import { statistics, videoVaeConfig } from './networks/video-vae.ts';
import {
	decodeSinusoid,
	isTimestepConditioned,
	videoVaeDecoder,
} from './networks/video-vae-decoder.ts';
import { videoVaeEncoder } from './networks/video-vae-encoder.ts';
import { vocoder, vocoderConfig, vocoderSampleRate } from './networks/vocoder.ts';
import { type Numbers, type Provider, Session } from './runtime/session.ts';
import type { Checkpoint } from './weights/checkpoint.ts';

type Inputs = Readonly<Record<string, Numbers>>;

/** Picture and sound to latents and back, one network in memory at a time. */
export class Codec {
	readonly #checkpoint: Checkpoint;
	readonly #provider: Provider;

	constructor(checkpoint: Checkpoint, provider: Provider = 'cpu') {
		this.#checkpoint = checkpoint;
		this.#provider = provider;
	}

	/** Pixels [1, 3, 8k + 1, height, width] in −1…1 to the normalised latent [1, C, k + 1, h, w]. */
	encodePicture(pixels: Numbers): Promise<Numbers> {
		const config = videoVaeConfig(this.#checkpoint);
		return this.#run('video encoder', 'vae', { pixels }, (m, given) =>
			videoVaeEncoder(m, given('pixels'), config),
		);
	}

	/**
	 * A normalised latent to pixels, not yet clipped. A timestep-conditioned decoder takes `noise` of
	 * the latent's shape.
	 */
	decodePicture(latent: Numbers, noise: Numbers | null = null): Promise<Numbers> {
		const config = videoVaeConfig(this.#checkpoint);
		const m = new Scope(new Graph('look'), this.#checkpoint.at('vae'));
		const extra: Record<string, Numbers> = {};
		if (isTimestepConditioned(m)) {
			if (noise === null) throw new RangeError('Expected noise for a timestep-conditioned decoder');
			extra.noise = noise;
			extra.sinusoid = decodeSinusoid(m);
		}
		return this.#run(
			'video decoder',
			'vae',
			{ latent },
			(scope, given) => videoVaeDecoder(scope, given('latent'), config),
			extra,
		);
	}

	/** A log mel spectrogram [1, 2, T, 64] to its normalised latent [1, 8, ⌈T/4⌉, 16]. */
	encodeSound(mel: Numbers): Promise<Numbers> {
		const config = audioVaeConfig(this.#checkpoint);
		return this.#run('audio encoder', 'audio_vae', { mel }, (m, given) =>
			audioEncoder(m, given('mel'), config),
		);
	}

	/** A normalised latent to a log mel spectrogram [1, 2, 4T − 3, 64]. */
	decodeSound(latent: Numbers): Promise<Numbers> {
		const config = audioVaeConfig(this.#checkpoint);
		return this.#run('audio decoder', 'audio_vae', { latent }, (m, given) =>
			audioDecoder(m, given('latent'), config),
		);
	}

	/** A log mel spectrogram to stereo sound [1, 2, samples] at `sampleRate`. */
	voice(mel: Numbers): Promise<Numbers> {
		const config = vocoderConfig(this.#checkpoint);
		return this.#run('vocoder', 'vocoder', { mel }, (m, given) => vocoder(m, given('mel'), config));
	}

	get sampleRate(): number {
		return vocoderSampleRate(vocoderConfig(this.#checkpoint));
	}

	/** A normalised latent made larger by an upsampler, a checkpoint of its own. */
	enlarge(latent: Numbers, upsampler: Checkpoint): Promise<Numbers> {
		const config = upsamplerConfig(upsampler);
		return this.#run('upsampler', '', { latent }, (m, given) => {
			const vae = new Scope(m.graph, this.#checkpoint.at('vae'));
			const scope = new Scope(m.graph, upsampler.root);
			return upsampleLatent(scope, given('latent'), config, statistics(vae, config.in_channels));
		});
	}

	async #run(
		name: string,
		module: string,
		inputs: Inputs,
		build: (m: Scope, given: (input: string) => Value) => Value,
		extra: Inputs = {},
	): Promise<Numbers> {
		const graph = new Graph(name);
		const weights = module === '' ? this.#checkpoint.root : this.#checkpoint.at(module);
		const m = new Scope(graph, weights);
		const values = new Map(
			Object.entries(inputs).map(([key, { shape }]) => [key, graph.input(key, shape)]),
		);
		graph.output(
			'result',
			build(m, (input) => values.get(input)!),
		);
		this.#checkpoint.check();
		const session = await Session.open(graph, { provider: this.#provider });
		try {
			return (await session.run({ ...inputs, ...extra })).result!;
		} finally {
			await session.release();
		}
	}
}
