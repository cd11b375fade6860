import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PickupError } from '../protocol/errors.ts';
import { errorCode } from './system-errors.ts';

/** Throws PickupError `disk-full` where a folder, which need not be there yet, has not that many bytes free. */
export async function checkRoom(folder: string, bytes: number, action: string): Promise<void> {
	const free = await freeIn(folder);
	if (free >= bytes) return;
	throw new PickupError(
		'disk-full',
		`Expected ${gigabytes(bytes)} free in ${folder}, found ${gigabytes(free)}`,
		{ field: folder, action },
	);
}

/** As 1.3 GB or 77 MB. */
export function gigabytes(bytes: number): string {
	return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.ceil(bytes / 1e6)} MB`;
}

async function freeIn(folder: string): Promise<number> {
	try {
		const { bavail, bsize } = await statfs(folder);
		return bavail * bsize;
	} catch (error) {
		if (errorCode(error) !== 'ENOENT' || dirname(folder) === folder) throw error;
		return freeIn(dirname(folder));
	}
}
