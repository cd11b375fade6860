import { chmod, readdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { ownFolder } from '../files/own-folder.ts';
import { PickupError } from '../protocol/errors.ts';
import type { statePaths } from './settings.ts';

/**
 * What may stand in a folder that a daemon has not used yet: the command's note of starting one,
 * and weights that were put there before.
 */
const START_LOG = 'daemon-start.log';
const MODELS = 'models';

/**
 * Makes the state folder the owner's alone (mode 0700), with nothing in it that leads elsewhere but
 * the weights. A folder that has other things in it and was never a state folder is not taken over:
 * what a daemon leaves in its own tells, also where the jobs were deleted by hand.
 */
export async function claimStateFolder(
	folder: string,
	paths: ReturnType<typeof statePaths>,
): Promise<void> {
	const { database, portFile, log, previews, posters, work, cache } = paths;
	const tells = [database, portFile, log].map((path) => basename(path));
	const own = [previews, posters, work, cache].map((path) => basename(path));
	const beside = ['-wal', '-shm'].map((end) => `${basename(database)}${end}`);
	await ownFolder(folder, [...tells, ...own, ...beside, START_LOG, `${basename(log)}.1`]);
	if (process.platform === 'win32') return;
	const names = await readdir(folder);
	const others = names.filter((name) => name !== START_LOG && name !== MODELS);
	if (others.length === 0 || tells.some((name) => names.includes(name))) {
		return chmod(folder, 0o700);
	}
	throw new PickupError(
		'usage',
		`Expected an empty folder or one that a daemon has used, got ${folder} with ${others[0]}`,
		{ field: 'state', action: 'Name a folder for the daemon alone with --state.' },
	);
}
