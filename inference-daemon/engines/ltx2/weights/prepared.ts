import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { openRegular } from '../../../../files/open-regular.ts';
import type { Checkpoint } from './checkpoint.ts';
import { layoutIn, type PreparedFile } from './prepared-layout.ts';
import type { StoredInt8 } from './quantise.ts';

/** The matrices of a transformer's blocks that `pickup models prepare` has quantised. */
export type Prepared = {
	/** By the name in a whole checkpoint; null for what stays in the checkpoint. */
	find(name: string): StoredInt8 | null;
	readonly bytes: number;
};

/**
 * What is prepared of a checkpoint; null where that is not all there, or of other files than these. Looks at
 * sizes and headers, not at all bytes. Throws PickupError `bad-weights` as `layoutIn`.
 */
export async function openPrepared(
	checkpoint: Checkpoint,
	cache: string,
): Promise<Prepared | null> {
	const { files, bytes } = await layoutIn(checkpoint, cache);
	const states = await Promise.all(files.map((file) => headerState(file)));
	if (files.length === 0 || states.some((state) => state !== 'whole')) return null;
	const matrices = files.flatMap((file) => file.matrices);
	const byName = new Map(matrices.map(({ name, stored }) => [name, stored]));
	return { bytes, find: (name) => byName.get(name) ?? null };
}

export type FileState = 'missing' | 'damaged' | 'whole';

/** By its size and its first bytes. */
export function headerState(file: PreparedFile): Promise<FileState> {
	return look(file, async () => 'whole');
}

/** By all its bytes, too; `onRead` is told how many more there are each time. Throws the signal's reason. */
export function contentState(
	file: PreparedFile,
	onRead: (bytes: number) => void,
	signal: AbortSignal,
): Promise<FileState> {
	return look(file, async (handle, sha256) => {
		onRead(file.header.length);
		const hash = createHash('sha256');
		const chunk = Buffer.alloc(CHUNK);
		for (let at = file.header.length; at < file.bytes; ) {
			signal.throwIfAborted();
			const { bytesRead } = await handle.read(chunk, 0, CHUNK, at);
			if (bytesRead === 0) return 'damaged';
			hash.update(chunk.subarray(0, bytesRead));
			at += bytesRead;
			onRead(bytesRead);
		}
		return hash.digest('hex') === sha256 ? 'whole' : 'damaged';
	});
}

const CHUNK = 1 << 22;

/** What the file is, once `further` has looked at what follows a header that is as it should be. */
async function look(
	{ path, header, hashAt, bytes }: PreparedFile,
	further: (handle: FileHandle, sha256: string) => Promise<FileState>,
): Promise<FileState> {
	// What cannot be opened is as good as not there: whoever makes it anew is told why that fails.
	const handle = await openRegular(path).catch(() => null);
	if (handle === null) return 'missing';
	try {
		if ((await handle.stat()).size !== bytes) return 'damaged';
		const found = Buffer.alloc(header.length);
		await handle.read(found, 0, found.length, 0);
		const sha256 = found.toString('latin1', hashAt, hashAt + 64);
		header.copy(found, hashAt, hashAt, hashAt + 64);
		return found.equals(header) ? await further(handle, sha256) : 'damaged';
	} finally {
		await handle.close();
	}
}
