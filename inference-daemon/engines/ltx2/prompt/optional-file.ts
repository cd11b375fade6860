import { lstat } from 'node:fs/promises';
import { readRegular } from '../../../../files/open-regular.ts';
import { errorCode } from '../../../../files/system-errors.ts';
import { PickupError } from '../../../../protocol/errors.ts';

/**
 * A small file beside the weights; null where there is none, which a link that leads nowhere is not.
 * Throws PickupError `bad-weights` or `not-a-regular-file`.
 */
export async function readOptional(path: string): Promise<Buffer | null> {
	try {
		return await readRegular(path);
	} catch (error) {
		if (error instanceof PickupError) throw error;
		const isMissing = errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR';
		const entry = isMissing ? await lstat(path).catch(() => null) : null;
		if (isMissing && entry === null) return null;
		throw new PickupError('bad-weights', `Expected to read ${path}: ${error}`, { field: path });
	}
}
