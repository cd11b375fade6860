import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PickupError } from '../../../../protocol/errors.ts';
import type { Gemma } from '../networks/gemma.ts';
import { gemma3 } from '../networks/gemma3.ts';
import { gemma4 } from '../networks/gemma4.ts';
import { Checkpoint } from '../weights/checkpoint.ts';
import { readOptional } from './optional-file.ts';
import { tokensOf } from './tokenizer.ts';

/**
 * Gemma as it lies on the disk; nothing of its weights is in memory.
 */
export type TextEncoder = {
	readonly checkpoint: Checkpoint;
	readonly gemma: Gemma;
	/** Paths of all that the tokens and the numbers come from; those beside the weights may miss. */
	readonly files: readonly string[];
	/** Of a prompt; the tokenizer is read for it. Throws PickupError `bad-weights`. */
	tokens(prompt: string): Promise<readonly number[]>;
};

/**
 * Reads headers: of a folder with `config.json`, `tokenizer.json` and the weights, in one file or
 * in parts with an index, as Gemma 3 comes; or of one file that holds all that, as Gemma 4 comes
 * with LTX-2.5. Which of the two it is its tensors tell. Throws PickupError `bad-weights`.
 */
export async function openTextEncoder(path: string): Promise<TextEncoder> {
	const weights = await weightsAt(path);
	const checkpoint = await Checkpoint.open(weights);
	const folder = dirname(weights);
	const json = await readConfigFile(join(folder, 'config.json'));
	const isFourth = checkpoint.find('model.layers.0.layer_scalar') !== null;
	const gemma = (isFourth ? gemma4 : gemma3)(checkpoint, json);
	const beside = ['config.json', 'tokenizer.json', 'tokenizer_config.json'];
	const tensors = [...checkpoint.names()].map((name) => checkpoint.find(name)!.path);
	const files = [...new Set(tensors), ...beside.map((name) => join(folder, name))];
	return { checkpoint, gemma, files, tokens: (prompt) => tokensOf(checkpoint, prompt) };
}

const INDEX = 'model.safetensors.index.json';

async function weightsAt(path: string): Promise<string> {
	const found = await stat(path).catch(() => null);
	if (!found?.isDirectory()) return path;
	// One that cannot be read is told of, and not passed over.
	const isInParts = (await readdir(path)).includes(INDEX);
	return join(path, isInParts ? INDEX : 'model.safetensors');
}

async function readConfigFile(path: string): Promise<unknown> {
	const bytes = await readOptional(path);
	if (bytes === null) return undefined;
	try {
		return JSON.parse(bytes.toString('utf8'));
	} catch {
		throw new PickupError('bad-weights', `Expected ${path} to be JSON`, { field: path });
	}
}
