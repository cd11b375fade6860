import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Graph, type Precision } from '../../../inference-daemon/engines/ltx2/graph/graph.ts';
import { linear } from '../../../inference-daemon/engines/ltx2/graph/layers.ts';
import { Scope } from '../../../inference-daemon/engines/ltx2/graph/scope.ts';
import type { Provider } from '../../../inference-daemon/engines/ltx2/runtime/provider.ts';
import { Session } from '../../../inference-daemon/engines/ltx2/runtime/session.ts';
import type { NdArray } from '../../../inference-daemon/engines/ltx2/runtime/values.ts';
import { Checkpoint } from '../../../inference-daemon/engines/ltx2/weights/checkpoint.ts';
import {
	readSafetensors,
	type Tensor,
} from '../../../inference-daemon/engines/ltx2/weights/safetensors.ts';
import { errorOf, goldenCase, goldenPath, goldenWeights, PROVIDERS, runGraph } from './golden.ts';
import { keepCompiled } from './keep-compiled.ts';
import { writeWeights } from './sparse.ts';

let folder: string;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'pickup quantise '));
});
afterAll(() => rm(folder, { recursive: true }));

const TOLERANCE = 2e-6;

/** Not quantised in the file that is. */
const GATES = 'model.diffusion_model.transformer_blocks.0.attn1.to_gate_logits';

/** The linear layers of a case: names of those inputs that outputs belong to. */
function layersOf(tensors: Readonly<Record<string, unknown>>): string[] {
	return Object.keys(tensors)
		.filter((name) => name.startsWith('in.'))
		.map((name) => name.slice(3));
}

/** Matrices and products of every layer of a case, and the largest error among them. */
async function weightOnly(network: string, provider: Provider, precision: Precision) {
	const checkpoint = await goldenWeights(network);
	const { tensors } = await goldenCase(network, 'linear');
	const graph = new Graph('linear', { precision });
	const root = new Scope(graph, checkpoint.at('model.diffusion_model'));
	const inputs: Record<string, NdArray> = {};
	const layers = layersOf(tensors);
	for (const layer of layers) {
		const m = root.at(layer);
		const x = tensors[`in.${layer}`]!;
		const { shape } = tensors[`out.${layer}.weight`]!;
		inputs[layer] = x;
		graph.output(`${layer}.weight`, m.param('weight', shape));
		graph.output(`${layer}.weight_only`, linear(m, graph.input(layer, x.shape), shape[0]!));
	}
	checkpoint.check();
	const found = await runGraph(graph, inputs, provider);
	expect(Object.keys(found)).toHaveLength(2 * layers.length);
	const errors = Object.entries(found).map(([name, got]) => errorOf(got, tensors[`out.${name}`]!));
	return { error: Math.max(...errors), unused: checkpoint.unused() };
}

describe.each(PROVIDERS)('on %s', (provider) => {
	keepCompiled(provider);
	it.each([
		['quant-fp8', ['bias', 'weight'].map((name) => `${GATES}.${name}`)],
		['quant-nvfp4', []],
	])('%s: matrices and products are the reference’s', async (network, unused) => {
		const found = await weightOnly(network, provider, 'float32');
		expect(found.error).toBeLessThan(TOLERANCE);
		// What no layer of the case has; scales count with their matrices.
		expect(found.unused).toEqual(unused);
	});

	it('quant-fp8, case codes: every finite code means the reference’s number', async () => {
		const { path, tensors } = await readSafetensors(
			goldenPath('quant-fp8', 'case-codes.safetensors'),
		);
		const bytes = await readFile(path);
		const dataOf = ({ offset, bytes: length }: Tensor) => bytes.subarray(offset, offset + length);
		const codes = tensors.get('in.codes')!;
		const values = tensors.get('out.values')!;
		const file = join(folder, 'codes.safetensors');
		await writeWeights(file, { codes: ['F8_E4M3', codes.shape] }, {}, { codes: dataOf(codes) });
		const checkpoint = await Checkpoint.open(file);
		const graph = new Graph('codes');
		graph.output('values', new Scope(graph, checkpoint.root).param('codes', codes.shape));
		const found = await runGraph(graph, {}, provider);
		const expected = new Float32Array(Uint8Array.from(dataOf(values)).buffer);
		expect(found.values!.data).toEqual(expected);
	});
});

it.each(['quant-fp8', 'quant-nvfp4'])(
	'%s: also where matrices multiply in float16',
	async (network) => {
		expect((await weightOnly(network, 'cpu', 'float16')).error).toBeLessThan(2e-2);
	},
);

it.each(['quant-fp8', 'quant-nvfp4'])(
	'%s: nothing is taken from another file or copied',
	async (network) => {
		const checkpoint = await goldenWeights(network);
		const graph = new Graph('place');
		const m = new Scope(graph, checkpoint.at('model.diffusion_model.transformer_blocks.0.attn1'));
		m.at('to_q').param('weight', checkpoint.shape(`${m.path}.to_q.weight`)!);
		const names = graph.tensors.map(({ name, path }) => [name.split('.').at(-1), path]);
		const place = goldenPath(network);
		const scales = network === 'quant-fp8' ? ['weight_scale'] : ['weight_scale', 'weight_scale_2'];
		expect(new Map(names as [string, string][])).toEqual(
			new Map(['weight', ...scales].map((name) => [name, place])),
		);
	},
);

it('four bits are unpacked in every run where weights stay in their file', async () => {
	const { tensors } = await goldenCase('quant-nvfp4', 'linear');
	const checkpoint = await goldenWeights('quant-nvfp4');
	const graph = new Graph('mapped');
	const layer = 'transformer_blocks.0.ff.net.2';
	const m = new Scope(graph, checkpoint.at(`model.diffusion_model.${layer}`));
	graph.output('weight', m.param('weight', [136, 96]));
	const session = await Session.open(graph, { weights: 'mapped' });
	const { weight } = await session.run({});
	await session.release();
	expect(errorOf(weight!, tensors[`out.${layer}.weight`]!)).toBeLessThan(TOLERANCE);
});

it('four bits whose input is multiplied first: columns are', async () => {
	const { tensors } = await goldenCase('quant-nvfp4', 'linear');
	const layer = 'model.diffusion_model.transformer_blocks.0.ff.net.2';
	const file = await readSafetensors(goldenPath('quant-nvfp4', 'weights.safetensors'));
	const scales = join(folder, 'scales.safetensors');
	const columns = Float32Array.from({ length: 96 }, (_, j) => 0.5 + j / 64);
	await writeWeights(
		scales,
		{ [`${layer}.pre_quant_scale`]: ['F32', [96]] },
		{},
		{ [`${layer}.pre_quant_scale`]: new Uint8Array(columns.buffer) },
	);
	const checkpoint = new Checkpoint([file, await readSafetensors(scales)]);
	const graph = new Graph('columns');
	const m = new Scope(graph, checkpoint.at(layer));
	graph.output('weight', m.param('weight', [136, 96]));
	checkpoint.check();
	const { data, shape } = tensors['out.transformer_blocks.0.ff.net.2.weight']!;
	const scaled = (data as Float32Array).map((value, i) => value * columns[i % 96]!);
	const { weight } = await runGraph(graph, {});
	expect(errorOf(weight!, { data: scaled, shape })).toBeLessThan(TOLERANCE);
	expect(checkpoint.unused()).not.toContain(`${layer}.pre_quant_scale`);
});

it('takes one scale for each row, also under ComfyUI’s name', async () => {
	const file = join(folder, 'rows.safetensors');
	await writeWeights(
		file,
		{ 'a.weight': ['F8_E4M3', [2, 2]], 'a.scale_weight': ['F32', [2, 1]] },
		{},
		// 0x38 is 1, 0x40 is 2.
		{
			'a.weight': Uint8Array.of(0x38, 0x40, 0x40, 0x38),
			'a.scale_weight': new Uint8Array(Float32Array.of(3, -5).buffer),
		},
	);
	const checkpoint = await Checkpoint.open(file);
	const graph = new Graph('rows');
	graph.output('w', new Scope(graph, checkpoint.at('a')).param('weight', [2, 2]));
	checkpoint.check();
	expect(checkpoint.unused()).toEqual([]);
	const found = await runGraph(graph, {});
	expect([...(found.w!.data as Float32Array)]).toEqual([3, 6, -10, -5]);
});

it('reports every scale that does not fit and every format that is not known', async () => {
	const file = join(folder, 'wrong.safetensors');
	await writeWeights(file, {
		'a.weight': ['F8_E4M3', [4, 32]],
		'a.weight_scale': ['F32', [3]],
		'b.weight': ['U8', [4, 32]],
		'b.weight_scale': ['F8_E4M3', [4, 4]],
		'b.weight_scale_2': ['F32', []],
		'c.weight': ['I8', [4, 32]],
		'c.weight_scale': ['F32', []],
		'd.weight': ['U8', [4, 32]],
		'd.weight_scale': ['F8_E4M3', [128, 4]],
		'd.weight_scale_2': ['F32', []],
		'e.weight': ['U8', [4, 12]],
		'e.weight_scale': ['F8_E4M3', [128, 4]],
		'e.weight_scale_2': ['F32', []],
		'f.weight': ['F8_E4M3', [4, 4, 3]],
		'f.weight_scale': ['F32', [4, 1]],
		'g.weight': ['F8_E4M3', [4, 32]],
		'g.weight_scale': ['F32', []],
		'g.pre_quant_scale': ['F32', [32]],
	});
	const checkpoint = await Checkpoint.open(file);
	const m = new Scope(new Graph('wrong'), checkpoint.root);
	m.at('a').param('weight', [4, 32]);
	m.at('b').param('weight', [4, 64]);
	m.at('c').param('weight', [4, 32]);
	m.at('d').param('weight', [4, 32]);
	m.at('e').param('weight', [4, 24]);
	m.at('f').param('weight', [4, 4, 3]);
	m.at('g').param('weight', [4, 32]);
	expect(checkpoint.problems()).toEqual({
		missing: [],
		misshapen: [
			{ name: 'a.weight_scale', expected: [], got: [3] },
			{ name: 'b.weight_scale', expected: [128, 4], got: [4, 4] },
			{ name: 'd.weight', expected: [4, 32], got: [4, 64] },
			{ name: 'f.weight_scale', expected: [], got: [4, 1] },
		],
		unsupported: ['c.weight', 'e.weight', 'g.weight'],
	});
	expect(() => checkpoint.check()).toThrow(
		/a\.weight_scale is \[3\].*b\.weight_scale is \[4,4\], expected \[128,4\].*d\.weight is \[4,64\], expected \[4,32\].*c\.weight is in a I8 format.*g\.weight is .*g\.pre_quant_scale/,
	);
});
