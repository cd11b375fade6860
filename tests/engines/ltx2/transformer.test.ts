import { describe, expect, it } from 'vitest';
import type { Graph } from '../../../inference-daemon/engines/ltx2/graph/graph.ts';
import {
	blocksGraph,
	captionGraph,
	headGraph,
	keepsTextKeys,
	TRANSFORMER,
	tailGraph,
	textKeysGraph,
} from '../../../inference-daemon/engines/ltx2/networks/transformer.ts';
import { transformerConfig } from '../../../inference-daemon/engines/ltx2/networks/transformer-config.ts';
import type { Provider } from '../../../inference-daemon/engines/ltx2/runtime/provider.ts';
import type { NdArray } from '../../../inference-daemon/engines/ltx2/runtime/values.ts';
import { type Case, errorOf, PROVIDERS, runGraph } from './golden.ts';
import { keepCompiled } from './keep-compiled.ts';
import { noiseOf, readCase, type Shot } from './transformer-case.ts';

const SHARED = [
	...['uniform', 'uniform-large', 'first-frame', 'first-frame-strength', 'frozen-audio'],
	...['frozen-video', 'video-only', 'audio-only', 'attention-mask', 'stg', 'isolated'],
];
const CASES = [
	...SHARED.map((name) => ['dit-2.0', name] as const),
	...SHARED.map((name) => ['dit-2.3', name] as const),
	...[...SHARED, 'keyframe-slot', 'no-keyframes-mask'].map((name) => ['dit-2.5', name] as const),
];
const TOLERANCE = 2e-5;

type Float = Case['tensors'][string];

describe.each(PROVIDERS)('on %s', (provider) => {
	keepCompiled(provider);

	it.each(CASES)('%s %s: all parts give the reference’s numbers', async (network, name) => {
		const shot = await readCase(network, name);
		const compared = compare(shot, await runParts(shot, provider));
		expect(compared).toEqual(Object.fromEntries(Object.keys(compared).map((key) => [key, true])));
		const expected = Object.keys(shot.tensors).filter((key) => !key.startsWith('in.'));
		expect(Object.keys(compared).sort()).toEqual(expected.sort());
	});

	it.each(['dit-2.0', 'dit-2.3', 'dit-2.5'])(
		'%s: all blocks in one graph give the reference’s velocities',
		async (network) => {
			const shot = await readCase(network, 'first-frame');
			const last = shot.model.config.blocks - 1;
			const blocks = [blocksGraph(shot.model, 0, last)];
			const { 'out.video_velocity': video, 'out.audio_velocity': audio } = compare(
				shot,
				await runParts(shot, provider, blocks),
			);
			expect({ video, audio }).toEqual({ video: true, audio: true });
		},
	);
});

describe('the transformer', () => {
	it.each(['dit-2.0', 'dit-2.3', 'dit-2.5'])(
		'%s has no tensor that no graph uses',
		async (network) => {
			const { model, checkpoint } = await readCase(network, 'uniform');
			if (model.config.captionChannels) captionGraph(model);
			headGraph(model);
			blocksGraph(model, 0, model.config.blocks - 1);
			tailGraph(model);
			checkpoint.check();
			expect(checkpoint.unused()).toEqual([]);
		},
	);

	it.each(CASES)('%s %s: in chunks of queries and rows', async (network, name) => {
		const shot = await readCase(network, name);
		const model = { ...shot.model, queryChunk: 4, rowChunk: 6 };
		const found = await runParts({ ...shot, model }, 'cpu');
		const compared = compare(shot, found);
		expect(Object.values(compared).every((isNear) => isNear === true)).toBe(true);
		const count = (chunked: Shot['model']) =>
			blocksGraph(chunked, 0).nodes.filter(({ op }) => /Attention|Gelu/.test(op)).length;
		expect(count(model)).toBeGreaterThan(count(shot.model));
	});

	it('is one graph for all blocks where weights are inputs', async () => {
		const { model } = await readCase('dit-2.3', 'first-frame');
		for (const weightInputs of ['float', 'stored', 'int8'] as const) {
			const [first, second] = [0, 1].map((i) => blocksGraph({ ...model, weightInputs }, i));
			expect(Buffer.from(second!.encode()).equals(Buffer.from(first!.encode()))).toBe(true);
			expect(first!.tensors).toEqual([]);
			const names = (graph: Graph) => graph.feeds.map(({ stored }) => stored!.tensor.name);
			const inFirst = names(second!).map((name) => name.replace('blocks.1.', 'blocks.0.'));
			expect(inFirst).toEqual(names(first!));
			expect(names(second!)).not.toEqual(names(first!));
		}
	});

	it('takes the text’s keys and values once for all steps where sigma does not change them', async () => {
		const shot = await readCase('dit-2.0', 'first-frame-strength');
		const { model, given } = shot;
		const found: Record<string, NdArray> = { ...given };
		Object.assign(found, await runFrom(captionGraph(model), found));
		const blocks: Graph[] = [];
		for (let i = 0; i < model.config.blocks; i++) {
			blocks.push(textKeysGraph(model, i), blocksGraph(model, i, i, { text: 'keys' }));
		}
		expect(blocks[1]!.tensors.map(({ name }) => name)).not.toContain(
			`${TRANSFORMER}.transformer_blocks.0.attn2.to_k.weight`,
		);
		const compared = compare(shot, await runParts(shot, 'cpu', blocks));
		expect(compared['out.video_velocity']).toBe(true);
		expect(compared['out.audio_velocity']).toBe(true);
	});

	it('keeps no keys and values of a text that sigma changes', async () => {
		const { model } = await readCase('dit-2.3', 'uniform');
		expect(keepsTextKeys(model.config)).toBe(false);
		expect(() => textKeysGraph(model, 0)).toThrow('does not change with sigma');
		expect(() => blocksGraph(model, 0, 0, { text: 'keys' })).toThrow('does not change with sigma');
		const config = { ...model.config, contextModulation: 'table' as const };
		expect(() => blocksGraph({ ...model, config }, 0, 0, { text: 'keys' })).not.toThrow();
		expect(() => blocksGraph({ ...model, config }, 0, 1, { text: 'keys' })).toThrow('one block');
	});

	it('makes one row of modulation for each different timestep', async () => {
		const uniform = await readCase('dit-2.3', 'uniform');
		const conditioned = await readCase('dit-2.3', 'first-frame');
		const rows = ({ model }: Shot) =>
			headGraph(model).outputs.find(({ name }) => name === 'video.ada')!.shape[0];
		expect([rows(uniform), rows(conditioned)]).toEqual([1, 2]);
		const inputs = (shot: Shot) => blocksGraph(shot.model, 0).inputs.map(({ name }) => name);
		expect(inputs(uniform)).not.toContain('video.rows');
		expect(inputs(conditioned)).toContain('video.rows');
	});

	it('leaves out what is absent, skipped or kept apart', async () => {
		const names = ({ model, skipSelfAttention }: Shot, block: number) =>
			blocksGraph(model, block, block, { skipSelfAttention }).tensors.map(({ name }) =>
				name.slice(`${TRANSFORMER}.transformer_blocks.${block}.`.length),
			);
		const alone = names(await readCase('dit-2.3', 'video-only'), 0);
		expect(alone.filter((name) => name.includes('audio'))).toEqual([]);
		const apart = names(await readCase('dit-2.3', 'isolated'), 0);
		expect(apart.filter((name) => /to_video|to_audio|a2v/.test(name))).toEqual([]);
		const skipped = await readCase('dit-2.3', 'stg');
		expect(names(skipped, 0)).toContain('attn1.to_q.weight');
		expect(names(skipped, 1)).not.toContain('attn1.to_q.weight');
		expect(names(skipped, 1)).toContain('attn1.to_v.weight');
	});

	it('takes its shape from the checkpoint’s configuration, shipped values where it is silent', () => {
		const shipped = transformerConfig({});
		expect(shipped).toMatchObject({ blocks: 48, captionChannels: 3840, crossTimestepScale: 1000 });
		expect([shipped.video.width, shipped.audio.width]).toEqual([4096, 2048]);
		expect(() =>
			transformerConfig({ rope_type: 'interleaved', num_layers: 'many', ff_bias: null }),
		).toThrow(
			/config\.transformer\.rope_type: .*interleaved.*config\.transformer\.num_layers: .*many.*ff_bias/,
		);
	});

	it('refuses work without a stream', async () => {
		const { model } = await readCase('dit-2.0', 'uniform');
		const none = { ...model, work: { video: null, audio: null } };
		expect(() => headGraph(none)).toThrow('Expected video, audio or both, got neither');
	});
});

/** Head, blocks, each in a session of its own if not told otherwise, and tail: all that they give. */
async function runParts(
	{ model, given, skipSelfAttention }: Shot,
	provider: Provider,
	blocks = Array.from({ length: model.config.blocks }, (_, i) =>
		blocksGraph(model, i, i, { skipSelfAttention }),
	),
) {
	const found: Record<string, NdArray> = { ...given };
	const run = async (graph: Graph) => {
		model.weights.checkpoint.check();
		Object.assign(found, await runFrom(graph, found, provider));
	};
	if (model.config.captionChannels) await run(captionGraph(model));
	await run(headGraph(model));
	for (const s of ['video', 'audio']) {
		if (found[`${s}.hidden`]) found[`${s}.patchified`] = found[`${s}.hidden`]!;
	}
	for (const [i, block] of blocks.entries()) {
		await run(block);
		for (const s of ['video', 'audio']) {
			const next = found[`${s}.next`];
			if (next) found[`${s}.hidden`] = next;
			if (next && blocks.length === model.config.blocks) found[`block${i}.${s}`] = next;
		}
	}
	await run(tailGraph(model));
	return found;
}

function runFrom(graph: Graph, found: Readonly<Record<string, NdArray>>, provider?: Provider) {
	const inputs = Object.fromEntries(graph.inputs.map(({ name }) => [name, found[name]!]));
	return runGraph(graph, inputs, provider);
}

/** The error of everything that the case holds, true where it is within tolerance. */
function compare({ model, tensors }: Shot, found: Record<string, NdArray>) {
	const rows = (s: string) => found[`${s}.rows`]!.data as BigInt64Array;
	const perToken = (table: NdArray, s: string): Float => {
		const [timesteps, ...rest] = table.shape as [number];
		const width = table.data.length / timesteps;
		const data = new Float32Array(rows(s).length * width);
		for (const [token, row] of rows(s).entries()) {
			const from = Number(row) * width;
			data.set((table.data as Float32Array).subarray(from, from + width), token * width);
		}
		return { data, shape: [rows(s).length, rest.reduce((a, b) => a * b, 1)] };
	};
	const got: Record<string, NdArray> = {};
	for (const s of ['video', 'audio'] as const) {
		if (!model.work[s]) continue;
		const all = (name: string) => found[`${s}.${name}`];
		const flat = ({ data }: NdArray): NdArray => ({ data, shape: [data.length] });
		got[`mid.${s}_patchified`] = all('patchified')!;
		got[`mid.${s}_context`] = all('context')!;
		got[`mid.${s}_ada`] = perToken(all('ada')!, s);
		got[`mid.${s}_embedded_timestep`] = perToken(all('embedded')!, s);
		if (all('prompt_ada')) got[`mid.${s}_prompt_ada`] = flat(all('prompt_ada')!);
		if (all('cross_ada')) got[`mid.${s}_cross_scale_shift_ada`] = perToken(all('cross_ada')!, s);
		if (all('cross_gate')) got[`mid.${s}_cross_gate_ada`] = flat(all('cross_gate')!);
		if (all('bias')) got[`mid.${s}_self_attention_bias`] = all('bias')!;
		for (const part of ['cos', 'sin']) {
			got[`mid.${s}_rope_${part}`] = byHead(all(part)!);
			got[`mid.${s}_cross_rope_${part}`] = byHead(all(`cross_${part}`)!);
		}
		for (let block = 0; block < model.config.blocks; block++) {
			const after = found[`block${block}.${s}`];
			if (after) got[`mid.block${block}.${s}`] = after;
		}
		const velocity = all('velocity')! as Float;
		const { timesteps } = noiseOf(tensors, s)!;
		const channels = velocity.shape[1]!;
		const latent = tensors[`in.${s}_latent`]!;
		got[`out.${s}_velocity`] = velocity;
		got[`out.${s}_x0`] = {
			data: latent.data.map((x, i) => x - velocity.data[i]! * timesteps[Math.floor(i / channels)]!),
			shape: velocity.shape,
		};
	}
	const kept = Object.entries(got).filter(([name]) => tensors[name]);
	return Object.fromEntries(
		kept.map(([name, numbers]) => {
			const error = errorOf(numbers, flatten(tensors[name]!, numbers));
			return [name, error < TOLERANCE || error];
		}),
	);
}

/** The reference in as many axes as what is compared with it. */
function flatten(reference: Float, { shape }: NdArray): Float {
	return shape.length === 1 ? { ...reference, shape: [reference.data.length] } : reference;
}

/** [tokens, heads, half] as [heads, tokens, half]. */
function byHead({ data, shape }: NdArray): NdArray {
	const [tokens, heads, half] = shape as [number, number, number];
	const turned = new Float32Array(data.length);
	for (let token = 0; token < tokens; token++) {
		for (let head = 0; head < heads; head++) {
			const from = (token * heads + head) * half;
			const row = (data as Float32Array).subarray(from, from + half);
			turned.set(row, (head * tokens + token) * half);
		}
	}
	return { data: turned, shape: [heads, tokens, half] };
}
