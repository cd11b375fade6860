import { readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readRegular } from '../../../../files/open-regular.ts';
import { writeWhole } from '../../../../files/write-whole.ts';
import type { Checkpoint } from './checkpoint.ts';
import { type PreparedLayout, preparedIn, sourcesOf } from './prepared-layout.ts';
import { isRecord } from './shards.ts';

/** Beside prepared files: which files they were made of. */
const SOURCE = 'source.json';

/** Leaves word of the files that the folder's are made of. */
export async function keepSource(checkpoint: Checkpoint, layout: PreparedLayout): Promise<void> {
	const text = JSON.stringify(sourceOf(checkpoint, layout), null, 2);
	await writeWhole(join(layout.folder, SOURCE), text, { mode: 0o600 });
}

/** Those that matrices are read from, as they were named and where they are. */
function sourceOf({ files }: Checkpoint, layout: PreparedLayout): { files: readonly string[] } {
	const paths = sourcesOf(layout);
	const named = files.filter(({ tensors }) => {
		return [...tensors.values()].some(({ path }) => paths.includes(path));
	});
	return { files: [...new Set([...named.map(({ path }) => path), ...paths])] };
}

/** Takes away what was prepared of these files when they were others. Gives how many folders. */
export async function removeStale(
	checkpoint: Checkpoint,
	cache: string,
	layout: PreparedLayout,
): Promise<number> {
	const own = new Set(sourceOf(checkpoint, layout).files);
	return remove(cache, (files, folder) => {
		return folder !== layout.folder && (files === null || files.some((file) => own.has(file)));
	});
}

/** Takes away what was prepared of files in that folder. Gives how many folders that were. */
export function removePrepared(folder: string, cache: string): Promise<number> {
	return remove(cache, (files) => files?.some((file) => dirname(file) === folder) ?? false);
}

/** `isGone` is asked for each folder, with the files that it was made of, or null where it does not tell. */
async function remove(
	cache: string,
	isGone: (files: readonly string[] | null, folder: string) => boolean,
): Promise<number> {
	const all = preparedIn(cache);
	let removed = 0;
	for (const name of await readdir(all)) {
		if (!/^[0-9a-f]{64}$/.test(name)) continue;
		const folder = join(all, name);
		if (!isGone(await readSource(folder), folder)) continue;
		await rm(folder, { recursive: true });
		removed++;
	}
	return removed;
}

async function readSource(folder: string): Promise<readonly string[] | null> {
	try {
		const source: unknown = JSON.parse((await readRegular(join(folder, SOURCE))).toString());
		const files = isRecord(source) ? source.files : null;
		return Array.isArray(files) && files.every((file) => typeof file === 'string') ? files : null;
	} catch {
		return null;
	}
}
