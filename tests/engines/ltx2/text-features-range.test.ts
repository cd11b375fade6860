import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import {
	connectorGraph,
	connectorRows,
} from '../../../inference-daemon/engines/ltx2/networks/connector.ts';
import {
	gemmaInputs,
	gemmaLayerGraph,
} from '../../../inference-daemon/engines/ltx2/networks/gemma.ts';
import { gemma3 } from '../../../inference-daemon/engines/ltx2/networks/gemma3.ts';
import { gemma4 } from '../../../inference-daemon/engines/ltx2/networks/gemma4.ts';
import {
	textConfig,
	textFeaturesGraph,
} from '../../../inference-daemon/engines/ltx2/networks/text-features.ts';
import { goldenCase, goldenPath, goldenWeights } from './golden.ts';
import { halfRange, overflows } from './half-range.ts';

// With hidden states a thousand times as large float16 holds all that is multiplied in it.

it.each(['gemma3', 'gemma4'])('in every layer of %s', async (name) => {
	const checkpoint = await goldenWeights(name);
	const json: unknown = JSON.parse(await readFile(goldenPath(name, 'config.json'), 'utf8'));
	const gemma = (name === 'gemma3' ? gemma3 : gemma4)(checkpoint, json);
	const { tensors } = await goldenCase(name, 'unpadded');
	const states = tensors['out.hidden_states']!;
	const n = states.shape[2]!;
	const size = n * gemma.config.hidden;
	for (const layer of gemma.config.spans.keys()) {
		const data = states.data.subarray(layer * size, (layer + 1) * size);
		const range = await halfRange((precision) => gemmaLayerGraph(gemma, n, layer, precision), {
			state: enlarged({ data, shape: [n, gemma.config.hidden] }),
			...gemmaInputs(gemma, new Array(n).fill(0)),
		});
		expect(range.size).toBeGreaterThan(10);
		expect(overflows(range)).toEqual([]);
	}
});

it.each(['text-features-v1', 'text-features-v2'])('in %s and its connectors', async (network) => {
	const checkpoint = await goldenWeights(network);
	const config = textConfig(checkpoint.config.transformer);
	const { tensors } = await goldenCase(network, 'full');
	const hidden = tensors['in.hidden_states']!;
	const [layers, , n, dim] = hidden.shape as [number, number, number, number];
	const projection = checkpoint.at('text_embedding_projection');
	const range = await halfRange(
		(precision) => textFeaturesGraph(projection, config, [layers, n, dim], precision),
		{ hidden_states: enlarged({ data: hidden.data, shape: [layers, n, dim] }) },
	);
	expect(range.size).toBeGreaterThan(1);
	expect(overflows(range)).toEqual([]);
	const features = tensors['mid.video_features']!;
	const weights = checkpoint.at('model.diffusion_model.video_embeddings_connector');
	const inside = await halfRange(
		(precision) => connectorGraph(weights, config.video, n, { length: n, precision }),
		{
			features: enlarged({ data: features.data, shape: features.shape.slice(1) }),
			...connectorRows(config.video, n),
		},
	);
	expect(inside.size).toBeGreaterThan(20);
	expect(overflows(inside)).toEqual([]);
});

function enlarged({ data, shape }: { data: Float32Array; shape: readonly number[] }) {
	return { data: data.map((value) => 1000 * value), shape };
}
