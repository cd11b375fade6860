import { statSync } from 'node:fs';
import { type ErrorCode, PickupError, type Problem } from '../protocol/errors.ts';

/** The system's word for an error, e.g. `ENOENT`. */
export function errorCode(error: unknown): string | undefined {
	if (!(error instanceof Error) || !('code' in error)) return undefined;
	return typeof error.code === 'string' ? error.code : undefined;
}

/** What the system says where a disk, a quota or the longest file allowed is full. */
const FULL: Readonly<Record<string, string>> = {
	ENOSPC: 'No space left on device',
	EDQUOT: 'Disk quota exceeded',
	EFBIG: 'File too large',
};

/** Why there is no room, from an error's code or from what another program said of it; null for other errors. */
export function fullDisk(error: unknown): string | null {
	const code = errorCode(error);
	if (code !== undefined && FULL[code] !== undefined) return FULL[code];
	const message = error instanceof Error ? error.message : '';
	return Object.values(FULL).find((words) => message.includes(words)) ?? null;
}

/** The one error for a full disk. `what` was to be written into `folder`. */
export function noRoom(folder: string, what: string, cause?: unknown): PickupError {
	const why = fullDisk(cause) ?? FULL.ENOSPC;
	return new PickupError('disk-full', `Expected room for ${what} in ${folder}: ${why}`, {
		field: folder,
		cause,
	});
}

/** ENOENT: the folder is there, but the system makes no files in it. */
const NOT_WRITABLE = new Set([
	...['EACCES', 'EPERM', 'EROFS', 'ENOENT', 'ENOTSUP', 'EINVAL', 'ENAMETOOLONG'],
]);

/**
 * What kept `what` from being written into `folder`: `disk-full`, `folder-missing` or
 * `folder-not-writable`. Any other error as it came.
 */
export function writeError(error: unknown, folder: string, what: string): unknown {
	if (error instanceof PickupError) return error;
	if (fullDisk(error) !== null) return noRoom(folder, what, error);
	const code = errorCode(error);
	const fields = { field: folder, cause: error };
	const isThere = statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true;
	if ((code === 'ENOENT' || code === 'ENOTDIR') && !isThere) {
		return new PickupError('folder-missing', `Expected a folder at ${folder}, found none`, fields);
	}
	if (code === undefined || !NOT_WRITABLE.has(code)) return error;
	const message = `Expected to be able to write ${what} into ${folder}: ${code}`;
	return new PickupError('folder-not-writable', message, fields);
}

/**
 * Any thrown value as a problem: what the operating system refuses is the machine's doing, and what
 * is left is `otherwise`.
 */
export function systemProblem(error: unknown, otherwise: ErrorCode = 'internal'): Problem {
	if (error instanceof PickupError) return error.toProblem();
	const { path, message } = error as NodeJS.ErrnoException;
	const full = fullDisk(error);
	const said =
		full === null
			? (message ?? String(error))
			: `No space is left on the disk of ${path ?? 'a file'}: ${full}`;
	const code = full === null ? (refusal(error) ?? otherwise) : 'disk-full';
	return new PickupError(code, said, { cause: error }).toProblem();
}

/** The code of what the operating system would not do, also where SQLite passes that on. */
function refusal(error: unknown): ErrorCode | null {
	const code = errorCode(error) ?? '';
	if (/^(EACCES|EPERM|EROFS|SQLITE_(CANTOPEN|READONLY|PERM))/.test(code)) {
		return 'folder-not-writable';
	}
	const isSystem = error instanceof Error && 'syscall' in error;
	return isSystem || /^SQLITE_(IOERR|NOMEM)/.test(code) ? 'system-refused' : null;
}
