import type { Stats } from 'node:fs';
import { chmod, lstat, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { PickupError } from '../protocol/errors.ts';
import { makeFolder } from './folders.ts';

/** Where everything in the state folder stands. */
export function statePaths(state: string) {
	return {
		database: join(state, 'jobs.db'),
		portFile: join(state, 'daemon.json'),
		/** Which Node runs which file as the daemon: what an editor starts where none runs. */
		programFile: join(state, 'program.json'),
		/** Where the last daemon listened. */
		address: join(state, 'address.json'),
		/** When which editor was connected last. */
		connections: join(state, 'connections.json'),
		/** What `pickup install` has put into editors. */
		installed: join(state, 'installed.json'),
		log: join(state, 'daemon.log'),
		/** What a daemon that the command starts says. */
		startLog: join(state, 'daemon-start.log'),
		previews: join(state, 'previews'),
		work: join(state, 'work'),
		cache: join(state, 'cache'),
		/** Clips of projects that were never saved. */
		unsaved: join(state, 'clips'),
		/** Libraries that `pickup setup gpu` has fetched, unless PICKUP_GPU names another folder. */
		gpu: join(state, 'gpu'),
		model: join(state, 'models', 'ltx2'),
	} as const;
}

/**
 * Makes the state folder and those in it the owner's alone (mode 0700), with nothing in it that leads
 * elsewhere but the weights. A folder that has other things in it and was never a state folder is not taken over:
 * what a daemon leaves in its own tells, also where the jobs were deleted by hand. Nothing is written
 * into a folder that is refused. Throws PickupError `folder-not-writable` and `usage`, and what the
 * system says.
 */
export async function claimStateFolder(folder: string): Promise<void> {
	const {
		database,
		portFile,
		programFile,
		address,
		installed,
		connections,
		log,
		startLog,
		previews,
		work,
		cache,
		unsaved,
		gpu,
	} = statePaths(folder);
	const beside = [
		startLog,
		programFile,
		address,
		installed,
		connections,
		`${database}-wal`,
		`${database}-shm`,
		`${log}.1`,
	];
	const tells = [database, portFile, log];
	const folders = [previews, work, cache, unsaved, gpu];
	await makeFolder(folder, 0o700);
	await checkOwner(folder, [...tells, ...beside], folders);
	if (process.platform === 'win32') return;
	const names = await readdir(folder);
	// Weights and libraries may have been put there before, or weights prepared, or editors given Pickup, or a daemon not have started.
	const first = [
		'models',
		'gpu',
		'cache',
		...[startLog, installed, programFile].map((path) => basename(path)),
	];
	const others = names.filter((name) => !first.includes(name));
	if (others.length === 0 || tells.some((path) => names.includes(basename(path)))) {
		const found = folders.filter((path) => names.includes(basename(path)));
		for (const path of [folder, ...found]) await chmod(path, 0o700);
		return;
	}
	throw new PickupError(
		'usage',
		`Expected an empty folder or one that a daemon has used, got ${folder} with ${others[0]}`,
		{ field: 'state', action: 'Name a folder for the daemon alone with --state.' },
	);
}

/**
 * Also an administrator is not led by a folder that belongs to somebody else, nor by a link in it, and
 * nobody waits for a pipe that stands where a file should, nor loses a file that stands where a folder should.
 */
async function checkOwner(
	folder: string,
	files: readonly string[],
	folders: readonly string[],
): Promise<void> {
	const stats = await stat(folder);
	if (!stats.isDirectory()) throw notOwn(folder, 'which is no folder');
	const user = process.geteuid?.();
	const isOther = ({ uid }: Stats) => user !== undefined && uid !== user;
	if (isOther(stats)) throw notOwn(folder, `which belongs to user ${stats.uid}`);
	for (const path of [...files, ...folders]) {
		const found = await lstat(path).catch(() => null);
		if (!found) continue;
		if (found.isSymbolicLink()) throw notOwn(path, 'which is a link');
		if (files.includes(path) && !found.isFile()) throw notOwn(path, 'which is no file');
		if (folders.includes(path) && !found.isDirectory()) throw notOwn(path, 'which is no folder');
		if (isOther(found)) throw notOwn(path, `which belongs to user ${found.uid}`);
	}
}

function notOwn(path: string, got: string): PickupError {
	return new PickupError(
		'folder-not-writable',
		`Expected a state folder of user ${process.geteuid?.()} alone, got ${path}, ${got}`,
		{ field: 'state', action: 'Name a folder of your own with --state or PICKUP_STATE.' },
	);
}
