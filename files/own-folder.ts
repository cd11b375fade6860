import { lstat, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PickupError } from '../protocol/errors.ts';
import { makeFolder } from './folders.ts';

/**
 * Makes a folder (mode 0700), or checks that it is this user's: also an administrator is not led by
 * a folder that belongs to somebody else. `names` may stand in it, but not as links nor
 * as somebody else's. Throws PickupError `folder-not-writable`, and what the
 * system says.
 */
export async function ownFolder(folder: string, names: readonly string[]): Promise<void> {
	await makeFolder(folder, 0o700);
	const stats = await stat(folder);
	if (!stats.isDirectory()) throw notOwn(folder, 'which is no folder');
	const user = process.geteuid?.();
	if (user === undefined) return;
	if (stats.uid !== user) throw notOwn(folder, `which belongs to user ${stats.uid}`);
	for (const path of names.map((name) => join(folder, name))) {
		const found = await lstat(path).catch(() => null);
		if (found?.isSymbolicLink()) throw notOwn(path, 'which is a link');
		if (found && found.uid !== user) throw notOwn(path, `which belongs to user ${found.uid}`);
	}
}

function notOwn(path: string, got: string): PickupError {
	return new PickupError(
		'folder-not-writable',
		`Expected a state folder of user ${process.geteuid?.()} alone, got ${path}, ${got}`,
		{ field: 'state', action: 'Name a folder of your own with --state or PICKUP_STATE.' },
	);
}
