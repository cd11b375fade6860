import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Problem } from '../../protocol/errors.ts';
import type { WeightsDescription } from '../../protocol/models.ts';
import { sparseCheckpoint, writeWeights } from '../engines/ltx2/sparse.ts';
import { openWorkbench, type Workbench } from './workbench.ts';

let bench: Workbench;
let whole: string;
let gemma: string;
beforeAll(async () => {
	bench = await openWorkbench();
	whole = await sparseCheckpoint('ltx-2-19b', 'ltx-2-19b-{dev,distilled}', bench.folder);
	gemma = await sparseCheckpoint('ltx-2-19b', 'gemma-3', bench.folder);
});
afterAll(() => bench.close());

test('a file of 43 GB is told in words', async () => {
	const { code, stdout, stderr } = await bench.pickup(['models', 'inspect', whole]);
	expect([code, stderr]).toEqual([0, '']);
	const lines = stdout.split('\n').map((line) => line.trim().replace(/ {2,}/g, ' | '));
	expect(lines.slice(0, 3)).toEqual([whole, 'Family: LTX-2 19B', 'Licence: not told in the file']);
	expect(lines).toContain('Part | Kind | Tensors | Parameters | Bytes');
	expect(lines).toContain('video decoder | plain | 90 | 528,380,720 | BF16 1,056,761,440');
	expect(lines).toContain(
		'In all: 4,052 tensors, 21,638,971,237 parameters; F32 13,025,280, BF16 43,271,429,834',
	);
	expect(lines).toContain('Missing for a complete engine: text encoder (Gemma 3 12B)');
});

test('several files are told together', async () => {
	const { stdout } = await bench.pickup(['models', 'inspect', whole, gemma]);
	expect(stdout).toMatch(/All 2 files, LTX-2 19B: 4,678 tensors, 33,405,005,413 parameters/);
	// These files take no room on the disk, so there is nothing but zeros in them.
	expect(stdout).toMatch(/Problem: Expected numbers for .*, got zeros/);
	const told = await bench.pickupJson<WeightsDescription>(['models', 'inspect', whole, gemma]);
	expect(told).toMatchObject({ families: ['LTX-2 19B'], missing: [] });
	expect(told.problems).toHaveLength(2);
	expect(told.files.map(({ path }) => path)).toEqual([whole, gemma]);
	expect(told.files[1]!.parts).toEqual([
		{
			part: 'text encoder',
			kind: 'Gemma 3',
			tensors: 626,
			parameters: 11_766_034_176,
			bytes: { BF16: 23_532_068_352 },
		},
	]);
});

test('licence, version and variant stand in the metadata', async () => {
	const path = join(bench.folder, 'told.safetensors');
	await writeWeights(
		path,
		{ 'duration_head.mlp_out.weight': ['BF16', [1, 256]] },
		{
			license: 'ltx-2-community-license',
			model_version: '2.5.0',
			'modelspec.title': 'LTX dev',
		},
	);
	const { stdout } = await bench.pickup(['models', 'inspect', path]);
	expect(stdout).toContain('  Family: LTX-2.5 22B, dev\n  Version: 2.5.0\n');
	expect(stdout).toContain('  Licence: ltx-2-community-license\n');
	const told = await bench.pickupJson<WeightsDescription>(['models', 'inspect', path]);
	expect(told.files[0]).toMatchObject({ variant: 'dev', licence: 'ltx-2-community-license' });
	expect(told.missing).toContain('transformer');
});

test('files that do not go together are told, each described all the same', async () => {
	const conv = await sparseCheckpoint('ltx-2.5-22b', 'video-vae-conv', bench.folder);
	const { code, stdout } = await bench.pickup(['models', 'inspect', whole, conv]);
	expect(code).toBe(0);
	expect(stdout).toMatch(/All 2 files, of different models: /);
	expect(stdout).not.toContain('Nothing is missing');
	expect(stdout).toMatch(/Problem: the files are of different models: .* is of LTX-2 19B; /);
	expect(stdout).toMatch(
		/Problem: Expected each tensor once, got vae\.encoder\.conv_in\.conv\.weight/,
	);
});

test('a download that broke off, a file that is none and no file at all are the machine’s fault', async () => {
	const cut = join(bench.folder, 'cut.safetensors');
	await writeWeights(cut, { a: ['F32', [1000]] });
	await truncate(cut, 500);
	const page = join(bench.folder, 'page.safetensors');
	await writeFile(page, '<html>Access denied');
	const none = join(bench.folder, 'none.safetensors');
	for (const [path, message] of [
		[cut, /all of a, \d+ bytes are missing/],
		[page, /to have weights, got a web page/],
		[none, /found none/],
	] as const) {
		const { code, stdout } = await bench.pickup(['models', 'inspect', path, '--json']);
		const { error } = JSON.parse(stdout) as { error: Problem };
		expect([code, error.code, error.fault, error.field]).toEqual([
			5,
			'bad-weights',
			'machine',
			path,
		]);
		expect(error.message).toMatch(message);
		const plain = await bench.pickup(['models', 'inspect', path]);
		expect([plain.code, plain.stdout]).toEqual([5, '']);
		expect(plain.stderr).toBe(`${error.message}\n${error.action}\n`);
	}
});

test('without a file, or with another word, it says how it is used', async () => {
	expect((await bench.pickup(['models', 'inspect'])).code).toBe(2);
	expect((await bench.pickup(['models', 'find'])).code).toBe(2);
	expect((await bench.pickup(['models', '--help'])).stdout).toContain('inspect');
});
