import { chmod, readdir, stat } from 'node:fs/promises';
import { makeFolder } from '../files/folders.ts';
import { PickupError } from '../protocol/errors.ts';

/**
 * What may stand in a folder that a daemon has not used yet: the command's note of starting one,
 * and weights that were put there before.
 */
const HARMLESS = ['daemon-start.log', 'models'];

/**
 * Makes the state folder the owner's alone (mode 0700). A folder that has other things in it and
 * was never a state folder is not taken over. `database` is the name that tells.
 */
export async function claimStateFolder(folder: string, database: string): Promise<void> {
	await makeFolder(folder, 0o700);
	const stats = await stat(folder);
	if (!stats.isDirectory()) {
		throw new PickupError('usage', `Expected a folder for the daemon's state, got ${folder}`, {
			field: 'state',
		});
	}
	if (process.platform === 'win32') return;
	const names = await readdir(folder);
	const others = names.filter((name) => !HARMLESS.includes(name));
	if (others.length > 0 && !names.includes(database)) {
		throw new PickupError(
			'usage',
			`Expected an empty folder or one that a daemon has used, got ${folder} with ${others[0]}`,
			{ field: 'state', action: 'Name a folder for the daemon alone with --state.' },
		);
	}
	if ((stats.mode & 0o077) !== 0) await chmod(folder, 0o700);
}
