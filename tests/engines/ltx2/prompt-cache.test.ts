import {
	copyFile,
	cp,
	mkdir,
	mkdtemp,
	readdir,
	readFile,
	rm,
	stat,
	truncate,
	utimes,
	writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { promptContext } from '../../../inference-daemon/engines/ltx2/prompt/context.ts';
import { openTextEncoder } from '../../../inference-daemon/engines/ltx2/prompt/encoder.ts';
import { Checkpoint } from '../../../inference-daemon/engines/ltx2/weights/checkpoint.ts';
import { readSafetensors } from '../../../inference-daemon/engines/ltx2/weights/safetensors.ts';
import { errorOf } from './golden.ts';
import { contextOf, countSessions, SESSIONS } from './prompt-tools.ts';
import { writeWeights } from './sparse.ts';
import { readTensors } from './tensors.ts';
import { TINY_GEMMA, tinyCheckpoint, writeTensors } from './tiny.ts';

const LENGTH = 128;

const sessions = countSessions();

let folder: string;

beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'pickup-contexts-'));
});

afterAll(() => rm(folder, { recursive: true }));

describe('kept contexts', () => {
	let cache: string;
	const keep = () => ({ length: LENGTH, cache: { folder: cache } }) as const;

	beforeEach(() => {
		cache = join(folder, Math.random().toString(36).slice(2));
	});

	it('are given without a session or a tokenizer the second time', async () => {
		const first = await contextOf('a kite', keep());
		expect(sessions.opened).toBe(SESSIONS);
		const told: number[] = [];
		const onProgress = (fraction: number) => told.push(fraction);
		const encoder = await openTextEncoder(TINY_GEMMA);
		const tokens = vi.spyOn(encoder, 'tokens');
		const model = await Checkpoint.open(await tinyCheckpoint('ltx-2-tiny'));
		const options = { ...keep(), onProgress };
		expect(await promptContext(' a kite\n', encoder, model, options)).toEqual(first);
		expect(sessions.opened).toBe(SESSIONS);
		expect(tokens).not.toHaveBeenCalled();
		expect(told).toEqual([1]);
		expect(await readdir(cache)).toEqual([expect.stringMatching(/^[0-9a-f]{64}\.safetensors$/)]);
	});

	it('belong to a prompt, a length, a precision and the files', async () => {
		await contextOf('a kite', keep());
		await contextOf('a bay', keep());
		await contextOf('a kite', { ...keep(), length: 256 });
		await contextOf('a kite', { ...keep(), overlong: 'cut' });
		await contextOf('a kite', { ...keep(), precision: 'float16' });
		await contextOf('a kite', keep(), 'ltx-2.3-tiny');
		expect(await readdir(cache)).toHaveLength(6);
		const copied = join(folder, 'copied');
		await cp(TINY_GEMMA, copied, { recursive: true });
		const encoder = await openTextEncoder(copied);
		const model = await Checkpoint.open(await tinyCheckpoint('ltx-2-tiny'));
		await promptContext('a kite', encoder, model, keep());
		const config = join(copied, 'config.json');
		await writeFile(
			config,
			(await readFile(config, 'utf8')).replace('"factor": 8.0', '"factor": 4.0'),
		);
		await promptContext('a kite', await openTextEncoder(copied), model, keep());
		expect(await readdir(cache)).toHaveLength(8);
	});

	it('do not change with parts of the model that they do not come from', async () => {
		const encoder = await openTextEncoder(TINY_GEMMA);
		const path = await tinyCheckpoint('ltx-2-tiny');
		const other = await readSafetensors(await tinyCheckpoint('ltx-2-tiny-spatial-upscaler-x2'));
		const model = new Checkpoint([await readSafetensors(path), other]);
		const expected = await contextOf('a kite', { length: LENGTH });
		expect(await promptContext('a kite', encoder, model, keep())).toEqual(expected);
		expect(await contextOf('a kite', keep())).toEqual(expected);
		expect(sessions.opened).toBe(2 * SESSIONS);
		expect(await readdir(cache)).toHaveLength(1);
	});

	it('change with a LoRA on the connectors and its strength, as with the weights that it makes', async () => {
		const encoder = await openTextEncoder(TINY_GEMMA);
		const path = await tinyCheckpoint('ltx-2-tiny');
		const file = await connectorLora();
		const model = await Checkpoint.open(path);
		const at = (checkpoint: Checkpoint) => promptContext('a kite', encoder, checkpoint, keep());
		const half = await at(model.withLoras([{ file, strength: 0.5 }]));
		expect(half).not.toEqual(await at(model));
		const { tensors, metadata } = await readTensors(path);
		const name = `model.${MATRIX}.weight`;
		const { data, shape } = tensors[name]!;
		const changed = (data as Float32Array).map((value) => value + 0.5);
		const merged = join(folder, 'merged.safetensors');
		await writeTensors(merged, { ...tensors, [name]: { data: changed, shape } }, metadata);
		const expected = await at(await Checkpoint.open(merged));
		expect(errorOf(half.video, expected.video)).toBeLessThan(1e-5);
		expect(half.audio).toEqual(expected.audio);
		expect(await at(model.withLoras([{ file, strength: 1 }]))).not.toEqual(half);
		expect(await readdir(cache)).toHaveLength(4);
	});

	it.each<[string, (path: string) => Promise<unknown>]>([
		['cut', (path) => truncate(path, 20_000)],
		['empty', (path) => truncate(path, 0)],
		['something else', (path) => writeFile(path, 'not a context')],
		['another model', async (path) => copyFile(join(TINY_GEMMA, 'model.safetensors'), path)],
		['changed in one bit', (path) => change(path, -1)],
		['of another shape', (path) => replaceIn(path, '[128,48]', '[48,128]')],
		['another prompt’s', (path) => replaceIn(path, /"key":"./, '"key":"g')],
	])('that are damaged are made again (%s)', async (_, damage) => {
		const first = await contextOf('a kite', keep());
		const path = join(cache, (await readdir(cache))[0]!);
		await damage(path);
		expect(await contextOf('a kite', keep())).toEqual(first);
		expect(sessions.opened).toBe(2 * SESSIONS);
		expect(await contextOf('a kite', keep())).toEqual(first);
		expect(sessions.opened).toBe(2 * SESSIONS);
	});

	it('stay under a limit; the longest unused goes, and nothing that is not theirs', async () => {
		await mkdir(cache);
		const foreign = ['notes.txt', `${'0'.repeat(63)}.safetensors`];
		for (const name of foreign) await writeFile(join(cache, name), 'x'.repeat(100_000));
		const names: string[] = [];
		const keepOne = async (prompt: string, limit: number) => {
			const before = await readdir(cache);
			await contextOf(prompt, { length: LENGTH, cache: { folder: cache, limit } });
			const added = (await readdir(cache)).find((name) => !before.includes(name));
			if (added) names.push(added);
			for (const [age, name] of names.toReversed().entries()) {
				const time = Date.now() / 1000 - 100 * (age + 1);
				await utimes(join(cache, name), time, time).catch(() => {});
			}
		};
		await keepOne('one', 1e9);
		const { size } = await stat(join(cache, names[0]!));
		await keepOne('two', 2.5 * size);
		// The first is used again, so that the second is now the longest unused.
		await contextOf('one', { length: LENGTH, cache: { folder: cache } });
		await contextOf('three', { length: LENGTH, cache: { folder: cache, limit: 2.5 * size } });
		const there = await readdir(cache);
		expect(there).toEqual(expect.arrayContaining([...foreign, names[0]]));
		expect(there).not.toContain(names[1]);
		expect(there).toHaveLength(foreign.length + 2);
		await contextOf('four', { length: LENGTH, cache: { folder: cache, limit: 0 } });
		expect((await readdir(cache)).sort()).toEqual([...foreign].sort());
	});

	it('that cannot be written are told, and the context is given', async () => {
		await writeFile(cache, 'a file where the folder should be');
		const told: string[] = [];
		const options = {
			length: LENGTH,
			cache: { folder: cache, warn: (reason: string) => told.push(reason) },
		};
		expect(await contextOf('a kite', options)).toEqual(
			await contextOf('a kite', { length: LENGTH }),
		);
		expect(told).toEqual([expect.stringContaining(cache)]);
	});
});

/** All ones, for a matrix of a connector. */
const MATRIX = 'diffusion_model.video_embeddings_connector.transformer_1d_blocks.0.attn1.to_v';

/** Adds its strength to every number of that matrix. */
async function connectorLora() {
	const path = join(folder, 'lora.safetensors');
	const halves: [string, number[]][] = [
		[`${MATRIX}.lora_A.weight`, [1, 48]],
		[`${MATRIX}.lora_B.weight`, [48, 1]],
	];
	const entries = halves.map(([name, shape]) => [name, ['F32', shape]] as const);
	const ones = new Uint8Array(new Float32Array(48).fill(1).buffer);
	const data = halves.map(([name]) => [name, ones] as const);
	await writeWeights(path, Object.fromEntries(entries), {}, Object.fromEntries(data));
	return readSafetensors(path);
}

async function change(path: string, at: number): Promise<void> {
	const bytes = await readFile(path);
	const index = at < 0 ? bytes.length + at : at;
	bytes[index] = bytes[index]! ^ 1;
	await writeFile(path, bytes);
}

/** Same length, so that the rest of the file stays in its place. */
async function replaceIn(path: string, what: string | RegExp, by: string): Promise<void> {
	const text = (await readFile(path)).toString('latin1');
	const changed = text.replace(what, by);
	expect(changed).not.toBe(text);
	await writeFile(path, Buffer.from(changed, 'latin1'));
}
