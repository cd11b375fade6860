import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Model, openModel } from './open-model.ts';

let known: { readonly mark: string; readonly model: Promise<Model> } | null = null;

/**
 * The model in a folder, as `openModel` finds it; read again only where the files there, or in its
 * folders, have changed since it was asked for last. Throws what `openModel` throws.
 */
export async function modelAt(folder: string): Promise<Model> {
	const mark = JSON.stringify([folder, await marksIn(folder, 1)]);
	if (known?.mark !== mark) {
		const model = openModel(folder);
		known = { mark, model };
		// What was wrong may be put right where no mark shows it, as with permissions.
		model.catch(() => {
			if (known?.model === model) known = null;
		});
	}
	return known.model;
}

type Mark = readonly [path: string, size: number, modified: number];

/** Names, sizes and times of what lies in a folder; none where there is no folder. */
async function marksIn(folder: string, depth: number): Promise<readonly Mark[]> {
	const entries = await readdir(folder).catch(() => []);
	const marks = await Promise.all(
		entries.sort().map(async (name): Promise<readonly Mark[]> => {
			const path = join(folder, name);
			const found = await stat(path).catch(() => null);
			if (found === null) return [];
			if (found.isDirectory()) return depth === 0 ? [] : marksIn(path, depth - 1);
			return [[path, found.size, found.mtimeMs]];
		}),
	);
	return marks.flat();
}
