import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { hashFile } from './download.ts';
import type { GpuPackage } from './list.ts';

/** The path of the package's wheel in a folder, where it is there and is that one; else null. */
export async function wheelIn(
	folder: string | null,
	{ wheel, bytes, sha256 }: GpuPackage,
	signal?: AbortSignal,
): Promise<string | null> {
	if (folder === null) return null;
	const path = join(folder, wheel);
	const facts = await stat(path).catch(() => null);
	return facts?.size === bytes && (await hashFile(path, signal)) === sha256 ? path : null;
}
