import { describe, expect, it } from 'vitest';
import { Graph } from '../../../inference-daemon/engines/ltx2/graph/graph.ts';
import { Scope } from '../../../inference-daemon/engines/ltx2/graph/scope.ts';
import {
	upsampleLatent,
	upsampler,
	upsamplerConfig,
} from '../../../inference-daemon/engines/ltx2/networks/upsampler.ts';
import { Checkpoint } from '../../../inference-daemon/engines/ltx2/weights/checkpoint.ts';
import { errorOf, goldenCase, goldenWeights, PROVIDERS, runGraph } from './golden.ts';
import { keepCompiled } from './keep-compiled.ts';

const TOLERANCE = 2e-5;

describe.each(PROVIDERS)('on %s', (provider) => {
	keepCompiled(provider);
	it.each(['upsampler-x2', 'upsampler-x2-rational', 'upsampler-x1.5', 'upsampler-temporal-x2'])(
		'%s gives the reference’s latent',
		async (network) => {
			const checkpoint = await goldenWeights(network);
			const config = upsamplerConfig(checkpoint);
			const { tensors } = await goldenCase(network, 'upsample');
			const graph = new Graph('upsampler');
			const m = new Scope(graph, checkpoint.root);
			const inputs = {
				latent: tensors['in.latent']!,
				mean: tensors['in.mean-of-means']!,
				deviation: tensors['in.std-of-means']!,
			};
			const latent = graph.input('latent', inputs.latent.shape);
			const mean = graph.input('mean', inputs.mean.shape);
			const deviation = graph.input('deviation', inputs.deviation.shape);
			const raw = upsampler(m, latent, config, (name, value) => graph.output(name, value));
			graph.output('network', raw);
			graph.output('enlarged', upsampleLatent(m, latent, config, { mean, deviation }));
			checkpoint.check();
			expect(checkpoint.unused()).toEqual([]);
			const found = await runGraph(graph, inputs, provider);
			expect(errorOf(found.initial_conv!, tensors['mid.initial_conv']!)).toBeLessThan(TOLERANCE);
			expect(errorOf(found.network!, tensors['out.network']!)).toBeLessThan(TOLERANCE);
			expect(errorOf(found.enlarged!, tensors['out.latent']!)).toBeLessThan(TOLERANCE);
		},
	);
});

describe('a configuration that is not an upsampler’s', () => {
	const read = (config: object) => () => {
		const metadata = { config: JSON.stringify(config) };
		return upsamplerConfig(
			new Checkpoint([{ path: 'up.safetensors', bytes: 0, metadata, tensors: new Map() }]),
		);
	};

	it.each([
		[{}, /config\.mid_channels: .*expected number.*, got nothing/],
		[{ mid_channels: 100 }, /config\.mid_channels: .*multiple of 32, got 100/],
		[{ mid_channels: 64, dims: 2 }, /config\.dims: .*expected 3, got 2/],
		[{ mid_channels: 64, spatial_scale: 4 }, /config\.spatial_scale: .*1\.5\|2, got 4/],
		[{ mid_channels: 64, temporal_upsample: true }, /either spatial_upsample or temporal_upsample/],
		[{ mid_channels: 64, spatial_scale: 1.5 }, /rational_resampler with a spatial_scale of 1\.5/],
	])('%o is told key by key', (config, message) => {
		expect(read(config)).toThrow(message);
	});

	it('gets shipped values for what it leaves out', () => {
		expect(read({ mid_channels: 1024 })()).toEqual({
			in_channels: 128,
			mid_channels: 1024,
			num_blocks_per_stage: 4,
			dims: 3,
			spatial_upsample: true,
			temporal_upsample: false,
			spatial_scale: 2,
			rational_resampler: false,
		});
	});
});
