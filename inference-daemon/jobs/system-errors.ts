import { type ErrorCode, PickupError, type Problem } from '../../protocol/errors.ts';

/** Any thrown value as a problem; what the operating system refuses gets its own code. */
export function systemProblem(error: unknown, otherwise: ErrorCode = 'internal'): Problem {
	if (error instanceof PickupError) return error.toProblem();
	const { code, path, message } = error as NodeJS.ErrnoException;
	const fields = { cause: error };
	switch (code) {
		case 'ENOSPC':
		case 'EDQUOT':
			return new PickupError(
				'disk-full',
				`No space is left on the disk of ${path ?? 'a file'}`,
				fields,
			).toProblem();
		case 'EACCES':
		case 'EPERM':
		case 'EROFS':
			return new PickupError('folder-not-writable', `${message}`, fields).toProblem();
		default:
			return new PickupError(otherwise, message ?? String(error), fields).toProblem();
	}
}
