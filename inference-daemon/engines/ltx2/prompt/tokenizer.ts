import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { builtFile } from '../../../../files/built-file.ts';
import { openRegular } from '../../../../files/open-regular.ts';
import { PickupError } from '../../../../protocol/errors.ts';
import { inTurn } from '../../../../protocol/in-turn.ts';
import type { Checkpoint } from '../weights/checkpoint.ts';
import type { Tensor } from '../weights/safetensors.ts';
import { isRecord } from '../weights/shards.ts';
import { readOptional } from './optional-file.ts';
import type { TokensReply, TokensWanted } from './tokenizer-worker.ts';

/**
 * The tokens of a prompt without the spaces around it, the one that begins every text in front; no
 * end, no chat template. The tokenizer is that of a Gemma: `tokenizer.json` in a folder or beside
 * the weights, or, as LTX-2.5 has it, bytes inside their file. Throws PickupError `bad-weights`.
 */
export async function tokensOf(
	source: string | Checkpoint,
	prompt: string,
): Promise<readonly number[]> {
	const { bytes, config, where } = await read(source);
	const first = textOf(config?.bos_token) ?? '<bos>';
	const reply = await ask({ json: bytes, first, text: prompt.trim() });
	if ('failure' in reply) throw unusable(where, reply.failure);
	return reply.tokens;
}

/** Throws PickupError `bad-weights` or `not-a-regular-file` where `openTokenizer` could not read it. */
export async function findTokenizer(source: Checkpoint): Promise<void> {
	const { bytes, where } = await read(source);
	// Tens of megabytes take a second to parse: one that was cut or replaced is told by its ends.
	const text = [bytes.subarray(0, 64), bytes.subarray(-64)].join('').trim();
	if (!text.startsWith('{') || !text.endsWith('}'))
		throw unusable(where, 'what is no whole JSON object');
}

/** The folder with `tokenizer.json`; null where the tokenizer is inside the file with the weights. */
function tokenizerFolder(source: string | Checkpoint): string | null {
	if (typeof source === 'string') return source;
	return source.find(INSIDE) ? null : dirname(source.files[0]!.path);
}

const INSIDE = 'tokenizer_json';
const FILE = 'tokenizer.json';
const CONFIG = 'tokenizer_config.json';

type Source = { readonly bytes: Buffer; readonly config: Json | null; readonly where: string };

async function read(source: string | Checkpoint): Promise<Source> {
	const folder = tokenizerFolder(source);
	if (folder === null) return readInside(source as Checkpoint);
	const where = join(folder, FILE);
	const bytes = await readOptional(where);
	if (bytes === null) throw unusable(where, 'none');
	const config = await readOptional(join(folder, CONFIG));
	return { bytes, config: config ? objectIn(config) : null, where };
}

async function readInside(checkpoint: Checkpoint): Promise<Source> {
	const tensor = checkpoint.find(INSIDE)!;
	const asset = checkpoint.find(`hf_asset__${CONFIG}`);
	const told = checkpoint.files.map(({ metadata }) => metadata[CONFIG]).find(Boolean);
	const config = asset ? await readTensor(asset) : told;
	const where = `${INSIDE} in ${tensor.path}`;
	return { bytes: await readTensor(tensor), config: config ? objectIn(config) : null, where };
}

async function readTensor({ path, offset, bytes }: Tensor): Promise<Buffer> {
	const file = await openRegular(path);
	try {
		const { buffer } = await file.read(Buffer.alloc(bytes), 0, bytes, offset);
		return buffer;
	} finally {
		await file.close();
	}
}

let thread: Worker | null = null;
/** An answer belongs to the last question. */
const oneByOne = inTurn();

function ask(wanted: TokensWanted): Promise<TokensReply> {
	return oneByOne(async () => {
		const worker = thread ?? new Worker(builtFile('ltx2-tokenizer.mjs'));
		thread = worker;
		worker.ref();
		worker.postMessage(wanted);
		try {
			const [reply] = await once(worker, 'message');
			return reply as TokensReply;
		} catch (error) {
			thread = null;
			throw error;
		} finally {
			worker.unref();
		}
	});
}

type Json = Readonly<Record<string, unknown>>;

/** Null for what is no JSON of an object. */
function objectIn(text: string | Buffer): Json | null {
	try {
		const json: unknown = JSON.parse(text.toString());
		return isRecord(json) ? json : null;
	} catch {
		return null;
	}
}

/** A token is told by its text, or by an object that has it. */
function textOf(token: unknown): string | null {
	const text = isRecord(token) ? token.content : token;
	return typeof text === 'string' ? text : null;
}

function unusable(where: string, got: string): PickupError {
	return new PickupError('bad-weights', `Expected Gemma’s tokenizer at ${where}, got ${got}`, {
		field: where,
		action: 'Put tokenizer.json and tokenizer_config.json of the same Gemma beside its weights.',
	});
}
