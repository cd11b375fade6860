import { describe, expect, it } from 'vitest';
import {
	CONTEXT_TOKENS,
	connectorGraph,
	connectorRows,
} from '../../../inference-daemon/engines/ltx2/networks/connector.ts';
import {
	textConfig,
	textFeaturesGraph,
} from '../../../inference-daemon/engines/ltx2/networks/text-features.ts';
import type { NdArray } from '../../../inference-daemon/engines/ltx2/runtime/values.ts';
import { Checkpoint } from '../../../inference-daemon/engines/ltx2/weights/checkpoint.ts';
import { PickupError } from '../../../protocol/errors.ts';
import { type Case, errorOf, goldenCase, goldenWeights, PROVIDERS, runGraph } from './golden.ts';
import { keepCompiled } from './keep-compiled.ts';

const TOLERANCE = 2e-5;
const LENGTH = 128;
const POSITIONS = Array.from({ length: LENGTH }, (_, position) => position);
const STREAMS = ['video', 'audio'] as const;

describe.each(PROVIDERS)('on %s', (provider) => {
	keepCompiled(provider);
	describe.each(['text-features-v1', 'text-features-v2'])('%s', (network) => {
		it.each(['full', 'left-padded'])(
			'gives the reference’s features and contexts for the tokens of each prompt (%s)',
			async (name) => {
				const checkpoint = await goldenWeights(network);
				const config = textConfig(checkpoint.config.transformer);
				const golden = await goldenCase(network, name);
				const compared = new Set<string>();
				const compare = (key: string, got: NdArray, row: number, tokens: readonly number[]) => {
					const reference = golden.tensors[key];
					if (!reference) return;
					compared.add(key);
					expect(errorOf(got, pick(reference, row, tokens)), key).toBeLessThan(TOLERANCE);
				};
				for (const [row, valid] of prompts(golden).entries()) {
					const hidden_states = hiddenStates(golden, row, valid);
					const [layers, n, dim] = hidden_states.shape as [number, number, number];
					const projection = checkpoint.at('text_embedding_projection');
					const graph = textFeaturesGraph(projection, config, [layers, n, dim]);
					const found = await runGraph(graph, { hidden_states }, provider);
					for (const stream of STREAMS) {
						const features = found[stream]!;
						compare(`mid.${stream}_features`, features, row, valid);
						const weights = checkpoint.at(`model.diffusion_model.${stream}_embeddings_connector`);
						const inside = connectorGraph(weights, config[stream], n, {
							length: LENGTH,
							watch: (graph, name, value) => graph.output(name, value),
						});
						const inputs = { features, ...connectorRows(config[stream], LENGTH) };
						for (const [key, got] of Object.entries(await runGraph(inside, inputs, provider))) {
							const prefix = key === 'context' ? `out.${stream}_` : `mid.${stream}_connector_`;
							compare(prefix + key, got, row, POSITIONS);
						}
					}
				}
				checkpoint.check();
				expect(checkpoint.unused()).toEqual([]);
				const wanted = Object.keys(golden.tensors).filter((key) => !key.startsWith('in.'));
				expect([...compared].sort()).toEqual(wanted.sort());
			},
		);
	});
});

describe('a connector', () => {
	it('fills up to 1,024 tokens where it is not told', async () => {
		const checkpoint = await goldenWeights('text-features-v2');
		const { video } = textConfig(checkpoint.config.transformer);
		const weights = checkpoint.at('model.diffusion_model.video_embeddings_connector');
		const { width } = video;
		const features = { data: new Float32Array(3 * width).fill(1), shape: [3, width] };
		const inputs = { features, ...connectorRows(video, CONTEXT_TOKENS) };
		const { context } = await runGraph(connectorGraph(weights, video, 3), inputs);
		expect(context!.shape).toEqual([1024, width]);
	});

	it('refuses a prompt that does not fit and a length that registers cannot fill', async () => {
		const { video } = textConfig();
		const weights = new Checkpoint([]).at('connector');
		expect(() => connectorGraph(weights, video, 129, { length: 128 })).toThrow(
			/connector.*128.*129/,
		);
		expect(() => connectorGraph(weights, video, 5, { length: 100 })).toThrow(/multiple of 128/);
	});
});

describe('the configuration', () => {
	it('of LTX-2 19B stands in for what the file does not tell', () => {
		const both = { heads: 30, width: 3840, layers: 2, registers: 128, maxPosition: 4096 };
		const connector = { ...both, gated: false, feedForwardBias: true };
		expect(textConfig()).toEqual({ version: 1, video: connector, audio: connector });
	});

	it('that is not implemented is refused by name', () => {
		const wanted = { rope_type: 'interleaved', caption_proj_input_norm: true };
		expect(() => textConfig(wanted)).toThrow(PickupError);
		expect(() => textConfig(wanted)).toThrow(
			/rope_type.*caption_proj_input_norm|caption_proj_input_norm.*rope_type/,
		);
	});
});

/** Of each prompt in the batch the places of its tokens among the padding. */
function prompts({ tensors }: Case): number[][] {
	const { data, shape } = tensors['in.attention_mask']!;
	const [batch, length] = shape as [number, number];
	return Array.from({ length: batch }, (_, row) => POSITIONS.filter((i) => data[row * length + i]));
}

/** [layers, tokens, dim] of one prompt out of [layers, batch, tokens, dim]. */
function hiddenStates({ tensors }: Case, row: number, tokens: readonly number[]): NdArray {
	const { data, shape } = tensors['in.hidden_states']!;
	const [layers, batch, length, dim] = shape as [number, number, number, number];
	const size = length * dim;
	const parts = Array.from({ length: layers }, (_, layer) => {
		const one = data.subarray((layer * batch + row) * size);
		return [...pick({ data: one, shape: [1, length, dim] }, 0, tokens).data];
	});
	return { data: Float32Array.from(parts.flat()), shape: [layers, tokens.length, dim] };
}

/** Some tokens of one row of [batch, tokens, width]. */
function pick({ data, shape }: Case['tensors'][string], row: number, tokens: readonly number[]) {
	const [, length, width] = shape as [number, number, number];
	const parts = tokens.flatMap((i) => {
		const at = (row * length + i) * width;
		return [...data.subarray(at, at + width)];
	});
	return { data: Float32Array.from(parts), shape: [tokens.length, width] };
}
