import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
	type Gemma,
	gemmaEmbeddingGraph,
	gemmaInputs,
} from '../../../inference-daemon/engines/ltx2/networks/gemma.ts';
import { gemma3 } from '../../../inference-daemon/engines/ltx2/networks/gemma3.ts';
import { gemma4 } from '../../../inference-daemon/engines/ltx2/networks/gemma4.ts';
import type { NdArray } from '../../../inference-daemon/engines/ltx2/runtime/values.ts';
import { Checkpoint } from '../../../inference-daemon/engines/ltx2/weights/checkpoint.ts';
import { PickupError } from '../../../protocol/errors.ts';
import { gemmaGraphs, gemmaStates } from './gemma-states.ts';
import {
	type Case,
	errorOf,
	goldenCase,
	goldenPath,
	goldenWeights,
	PROVIDERS,
	runGraph,
} from './golden.ts';
import { keepCompiled } from './keep-compiled.ts';

const TOLERANCE = 5e-5;

const OPEN = {
	gemma3: async (checkpoint: Checkpoint) =>
		gemma3(checkpoint, JSON.parse(await readFile(goldenPath('gemma3', 'config.json'), 'utf8'))),
	gemma4: async (checkpoint: Checkpoint) => gemma4(checkpoint),
} satisfies Record<string, (checkpoint: Checkpoint) => Promise<Gemma>>;

const MODELS = Object.keys(OPEN) as (keyof typeof OPEN)[];
const NOTHING = new Checkpoint([]);

describe.each(PROVIDERS)('on %s', (provider) => {
	keepCompiled(provider);
	describe.each(MODELS)('%s', (model) => {
		it.each(['left-padded', 'unpadded'])(
			'gives the reference’s hidden states for the tokens of each prompt (%s)',
			async (name) => {
				const checkpoint = await goldenWeights(model);
				const gemma = await OPEN[model](checkpoint);
				for (const { tokens, states } of prompts(await goldenCase(model, name))) {
					const found = await gemmaStates(gemma, tokens, provider);
					checkpoint.check();
					expect(checkpoint.unused()).toEqual([]);
					expect(found).toHaveLength(states.length);
					for (const [layer, got] of found.entries()) {
						expect(errorOf(got, states[layer]!), `state ${layer}`).toBeLessThan(TOLERANCE);
					}
				}
			},
		);
	});
});

describe.each(MODELS)('%s', (model) => {
	it.each(['sliding_attention', 'full_attention'] as const)(
		'turns by the reference’s angles (%s)',
		async (span) => {
			const gemma = await OPEN[model](await goldenWeights(model));
			const { tensors } = await goldenCase(model, 'left-padded');
			const inputs: Readonly<Record<string, NdArray>> = gemmaInputs(gemma, new Array(20).fill(0));
			for (const part of ['cos', 'sin']) {
				const { data, shape } = tensors[`mid.${span}_rope_${part}`]!;
				const [tokens, width] = shape as [number, number];
				const half = Array.from({ length: tokens }, (_, i) => [
					...data.subarray(i * width, i * width + width / 2),
				]);
				// The reference tells each angle twice, for both elements of a pair.
				const reference = half.flatMap((row) => [...row, ...row]);
				expect(reference).toEqual([...data]);
				const got = inputs[`${span}.${part}`]!;
				const expected = { data: Float32Array.from(half.flat()), shape: [tokens, width / 2] };
				expect(errorOf(got, expected)).toBeLessThan(1e-6);
			}
		},
	);
});

it('a layer with a window sees that many tokens, its own among them', () => {
	const gemma = gemma3(NOTHING, { text_config: { sliding_window: 2 } });
	const inputs = gemmaInputs(gemma, [0, 0, 0]) as Readonly<Record<string, NdArray>>;
	const near = inputs['sliding_attention.mask']!;
	expect([...near.data].map((value) => value === 0)).toEqual(
		[1, 0, 0, 1, 1, 0, 0, 1, 1].map(Boolean),
	);
	const far = inputs['full_attention.mask']!;
	expect([...far.data].map((value) => value === 0)).toEqual(
		[1, 0, 0, 1, 1, 0, 1, 1, 1].map(Boolean),
	);
});

describe('a table in bfloat16', () => {
	it('is scaled by √hidden in bfloat16, as the reference does', async () => {
		const folder = await mkdtemp(join(tmpdir(), 'pickup-gemma-'));
		try {
			// Two rows of 3,840 ones and twos; √3840 is 61.97, in bfloat16 62.
			const hidden = 3840;
			const table = new Uint16Array(2 * hidden).fill(0x3f80, 0, hidden).fill(0x4000, hidden);
			const path = join(folder, 'gemma.safetensors');
			await writeFile(path, bfloat16File('model.embed_tokens.weight', [2, hidden], table));
			const checkpoint = await Checkpoint.open(path);
			const gemma = gemma4(checkpoint, { text_config: { vocab_size: 2 } });
			const graph = gemmaEmbeddingGraph(gemma, 3);
			checkpoint.check();
			const tokens = { data: BigInt64Array.of(1n, 0n, 1n), shape: [3] };
			const { next } = await runGraph(graph, { tokens });
			expect([0, 1, 2].map((row) => next!.data[row * hidden])).toEqual([124, 62, 124]);
		} finally {
			await rm(folder, { recursive: true });
		}
	});
});

describe('the configuration', () => {
	it('of Gemma-3-12B stands in for what config.json does not tell', () => {
		const { config } = gemma3(NOTHING);
		expect(config).toEqual(gemma3(NOTHING, { text_config: { rope_scaling: null } }).config);
		const { spans, attention } = config;
		expect([config.hidden, config.intermediate, config.heads]).toEqual([3840, 15_360, 16]);
		expect(spans.filter((span) => span === 'full_attention')).toHaveLength(8);
		expect([spans.length, spans[5], spans[47]]).toEqual([48, 'full_attention', 'full_attention']);
		expect(attention.full_attention).toMatchObject({ theta: 1e6, stretch: 8, turning: 128 });
		expect(attention.sliding_attention).toMatchObject({ theta: 1e4, stretch: 1, window: 1024 });
		expect(config.scale).toBe(1 / 16);
	});

	it('of Gemma-4-12B as LTX-2.5 ships it stands in where the file does not tell', () => {
		const { attention, spans, scale } = gemma4(NOTHING).config;
		expect([spans.length, spans[4], spans[5]]).toEqual([
			...[48, 'sliding_attention', 'full_attention'],
		]);
		expect(attention.full_attention).toMatchObject({ keyHeads: 1, headWidth: 512, turning: 64 });
		expect(attention.sliding_attention).toMatchObject({ keyHeads: 8, headWidth: 256 });
		expect(scale).toBe(1);
	});

	it('that is not implemented is refused by name', () => {
		const twisted = { text_config: { rope_scaling: { rope_type: 'yarn', factor: 4 } } };
		expect(() => gemma3(NOTHING, twisted)).toThrow(PickupError);
		expect(() => gemma3(NOTHING, twisted)).toThrow(/text_config\.rope_scaling\.rope_type/);
		const shared = { text_config: { num_kv_shared_layers: 20 } };
		expect(() => gemma4(NOTHING, shared)).toThrow(/num_kv_shared_layers/);
	});

	it('is told to be broken where the metadata is no JSON', () => {
		const file = { path: '/gemma.safetensors', bytes: 0, tensors: new Map() };
		const broken = new Checkpoint([{ ...file, metadata: { gemma_config: '{"text' } }]);
		expect(() => gemma4(broken)).toThrow(PickupError);
		expect(() => gemma4(broken)).toThrow(/gemma_config/);
	});
});

it.each([
	['language_model.model.', 'model.'],
	['language_model.model.', 'model.language_model.'],
	['model.', 'model.language_model.'],
])('finds %s… under %s… too', async (from, to) => {
	const model = from === 'model.' ? 'gemma4' : 'gemma3';
	const [file] = (await goldenWeights(model)).files;
	const tensors = new Map(
		[...file!.tensors].map(([name, tensor]) => [name.replace(from, to), tensor]),
	);
	const checkpoint = new Checkpoint([{ ...file!, tensors }]);
	gemmaGraphs(await OPEN[model](checkpoint), 2);
	checkpoint.check();
	expect(checkpoint.unused()).toEqual([]);
});

it('without a text model in the file every tensor is missed by name', () => {
	const checkpoint = new Checkpoint([]);
	gemmaGraphs(gemma3(checkpoint, { text_config: { num_hidden_layers: 1 } }), 2);
	expect(() => checkpoint.check()).toThrow(/language_model\.model\.embed_tokens\.weight/);
	expect(checkpoint.problems().missing).toHaveLength(15);
});

/** The tokens of each row of the batch that are no padding, and their hidden states of each layer. */
function prompts({ tensors }: Case): { tokens: number[]; states: NdArray[] }[] {
	const { 'in.input_ids': ids, 'in.attention_mask': mask, 'out.hidden_states': hidden } = tensors;
	const [layers, batch, length, dim] = hidden!.shape as [number, number, number, number];
	return Array.from({ length: batch }, (_, row) => {
		const valid = Array.from({ length }, (_, i) => row * length + i).filter((i) => mask!.data[i]);
		const states = Array.from({ length: layers }, (_, layer) => {
			const data = valid.flatMap((i) => {
				const at = (layer * batch * length + i) * dim;
				return [...hidden!.data.subarray(at, at + dim)];
			});
			return { data: Float32Array.from(data), shape: [valid.length, dim] };
		});
		return { tokens: valid.map((i) => ids!.data[i]!), states };
	});
}

function bfloat16File(name: string, shape: readonly number[], data: Uint16Array): Buffer {
	const entry = { dtype: 'BF16', shape, data_offsets: [0, data.byteLength] };
	const header = Buffer.from(JSON.stringify({ [name]: entry }));
	const length = Buffer.alloc(8);
	length.writeBigUInt64LE(BigInt(header.length));
	return Buffer.concat([length, header, new Uint8Array(data.buffer)]);
}
