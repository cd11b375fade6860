import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Graph } from '../../../inference-daemon/engines/ltx2/graph/graph.ts';
import { Scope } from '../../../inference-daemon/engines/ltx2/graph/scope.ts';
import { Checkpoint } from '../../../inference-daemon/engines/ltx2/weights/checkpoint.ts';
import { describe as tell } from '../../../inference-daemon/engines/ltx2/weights/describe.ts';
import {
	KNOWN_UNUSED,
	reasonUnused,
} from '../../../inference-daemon/engines/ltx2/weights/known-unused.ts';
import { readWeights } from '../../../inference-daemon/engines/ltx2/weights/shards.ts';
import { goldenPath } from './golden.ts';
import {
	type Entries,
	entriesOf,
	RELEASES,
	type Release,
	readManifest,
	sparseCheckpoint,
	writeWeights,
} from './sparse.ts';

let folder: string;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'pickup checkpoint '));
});
afterAll(() => rm(folder, { recursive: true }));

let count = 0;
async function written(entries: Entries, metadata: Record<string, string> = {}): Promise<string> {
	count++;
	const path = join(folder, `${count}.safetensors`);
	await writeWeights(path, entries, metadata);
	return path;
}

const BASE: Record<Release, string> = {
	'ltx-2-19b': 'ltx-2-19b-{dev,distilled}',
	'ltx-2.3-22b': 'ltx-2.3-22b-{dev,distilled}',
	'ltx-2.5-22b': 'transformer-bf16',
};

describe('names', () => {
	it('of the video VAE’s own files are found under vae., of other parts under theirs', async () => {
		for (const [label, prefix] of [
			['video-vae-conv', 'vae.'],
			['video-vae-bf16', 'vae.'],
			['audio-vae', ''],
			['transformer-bf16', ''],
			['gemma4', ''],
			['duration-head', ''],
			['spatial-upscaler', ''],
		] as const) {
			const path = await sparseCheckpoint('ltx-2.5-22b', label, folder);
			const names = [...(await Checkpoint.open(path)).names()];
			const entries = entriesOf(await readManifest('ltx-2.5-22b'), label);
			expect(names, label).toEqual(Object.keys(entries).map((name) => prefix + name));
			await rm(path);
		}
	});

	it('without the part’s prefix are told apart by what the tensors are', async () => {
		const wholeOf = async (entries: Entries) => [
			...(await Checkpoint.open(await written(entries))).names(),
		];
		const decoder = (rank: number): Entries => ({
			'decoder.conv_in.conv.weight': ['U8', new Array(rank).fill(1)],
			'per_channel_statistics.mean-of-means': ['U8', [1]],
		});
		expect(await wholeOf(decoder(5))).toEqual([
			'vae.decoder.conv_in.conv.weight',
			'vae.per_channel_statistics.mean-of-means',
		]);
		expect(await wholeOf(decoder(4))).toEqual([
			'audio_vae.decoder.conv_in.conv.weight',
			'audio_vae.per_channel_statistics.mean-of-means',
		]);
		const q = 'layers.0.self_attn.q_proj.weight';
		const norm: Entries = { 'model.norm.weight': ['U8', [1]] };
		const scalar = 'layers.0.layer_scalar';
		expect(await wholeOf({ [`model.${q}`]: ['U8', [1]], ...norm })).toEqual([
			`language_model.model.${q}`,
			'language_model.model.norm.weight',
		]);
		expect(await wholeOf({ [`model.language_model.${q}`]: ['U8', [1]] })).toEqual([
			`language_model.model.${q}`,
		]);
		const fourth: Entries = { [`model.language_model.${scalar}`]: ['U8', [1]] };
		expect(await wholeOf(fourth)).toEqual([`model.${scalar}`]);
		expect(await wholeOf({ 'transformer_blocks.0.attn1.to_q.weight': ['U8', [1]] })).toEqual([
			'model.diffusion_model.transformer_blocks.0.attn1.to_q.weight',
		]);
	});

	it('may come twice only where that cannot matter', async () => {
		const statistic = 'vae.per_channel_statistics.channel';
		const a = await written({ x: ['F32', [2]], y: ['F32', [1]], [statistic]: ['F32', [1]] });
		const b = await written({ x: ['F32', [2]], [statistic]: ['F32', [1]] });
		await expect(Checkpoint.open(a, b)).rejects.toThrow(
			`Expected each tensor once, got x in ${a} and ${b}`,
		);
		await expect(Checkpoint.open(a, b)).rejects.toMatchObject({ code: 'bad-weights' });
		const c = await written({ z: ['F32', [2]], [statistic]: ['F32', [1]] });
		expect([...(await Checkpoint.open(a, c, a)).names()]).toEqual(['x', 'y', statistic, 'z']);
		const conv = await sparseCheckpoint('ltx-2.5-22b', 'video-vae-conv', folder);
		const diffusion = await sparseCheckpoint('ltx-2.5-22b', 'video-vae-bf16', folder);
		await expect(Checkpoint.open(conv, diffusion)).rejects.toThrow(
			/vae\.encoder\.conv_in\.conv\.weight in .*; and 83 more/,
		);
	});
});

describe('configuration', () => {
	it('is told by each file about the parts that it holds', async () => {
		const transformer = await written(
			{ 'model.diffusion_model.patchify_proj.weight': ['U8', [1]] },
			{ config: '{"transformer":{"num_layers":2},"vae":{"from":"elsewhere"},"x":1}' },
		);
		const vae = await written(
			{ 'encoder.conv_in.conv.weight': ['U8', [1, 1, 1, 1, 1]] },
			{ config: '{"vae":{"from":"here"},"transformer":{"num_layers":9},"x":2,"__proto__":3}' },
		);
		const checkpoint = await Checkpoint.open(transformer, vae);
		const expected = { transformer: { num_layers: 2 }, vae: { from: 'here' }, x: 1 };
		expect(checkpoint.config).toMatchObject(expected);
		expect((await Checkpoint.open(vae, transformer)).config).toMatchObject({ ...expected, x: 2 });
		expect((await Checkpoint.open(transformer)).config.vae).toEqual({ from: 'elsewhere' });
	});

	it.each(['{', '[]', '1', 'null'])('that is %s is refused', async (config) => {
		const checkpoint = await Checkpoint.open(await written({}, { config }));
		expect(() => checkpoint.config).toThrow(/to have a JSON object as config in its metadata/);
	});

	it('of an official file is its own', async () => {
		for (const release of RELEASES) {
			const { config, model_version: version } = await readManifest(release);
			const path = await sparseCheckpoint(release, BASE[release], folder);
			const checkpoint = await Checkpoint.open(path);
			expect(checkpoint.config.transformer).toEqual(config.transformer);
			expect(checkpoint.version).toBe(version);
			await rm(path);
		}
	});
});

it('three tensors removed, two renamed and one misshapen are reported by full name at once', async () => {
	const block = 'model.diffusion_model.transformer_blocks.7';
	const removed = [
		`${block}.attn1.to_q.weight`,
		`${block}.ff.net.2.bias`,
		'model.diffusion_model.patchify_proj.weight',
	];
	const renamed = [`${block}.attn2.to_k.weight`, `${block}.attn2.to_v.bias`];
	const misshapen = `${block}.scale_shift_table`;
	const all = entriesOf(await readManifest('ltx-2-19b'), BASE['ltx-2-19b']);
	const path = await sparseCheckpoint('ltx-2-19b', BASE['ltx-2-19b'], folder, (entries) =>
		Object.fromEntries(
			Object.entries(entries).flatMap(([name, [type, shape]]) => {
				if (removed.includes(name)) return [];
				if (renamed.includes(name)) return [[`${name}.old`, [type, shape]]];
				return [[name, [type, name === misshapen ? [9, 4096] : shape]]];
			}),
		),
	);
	const checkpoint = await Checkpoint.open(path);
	const m = new Scope(new Graph('everything'), checkpoint.root);
	for (const [name, [, shape]] of Object.entries(all)) m.param(name, shape);
	const problems = checkpoint.problems();
	expect(new Set(problems.missing)).toEqual(new Set([...removed, ...renamed]));
	expect(problems.missing).toHaveLength(5);
	expect(problems.misshapen).toEqual([{ name: misshapen, expected: [6, 4096], got: [9, 4096] }]);
	expect(problems.unsupported).toEqual([]);
	expect(checkpoint.unused()).toEqual(renamed.map((name) => `${name}.old`));
	let message = '';
	try {
		checkpoint.check();
	} catch (error) {
		message = (error as Error).message;
	}
	for (const name of [...removed, ...renamed]) expect(message).toContain(`no ${name}`);
	expect(message).toContain(`${misshapen} is [9,4096], expected [6,4096]`);
	expect(message).toContain(path);
	await rm(path);
});

describe('what a file is', () => {
	const GEMMA = { 'ltx-2-19b': 'gemma-3', 'ltx-2.3-22b': 'gemma-3', 'ltx-2.5-22b': 'gemma4' };

	it.each(RELEASES)('%s: every file is of its family, and holds what it holds', async (release) => {
		const { files } = await readManifest(release);
		const family = { 'ltx-2-19b': 0, 'ltx-2.3-22b': 1, 'ltx-2.5-22b': 2 }[release];
		const families = ['LTX-2 19B', 'LTX-2.3 22B', 'LTX-2.5 22B'];
		for (const label of Object.keys(files)) {
			if (label.startsWith('extra')) continue;
			const path = await sparseCheckpoint(release, label, folder);
			const { files: told, problems, ...sums } = tell([await readWeights(path)]);
			const [file] = told;
			expect(file!.families, label).toContain(families[family]);
			expect(file!.variant).toBe('unknown');
			expect(problems).toEqual([]);
			const entries = Object.values(files[label]!);
			const sizes = entries.map(([type, shape]) => [type, shape.reduce((a, b) => a * b, 1)]);
			const parameters = sizes.reduce((sum, [, n]) => sum + (n as number), 0);
			expect([sums.tensors, sums.parameters]).toEqual([entries.length, parameters]);
			const floats = sizes.filter(([type]) => type === 'F32');
			expect(sums.bytes.F32 ?? 0).toBe(4 * floats.reduce((sum, [, n]) => sum + (n as number), 0));
			const parts = file!.parts.map(({ part, kind }) => (kind === '' ? part : `${part}: ${kind}`));
			expect(parts, label).toEqual(PARTS[release][label.split(/[ (]/)[0]!.split('/').at(-1)!]);
			await rm(path);
		}
	});

	const WHOLE = [
		'transformer',
		'connectors: video and audio',
		'text projection: one for both connectors',
		...['video encoder', 'video decoder: plain', 'video statistics'],
		...['audio encoder', 'audio decoder', 'audio statistics', 'vocoder: 24 kHz'],
	];
	const LATER = (part: string) =>
		part.startsWith('text projection')
			? 'text projection: one for each connector'
			: part.replace('24 kHz', 'bandwidth extension to 48 kHz');
	const PARTS: Record<Release, Record<string, readonly string[]>> = {
		'ltx-2-19b': {
			'ltx-2-19b-{dev,distilled}.safetensors': WHOLE,
			'gemma-3-12b': ['text encoder: Gemma 3'],
			'spatial-upscaler-x2': ['upsampler: spatial ×2, rational'],
			'temporal-upscaler-x2': ['upsampler: temporal ×2'],
		},
		'ltx-2.3-22b': {
			'ltx-2.3-22b-{dev,distilled}.safetensors': WHOLE.map(LATER),
			'gemma-3-12b': ['text encoder: Gemma 3'],
			'spatial-upscaler-x2': ['upsampler: spatial ×2'],
			'spatial-upscaler-x1.5': ['upsampler: spatial ×1.5, rational'],
			'temporal-upscaler-x2': ['upsampler: temporal ×2'],
		},
		'ltx-2.5-22b': {
			'ltx-2.5-22b-{dev,distilled}-transformer-bf16.safetensors': WHOLE.slice(0, 2),
			'gemma4-12b-with-proj-ltx-2.5-bf16.safetensors': [
				'text encoder: Gemma 4',
				'text projection: one for each connector',
			],
			'ltx-2.5-video-vae-conv-bf16.safetensors': WHOLE.slice(3, 6),
			'ltx-2.5-video-vae-bf16.safetensors': [
				'video encoder',
				'video statistics',
				'video decoder: diffusion decoder, not supported yet',
			],
			'ltx-2.5-audio-vae-bf16.safetensors': WHOLE.slice(6).map(LATER),
			'ltx-2.5-duration-head.safetensors': ['duration head'],
			'spatial-upscaler-x2': ['upsampler: spatial ×2'],
			'temporal-upscaler-x2': ['upsampler: temporal ×2'],
		},
	};

	it('is told of files together: what is missing, and whether they go together', async () => {
		const open = async (release: Release, label: string) =>
			readWeights(await sparseCheckpoint(release, label, folder));
		const first = await open('ltx-2-19b', BASE['ltx-2-19b']);
		const gemma3 = await open('ltx-2-19b', GEMMA['ltx-2-19b']);
		expect(tell([first]).missing).toEqual(['text encoder (Gemma 3 12B)']);
		expect(tell([first, gemma3])).toMatchObject({
			families: ['LTX-2 19B'],
			missing: [],
			problems: [],
		});

		const labels = ['transformer-bf16', 'gemma4', 'audio-vae', 'duration-head', 'temporal'];
		const most = await Promise.all(labels.map((label) => open('ltx-2.5-22b', label)));
		const conv = await open('ltx-2.5-22b', 'video-vae-conv');
		const diffusion = await open('ltx-2.5-22b', 'video-vae-bf16');
		const upsampler = await open('ltx-2.5-22b', 'spatial');
		expect(tell([...most, conv, upsampler])).toMatchObject({
			families: ['LTX-2.5 22B'],
			missing: [],
			problems: [],
		});
		expect(tell(most).missing).toEqual(['video encoder', 'video decoder', 'video statistics']);
		expect(tell([...most, diffusion]).missing).toEqual([
			'video decoder (the conv VAE; the diffusion decoder is not supported yet)',
		]);
		expect(tell([...most, conv, diffusion]).problems).toEqual([
			expect.stringContaining('Expected each tensor once'),
		]);
		const mixed = tell([first, conv]);
		expect(mixed.families).toEqual([]);
		expect(mixed.problems[0]).toMatch(/different models: .* is of LTX-2 19B; .* is of LTX-2.5 22B/);
		expect(tell([most[1]!]).missing).toContain('transformer');
	});

	it('a timestep-conditioned decoder is told by its tensor', async () => {
		const { files } = await readManifest('ltx-2-19b');
		const extra = Object.entries(files).find(([label]) => label.startsWith('extra'))![1];
		const path = await sparseCheckpoint('ltx-2-19b', BASE['ltx-2-19b'], folder, (entries) => ({
			...entries,
			...extra,
		}));
		const description = tell([await readWeights(path)]);
		expect(description.tensors).toBe(4094);
		const decoder = description.files[0]!.parts.find(({ part }) => part === 'video decoder');
		expect(decoder!.kind).toBe('timestep-conditioned');
	});

	it('holds for tiny models of the same kind', async () => {
		const told = async (network: string, file?: string) => {
			const { files } = tell([await readWeights(goldenPath(network, file))]);
			const [{ families, parts }] = files as [(typeof files)[number]];
			return [families, parts.map(({ part, kind }) => `${part} ${kind}`.trim())];
		};
		const all = ['LTX-2 19B', 'LTX-2.3 22B', 'LTX-2.5 22B'];
		expect(await told('dit-2.0')).toEqual([[all[0]], ['transformer']]);
		expect(await told('dit-2.3')).toEqual([[all[1]], ['transformer']]);
		expect(await told('dit-2.5')).toEqual([[all[2]], ['transformer']]);
		expect(await told('vocoder-2.3')).toEqual([
			[all[1]],
			['vocoder bandwidth extension to 48 kHz'],
		]);
		expect(await told('gemma3')).toEqual([all.slice(0, 2), ['text encoder Gemma 3']]);
		expect(await told('gemma4')).toEqual([[all[2]], ['text encoder Gemma 4']]);
		expect(await told('audio-vae')).toMatchObject([all, { length: 3 }]);
		expect(await told('video-vae-2.0-timestep')).toEqual([
			[all[0]],
			['video decoder timestep-conditioned', 'video statistics'],
		]);
		expect(await told('lora', 'lora-0.safetensors')).toEqual([all, ['lora 5 matrices, rank 4']]);
	});

	it('counts what four bits stand for, and not the scales', async () => {
		const { parameters, bytes } = tell([await readWeights(goldenPath('quant-nvfp4'))]);
		expect(parameters).toBe(40 * 64 + 40 + 136 * 96 + 136);
		expect(bytes).toEqual({
			U8: 40 * 32 + 136 * 48,
			F8_E4M3: 128 * 4 + 256 * 8,
			BF16: 352,
			F32: 16,
		});
		const fp8 = tell([await readWeights(goldenPath('quant-fp8'))]);
		expect(fp8.parameters).toBe(24 * 33 + 48 * 33 + 24 * 25 + 8 * 17);
	});

	it('says dev or distilled where the metadata or the choice of scales tells', async () => {
		const variant = async (entries: Entries, metadata: Record<string, string>) =>
			tell([await readWeights(await written(entries, metadata))]).files[0]!.variant;
		expect(await variant({}, { 'modelspec.title': 'LTX-2 19B Distilled' })).toBe('distilled');
		expect(await variant({}, { name: 'ltx-2-19b-dev' })).toBe('dev');
		expect(await variant({}, { name: 'device' })).toBe('unknown');
		const scales = (n: number): Entries =>
			Object.fromEntries(
				Array.from({ length: n }, (_, i) => [
					`model.diffusion_model.transformer_blocks.${i}.x.weight_scale`,
					['F32', []],
				]),
			);
		expect(await variant(scales(2924), { model_version: '2.3.0' })).toBe('dev');
		expect(await variant(scales(2992), { model_version: '2.3.0' })).toBe('distilled');
		expect(await variant(scales(2992), { model_version: '2.5.0' })).toBe('unknown');
	});

	it('tells a LoRA from an IC-LoRA, and one that does not fit the base', async () => {
		const pair: Entries = {
			'diffusion_model.patchify_proj.lora_A.weight': ['BF16', [8, 16]],
			'diffusion_model.patchify_proj.lora_B.weight': ['BF16', [32, 8]],
		};
		const lora = await readWeights(await written(pair, { reference_downscale_factor: '2' }));
		const { files, problems } = tell([lora]);
		expect(files[0]!.parts[0]!.kind).toBe('IC-LoRA, 1 matrix, rank 8, reference 1/2 the size');
		expect(problems).toEqual([]);
		expect(tell([await readWeights(goldenPath('dit-2.0')), lora]).problems).toEqual([]);
		const other = await readWeights(goldenPath('dit-2.3'));
		expect(tell([other, lora]).problems).toEqual([
			expect.stringMatching(
				/patchify_proj\.lora_A\.weight .* do not fit model\.diffusion_model\.patchify/,
			),
		]);
	});
});

it('known-unused names are those of the tables and no others', async () => {
	const reasons = new Map<string, number>();
	for (const release of RELEASES) {
		for (const [label, entries] of Object.entries((await readManifest(release)).files)) {
			const prefix = label.includes('video-vae') ? 'vae.' : '';
			for (const name of Object.keys(entries)) {
				const reason = reasonUnused(prefix + name);
				if (reason !== null) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
			}
		}
	}
	const [decoder, statistics, basis] = KNOWN_UNUSED.map(({ reason }) => reasons.get(reason));
	// The diffusion decoder is a file of its own; four video VAEs; two vocoders with that basis.
	expect([decoder, statistics, basis, reasons.size]).toEqual([309, 12, 2, 3]);
});
