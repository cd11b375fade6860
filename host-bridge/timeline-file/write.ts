import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { writeError } from '../../files/system-errors.ts';
import { writeWhole } from '../../files/write-whole.ts';
import { PickupError } from '../../protocol/errors.ts';

/**
 * Writes a timeline into an existing folder, whole or not at all. A file that is there already is
 * refused unless `overwrite` is set; `source` is never written over, by whatever path it is reached.
 * Throws PickupError `folder-missing`, `folder-not-writable`, `disk-full` or `bad-request`.
 */
export async function writeTimeline(
	file: string,
	bytes: Uint8Array,
	options: { readonly source: string; readonly overwrite?: boolean },
): Promise<void> {
	const folder = path.dirname(file);
	await checkFolder(folder);
	if (await isSameFile(file, options.source)) {
		throw new PickupError(
			'bad-request',
			`Expected another place than that of the timeline itself, got ${file}`,
			{ field: 'output', action: 'Name another folder with -o: the old timeline stays as it is.' },
		);
	}
	try {
		await writeWhole(file, bytes, { taken: options.overwrite ? 'replace' : 'refuse' });
	} catch (error) {
		throw writeError(error, folder, 'the timeline');
	}
}

async function checkFolder(folder: string): Promise<void> {
	const found = await stat(folder).catch((error: NodeJS.ErrnoException) => {
		if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
		throw writeError(error, folder, 'the timeline');
	});
	if (found?.isDirectory()) return;
	throw new PickupError(
		'folder-missing',
		`Expected an existing folder, got ${folder}${found ? ', which is a file' : ''}`,
		{ field: 'output' },
	);
}

async function isSameFile(a: string, b: string): Promise<boolean> {
	const [real, other] = await Promise.all([a, b].map((file) => realpath(file).catch(() => null)));
	if (real === null || other === null || real === undefined || other === undefined) return false;
	if (real === other) return true;
	const [left, right] = await Promise.all([stat(real), stat(other)]);
	return left.ino === right.ino && left.dev === right.dev && left.ino !== 0;
}
