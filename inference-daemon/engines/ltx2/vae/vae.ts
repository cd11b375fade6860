import { CELL } from '../diffusion/latent.ts';
import { Graph, type Precision, type Shape, type Value } from '../graph/graph.ts';
import { Scope } from '../graph/scope.ts';
import { audioDecoder, audioEncoder, audioVaeConfig } from '../networks/audio-vae.ts';
import { upsampleLatent, upsamplerConfig } from '../networks/upsampler.ts';
import { statistics, type VideoVaeConfig, videoVaeConfig } from '../networks/video-vae.ts';
import {
	decodeSinusoid,
	isTimestepConditioned,
	videoVaeDecoder,
} from '../networks/video-vae-decoder.ts';
import { videoVaeEncoder } from '../networks/video-vae-encoder.ts';
import { vocoder, vocoderConfig, vocoderSampleRate } from '../networks/vocoder.ts';
import { machineMemory } from '../runtime/device.ts';
import { meanwhile } from '../runtime/meanwhile.ts';
import type { Provider } from '../runtime/provider.ts';
import type { Session } from '../runtime/session.ts';
import type { NdArray } from '../runtime/values.ts';
import type { Checkpoint } from '../weights/checkpoint.ts';
import { type Inputs, type Network, OpenNetworks } from './open-networks.ts';
import {
	fitTiles,
	type Limits,
	type PerAxis,
	type Range,
	type Tile,
	type TilePlan,
} from './tile-plan.ts';
import { blendTiles, cutTile, type Layer, type MakeTile } from './tiling.ts';

export type VaeOptions = {
	readonly provider?: Provider;
	/** In which type the video VAE's convolutions multiply; everything else is float32. */
	readonly precision?: Precision;
	/**
	 * Bytes that the video VAE may take while it runs, beside its weights; a picture that would take
	 * more is cut into tiles. Default a quarter of the machine's memory, at most 8 GiB.
	 */
	readonly memory?: number;
	/** Most operations that a tile may ask for in one convolution, which a driver may end; default any. */
	readonly dispatch?: number;
};

/** Noise of so many values, those of a latent; only a timestep-conditioned decoder asks for it. */
export type MakeNoise = (length: number) => Float32Array;

export type DecodeOptions = {
	readonly noise?: MakeNoise | null;
	/** Those wanted, half-open; default all. */
	readonly frames?: Range;
	readonly signal?: AbortSignal;
};

/**
 * Red, green and blue, each [height, width], around −1…1, not clipped. Read only: they may be views
 * of a tile, which stays in memory while one of its frames does.
 */
export type DecodedFrame = Layer;

/**
 * Picture and sound to latents and back, one network of each in memory at a time. An aborted signal
 * ends a call with its reason before the next network or tile runs. However a call ends, it leaves
 * nothing open.
 */
export class Vae {
	readonly #checkpoint: Checkpoint;
	readonly #precision: Precision;
	#memory: number;
	readonly #dispatch: number;
	/** Of the tiles planned last, within so much memory; null: none yet. */
	#within: ((memory: number) => Tiles) | null = null;
	readonly #networks: OpenNetworks;

	constructor(checkpoint: Checkpoint, options: VaeOptions = {}) {
		const { provider = 'cpu', precision = 'float32', memory = defaultMemory() } = options;
		const { dispatch = Number.POSITIVE_INFINITY } = options;
		if (!(memory > 0)) throw new RangeError(`Expected some bytes of memory, got ${memory}`);
		this.#checkpoint = checkpoint;
		this.#precision = precision;
		this.#memory = memory;
		this.#dispatch = dispatch;
		this.#networks = new OpenNetworks(checkpoint, provider);
	}

	/**
	 * Pixels [1, 3, 8k + 1, 32h, 32w], floats or 16 bits for −1…1, to the normalised latent
	 * [1, C, k + 1, h, w]. Where the memory is too small for all at once, latents of tiles fade into each
	 * other.
	 */
	async encodePicture(pixels: NdArray, signal?: AbortSignal): Promise<NdArray> {
		const [, , frames = 0, height = 0, width = 0] = pixels.shape;
		const size = [(frames - 1) / CELL.frames + 1, height / CELL.size, width / CELL.size] as const;
		// What is off the grid is refused by the network itself.
		const plan = size.every((n) => Number.isInteger(n) && n > 0) ? this.#encodingPlan(size) : null;
		if (plan === null || isWhole(plan)) {
			return this.#networks.once(this.#encoder(pixels.shape, pixels), { pixels }, signal);
		}
		const { latent_channels: channels } = videoVaeConfig(this.#checkpoint);
		const network = (shape: Shape) => this.#encoder(shape, pixels);
		const layers = this.#inTiles(plan, { pixels }, network, { channels, signal });
		return { data: await stacked(layers, channels, size), shape: [1, channels, ...size] };
	}

	/**
	 * A normalised latent [1, C, k + 1, h, w] to pixels [1, 3, 8k + 1, 32h, 32w], not yet clipped: all
	 * at once, whatever memory that takes. Throws RangeError where a timestep-conditioned decoder is
	 * given no `noise`.
	 */
	decodePicture(
		latent: NdArray,
		noise: MakeNoise | null = null,
		signal?: AbortSignal,
	): Promise<NdArray> {
		const extra = this.#decoderInputs(latent, noise);
		return this.#networks.once(this.#decoder(latent.shape), { latent, ...extra }, signal);
	}

	/**
	 * The frames of a normalised latent [1, C, k + 1, h, w] in order, each as soon as no later tile
	 * touches it. All is one tile where the memory is enough for that, and then the pixels are those of
	 * `decodePicture`; else tiles fade into each other. Only tiles that touch `frames` are decoded.
	 */
	async *decodeFrames(
		latent: NdArray,
		{ noise = null, frames, signal }: DecodeOptions = {},
	): AsyncGenerator<DecodedFrame, void, void> {
		const size = sizeOfLatent(latent.shape);
		const wanted = frames ?? [0, framesOf(size)];
		checkFrames(wanted, framesOf(size));
		const { sinusoid, ...cut } = this.#decoderInputs(latent, noise);
		const fixed: Inputs = sinusoid ? { sinusoid } : {};
		const network = (shape: Shape) => this.#decoder(shape);
		const options = { channels: 3, frames: wanted, fixed, signal };
		const layers = this.#inTiles(
			this.#decodingPlan(size, wanted),
			{ latent, ...cut },
			network,
			options,
		);
		for await (const layer of layers) {
			signal?.throwIfAborted();
			yield layer;
		}
	}

	/** A log mel spectrogram [1, 2, T, 64] to its normalised latent [1, 8, ⌈T/4⌉, 16]. */
	encodeSound(mel: NdArray, signal?: AbortSignal): Promise<NdArray> {
		const config = audioVaeConfig(this.#checkpoint);
		const network: Network = {
			name: 'audio encoder',
			module: 'audio_vae',
			inputs: { mel: mel.shape },
			build: (m, input) => audioEncoder(m, input('mel'), config),
		};
		return this.#networks.once(network, { mel }, signal);
	}

	/** A normalised latent to a log mel spectrogram [1, 2, 4T − 3, 64]. */
	decodeSound(latent: NdArray, signal?: AbortSignal): Promise<NdArray> {
		const config = audioVaeConfig(this.#checkpoint);
		const network: Network = {
			name: 'audio decoder',
			module: 'audio_vae',
			inputs: { latent: latent.shape },
			build: (m, input) => audioDecoder(m, input('latent'), config),
		};
		return this.#networks.once(network, { latent }, signal);
	}

	/** A log mel spectrogram to stereo sound [1, 2, samples] at `sampleRate`. */
	vocode(mel: NdArray, signal?: AbortSignal): Promise<NdArray> {
		const config = vocoderConfig(this.#checkpoint);
		const network: Network = {
			name: 'vocoder',
			module: 'vocoder',
			inputs: { mel: mel.shape },
			build: (m, input) => vocoder(m, input('mel'), config),
		};
		return this.#networks.once(network, { mel }, signal);
	}

	get sampleRate(): number {
		return vocoderSampleRate(vocoderConfig(this.#checkpoint));
	}

	/** A normalised latent made larger by an upsampler, a checkpoint of its own. */
	upsample(latent: NdArray, upsampler: Checkpoint, signal?: AbortSignal): Promise<NdArray> {
		const config = upsamplerConfig(upsampler);
		const network: Network = {
			name: 'upsampler',
			module: '',
			inputs: { latent: latent.shape },
			build: (m, input) => {
				const vae = new Scope(m.graph, this.#checkpoint.at('vae'));
				const scope = new Scope(m.graph, upsampler.root);
				return upsampleLatent(scope, input('latent'), config, statistics(vae, config.in_channels));
			},
		};
		return this.#networks.once(network, { latent }, signal);
	}

	/**
	 * Memory ran out: from the next call on, tiles take half of what the last ones took, or as little as
	 * there is. False where those were the smallest.
	 */
	takeLess(): boolean {
		if (this.#within === null) return false;
		const { bytes } = this.#within(this.#memory);
		if (this.#within(bytes / 2).bytes >= bytes) return false;
		this.#memory = bytes / 2;
		return true;
	}

	/** Closes what is open. Frames that are still to come, and every later call, throw. */
	release(): Promise<void> {
		return this.#networks.release();
	}

	#encoder(pixels: Shape, { data }: NdArray): Network {
		const config = videoVaeConfig(this.#checkpoint);
		const type = data instanceof Uint16Array ? 'uint16' : 'float32';
		return {
			name: 'video encoder',
			module: 'vae',
			precision: this.#precision,
			inputs: { pixels },
			type,
			build: (m, input) => videoVaeEncoder(m, signed(m, input('pixels')), config),
		};
	}

	#decoder(latent: Shape): Network {
		const config = videoVaeConfig(this.#checkpoint);
		return {
			name: 'video decoder',
			module: 'vae',
			precision: this.#precision,
			inputs: { latent },
			build: (m, input) => videoVaeDecoder(m, input('latent'), config),
		};
	}

	/** What the decoder is given beside the latent. */
	#decoderInputs(
		{ data: { length }, shape }: NdArray,
		noise: MakeNoise | null,
	): { readonly noise?: NdArray; readonly sinusoid?: NdArray } {
		const m = new Scope(new Graph('probe'), this.#checkpoint.at('vae'));
		if (!isTimestepConditioned(m)) return {};
		if (noise === null) throw new RangeError('Expected noise for a timestep-conditioned decoder');
		const data = noise(length);
		if (data.length !== length) {
			throw new RangeError(`Expected noise of the latent's ${length} values, got ${data.length}`);
		}
		return { noise: { data, shape }, sinusoid: decodeSinusoid(m) };
	}

	#encodingPlan(size: PerAxis<number>): TilePlan {
		const perPixel = encoderBytesPerPixel(videoVaeConfig(this.#checkpoint));
		const bytesOf = (tile: PerAxis<number>) => perPixel * pixelsOf(tile);
		const network = () => this.#encoder(PROBE.pixels, { data: new Float32Array(0), shape: [] });
		return this.#planned(size, { way: 'encode', bytesOf }, network);
	}

	#decodingPlan(size: PerAxis<number>, [from, to]: Range): TilePlan {
		const perPixel = decoderBytesPerPixel(videoVaeConfig(this.#checkpoint));
		const bytesOf = (tile: PerAxis<number>, count: number) => {
			// Frames wait for the last of their tiles.
			const waiting = count > 1 ? Math.min(framesOf(tile), to - from) * planeOf(size) : 0;
			return perPixel * pixelsOf(tile) + PIXEL * waiting;
		};
		const { latent_channels: channels } = videoVaeConfig(this.#checkpoint);
		const network = () => this.#decoder([1, channels, ...PROBE.latents]);
		return this.#planned(size, { way: 'decode', bytesOf }, network);
	}

	/** `network`: of `PROBE`, whose largest convolution tells those of all sizes. */
	#planned(
		size: PerAxis<number>,
		{ way, bytesOf }: Pick<Limits, 'way' | 'bytesOf'>,
		network: () => Network,
	): TilePlan {
		const most = Number.isFinite(this.#dispatch)
			? (this.#dispatch * pixelsOf(PROBE.latents)) / this.#networks.largestConvolution(network())
			: Number.POSITIVE_INFINITY;
		const isInTime = (tile: PerAxis<number>) => pixelsOf(tile) <= most;
		this.#within = (memory) => {
			const plan = fitTiles(size, { way, memory, bytesOf, isInTime });
			const latents = plan.map(([first]) =>
				lengthOf(way === 'decode' ? first!.input : first!.output),
			);
			const count = plan.reduce((product, spans) => product * spans.length, 1);
			return { plan, bytes: bytesOf(latents as unknown as PerAxis<number>, count) };
		};
		return this.#within(this.#memory).plan;
	}

	/**
	 * Runs a network over tiles of `cut`, whose shapes differ only in their channels; `fixed` goes in
	 * as it is. All tiles are of one size, so that one session runs them; it is closed before the last
	 * layers are given away.
	 */
	async *#inTiles(
		plan: TilePlan,
		cut: Inputs,
		network: (shape: Shape) => Network,
		options: {
			readonly channels: number;
			readonly frames?: Range;
			readonly fixed?: Inputs;
			readonly signal: AbortSignal | undefined;
		},
	): AsyncGenerator<Layer, void, void> {
		const { signal, fixed = {} } = options;
		let session: Session | null = null;
		const close = async () => session && (await this.#networks.close(session));
		let cutting: Promise<Inputs> | null = null;
		const make: MakeTile = async (tile, next) => {
			const inputs = await (cutting ?? cutInputs(cut, tile));
			const [first] = Object.values(inputs);
			session ??= await this.#networks.open(network(first!.shape), signal);
			const running = this.#networks.run(session, { ...fixed, ...inputs }, signal);
			cutting = next && meanwhile(() => cutInputs(cut, next));
			const { data } = await running;
			if (next === null) await close();
			return data as Float32Array;
		};
		try {
			yield* blendTiles(plan, make, options);
		} finally {
			await close();
		}
	}
}

type Tiles = { readonly plan: TilePlan; readonly bytes: number };

function lengthOf([from, to]: Range): number {
	return to - from;
}

function cutInputs(whole: Inputs, tile: Tile): Inputs {
	const size = tile.map(({ input: [from, to] }) => to - from);
	const inputs = Object.entries(whole).map(([name, { data, shape }]): [string, NdArray] => {
		const part = cutTile(data as Float32Array | Uint16Array, shape, tile);
		return [name, { data: part, shape: [...shape.slice(0, 2), ...size] }];
	});
	return Object.fromEntries(inputs);
}

/** Colours in −1…1. */
function signed(m: Scope, pixels: Value): Value {
	if (pixels.type === 'float32') return pixels;
	return m.sub(m.div(m.cast(pixels, 'float32'), 32_767.5), 1);
}

function defaultMemory(): number {
	return Math.min(machineMemory() / 4, 8 * 2 ** 30);
}

function sizeOfLatent(shape: Shape): PerAxis<number> {
	const [, , frames = 0, height = 0, width = 0] = shape;
	if (shape.length === 5 && frames > 0 && height > 0 && width > 0) return [frames, height, width];
	throw new RangeError(`Expected a latent [1, channels, frames, height, width], got [${shape}]`);
}

function checkFrames([from, to]: Range, count: number): void {
	if (Number.isInteger(from) && Number.isInteger(to) && 0 <= from && from < to && to <= count)
		return;
	throw new RangeError(`Expected frames among the ${count} of the latent, got ${from}…${to}`);
}

function isWhole(plan: TilePlan): boolean {
	return plan.every((spans) => spans.length === 1);
}

/** A size whose convolutions have as many operations for a pixel as those of larger ones, or a few more. */
const PROBE = { latents: [9, 4, 4], pixels: [1, 3, 65, 128, 128] } as const;

/** Bytes of red, green and blue. */
const PIXEL = 12;
const FLOAT = 4;

/**
 * Bytes that decoding takes for each pixel of each frame: values of the widest layer, the picture
 * before and after its last transposition, and that of the tile before. Measured on the CPU in
 * float32: 217 with the widths of 2.0 and 207 with those of 2.3, where this gives 260; what is left
 * is more than the 12 bytes of one more tile that waits.
 */
function decoderBytesPerPixel({ decoder_base_channels, patch_size }: VideoVaeConfig): number {
	return (7 * FLOAT * decoder_base_channels) / patch_size ** 2 + 3 * PIXEL;
}

/** The same for encoding, beside the picture itself. Measured: 376, where this gives 408. */
function encoderBytesPerPixel({ latent_channels, patch_size }: VideoVaeConfig): number {
	return (12 * FLOAT * latent_channels) / patch_size ** 2 + 2 * PIXEL;
}

/** Pixels of all frames of so many latents. */
function pixelsOf(latents: PerAxis<number>): number {
	return framesOf(latents) * planeOf(latents);
}

function framesOf([latents]: PerAxis<number>): number {
	return (latents - 1) * CELL.frames + 1;
}

function planeOf([, height, width]: PerAxis<number>): number {
	return height * width * CELL.size ** 2;
}

/** Layers as one [channels, frames, height, width]. */
async function stacked(
	layers: AsyncIterable<Layer>,
	channels: number,
	[frames, height, width]: PerAxis<number>,
): Promise<Float32Array> {
	const plane = height * width;
	const result = new Float32Array(channels * frames * plane);
	for await (const { index, planes } of layers) {
		for (const [c, values] of planes.entries()) {
			result.set(values, (c * frames + index) * plane);
		}
	}
	return result;
}
