import { copyFile, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Tokenizer as PieceTokenizer } from '@huggingface/tokenizers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tokensOf } from '../../../inference-daemon/engines/ltx2/prompt/tokenizer.ts';
import { Checkpoint } from '../../../inference-daemon/engines/ltx2/weights/checkpoint.ts';
import { PickupError } from '../../../protocol/errors.ts';
import { goldenText, PROMPTS } from './prompt-tools.ts';
import { type Entries, writeWeights } from './sparse.ts';
import { TINY_GEMMA } from './tiny.ts';

const BOS = 2;

let folder: string;

beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'pickup-tokenizer-'));
});

afterAll(() => rm(folder, { recursive: true }));

it.each(PROMPTS)('gives the reference’s tokens ($name)', async (prompt) => {
	const { tokens } = await goldenText(prompt);
	const found = await tokensOf(TINY_GEMMA, prompt.prompt);
	expect(found.slice(0, prompt.length)).toEqual(tokens);
	expect(found.length > prompt.length).toBe(prompt.name === 'v23_guided, negative');
});

it('leaves out the spaces around a prompt; an empty one is the token that begins', async () => {
	const encode = (text: string) => tokensOf(TINY_GEMMA, text);
	expect(await encode(' \n a street  at night\t')).toEqual(await encode('a street  at night'));
	expect(await encode('a street at night')).not.toEqual(await encode('a street  at night'));
	expect(await encode('')).toEqual([BOS]);
	expect(await encode(' \n ')).toEqual([BOS]);
});

it('tells bytes of what it does not know', async () => {
	// Byte b is token 4 + b.
	const bytes = [...new TextEncoder().encode('♫𝄞')].map((byte) => 4 + byte);
	expect(await tokensOf(TINY_GEMMA, '♫𝄞')).toEqual([BOS, ...bytes]);
});

it('is read anew where its file is another', async () => {
	const place = join(folder, 'kept');
	await cp(TINY_GEMMA, place, { recursive: true });
	const kept = await tokensOf(TINY_GEMMA, 'a red kite');
	expect(await tokensOf(place, 'a red kite')).toEqual(kept);
	const path = join(place, 'tokenizer.json');
	const json = JSON.parse(await readFile(path, 'utf8'));
	await writeFile(path, JSON.stringify({ ...json, model: { ...json.model, merges: [] } }));
	const anew = await tokensOf(place, 'a red kite');
	expect(anew.length).toBeGreaterThan(kept.length);
});

it('cuts odd texts as the library does', async () => {
	const json = JSON.parse(await readFile(join(TINY_GEMMA, 'tokenizer.json'), 'utf8'));
	for (const text of ['naïve café, 雨の夜, ♫𝄞, \ud800 alone', '<unk> ▁marked▁ <0x41>']) {
		const { ids } = new PieceTokenizer(json, {}).encode(text, { add_special_tokens: false });
		expect(await tokensOf(TINY_GEMMA, text)).toEqual([BOS, ...ids]);
	}
});

describe('inside the file with the weights', () => {
	it('is found, with what its configuration calls the first token', async () => {
		const plain = await checkpointWith({});
		const other = { bos_token: { content: '<start_of_turn>' } };
		const named = await checkpointWith({ config: JSON.stringify(other) });
		const expected = await tokensOf(TINY_GEMMA, 'a red kite');
		expect(await tokensOf(plain, 'a red kite')).toEqual(expected);
		expect(await tokensOf(named, 'a red kite')).toEqual([635, ...expected.slice(1)]);
	});

	it('its configuration may be among the metadata', async () => {
		const config = JSON.stringify({ bos_token: '<end_of_turn>' });
		const checkpoint = await checkpointWith({}, { 'tokenizer_config.json': config });
		expect(await tokensOf(checkpoint, '')).toEqual([636]);
	});

	it('is refused by name where it is none', async () => {
		const checkpoint = await checkpointWith({ tokenizer: '{"model": 3}' });
		await expect(tokensOf(checkpoint, '')).rejects.toThrow(/tokenizer_json in .*weights/);
	});
});

it('is found beside a checkpoint without one', async () => {
	const checkpoint = await Checkpoint.open(join(TINY_GEMMA, 'model.safetensors'));
	expect(await tokensOf(checkpoint, '')).toEqual([BOS]);
});

describe('a folder', () => {
	it('without a tokenizer is refused with the file that is expected', async () => {
		const error = await tokensOf(folder, '').catch((error: unknown) => error);
		expect(error).toBeInstanceOf(PickupError);
		expect(error).toMatchObject({ code: 'bad-weights', field: join(folder, 'tokenizer.json') });
	});

	it('with something else in its place is refused', async () => {
		for (const text of ['', '[]', '{}', '{"model": {}}', '{"version": ']) {
			await writeFile(join(folder, 'tokenizer.json'), text);
			await expect(tokensOf(folder, '')).rejects.toThrow(PickupError);
		}
	});

	it('whose configuration names a first token that is none is refused by its name', async () => {
		await copyFile(join(TINY_GEMMA, 'tokenizer.json'), join(folder, 'tokenizer.json'));
		await writeFile(join(folder, 'tokenizer_config.json'), '{"bos_token": "<begin>"}');
		await expect(tokensOf(folder, '')).rejects.toThrow(/no token <begin>/);
	});
});

async function checkpointWith(
	{ tokenizer, config }: { tokenizer?: string; config?: string },
	metadata: Record<string, string> = {},
): Promise<Checkpoint> {
	const own = await readFile(join(TINY_GEMMA, 'tokenizer.json'));
	const data: Record<string, Uint8Array> = {
		tokenizer_json: tokenizer === undefined ? own : Buffer.from(tokenizer),
		...(config === undefined ? {} : { 'hf_asset__tokenizer_config.json': Buffer.from(config) }),
	};
	const entries: Entries = Object.fromEntries(
		Object.entries(data).map(([name, bytes]) => [name, ['U8', [bytes.length]]]),
	);
	const path = join(folder, `weights ${Math.random().toString(36).slice(2)}.safetensors`);
	await writeWeights(path, entries, metadata, data);
	return Checkpoint.open(path);
}
