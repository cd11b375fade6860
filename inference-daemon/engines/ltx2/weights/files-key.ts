import { openRegular } from '../../../../files/open-regular.ts';
import { sha256Of } from '../../../../files/sha256.ts';

/**
 * SHA-256 of `told` and of what files hold: their size, the time of their last change and their
 * first bytes, which are the header of weights. A file that moves stays the same.
 */
export async function filesKey(
	told: readonly unknown[],
	paths: readonly string[],
): Promise<string> {
	const files = await Promise.all([...new Set(paths)].map(identityOf));
	return sha256Of(JSON.stringify([told, files.sort()]));
}

/** More than the longest header of a release. */
const FIRST_BYTES = 4 * 1024 * 1024;

async function identityOf(path: string): Promise<string> {
	const file = await openRegular(path).catch(() => null);
	if (file === null) return 'none';
	try {
		const { size, mtimeNs } = await file.stat({ bigint: true });
		const first = Buffer.alloc(Number(size < FIRST_BYTES ? size : FIRST_BYTES));
		await file.read(first, 0, first.length, 0);
		return `${size} ${mtimeNs} ${sha256Of(first)}`;
	} finally {
		await file.close();
	}
}
