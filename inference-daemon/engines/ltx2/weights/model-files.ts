import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PickupError } from '../../../../protocol/errors.ts';
import { Checkpoint } from './checkpoint.ts';
import { type DescribedFile, describe } from './describe.ts';
import { readWeights } from './shards.ts';

export const HOW_TO_GET =
	'Put an LTX-2 checkpoint (for example ltx-2-19b-distilled.safetensors, 43.3 GB) and a folder with Gemma 3 12B (25 GB) into one folder and name it.';

/** All names in a folder, and the paths of files with weights. Throws PickupError `engine-unavailable`. */
export async function namesIn(
	folder: string,
): Promise<{ readonly names: readonly string[]; readonly files: readonly string[] }> {
	const found = await readdir(folder).catch((cause: unknown) => {
		throw new PickupError(
			'engine-unavailable',
			`Expected a folder with LTX-2 at ${folder}, found none`,
			{ field: 'settings.model', action: HOW_TO_GET, cause },
		);
	});
	const names = found.sort();
	const files = names.filter((name) => name.endsWith('.safetensors'));
	return { names, files: files.map((name) => join(folder, name)) };
}

/**
 * The checkpoint with the transformer of the model in a folder, as `openModel` takes it there. Throws
 * PickupError `engine-unavailable` where there is none, and `bad-weights`.
 */
export async function transformerIn(folder: string): Promise<Checkpoint> {
	const { described, faults } = await readAll((await namesIn(folder)).files);
	const base = described.filter(
		(one) => isOfCheckpoint(one) && one.parts.some(({ part }) => part === 'transformer'),
	);
	if (base.length > 0) return new Checkpoint(base.map(({ file }) => file));
	const none = `Expected LTX-2 in ${folder}, found no file with its transformer`;
	throw (
		faults[0] ??
		new PickupError('engine-unavailable', none, { field: 'settings.model', action: HOW_TO_GET })
	);
}

/** What can be read of the files; a fault in one that nothing needs is no reason to stop. */
export async function readAll(files: readonly string[]): Promise<{
	readonly described: readonly DescribedFile[];
	readonly faults: readonly PickupError[];
}> {
	const described: DescribedFile[] = [];
	const faults: PickupError[] = [];
	for (const read of await Promise.allSettled(files.map((file) => readWeights(file)))) {
		if (read.status === 'fulfilled') {
			described.push({ file: read.value, ...describe([read.value]).files[0]! });
		} else if (read.reason instanceof PickupError) faults.push(read.reason);
		else throw read.reason;
	}
	return { described, faults };
}

/** Gemma, a LoRA and an upsampler are files of their own; some are of other programs. */
export function isOfCheckpoint({ parts }: DescribedFile): boolean {
	const found = parts.map(({ part }) => part);
	if (found.includes('lora') || found.includes('upsampler')) return false;
	return found.some((part) => !APART.has(part));
}

const APART: ReadonlySet<string> = new Set(['text encoder', 'tokenizer', 'not recognised']);
