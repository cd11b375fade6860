import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { PickupError } from '../protocol/errors.ts';

export type OpenOptions = {
	readonly links?: 'follow' | 'refuse';
	/** What is said to be expected where it is something else. */
	readonly expected?: string;
};

/**
 * Opens a file for reading if it is a regular one. An ordinary open of a FIFO that nobody writes to
 * never returns, and with it goes one of the few threads that this process has for files; opening
 * some devices does things. Links are followed unless told otherwise. Throws PickupError
 * `not-a-regular-file`, and what the system says where the file cannot be opened.
 */
export async function openRegular(
	path: string,
	{ links = 'follow', expected = 'a regular file' }: OpenOptions = {},
): Promise<FileHandle> {
	// Looked at before it is opened, for what opening would do, and after, for what it is by then.
	const facts = await stat(path);
	if (!facts.isFile()) throw notRegular(path, facts, expected);
	const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
	const file = await open(path, O_RDONLY | O_NONBLOCK | (links === 'refuse' ? O_NOFOLLOW : 0));
	try {
		const opened = await file.stat();
		if (!opened.isFile()) throw notRegular(path, opened, expected);
		return file;
	} catch (error) {
		await file.close();
		throw error;
	}
}

/** All of a regular file, of at most `most` bytes. Throws as `openRegular`, and RangeError. */
export async function readRegular(path: string, most = 1024 ** 3): Promise<Buffer> {
	const file = await openRegular(path);
	try {
		const { size } = await file.stat();
		if (size > most) throw new RangeError(`Expected at most ${most} bytes in ${path}, got ${size}`);
		return await file.readFile();
	} finally {
		await file.close();
	}
}

function notRegular(path: string, facts: Stats, expected: string): PickupError {
	const got = facts.isDirectory() ? 'a folder' : 'a device, pipe or socket';
	return new PickupError('not-a-regular-file', `Expected ${expected} at ${path}, got ${got}`, {
		field: path,
	});
}
