import { describe, expect, it } from 'vitest';
import {
	Graph,
	type Precision,
	type Value,
} from '../../../inference-daemon/engines/ltx2/graph/graph.ts';
import { Scope } from '../../../inference-daemon/engines/ltx2/graph/scope.ts';
import {
	resBlock,
	videoVaeConfig,
} from '../../../inference-daemon/engines/ltx2/networks/video-vae.ts';
import {
	DECODE_NOISE,
	DECODE_TIMESTEP,
	decodeSinusoid,
	isTimestepConditioned,
	videoVaeDecoder,
} from '../../../inference-daemon/engines/ltx2/networks/video-vae-decoder.ts';
import { videoVaeEncoder } from '../../../inference-daemon/engines/ltx2/networks/video-vae-encoder.ts';
import { fallbacks } from '../../../inference-daemon/engines/ltx2/runtime/fallbacks.ts';
import type { NdArray } from '../../../inference-daemon/engines/ltx2/runtime/values.ts';
import { Checkpoint } from '../../../inference-daemon/engines/ltx2/weights/checkpoint.ts';
import { type Case, errorOf, goldenCase, goldenWeights, PROVIDERS, runGraph } from './golden.ts';
import { keepCompiled } from './keep-compiled.ts';

const TOLERANCE = 5e-5;
const RELEASES = ['video-vae-2.0', 'video-vae-2.3'];
/** Statistics of the training data that nothing reads. */
const UNUSED = ['channel', 'mean-of-stds', 'mean-of-stds_over_std-of-means'].map(
	(name) => `vae.per_channel_statistics.${name}`,
);

describe.each(PROVIDERS)('on %s', (provider) => {
	keepCompiled(provider);
	describe.each(RELEASES)('%s', (network) => {
		it.each(['encode-image', 'encode-video'])('%s gives the reference’s numbers', async (name) => {
			const golden = await goldenCase(network, name);
			const graph = encoderGraph(await goldenWeights(network), golden);
			const found = await runGraph(graph, { pixels: golden.tensors['in.pixels']! }, provider);
			expectSame(found, golden, MAGNIFIED[`${network} ${name}`]);
		});

		it.each(['decode-image', 'decode-video'])('%s gives the reference’s numbers', async (name) => {
			const golden = await goldenCase(network, name);
			const graph = decoderGraph(await goldenWeights(network), golden);
			const found = await runGraph(graph, { latent: golden.tensors['in.latent']! }, provider);
			expectSame(found, golden);
		});
	});

	it('the first block of the 2.0 encoder gives the reference’s numbers from the reference’s conv_in', async () => {
		const { tensors } = await goldenCase('video-vae-2.0', 'encode-image');
		const graph = new Graph('block');
		const block = vae(graph, await goldenWeights('video-vae-2.0')).at(
			'encoder.down_blocks.0.res_blocks.0',
		);
		const x = graph.input('x', tensors['mid.conv_in']!.shape);
		graph.output('y', resBlock(block, x, { causal: true, space: 'zeros' }));
		const found = await runGraph(graph, { x: tensors['mid.conv_in']! }, provider);
		expect(errorOf(found.y!, tensors['mid.down_block0']!)).toBeLessThan(TOLERANCE);
	});

	it('a timestep-conditioned decoder is told by its tensor and gives the reference’s numbers', async () => {
		const checkpoint = await goldenWeights('video-vae-2.0-timestep');
		const golden = await goldenCase('video-vae-2.0-timestep', 'decode-video');
		const { tensors } = golden;
		expect(tensors['in.timestep']!.data[0]).toBeCloseTo(DECODE_TIMESTEP, 8);
		expect(tensors['in.noise_scale']!.data[0]).toBeCloseTo(DECODE_NOISE, 8);
		const graph = new Graph('video decoder');
		const m = vae(graph, checkpoint);
		expect(isTimestepConditioned(m)).toBe(true);
		const { shape } = tensors['in.latent']!;
		const latent = graph.input('latent', shape);
		const watch = (name: string, value: Value) => graph.output(name, value);
		const pixels = videoVaeDecoder(m, latent, videoVaeConfig(checkpoint), watch);
		const odd = m.slice(m.slice(pixels, 3, 0, pixels.shape[3]!, 2), 4, 1, pixels.shape[4]!, 2);
		graph.output('pixels_s2', odd);
		checkpoint.check();
		expect(checkpoint.unused()).toEqual([]);
		const inputs = {
			latent: tensors['in.latent']!,
			noise: tensors['in.noise']!,
			sinusoid: decodeSinusoid(m),
		};
		expectSame(await runGraph(graph, inputs, provider), golden);
	});
});

/**
 * A vector of norm 0.017 meets a norm over two channels there: it makes the rounding of conv_in
 * fifty times larger. The reference in float32 is 2.9e-5 away from itself in float64.
 */
const MAGNIFIED: Readonly<Record<string, Readonly<Record<string, number>>>> = {
	'video-vae-2.0 encode-image': { 'mid.down_block0': 1e-4 },
};

/** Every intermediate and every output that the case has. */
function expectSame(
	found: Readonly<Record<string, NdArray>>,
	{ tensors }: Case,
	magnified: Readonly<Record<string, number>> = {},
): void {
	const names = Object.keys(tensors).filter((name) => !name.startsWith('in.'));
	expect(names.length).toBeGreaterThan(0);
	for (const name of names) {
		const error = errorOf(found[name.slice('mid.'.length)]!, tensors[name]!);
		expect(error, name).toBeLessThan(magnified[name] ?? TOLERANCE);
	}
}

function vae(graph: Graph, checkpoint: Checkpoint): Scope {
	return new Scope(graph, checkpoint.at('vae'));
}

function encoderGraph(checkpoint: Checkpoint, { tensors }: Case, precision?: Precision): Graph {
	const graph = new Graph('video encoder', { precision });
	const pixels = graph.input('pixels', tensors['in.pixels']!.shape);
	const watch = (name: string, value: Value) => graph.output(name, value);
	const m = vae(graph, checkpoint);
	graph.output('latent', videoVaeEncoder(m, pixels, videoVaeConfig(checkpoint), watch));
	checkpoint.check();
	return graph;
}

function decoderGraph(checkpoint: Checkpoint, { tensors }: Case, precision?: Precision): Graph {
	const graph = new Graph('video decoder', { precision });
	const latent = graph.input('latent', tensors['in.latent']!.shape);
	const watch = (name: string, value: Value) => graph.output(name, value);
	const m = vae(graph, checkpoint);
	graph.output('pixels', videoVaeDecoder(m, latent, videoVaeConfig(checkpoint), watch));
	checkpoint.check();
	return graph;
}

it.each(RELEASES)(
	'%s: with convolutions in float16 both stay near the reference',
	async (network) => {
		const checkpoint = await goldenWeights(network);
		const encoding = await goldenCase(network, 'encode-video');
		const pixels = encoding.tensors['in.pixels']!;
		const encoded = await runGraph(encoderGraph(checkpoint, encoding, 'float16'), { pixels });
		expect(errorOf(encoded.latent!, encoding.tensors['out.latent']!)).toBeLessThan(2e-2);
		const decoding = await goldenCase(network, 'decode-video');
		const latent = decoding.tensors['in.latent']!;
		const decoded = await runGraph(decoderGraph(checkpoint, decoding, 'float16'), { latent });
		expect(errorOf(decoded.pixels!, decoding.tensors['out.pixels']!)).toBeLessThan(2e-2);
	},
);

it.each(RELEASES)('%s: WebGPU has every operator', async (network) => {
	const checkpoint = await goldenWeights(network);
	const encoder = encoderGraph(checkpoint, await goldenCase(network, 'encode-image'));
	expect(await fallbacks(encoder, 'webgpu')).toEqual([]);
	const decoder = decoderGraph(checkpoint, await goldenCase(network, 'decode-image'));
	expect(await fallbacks(decoder, 'webgpu')).toEqual([]);
});

it.each(RELEASES)('%s: encoder and decoder use every tensor', async (network) => {
	const checkpoint = await goldenWeights(network);
	encoderGraph(checkpoint, await goldenCase(network, 'encode-image'));
	decoderGraph(checkpoint, await goldenCase(network, 'decode-image'));
	expect(checkpoint.unused().toSorted()).toEqual(UNUSED);
});

describe('what does not fit is told', () => {
	const decode = async (network: string, shape: readonly number[]) => {
		const checkpoint = await goldenWeights(network);
		const graph = new Graph('video decoder');
		const latent = graph.input('latent', shape);
		return videoVaeDecoder(vae(graph, checkpoint), latent, videoVaeConfig(checkpoint));
	};
	const encode = async (shape: readonly number[]) => {
		const checkpoint = await goldenWeights('video-vae-2.0');
		const graph = new Graph('video encoder');
		const pixels = graph.input('pixels', shape);
		return videoVaeEncoder(vae(graph, checkpoint), pixels, videoVaeConfig(checkpoint));
	};

	it.each([
		[1, 3, 16, 64, 32],
		[1, 3, 17, 48, 32],
		[1, 4, 17, 64, 32],
		[2, 3, 17, 64, 32],
	])('pixels [%i, %i, %i, %i, %i]', async (...shape) => {
		await expect(encode(shape)).rejects.toThrow(
			`vae: expected pixels [1, 3, 8 · k + 1, 32 · h, 32 · w]; crop or pad them, got [${shape}]`,
		);
	});

	it('a latent of one row where the decoder pads by reflection', async () => {
		await expect(decode('video-vae-2.0', [1, 2, 1, 1, 4])).rejects.toThrow(
			'vae: expected a latent [1, 2, frames, height ≥ 2, width ≥ 2], got [1,2,1,1,4]',
		);
		expect((await decode('video-vae-2.3', [1, 4, 1, 1, 4])).shape).toEqual([1, 3, 1, 32, 128]);
	});

	it('the timestep of a decoder that has none', async () => {
		const m = vae(new Graph('video decoder'), await goldenWeights('video-vae-2.0'));
		expect(isTimestepConditioned(m)).toBe(false);
		expect(() => decodeSinusoid(m)).toThrow(
			'vae: expected decoder.timestep_scale_multiplier, one number, got none',
		);
	});

	const read = (vae: unknown) => {
		const metadata = vae === undefined ? {} : { config: JSON.stringify({ vae }) };
		return videoVaeConfig(
			new Checkpoint([{ path: 'vae.safetensors', bytes: 0, metadata, tensors: new Map() }]),
		);
	};

	it('a configuration that is unknown', () => {
		expect(() => read(undefined)).toThrow(/config\.vae: .*expected object.*, got nothing/);
		expect(() => read({ encoder_blocks: [['attn_res_x', { num_layers: 2 }]] })).toThrow(
			'config.vae.encoder_blocks.0: expected res_x with num_layers or compress_space, _time or _all' +
				' with a multiplier, got ["attn_res_x",{"num_layers":2}]',
		);
		expect(() => read({ norm_layer: 'group_norm' })).toThrow(
			/config\.vae\.norm_layer: .*"pixel_norm", got "group_norm"/,
		);
	});

	it('2.5’s diffusion decoder, whose file has an encoder all the same', async () => {
		const shipped = { _class_name: 'CausalDiffusionVAE', latent_channels: 128 };
		const config = read({ ...shipped, decoder: { _class_name: 'NADiffusionDecoder' } });
		const m = vae(new Graph('video vae'), await goldenWeights('video-vae-2.3'));
		expect(() => videoVaeDecoder(m, m.graph.input('latent', [1, 128, 1, 1, 1]), config)).toThrow(
			'vae: expected decoder_blocks in its configuration; of 2.5, use the conv VAE, got none',
		);
		const latent = videoVaeEncoder(m, m.graph.input('pixels', [1, 3, 9, 64, 32]), config);
		expect(latent.shape).toEqual([1, 128, 2, 2, 1]);
	});
});
