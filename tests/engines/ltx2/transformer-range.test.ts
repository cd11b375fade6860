import { describe, expect, it } from 'vitest';
import { Graph, type Precision } from '../../../inference-daemon/engines/ltx2/graph/graph.ts';
import { attention, linear } from '../../../inference-daemon/engines/ltx2/graph/layers.ts';
import { Scope } from '../../../inference-daemon/engines/ltx2/graph/scope.ts';
import {
	blocksGraph,
	captionGraph,
	headGraph,
	TRANSFORMER,
	tailGraph,
} from '../../../inference-daemon/engines/ltx2/networks/transformer.ts';
import { maskBias } from '../../../inference-daemon/engines/ltx2/runtime/transformer-inputs.ts';
import type { NdArray } from '../../../inference-daemon/engines/ltx2/runtime/values.ts';
import { goldenWeights, runGraph } from './golden.ts';
import { halfRange, overflows } from './half-range.ts';
import { readCase } from './transformer-case.ts';

const TIMES = 1000;
const NETWORKS = ['dit-2.0', 'dit-2.3', 'dit-2.5'];

describe('with hidden states a thousand times as large, float16 holds', () => {
	it.each(NETWORKS)('all of %s', async (network) => {
		const { model, given, tensors } = await readCase(network, 'attention-mask');
		const all: Record<string, NdArray> = {
			...given,
			'video.bias': maskBias(tensors['in.video_attention_mask']!, 'float16'),
		};
		const run = async (graph: Graph) =>
			Object.assign(all, await runGraph(graph, select(graph, all)));
		const ranges: ReadonlyMap<string, number>[] = [];
		const look = async (build: (precision: Precision) => Graph) => {
			const inputs = Object.entries(all).map(([name, numbers]) => [name, enlarge(name, numbers)]);
			ranges.push(await halfRange(build, Object.fromEntries(inputs)));
		};
		if (model.config.captionChannels) {
			await look((precision) => captionGraph({ ...model, precision }));
			await run(captionGraph(model));
		}
		await look((precision) => headGraph({ ...model, precision }));
		await run(headGraph(model));
		for (let block = 0; block < model.config.blocks; block++) {
			await look((precision) => blocksGraph({ ...model, precision }, block));
			for (const s of ['video', 'audio']) {
				const { data, shape } = tensors[`mid.block${block}.${s}`]!;
				all[`${s}.hidden`] = { data, shape: shape.slice(1) };
			}
		}
		await look((precision) => tailGraph({ ...model, precision }));
		const watched = new Map(ranges.flatMap((range) => [...range]));
		expect(watched.size).toBeGreaterThan(model.config.blocks * 100);
		expect([...watched.keys()].filter((name) => name.endsWith(':scores')).length).toBe(
			model.config.blocks * 6,
		);
		expect(overflows(watched)).toEqual([]);
	});
});

describe('the check', () => {
	it('finds products and scores that float16 does not hold', async () => {
		const checkpoint = await goldenWeights('dit-2.0');
		const weights = checkpoint.at(`${TRANSFORMER}.transformer_blocks.0.attn1`);
		const build = (precision: Precision) => {
			const graph = new Graph('without norms', { precision });
			const m = new Scope(graph, weights);
			const x = graph.input('x', [4, 32]);
			const [q, k, v] = ['to_q', 'to_k', 'to_v'].map((name) => linear(m.at(name), x, 32));
			graph.output('y', attention(m, q!, k!, v!, { heads: 2 }));
			return graph;
		};
		const at = async (size: number) => {
			const data = Float32Array.from({ length: 128 }, (_, i) => size * Math.sin(i * i));
			return overflows(await halfRange(build, { x: { data, shape: [4, 32] } }));
		};
		expect(await at(1)).toEqual([]);
		const path = `range/${TRANSFORMER}.transformer_blocks.0.attn1`;
		expect(await at(TIMES)).toEqual([`${path}/MultiHeadAttention:scores`]);
		expect(await at(100 * TIMES)).toEqual(
			expect.arrayContaining([`${path}.to_q/Gemm:out`, `${path}/MultiHeadAttention:scores`]),
		);
		await expect(at(Number.NaN)).rejects.toThrow('NaN');
	});
});

function select(graph: Graph, all: Readonly<Record<string, NdArray>>): Record<string, NdArray> {
	return Object.fromEntries(graph.inputs.map(({ name }) => [name, all[name]!]));
}

function enlarge(name: string, numbers: NdArray): NdArray {
	if (!/\.(hidden|context|caption|latent)$/.test(name)) return numbers;
	return { ...numbers, data: (numbers.data as Float32Array).map((x) => TIMES * x) };
}
