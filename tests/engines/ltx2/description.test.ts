import { mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeLtx2 } from '../../../inference-daemon/engines/ltx2/model/description.ts';
import { modelAt } from '../../../inference-daemon/engines/ltx2/model/known-model.ts';
import { engineDescriptionSchema } from '../../../protocol/engines.ts';
import { ffmpeg } from '../../media/media-files.ts';
import { TINY_GEMMA, tinyCheckpoint } from './tiny.ts';

let folder: string;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'pickup-description-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function modelFolder(name: string, files: Readonly<Record<string, string>>) {
	const model = join(folder, name);
	await mkdir(model);
	for (const [link, target] of Object.entries(files)) await symlink(target, join(model, link));
	return model;
}

test('without weights it names each file, its size and the folder for it', async () => {
	const model = join(folder, 'nothing here');
	const told = engineDescriptionSchema.parse(await describeLtx2(ffmpeg, { model }));
	expect(told).toMatchObject({ ready: false, model: null });
	const need = told.needs.find(({ present }) => !present)!;
	expect(need.what).toContain(model);
	expect(need.action).toContain(`Put into ${model}:`);
	for (const line of [
		/ltx-2-19b-distilled\.safetensors \(43\.3 GB\)/,
		/ltx-2-19b-distilled-fp8\.safetensors \(27\.1 GB\)/,
		/folder gemma-3-12b-it-qat-q4_0-unquantized: Gemma 3 12B \(25 GB\)/,
		/ltx-2-spatial-upscaler-x2-1\.0\.safetensors \(1 GB\)/,
		/ltx-2-19b-distilled-lora-384\.safetensors \(7\.6 GB\)/,
		/--model DIR/,
		/PICKUP_MODEL/,
	]) {
		expect(need.action).toMatch(line);
	}
});

test('half a model is told by what is missing', async () => {
	const weights = await tinyCheckpoint('ltx-2-tiny');
	const model = await modelFolder('half', { 'weights.safetensors': weights });
	const told = await describeLtx2(ffmpeg, { model });
	expect(told.ready).toBe(false);
	expect(told.needs.find(({ present }) => !present)!.what).toMatch(/missing: text encoder \(Gemma/);
});

test('a broken file is told by its own name, with what to do about it', async () => {
	const model = await modelFolder('broken', { gemma: TINY_GEMMA });
	await writeFile(join(model, 'page.safetensors'), '<html>Access denied');
	const need = (await describeLtx2(ffmpeg, { model })).needs.find(({ present }) => !present)!;
	expect(need.what).toContain('page.safetensors');
	expect(need.action).toContain('pickup models inspect');
});

test('it says what the checkpoint at hand can do', async () => {
	const [weights, upsampler] = await Promise.all(
		['ltx-2-tiny', 'ltx-2-tiny-spatial-upscaler-x2'].map(tinyCheckpoint),
	);
	const one = await modelFolder('one stage', { 'x.safetensors': weights!, gemma: TINY_GEMMA });
	const told = engineDescriptionSchema.parse(await describeLtx2(ffmpeg, { model: one }));
	expect(told).toMatchObject({
		ready: true,
		takes: { loras: true, reference: true, openLength: false },
		model: { title: 'LTX-2 19B distilled', folder: one, guided: false, stages: 1 },
	});
	expect(told.needs.every(({ present }) => present)).toBe(true);
	expect(told.settings.find(({ name }) => name === 'steps')?.default).toBe(8);

	const dev = { 'a-dev.safetensors': weights!, 'up.safetensors': upsampler!, gemma: TINY_GEMMA };
	const guided = await describeLtx2(ffmpeg, { model: await modelFolder('dev', dev) });
	expect(guided.model).toMatchObject({ title: 'LTX-2 19B dev', guided: true, stages: 1 });
	expect(guided.settings.find(({ name }) => name === 'steps')?.default).toBe(40);
	const lora = await tinyCheckpoint('ltx-2-tiny-distilled-lora');
	const both = await modelFolder('both', { ...dev, 'distilled-lora.safetensors': lora });
	expect((await describeLtx2(ffmpeg, { model: both })).model).toMatchObject({
		stages: 2,
		loras: [],
	});
	const two = { 'x.safetensors': weights!, 'up.safetensors': upsampler!, gemma: TINY_GEMMA };
	const twice = await describeLtx2(ffmpeg, { model: await modelFolder('two stages', two) });
	expect(twice.model).toMatchObject({ guided: false, stages: 2, loras: [] });
	// A distilled model has no use of its own for it: it is there to be named.
	const styled = await modelFolder('styled', { ...two, 'style.safetensors': lora });
	const { model } = await describeLtx2(ffmpeg, { model: styled });
	expect(model?.loras).toEqual([expect.stringMatching(/\.safetensors$/)]);
});

test('headers are read once, and again where a file has changed', async () => {
	const weights = await tinyCheckpoint('ltx-2-tiny');
	const model = await modelFolder('kept', { gemma: TINY_GEMMA });
	await expect(modelAt(model)).rejects.toThrow(/missing/);
	await symlink(weights, join(model, 'x.safetensors'));
	const first = await modelAt(model);
	expect(await modelAt(model)).toBe(first);
	const page = join(model, 'page.safetensors');
	await writeFile(page, '<html>Access denied');
	const beside = await modelAt(model);
	expect(beside).not.toBe(first);
	expect(beside.notes.join()).toMatch(/Left out: .*page\.safetensors/);
	await rename(page, join(model, 'page.html'));
	const again = await modelAt(model);
	expect(again).not.toBe(beside);
	expect(again.notes.join()).not.toContain('page');
	await utimes(join(model, 'page.html'), 1, 1);
	expect(await modelAt(model)).not.toBe(again);
});
