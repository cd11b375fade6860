import { mkdir, readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { filesKey } from '../weights/files-key.ts';
import { keepTensors, readKeptTensors } from '../weights/kept-tensors.ts';
import type { Context } from './encode.ts';

export type ContextCache = {
	/** Made where it is missing. What is not of this cache is left alone there. */
	readonly folder: string;
	/** Bytes that all contexts together may take; the longest unused go first. Default 2 GiB. */
	readonly limit?: number;
	/** Told why a context could not be kept, which is no reason to fail. */
	readonly warn?: (reason: string) => void;
};

const LIMIT = 2 * 1024 ** 3;

/** Changes when the same inputs come to mean another context. */
const VERSION = 'pickup text context 1';

/** Belongs to `told` and to what files hold; see `filesKey`. */
export function contextKey(told: readonly unknown[], paths: readonly string[]): Promise<string> {
	return filesKey([VERSION, ...told], paths);
}

/** Marks it as used. Null where there is none, and for what is damaged or something else. */
export async function recall({ folder }: ContextCache, key: string): Promise<Context | null> {
	const path = join(folder, fileName(key));
	const kept = await readKeptTensors(path, key);
	if (!kept?.video || !kept.audio) return null;
	const now = new Date();
	await utimes(path, now, now).catch(() => {});
	return { video: kept.video, audio: kept.audio };
}

/** Never throws: what cannot be kept is made again. */
export async function remember(
	{ folder, limit = LIMIT, warn }: ContextCache,
	key: string,
	context: Context,
): Promise<void> {
	try {
		await mkdir(folder, { recursive: true, mode: 0o700 });
		await keepTensors(join(folder, fileName(key)), key, context);
		await removeOldest(folder, limit);
	} catch (error) {
		warn?.(`The context of a prompt could not be kept in ${folder}: ${error}`);
	}
}

function fileName(key: string): string {
	return `${key}.safetensors`;
}

const CONTEXT = /^[0-9a-f]{64}\.safetensors$/;

async function removeOldest(folder: string, limit: number): Promise<void> {
	const names = (await readdir(folder)).filter((name) => CONTEXT.test(name));
	const found = await Promise.all(
		names.map(async (name) => ({ name, facts: await stat(join(folder, name)).catch(() => null) })),
	);
	const files = found
		.flatMap(({ name, facts }) =>
			facts?.isFile() ? [{ name, size: facts.size, time: facts.mtimeMs }] : [],
		)
		.sort((a, b) => b.time - a.time);
	let total = 0;
	for (const { name, size } of files) {
		total += size;
		if (total > limit) await rm(join(folder, name), { force: true });
	}
}
