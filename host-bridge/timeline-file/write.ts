import { randomBytes } from 'node:crypto';
import { link, open, realpath, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { PickupError } from '../../protocol/errors.ts';

/**
 * Writes a file into an existing folder, whole or not at all: under another name first, then synced
 * and renamed. A file that is there already is refused unless `overwrite` is set; `source` is never
 * written over, by whatever path it is reached.
 * Throws PickupError `folder-missing`, `folder-not-writable`, `disk-full` or `bad-request`.
 */
export async function writeWhole(
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
	const part = path.join(folder, `.${path.basename(file)}.${randomBytes(6).toString('hex')}.part`);
	try {
		const handle = await open(part, 'wx');
		try {
			await handle.writeFile(bytes);
			await handle.sync();
		} finally {
			await handle.close();
		}
		if (options.overwrite) await rename(part, file);
		else await moveUnlessThere(part, file);
		await syncFolder(folder);
	} catch (error) {
		throw explained(error, file);
	} finally {
		await rm(part, { force: true });
	}
}

async function checkFolder(folder: string): Promise<void> {
	const found = await stat(folder).catch((error: NodeJS.ErrnoException) => {
		if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
		throw explained(error, folder);
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

/** A hard link fails where the name is taken, which a rename would not. */
async function moveUnlessThere(part: string, file: string): Promise<void> {
	try {
		await link(part, file);
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code === 'EEXIST') throw error;
		// Some file systems know no links.
		const taken = await stat(file).catch(() => null);
		if (taken) throw Object.assign(new Error('exists'), { code: 'EEXIST' });
		await rename(part, file);
	}
}

async function syncFolder(folder: string): Promise<void> {
	if (process.platform === 'win32') return;
	const handle = await open(folder, 'r');
	try {
		await handle.sync();
	} finally {
		await handle.close();
	}
}

/** ENOENT: the folder is there, but the system makes no files in it. */
const NOT_WRITABLE = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOENT', 'ENOTSUP', 'EINVAL']);

function explained(error: unknown, file: string): unknown {
	if (error instanceof PickupError) return error;
	const { code } = error as NodeJS.ErrnoException;
	const folder = path.dirname(file);
	if (code === 'EEXIST') {
		return new PickupError('bad-request', `Expected a free name, but ${file} is there already`, {
			field: 'output',
			action: 'Name another folder with -o, or move the file away.',
		});
	}
	if (code === 'ENOSPC' || code === 'EDQUOT') {
		return new PickupError('disk-full', `Expected room in ${folder} for the timeline, got none`, {
			field: 'output',
			cause: error,
		});
	}
	if (code !== undefined && NOT_WRITABLE.has(code)) {
		return new PickupError('folder-not-writable', `Expected to write into ${folder}: ${code}`, {
			field: 'output',
			cause: error,
		});
	}
	return error;
}
