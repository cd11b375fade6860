import { describe, expect, it } from 'vitest';
import { Graph } from '../../../inference-daemon/engines/ltx2/graph/graph.ts';
import { Scope } from '../../../inference-daemon/engines/ltx2/graph/scope.ts';
import {
	audioDecoder,
	audioEncoder,
	audioLatent,
	audioTokens,
	audioVaeConfig,
} from '../../../inference-daemon/engines/ltx2/networks/audio-vae.ts';
import { Checkpoint } from '../../../inference-daemon/engines/ltx2/weights/checkpoint.ts';
import { errorOf, goldenCase, goldenWeights, PROVIDERS, runGraph } from './golden.ts';
import { keepCompiled } from './keep-compiled.ts';

const TOLERANCE = 2e-5;

describe.each(PROVIDERS)('on %s', (provider) => {
	keepCompiled(provider);
	it('the encoder gives the reference’s latent', async () => {
		const { tensors } = await goldenCase('audio-vae', 'encode');
		const { checkpoint, graph, m } = await open();
		const mel = graph.input('mel', tensors['in.mel']!.shape);
		const watch = graph.output.bind(graph);
		graph.output('latent', audioEncoder(m, mel, audioVaeConfig(checkpoint), watch));
		checkpoint.check();
		expect(checkpoint.unused().filter((name) => !name.includes('.decoder.'))).toEqual([]);
		const found = await runGraph(graph, { mel: tensors['in.mel']! }, provider);
		expect(errorOf(found.conv_out!, tensors['mid.conv_out']!)).toBeLessThan(TOLERANCE);
		expect(errorOf(found.latent!, tensors['out.latent']!)).toBeLessThan(TOLERANCE);
	});

	it('the decoder gives the reference’s mel spectrogram from latent and tokens', async () => {
		const { tensors } = await goldenCase('audio-vae', 'decode');
		const { checkpoint, graph, m } = await open();
		const latent = graph.input('latent', tensors['in.latent']!.shape);
		const tokens = audioTokens(m, latent);
		graph.output('tokens', tokens);
		const config = audioVaeConfig(checkpoint);
		graph.output('mel', audioDecoder(m, audioLatent(m, tokens, config.z_channels), config));
		checkpoint.check();
		expect(checkpoint.unused().filter((name) => !name.includes('.encoder.'))).toEqual([]);
		const found = await runGraph(graph, { latent: tensors['in.latent']! }, provider);
		expect(errorOf(found.tokens!, tensors['mid.latent_tokens']!)).toBeLessThan(TOLERANCE);
		expect(errorOf(found.mel!, tensors['out.mel']!)).toBeLessThan(TOLERANCE);
		expect(found.mel!.shape[2]).toBe(4 * (latent.shape[2]! - 1) + 1);
	});
});

it('the shipped configuration stands in, and another kind of network is refused', () => {
	expect(audioVaeConfig(configured({}))).toMatchObject({ ch: 128, num_res_blocks: 2 });
	const group = { norm_type: 'group' };
	expect(() => audioVaeConfig(configured(group))).toThrow(/ddconfig\.norm_type: .*"group"/);
});

it('a spectrogram of another number of bands is told', async () => {
	const { checkpoint, graph, m } = await open();
	const mel = graph.input('mel', [1, 2, 21, 64]);
	expect(() => audioEncoder(m, mel, audioVaeConfig(checkpoint))).toThrow(
		'audio_vae: expected [1,2,21,16], got [1,2,21,64]',
	);
});

async function open() {
	const checkpoint = await goldenWeights('audio-vae');
	const graph = new Graph('audio-vae');
	return { checkpoint, graph, m: new Scope(graph, checkpoint.at('audio_vae')) };
}

/** A checkpoint of nothing but that configuration. */
function configured(ddconfig: unknown): Checkpoint {
	const metadata = { config: JSON.stringify({ audio_vae: { model: { params: { ddconfig } } } }) };
	return new Checkpoint([{ path: 'test.safetensors', bytes: 0, metadata, tensors: new Map() }]);
}
