import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { PickupError } from '../../protocol/errors.ts';

const run = promisify(execFile);

/** A program of Adobe's, as people call it, and what to do where it refuses. */
export type Asked = { readonly name: string; readonly action: string };

/** Gives what it says. Throws PickupError `system-refused` with that where it fails. */
export async function askProgram(
	of: Asked,
	program: string,
	args: readonly string[],
): Promise<string> {
	try {
		return (await run(program, [...args])).stdout;
	} catch (cause) {
		const { stdout = '', stderr = '', message } = cause as Error & Record<string, string>;
		throw refusedBy(of, `${stdout}${stderr}`.trim() || message, cause);
	}
}

export function refusedBy({ name, action }: Asked, said: string, cause?: unknown): PickupError {
	return new PickupError('system-refused', `${name}: ${said}`, {
		action,
		...(cause === undefined ? {} : { cause }),
	});
}
