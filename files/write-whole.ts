import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, link, lstat, open, readdir, rename, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { PickupError } from '../protocol/errors.ts';
import { isRunning } from './is-running.ts';
import { errorCode } from './system-errors.ts';

export type Pieces = string | Uint8Array | readonly Uint8Array[];

/** Writes what is too large for memory, from the start of the file. */
export type Writer = (file: FileHandle) => Promise<void>;

export type WriteOptions = {
	/** Permissions, before the umask. Default 0o666. */
	readonly mode?: number;
	/** What to do about a file that has the name already. Default `replace`. */
	readonly taken?: 'replace' | 'refuse';
};

/**
 * Writes a file into an existing folder, whole or not at all: under a name of its own first, then
 * synced and renamed, so that of several writers the last one's stands. Throws PickupError
 * `bad-request` for a taken name that is to be refused, what a writer throws, and what the system says.
 */
export async function writeWhole(
	path: string,
	content: Pieces | Writer,
	{ mode = 0o666, taken = 'replace' }: WriteOptions = {},
): Promise<void> {
	const folder = dirname(path);
	await sweepOnce(folder);
	const part = join(folder, `${OWN}${randomBytes(6).toString('hex')}.part`);
	try {
		const file = await open(part, 'wx', mode);
		try {
			if (typeof content === 'function') await content(file);
			else for (const piece of piecesOf(content)) await file.writeFile(piece);
			await file.sync();
		} finally {
			await file.close();
		}
		if (taken === 'replace') await rename(part, path);
		else await nameUnlessTaken(part, path);
	} catch (error) {
		await rm(part, { force: true }).catch(() => {});
		throw error;
	}
	await syncToDisk(folder).catch(() => {
		// Not every system can sync a folder; the file itself is safe.
	});
}

/** Renames a file unless something has the name: that is never overwritten. Throws `bad-request`. */
export async function nameUnlessTaken(from: string, to: string): Promise<void> {
	try {
		// A hard link fails where the name is taken, which a rename would not.
		await link(from, to);
	} catch (error) {
		// Some file systems know no links.
		if (errorCode(error) === 'EEXIST' || (await isTaken(to))) throw nameTaken(to);
		await rename(from, to);
		return;
	}
	await rm(from, { force: true });
}

/** Whether anything has a name, a link that leads nowhere too. */
export function isTaken(path: string): Promise<boolean> {
	return lstat(path).then(
		() => true,
		() => false,
	);
}

export function nameTaken(path: string, field = 'output'): PickupError {
	return new PickupError('bad-request', `Expected a free name, but ${path} is there already`, {
		field,
		action: 'Name another folder or file, or move that one away.',
	});
}

export async function syncToDisk(path: string): Promise<void> {
	const file = await open(path, 'r');
	try {
		await file.sync();
	} finally {
		await file.close();
	}
}

function piecesOf(content: Pieces): readonly Uint8Array[] {
	if (typeof content === 'string') return [Buffer.from(content)];
	return content instanceof Uint8Array ? [content] : content;
}

const MACHINE = createHash('sha256').update(hostname()).digest('hex').slice(0, 8);

/** Before the names of what this process writes: its machine, because folders are shared, and its number. */
const OWN = `.pickup-${MACHINE}-${process.pid}-`;

const swept = new Set<string>();

/** Takes away what programs that were killed have left of files that they wrote. */
async function sweepOnce(folder: string): Promise<void> {
	if (swept.has(folder)) return;
	swept.add(folder);
	for (const name of await readdir(folder)) {
		const [, machine, pid] = /^\.pickup-([0-9a-f]{8})-(\d+)-[0-9a-f]{12}\.part$/.exec(name) ?? [];
		if (machine !== MACHINE || pid === undefined) continue;
		if (await isRunning(Number(pid))) continue;
		await rm(join(folder, name), { force: true }).catch(() => {});
	}
}
