import { describe, expect, it } from 'vitest';
import { Graph } from '../../../inference-daemon/engines/ltx2/graph/graph.ts';
import { Scope } from '../../../inference-daemon/engines/ltx2/graph/scope.ts';
import {
	type UpsamplerConfig,
	upsampler,
} from '../../../inference-daemon/engines/ltx2/networks/upsampler.ts';
import { errorOf, goldenCase, goldenWeights, PROVIDERS, runGraph } from './golden.ts';

describe.each(PROVIDERS)('on %s', (provider) => {
	it.each(['upsampler-x2', 'upsampler-x2-rational', 'upsampler-x1.5', 'upsampler-temporal-x2'])(
		'%s gives the reference’s latent',
		async (network) => {
			const checkpoint = await goldenWeights(network);
			const { tensors } = await goldenCase(network, 'upsample');
			const graph = new Graph('upsampler');
			const m = new Scope(graph, checkpoint.root);
			const latent = graph.input('latent', tensors['in.latent']!.shape);
			graph.output('network', upsampler(m, latent, checkpoint.config as UpsamplerConfig));
			checkpoint.check();
			expect(checkpoint.unused()).toEqual([]);
			const found = await runGraph(graph, { latent: tensors['in.latent']! }, provider);
			expect(errorOf(found.initial_conv!, tensors['mid.initial_conv']!)).toBeLessThan(2e-5);
			expect(errorOf(found.network!, tensors['out.network']!)).toBeLessThan(2e-5);
		},
	);
});
