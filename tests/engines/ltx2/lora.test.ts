import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Graph } from '../../../inference-daemon/engines/ltx2/graph/graph.ts';
import { linear } from '../../../inference-daemon/engines/ltx2/graph/layers.ts';
import { Scope } from '../../../inference-daemon/engines/ltx2/graph/scope.ts';
import type { Provider } from '../../../inference-daemon/engines/ltx2/runtime/provider.ts';
import type { NdArray } from '../../../inference-daemon/engines/ltx2/runtime/values.ts';
import type { Checkpoint } from '../../../inference-daemon/engines/ltx2/weights/checkpoint.ts';
import { referenceFactors } from '../../../inference-daemon/engines/ltx2/weights/lora.ts';
import { readSafetensors } from '../../../inference-daemon/engines/ltx2/weights/safetensors.ts';
import { PickupError } from '../../../protocol/errors.ts';
import { errorOf, goldenCase, goldenPath, goldenWeights, PROVIDERS, runGraph } from './golden.ts';
import { keepCompiled } from './keep-compiled.ts';
import { type Entries, writeWeights } from './sparse.ts';

let folder: string;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'pickup lora '));
});
afterAll(() => rm(folder, { recursive: true }));

async function goldenLoras(strengths: Readonly<Record<string, number>>) {
	const files = Object.entries(strengths).map(async ([name, strength]) => ({
		file: await readSafetensors(goldenPath('lora', name)),
		strength,
	}));
	return Promise.all(files);
}

/** W as `linear` sees it: Wᵀ is the product of the identity. */
async function effective(
	checkpoint: Checkpoint,
	names: readonly string[],
	provider: Provider,
): Promise<Record<string, NdArray>> {
	const graph = new Graph('lora');
	const inputs: Record<string, NdArray> = {};
	for (const name of names) {
		const [out, inner] = checkpoint.shape(name) as [number, number];
		const m = new Scope(graph, checkpoint.at(name.replace(/\.weight$/, '')));
		const identity = Float32Array.from({ length: inner ** 2 }, (_, i) => +(i % (inner + 1) === 0));
		inputs[name] = { data: identity, shape: [inner, inner] };
		const product = linear(m, graph.input(name, [inner, inner]), out, { bias: false });
		graph.output(`out.${name}`, m.transpose(product, [1, 0]));
	}
	checkpoint.check();
	return runGraph(graph, inputs, provider);
}

describe.each(PROVIDERS)('on %s', (provider) => {
	keepCompiled(provider);
	it.each(['strength-0.5', 'strength-1', 'two-loras'])(
		'case %s: matrices are the reference’s',
		async (name) => {
			const { tensors, parameters } = await goldenCase('lora', name);
			const loras = await goldenLoras(parameters.strengths as Record<string, number>);
			const checkpoint = (await goldenWeights('lora')).withLoras(loras);
			const outputs = Object.keys(tensors).filter((key) => key.startsWith('out.'));
			const names = outputs.map((key) => key.slice(4));
			const found = await effective(checkpoint, names, provider);
			for (const key of outputs) {
				expect(errorOf(found[key]!, tensors[key]!), key).toBeLessThan(2e-6);
				const rounded = tensors[key.replace('out.', 'mid.bf16.')];
				if (name === 'two-loras') expect(errorOf(found[key]!, rounded!), key).toBeLessThan(4e-2);
			}
			expect(outputs).toHaveLength(6);
			expect(checkpoint.unused().filter((unused) => !unused.endsWith('.bias'))).toEqual([]);
		},
	);
});

it('a strength of 0 leaves no trace in the graph, and the checkpoint itself stays as it was', async () => {
	const plain = await goldenWeights('lora');
	const name = 'model.diffusion_model.transformer_blocks.0.attn1.to_q.weight';
	const none = plain.withLoras(await goldenLoras({ 'lora-0.safetensors': 0 }));
	const full = plain.withLoras(await goldenLoras({ 'lora-0.safetensors': 1 }));
	expect(none.lowRanks(name)).toEqual([]);
	expect(full.lowRanks(name)).toHaveLength(1);
	expect(plain.lowRanks(name)).toEqual([]);
	const twice = full.withLoras(await goldenLoras({ 'lora-1.safetensors': 0.5 }));
	expect(twice.lowRanks(name).map(({ strength }) => strength)).toEqual([1]);
});

it('a change that no linear layer takes is told as unused', async () => {
	const checkpoint = (await goldenWeights('lora')).withLoras(
		await goldenLoras({ 'lora-0.safetensors': 1 }),
	);
	const m = new Scope(new Graph('param'), checkpoint.at('model.diffusion_model.proj_out'));
	m.param('weight', [6, 16]);
	const unused = checkpoint.unused();
	expect(unused).not.toContain('model.diffusion_model.proj_out.weight');
	expect(unused).toContain('diffusion_model.transformer_blocks.0.attn1.to_q.lora_A.weight');
});

it('adds to scaled bytes as to any matrix', async () => {
	const name = 'model.diffusion_model.transformer_blocks.0.attn1.to_q';
	const [out, inner] = (await goldenWeights('quant-nvfp4')).shape(`${name}.weight`)!;
	const file = join(folder, 'on nvfp4.safetensors');
	const module = name.replace('model.', '');
	const ones = (n: number) => new Uint8Array(new Float32Array(n).fill(1).buffer);
	await writeWeights(
		file,
		{
			[`${module}.lora_A.weight`]: ['F32', [1, inner!]],
			[`${module}.lora_B.weight`]: ['F32', [out!, 1]],
		},
		{},
		{ [`${module}.lora_A.weight`]: ones(inner!), [`${module}.lora_B.weight`]: ones(out!) },
	);
	const plain = await goldenWeights('quant-nvfp4');
	const changed = plain.withLoras([{ file: await readSafetensors(file), strength: 0.25 }]);
	const [before, after] = await Promise.all(
		[plain, changed].map((one) => effective(one, [`${name}.weight`], 'cpu')),
	);
	const key = `out.${name}.weight`;
	const expected = (before![key]!.data as Float32Array).map((value) => value + 0.25);
	expect(errorOf(after![key]!, { data: expected, shape: [out!, inner!] })).toBeLessThan(1e-6);
});

it('of 300,000 names that fit nowhere says how many there are', async () => {
	const path = join(folder, 'many.safetensors');
	const names = Array.from({ length: 300_000 }, (_, i) => `m${i}.lora_A.weight`);
	await writeWeights(path, Object.fromEntries(names.map((name) => [name, ['U8', [1]]] as const)));
	const file = await readSafetensors(path);
	const base = await goldenWeights('lora');
	const error = thrown(() => base.withLoras([{ file, strength: 1 }]));
	expect(error.code).toBe('bad-weights');
	expect(error.message).toMatch(/m0 has a lora_A alone; .*; and 299900 more$/);
});

it('names everything that does not fit, of all files at once', async () => {
	const q = 'diffusion_model.transformer_blocks.0.attn1.to_q';
	const files: Entries[] = [
		{
			'diffusion_model.nowhere.to_q.lora_A.weight': ['F32', [4, 16]],
			'diffusion_model.nowhere.to_q.lora_B.weight': ['F32', [16, 4]],
			[`${q}.lora_A.weight`]: ['F32', [4, 15]],
			[`${q}.lora_B.weight`]: ['F32', [16, 4]],
		},
		{
			'diffusion_model.proj_out.lora_B.weight': ['F32', [6, 4]],
			[`${q}.alpha`]: ['F32', []],
			[`${q}.lora_A.weight`]: ['F32', [4, 16]],
			[`${q}.lora_B.weight`]: ['F32', [16, 8]],
		},
	];
	const loras = await Promise.all(
		files.map(async (entries, i) => {
			const path = join(folder, `wrong ${i}.safetensors`);
			await writeWeights(path, entries);
			return { file: await readSafetensors(path), strength: 1 };
		}),
	);
	const base = await goldenWeights('lora');
	const error = thrown(() => base.withLoras(loras));
	expect(error.code).toBe('bad-weights');
	const [first, second] = loras.map(({ file }) => file.path);
	expect(error.message).toBe(
		'Expected LoRAs that fit the checkpoint: ' +
			[
				`${first}: the checkpoint has no model.diffusion_model.nowhere.to_q.weight for diffusion_model.nowhere.to_q.lora_A.weight`,
				`${first}: ${q}.lora_A.weight [4,15] and ${q}.lora_B.weight [16,4] do not fit model.${q}.weight [16,16]`,
				`${second}: ${q}.alpha is no lora_A.weight or lora_B.weight`,
				`${second}: model.diffusion_model.proj_out has a lora_B alone`,
				`${second}: ${q}.lora_A.weight [4,16] and ${q}.lora_B.weight [16,8] do not fit model.${q}.weight [16,16]`,
			].join('; '),
	);
	expect(() => base.withLoras([{ file: loras[0]!.file, strength: Number.NaN }])).toThrow(
		RangeError,
	);
});

it('reads how much smaller an IC-LoRA wants its reference', async () => {
	const pair: Entries = {
		'diffusion_model.proj_out.lora_A.weight': ['F32', [4, 16]],
		'diffusion_model.proj_out.lora_B.weight': ['F32', [6, 4]],
	};
	const factors = async (metadata: Record<string, string>, entries = pair) => {
		const path = join(folder, 'ic.safetensors');
		await writeWeights(path, entries, metadata);
		return referenceFactors(await readSafetensors(path));
	};
	expect(await factors({})).toBeNull();
	expect(await factors({ reference_downscale_factor: '2' })).toEqual({ space: 2, time: 1 });
	expect(
		await factors({ reference_downscale_factor: '1', reference_temporal_scale_factor: '4' }),
	).toEqual({ space: 1, time: 4 });
	await expect(factors({ reference_downscale_factor: 'half' })).rejects.toThrow(/got "half"/);
});

function thrown(run: () => unknown): PickupError {
	try {
		run();
	} catch (error) {
		if (error instanceof PickupError) return error;
		throw error;
	}
	throw new Error('Expected an error, got none');
}
