import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
	connectorGraph,
	connectorRows,
} from '../../../inference-daemon/engines/ltx2/networks/connector.ts';
import type { Gemma } from '../../../inference-daemon/engines/ltx2/networks/gemma.ts';
import { gemma4 } from '../../../inference-daemon/engines/ltx2/networks/gemma4.ts';
import {
	textConfig,
	textFeaturesGraph,
} from '../../../inference-daemon/engines/ltx2/networks/text-features.ts';
import { promptContext } from '../../../inference-daemon/engines/ltx2/prompt/context.ts';
import type { Context } from '../../../inference-daemon/engines/ltx2/prompt/encode.ts';
import { openTextEncoder } from '../../../inference-daemon/engines/ltx2/prompt/encoder.ts';
import { Session } from '../../../inference-daemon/engines/ltx2/runtime/session.ts';
import { Checkpoint } from '../../../inference-daemon/engines/ltx2/weights/checkpoint.ts';
import { readSafetensors } from '../../../inference-daemon/engines/ltx2/weights/safetensors.ts';
import { PickupError } from '../../../protocol/errors.ts';
import { gemmaStates } from './gemma-states.ts';
import { goldenPath, PROVIDERS, runGraph } from './golden.ts';
import {
	contextOf,
	countSessions,
	goldenText,
	PROMPTS,
	type PromptCase,
	SESSIONS,
} from './prompt-tools.ts';
import { writeWeights } from './sparse.ts';
import { readTensors, type Tensors } from './tensors.ts';
import { TINY_GEMMA, tinyCheckpoint } from './tiny.ts';

const TOLERANCE = 5e-5;
const LENGTH = 128;

const sessions = countSessions();

let folder: string;

beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'pickup-text-'));
});

afterAll(() => rm(folder, { recursive: true }));

describe('the context of a prompt', () => {
	it.each(distinct(PROMPTS))('is the reference’s ($name)', async ({ cases, ...first }) => {
		const overlong = first.prefix === 'text' ? 'refuse' : 'cut';
		const { prompt, length, checkpoint } = first;
		const found = await contextOf(prompt, { length, overlong }, checkpoint);
		expect(sessions).toEqual({ now: 0, most: 1, opened: SESSIONS });
		for (const one of cases) await compare(found, one);
	});

	const others = PROVIDERS.filter((provider) => provider !== 'cpu');

	it.each(others)(
		'is the reference’s on %s, with weights in bfloat16',
		async (provider) => {
			const one = PROMPTS.find(({ run }) => run === 't2v_bf16_weights')!;
			const { prompt, length, checkpoint } = one;
			await compare(await contextOf(prompt, { provider, length }, checkpoint), one);
		},
		// A processor that stands in for a GPU compiles eleven graphs' shaders.
	);
});

describe('a prompt', () => {
	it('may be empty', async () => {
		const { video, audio } = await contextOf('', { length: LENGTH });
		expect([video.shape, audio.shape]).toEqual([
			[LENGTH, 48],
			[LENGTH, 48],
		]);
		expect([...video.data, ...audio.data].every(Number.isFinite)).toBe(true);
		expect(await contextOf(' \n', { length: LENGTH })).toEqual({ video, audio });
	});

	it('of more than 1,024 tokens is refused with the count before anything is opened', async () => {
		const error = await contextOf('♫'.repeat(400)).catch((error: unknown) => error);
		expect(error).toBeInstanceOf(PickupError);
		expect(error).toMatchObject({ code: 'bad-request', field: 'prompt' });
		expect((error as Error).message).toMatch(/at most 1024 tokens, got 1201/);
		expect(sessions.opened).toBe(0);
	});

	it('of exactly as many as fit is not', async () => {
		const prompt = `${'é'.repeat(63)}Q`;
		const options = { length: LENGTH } as const;
		await expect(contextOf(prompt, options)).resolves.toBeDefined();
		await expect(contextOf(`${prompt}Q`, options)).rejects.toThrow(/at most 128 tokens, got 129/);
		const cut = await contextOf(`${prompt}Q`, { ...options, overlong: 'cut' });
		expect(cut).toEqual(await contextOf(prompt, options));
	});
});

describe('the text networks', () => {
	it('tell how far they are, never backwards', async () => {
		const told: number[] = [];
		await contextOf('a kite', { length: LENGTH, onProgress: (fraction) => told.push(fraction) });
		expect(told).toHaveLength(SESSIONS);
		expect(told).toEqual(told.toSorted((a, b) => a - b));
		expect(told.at(-1)).toBeCloseTo(1);
		expect(told.at(-2)).toBeLessThan(0.95);
	});

	it.each([1, 2, 8, 9, 10])(
		'stop before the next session when they are aborted after %i',
		async (after) => {
			const abort = new AbortController();
			const reason = new Error('enough');
			const run = contextOf('a kite', {
				length: LENGTH,
				signal: abort.signal,
				onProgress: () => sessions.opened === after && abort.abort(reason),
			});
			await expect(run).rejects.toBe(reason);
			expect(sessions).toEqual({ now: 0, most: 1, opened: after });
		},
	);

	it('open nothing for a request that is aborted already', async () => {
		const signal = AbortSignal.abort();
		await expect(contextOf('a kite', { signal })).rejects.toThrow(/abort/);
		expect(sessions.opened).toBe(0);
	});

	it('leave no session behind when one fails', async () => {
		const once = Session.once.bind(Session);
		const failing = vi.spyOn(Session, 'once');
		failing.mockImplementationOnce((graph, _, options) => once(graph, {}, options));
		await expect(contextOf('a kite')).rejects.toThrow(
			'gemma embedding: expected tokens of [3], got none',
		);
		failing.mockRestore();
		expect(sessions).toEqual({ now: 0, most: 1, opened: 1 });
	});

	it('are refused before the first session where a tensor is missing', async () => {
		const encoder = await openTextEncoder(TINY_GEMMA);
		const empty = await Checkpoint.open(join(TINY_GEMMA, 'model.safetensors'));
		const error = await promptContext('a kite', encoder, empty).catch((error: unknown) => error);
		expect(error).toMatchObject({ code: 'bad-weights' });
		expect((error as Error).message).toMatch(/text_embedding_projection.*learnable_registers/);
		expect(sessions.opened).toBe(0);
	});
});

describe('a text encoder', () => {
	it('in parts gives what it gives in one file', async () => {
		const parts = join(folder, 'parts');
		await mkdir(parts);
		for (const name of ['config.json', 'tokenizer.json', 'tokenizer_config.json']) {
			await copyFile(join(TINY_GEMMA, name), join(parts, name));
		}
		const { tensors } = await readTensors(join(TINY_GEMMA, 'model.safetensors'));
		const weight_map: Record<string, string> = {};
		for (const [i, part] of ['one.safetensors', 'two.safetensors'].entries()) {
			const some = Object.entries(tensors).filter((_, k) => k % 2 === i);
			for (const [name] of some) weight_map[name] = part;
			await writeTensors(join(parts, part), Object.fromEntries(some));
		}
		const index = join(parts, 'model.safetensors.index.json');
		await writeFile(index, JSON.stringify({ weight_map }));
		const options = { length: LENGTH };
		const model = await Checkpoint.open(await tinyCheckpoint('ltx-2-tiny'));
		const expected = await contextOf('a kite', options);
		for (const path of [parts, index]) {
			const encoder = await openTextEncoder(path);
			expect(await promptContext('a kite', encoder, model, options)).toEqual(expected);
		}
	});

	it('may be Gemma 4 in a file with the projection and the tokenizer', async () => {
		const { path, model } = await laterModel(LETTERS);
		const encoder = await openTextEncoder(path);
		const found = await promptContext('a kite', encoder, model, { length: LENGTH });
		const tokens = [2, ...[...'a▁kite'].map((letter) => LETTERS.indexOf(letter))];
		const expected = await byNetworks(gemma4(encoder.checkpoint), model, tokens);
		expect(apart(found.video, expected.video)).toBeLessThan(TOLERANCE);
		expect(apart(found.audio, expected.audio)).toBeLessThan(TOLERANCE);
		expect(found.audio.shape).toEqual([LENGTH, 16]);
	});

	it('with the tokenizer of another is refused', async () => {
		const strange = [...LETTERS, ...Array.from({ length: 100 }, (_, i) => `#${i}`), 'é'];
		const { path, model } = await laterModel(strange);
		const run = promptContext('é', await openTextEncoder(path), model, { length: LENGTH });
		await expect(run).rejects.toThrow(/96 tokens, got token 131/);
		expect(sessions.opened).toBe(0);
	});

	it('that is not there is refused by its path', async () => {
		await expect(openTextEncoder(folder)).rejects.toThrow(PickupError);
		await expect(openTextEncoder(join(folder, 'none'))).rejects.toThrow(join(folder, 'none'));
	});
});

/** What is the same prompt to the same files, with all the runs that it is a part of. */
function distinct(prompts: readonly PromptCase[]) {
	const groups = new Map<string, PromptCase[]>();
	for (const one of prompts) {
		const key = JSON.stringify([one.prompt, one.length, one.checkpoint]);
		groups.set(key, [...(groups.get(key) ?? []), one]);
	}
	return [...groups.values()].map((cases) => ({ ...cases[0]!, cases }));
}

async function compare(found: Context, one: PromptCase): Promise<void> {
	const golden = await goldenText(one);
	expect(apart(found.video, golden.video), one.name).toBeLessThan(TOLERANCE);
	expect(apart(found.audio, golden.audio), one.name).toBeLessThan(TOLERANCE);
}

const LETTERS = ['<pad>', '<eos>', '<bos>', '<unk>', '▁', ...'abcdefghijklmnopqrstuvwxyz'];

/** The files of LTX-2.5, as far as text goes: Gemma 4 with the projection; the connectors. */
async function laterModel(vocabulary: readonly string[]) {
	const gemma = await readTensors(goldenPath('gemma4'));
	const connectors = await readTensors(goldenPath('text-features-v2'));
	const own = Object.entries(connectors.tensors).filter(([name]) => name.startsWith('model.'));
	const tokenizer = Buffer.from(
		JSON.stringify({
			version: '1.0',
			truncation: null,
			padding: null,
			added_tokens: [],
			normalizer: { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
			pre_tokenizer: null,
			post_processor: null,
			decoder: null,
			model: {
				type: 'BPE',
				unk_token: '<unk>',
				byte_fallback: false,
				merges: [],
				vocab: Object.fromEntries(vocabulary.map((piece, id) => [piece, id])),
			},
		}),
	);
	const projection = (rows: number, columns: number) => ({
		data: Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i * i) / 10),
		shape: [rows, columns],
	});
	const path = join(folder, `text encoder ${Math.random()}.safetensors`);
	const features = 'text_embedding_projection';
	const inside = {
		...gemma.tensors,
		[`${features}.video_aggregate_embed.weight`]: projection(32, 7 * 32),
		[`${features}.video_aggregate_embed.bias`]: { ...projection(1, 32), shape: [32] },
		[`${features}.audio_aggregate_embed.weight`]: projection(16, 7 * 32),
		[`${features}.audio_aggregate_embed.bias`]: { ...projection(1, 16), shape: [16] },
		tokenizer_json: { data: new Uint8Array(tokenizer), shape: [tokenizer.length] },
	};
	await writeTensors(path, inside, (await readSafetensors(goldenPath('gemma4'))).metadata);
	const transformer = join(folder, `transformer ${Math.random()}.safetensors`);
	const { metadata } = await readSafetensors(goldenPath('text-features-v2'));
	await writeTensors(transformer, Object.fromEntries(own), metadata);
	return { path, model: await Checkpoint.open(transformer, path) };
}

/** The same by the networks alone. */
async function byNetworks(gemma: Gemma, model: Checkpoint, tokens: readonly number[]) {
	const n = tokens.length;
	const states = await gemmaStates(gemma, tokens);
	const hidden_states = {
		data: Float32Array.from(states.flatMap(({ data }) => [...(data as Float32Array)])),
		shape: [states.length, n, gemma.config.hidden],
	};
	const config = textConfig(model.config.transformer);
	const weights = model.at('text_embedding_projection');
	const graph = textFeaturesGraph(weights, config, [states.length, n, gemma.config.hidden]);
	const features = await runGraph(graph, { hidden_states });
	const connect = async (stream: 'video' | 'audio') => {
		const connector = model.at(`model.diffusion_model.${stream}_embeddings_connector`);
		const inputs = { features: features[stream]!, ...connectorRows(config[stream], LENGTH) };
		const graph = connectorGraph(connector, config[stream], n, { length: LENGTH });
		return (await runGraph(graph, inputs)).context as Tensors[string];
	};
	return { video: await connect('video'), audio: await connect('audio') };
}

async function writeTensors(
	path: string,
	tensors: Tensors,
	metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
	const all = Object.entries(tensors);
	const entries = all.map(([name, { data, shape }]) => {
		return [name, [data instanceof Float32Array ? 'F32' : 'U8', shape]] as const;
	});
	const bytes = all.map(([name, { data }]) => {
		return [name, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)] as const;
	});
	await writeWeights(path, Object.fromEntries(entries), metadata, Object.fromEntries(bytes));
}

/** Largest difference; NaN where there is one. Batch axes of 1 do not count. */
function apart(got: Tensors[string], reference: Tensors[string]): number {
	expect(got.shape).toEqual(
		reference.shape.length === 3 ? reference.shape.slice(1) : reference.shape,
	);
	const differences = (got.data as Float32Array).map((x, i) =>
		Math.abs(x - Number(reference.data[i])),
	);
	return differences.some(Number.isNaN)
		? Number.NaN
		: differences.reduce((a, b) => Math.max(a, b), 0);
}
