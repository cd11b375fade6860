import { lstat, mkdir, rmdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { PickupError } from '../protocol/errors.ts';
import { errorCode } from './system-errors.ts';

/** A path as people write it: `~` is their home, a relative one begins in the working folder. */
export function pathFrom(text: string): string {
	return resolve(text.replace(/^~(?=$|[/\\])/, home));
}

/**
 * Where daemon and command meet: jobs, the port file and the log are there. Where nobody names one
 * it is the system's place for a program's data. Throws `system-refused` for a user without a home folder.
 */
export function stateFolder(named: string | undefined): string {
	return pathFrom(named || join(dataFolder(), 'pickup'));
}

/**
 * Makes a folder and those above it that are not there; gives what it made, innermost first. Node's
 * own way never ends in a folder where the system makes none, as /proc.
 */
export async function makeFolder(path: string, mode = 0o777): Promise<string[]> {
	const made: string[] = [];
	for (const folder of (await missingFolders(path)).reverse()) {
		try {
			await mkdir(folder, { mode });
			made.unshift(folder);
		} catch (error) {
			// Somebody may have made it meanwhile, and then it is for others to say what it is.
			if (errorCode(error) === 'EEXIST') continue;
			for (const folder of made) await rmdir(folder).catch(() => {});
			throw error;
		}
	}
	return made;
}

/** The folders of the path that are not there yet, innermost first. */
async function missingFolders(path: string): Promise<string[]> {
	const isThere = dirname(path) === path || (await lstat(path).catch(() => null)) !== null;
	return isThere ? [] : [path, ...(await missingFolders(dirname(path)))];
}

function dataFolder(): string {
	switch (process.platform) {
		case 'darwin':
			return join(home(), 'Library', 'Application Support');
		case 'win32':
			return process.env.LOCALAPPDATA || join(home(), 'AppData', 'Local');
		default:
			return process.env.XDG_DATA_HOME || join(home(), '.local', 'share');
	}
}

function home(): string {
	try {
		return homedir();
	} catch (cause) {
		throw new PickupError(
			'system-refused',
			'Expected a home folder for Pickup’s state, this user has none',
			{
				action: 'Name a folder for it with PICKUP_STATE.',
				cause,
			},
		);
	}
}
