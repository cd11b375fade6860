import { execFileSync } from 'node:child_process';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fcp7Xml } from '../../demo/timelines.ts';
import type { Problem } from '../../protocol/errors.ts';
import type { Plan } from '../../protocol/generation.ts';
import type { WeightsDescription } from '../../protocol/models.ts';
import { readTensors, type Tensors } from '../engines/ltx2/tensors.ts';
import { TINY_GEMMA, tinyCheckpoint, writeTensors } from '../engines/ltx2/tiny.ts';
import { makeNumberedShot, NUMBERED_SIZE } from './numbered.ts';
import { openWorkbench, type Workbench } from './workbench.ts';

let bench: Workbench;
let timeline: string;
beforeAll(async () => {
	bench = await openWorkbench();
	const rate = { num: 25, den: 1 };
	const path = join(bench.folder, 'shot.mov');
	await makeNumberedShot(path, rate, 0, 25, { hertz: 440, level: 0.2 });
	const clips = [10, 45].map((start) => ({ name: 'shot', path, start, frames: 25 }));
	timeline = join(bench.folder, 'cut.xml');
	await writeFile(
		timeline,
		fcp7Xml({ name: 'cut', rate, size: NUMBERED_SIZE, startFrame: 0, clips }),
	);
});
afterAll(() => bench.close());

type Parts = Readonly<Record<string, string | Tensors>>;

/** A folder with Gemma and these files: links, or tensors with the metadata of the family. */
async function folderOf(name: string, files: Parts, family = 'ltx-2-tiny'): Promise<string> {
	const folder = join(bench.folder, name);
	await mkdir(folder);
	await symlink(TINY_GEMMA, join(folder, 'gemma'));
	const { metadata } = await readTensors(await tinyCheckpoint(family));
	for (const [file, what] of Object.entries(files)) {
		const path = join(folder, file);
		if (typeof what === 'string') await symlink(what, path);
		else await writeTensors(path, what, metadata);
	}
	return folder;
}

/** Those tensors of a checkpoint whose names begin so. */
async function partOf(checkpoint: string, ...prefixes: string[]): Promise<Tensors> {
	const { tensors } = await readTensors(await tinyCheckpoint(checkpoint));
	const found = Object.entries(tensors).filter(([name]) =>
		prefixes.some((prefix) => name.startsWith(prefix)),
	);
	return Object.fromEntries(found);
}

function fill(model: string, ...more: readonly string[]) {
	const args = ['fill', timeline, '--gap', '2', '--engine', 'ltx2', '--model', model];
	return bench.pickup([...args, ...more, '--plan', '--json']);
}

async function planned(model: string, ...more: readonly string[]): Promise<Plan> {
	const { code, stdout } = await fill(model, ...more);
	expect([code, stdout]).toEqual([0, expect.stringContaining('"plans')]);
	return (JSON.parse(stdout) as { plans: [Plan] }).plans[0];
}

async function refused(model: string, ...more: readonly string[]): Promise<string> {
	const { code, stdout } = await fill(model, ...more);
	const { error } = JSON.parse(stdout) as { error: Problem };
	expect([code, error.fault]).toEqual([5, 'machine']);
	return error.message;
}

const TRANSFORMER = 'model.diffusion_model.';
const TEXT = 'text_embedding_projection.';
const [VIDEO, AUDIO, VOCODER] = ['vae.', 'audio_vae.', 'vocoder.'] as const;

describe('parts of different models are refused, by name,', () => {
	test.each([
		['a video VAE', [VIDEO], [AUDIO, VOCODER]],
		['sound', [AUDIO, VOCODER], [VIDEO]],
	] as const)('when the first has %s of the second', async (name, other, own) => {
		const model = await folderOf(`mixed ${name}`, {
			'a.safetensors': await partOf('ltx-2-tiny', TRANSFORMER, TEXT, ...own),
			'b other.safetensors': await partOf('ltx-2.3-tiny', ...other),
		});
		const said = await refused(model);
		expect(said).toMatch(/LTX-2 19B, as the transformer in .*a\.safetensors is/);
		expect(said).toMatch(/b other\.safetensors .* of LTX-2\.3 22B/);
	});

	test('when Gemma is another than the text projection reads', async () => {
		const model = await folderOf('another Gemma', {
			'a distilled.safetensors': await tinyCheckpoint('ltx-2-tiny'),
		});
		await rm(join(model, 'gemma'));
		const small = join(model, 'gemma-small');
		execFileSync('cp', ['-rL', TINY_GEMMA, small]);
		const { tensors } = await readTensors(join(small, 'model.safetensors'));
		const fewer = Object.entries(tensors).filter(([tensor]) => !tensor.includes('layers.5.'));
		await rm(join(small, 'model.safetensors'));
		await writeTensors(join(small, 'model.safetensors'), Object.fromEntries(fewer), {});
		expect(await refused(model)).toMatch(/gemma-small.*layers\.5\./);
	});
});

test.each([
	['empty', ''],
	['cut', '{"version": "1.0", "model": {'],
	['of Git LFS', 'version https://git-lfs.github.com/spec/v1\nsize 33384568\n'],
])('a tokenizer that is %s is refused at plan time', async (name, text) => {
	const model = await folderOf(`tokenizer ${name}`, {
		'a distilled.safetensors': await tinyCheckpoint('ltx-2-tiny'),
	});
	await rm(join(model, 'gemma'));
	execFileSync('cp', ['-rL', TINY_GEMMA, join(model, 'gemma')]);
	await writeFile(join(model, 'gemma', 'tokenizer.json'), text);
	expect(await refused(model)).toMatch(/Gemma’s tokenizer at .*tokenizer\.json/);
});

describe('dev or distilled is what holds the transformer, whatever lies beside it', () => {
	test.each([
		['ltx-2-19b-distilled.safetensors', 8],
		['ltx-2-19b-dev.safetensors', 40],
	])('%s', async (name, steps) => {
		const other = steps === 8 ? 'dev' : 'distilled';
		const model = await folderOf(`of ${name}`, {
			[name]: await partOf('ltx-2-tiny', `${TRANSFORMER}`, VIDEO, AUDIO, VOCODER),
			[`connectors-${other}.safetensors`]: await partOf('ltx-2-tiny', TEXT),
			[`flux1-${other}.safetensors`]: {
				'model.diffusion_model.double_blocks.0.img_attn.qkv.weight': {
					data: new Float32Array(16),
					shape: [4, 4],
				},
			},
		});
		expect(await planned(model)).toMatchObject({ steps, notes: [] });
	});

	test('where nothing tells, the plan says what it is taken for', async () => {
		const model = await folderOf('untold', {
			'weights.safetensors': await tinyCheckpoint('ltx-2-tiny'),
		});
		const { steps, notes } = await planned(model);
		expect(steps).toBe(8);
		expect(notes.join()).toMatch(/weights\.safetensors tells .* taken for distilled/);
	});
});

test('connectors of the other variant than the transformer are refused by name', async () => {
	const { tensors } = await readTensors(await tinyCheckpoint('ltx-2-tiny'));
	const isConnectors = (name: string) => /embeddings_connector|^text_embedding/.test(name);
	const those = (wanted: boolean) =>
		Object.fromEntries(Object.entries(tensors).filter(([name]) => isConnectors(name) === wanted));
	const files = (variant: string) => ({
		'ltx-2-19b-distilled_transformer_only.safetensors': those(false),
		[`ltx-2-19b-embeddings_connector_${variant}.safetensors`]: those(true),
	});
	expect(await refused(await folderOf('dev connectors', files('dev')))).toMatch(
		/connectors of a distilled model, .*transformer_only\.safetensors is; got dev ones in .*connector_dev/,
	);
	expect(await planned(await folderOf('its connectors', files('distill')))).toMatchObject({
		steps: 8,
		notes: [],
	});
});

describe('an engine that is left open', () => {
	const auto = ['fill', '--gap', '2', '--plan', '--json'] as const;

	test('is LTX-2 where a model is named, and refused as that', async () => {
		const model = await folderOf('nothing in it', {});
		const given = await bench.pickup([...auto, timeline, '--model', model]);
		expect([given.code, given.stdout]).toEqual([5, expect.stringContaining(model)]);
		const named = await bench.pickup([...auto, timeline], { PICKUP_MODEL: model });
		expect([named.code, named.stdout]).toEqual([5, expect.stringContaining(model)]);
	});

	test('is the draft where none is named, and the plan says first why', async () => {
		const { code, stdout } = await bench.pickup([...auto, timeline]);
		expect(code).toBe(0);
		const [plan] = (JSON.parse(stdout) as { plans: [Plan] }).plans;
		expect(plan.engine).toBe('inbetween');
		expect(plan.notes[0]).toMatch(/^LTX-2 is not used, since it needs its weights: .*models/);
	});
});

describe('the LoRA of a second stage', () => {
	const dev = async () => ({
		'ltx-2-dev.safetensors': await tinyCheckpoint('ltx-2-tiny'),
		'up.safetensors': await tinyCheckpoint('ltx-2-tiny-spatial-upscaler-x2'),
	});

	test('is none that only has the word in its name', async () => {
		const { tensors } = await readTensors(await tinyCheckpoint('ltx-2-tiny-distilled-lora'));
		const some = Object.entries(tensors).filter(([name]) => name.includes('.attn1.'));
		const model = await folderOf('styles', {
			...(await dev()),
			'for-distilled.safetensors': await tinyCheckpoint('ltx-2-tiny-ic-lora'),
			'style-distilled.safetensors': Object.fromEntries(some),
		});
		const said = (await planned(model)).notes.join();
		expect(said).toMatch(/for-distilled\.safetensors is not .*reference/);
		expect(said).toMatch(/style-distilled\.safetensors is not .*14 % of the blocks/);
		const { code, stdout } = await fill(model, '--stages', '2');
		expect([code, stdout]).toEqual([2, expect.stringMatching(/for-distilled.*reference/)]);
		// The one that changes all blocks is told from these.
		await symlink(
			await tinyCheckpoint('ltx-2-tiny-distilled-lora'),
			join(model, 'distilled-lora.safetensors'),
		);
		expect((await planned(model, '--stages', '2')).stages).toBe(2);
	});

	test('is none of two that could be it', async () => {
		const lora = await tinyCheckpoint('ltx-2-tiny-distilled-lora');
		const model = await folderOf('two LoRAs', {
			...(await dev()),
			'distilled-lora.safetensors': lora,
			'distilled-lora-1.1.safetensors': lora,
		});
		const { code, stdout } = await fill(model, '--stages', '2');
		expect([code, stdout]).toEqual([2, expect.stringMatching(/distilled-lora-1\.1/)]);
	});
});

test('a LoRA of what no LoRA changes is refused by name', async () => {
	const model = await folderOf('lora', {
		'distilled.safetensors': await tinyCheckpoint('ltx-2-tiny'),
	});
	const { tensors } = await readTensors(await tinyCheckpoint('ltx-2-tiny'));
	const path = join(bench.folder, 'of a table.safetensors');
	const table = 'model.diffusion_model.transformer_blocks.0.scale_shift_table';
	const [rows, columns] = tensors[table]!.shape as [number, number];
	const half = (shape: readonly [number, number]) => ({
		data: new Float32Array(shape[0] * shape[1]).fill(0.1),
		shape,
	});
	await writeTensors(
		path,
		{
			'diffusion_model.transformer_blocks.0.scale_shift_table.lora_A.weight': half([2, columns]),
			'diffusion_model.transformer_blocks.0.scale_shift_table.lora_B.weight': half([rows, 2]),
		},
		{},
	);
	expect(await refused(model, '--lora', `${path}:1`)).toMatch(/of a table.*scale_shift_table/);
});

test('zeros where a download left a hole are refused by the names of file and matrix', async () => {
	const name = 'model.diffusion_model.transformer_blocks.1.ff.net.2.weight';
	const whole = await partOf('ltx-2-tiny', '');
	const { data, shape } = whole[name]!;
	const holed = { ...whole, [name]: { data: new Float32Array(data.length), shape } };
	const model = await folderOf('hole', { 'distilled.safetensors': holed });
	const said = await refused(model);
	expect(said).toMatch(/distilled\.safetensors.*zeros/);
	expect(said).toContain(name);
	const path = join(model, 'distilled.safetensors');
	const { problems } = await bench.pickupJson<WeightsDescription>(['models', 'inspect', path]);
	expect(problems.join()).toContain(name);
});

test('a file that is damaged and that nothing needs is left out, and the plan says so', async () => {
	const model = await folderOf('beside', {
		'distilled.safetensors': await tinyCheckpoint('ltx-2-tiny'),
	});
	await writeFile(join(model, 'broken-lora.safetensors'), 'half');
	expect((await planned(model)).notes.join()).toMatch(/Left out: .*broken-lora\.safetensors/);
});

const FILES = [
	'distilled.safetensors',
	...['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors'].map(
		(name) => `gemma/${name}`,
	),
	'gemma/model.safetensors.index.json',
] as const;

describe('what is no regular file is refused by name and holds nothing up', () => {
	const MADE: Readonly<Record<string, (path: string) => unknown>> = {
		'a pipe': (path) => execFileSync('mkfifo', [path]),
		'a folder': (path) => mkdir(path),
		'a link to a device': (path) => symlink('/dev/zero', path),
		'a link that leads to itself': (path) => symlink(path, path),
		'a link that leads nowhere': (path) => symlink('gone', path),
	};

	test.each(Object.entries(MADE))('%s', async (what, make) => {
		const model = await folderOf(`no ${what}`, {
			'distilled.safetensors': await tinyCheckpoint('ltx-2-tiny'),
		});
		await rm(join(model, 'gemma'));
		execFileSync('cp', ['-rL', TINY_GEMMA, join(model, 'gemma')]);
		for (const file of FILES) {
			const path = join(model, file);
			const aside = join(bench.folder, 'aside');
			const isThere = file !== 'gemma/model.safetensors.index.json';
			if (isThere) await rename(path, aside);
			await make(path);
			expect(await refused(model), file).toContain(file);
			await rm(path, { recursive: true });
			if (isThere) await rename(aside, path);
		}
		expect((await planned(model)).steps).toBe(8);
		expect((await bench.pickup(['daemon', 'stop'])).code).toBe(0);
	});
});
