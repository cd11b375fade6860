import { open, readFile, rm } from 'node:fs/promises';
import { PickupError } from '../protocol/errors.ts';
import { isRunning } from './is-running.ts';
import { errorCode } from './system-errors.ts';

/**
 * Does the work while no other process does: the file at `path` holds the number of the one that
 * does. Throws PickupError `state-locked`; `does` says what the other one does, e.g. fetches.
 */
export async function alone<T>(path: string, does: string, work: () => Promise<T>): Promise<T> {
	for (;;) {
		const taken = await open(path, 'wx').catch((error) => {
			if (errorCode(error) === 'EEXIST') return null;
			throw error;
		});
		if (taken !== null) {
			await taken.writeFile(`${process.pid}`).finally(() => taken.close());
			break;
		}
		const other = Number(await readFile(path, 'utf8').catch(() => ''));
		if (other > 0 && (await isRunning(other))) {
			throw new PickupError(
				'state-locked',
				`Expected to be the only one that ${does}, but process ${other} does`,
				{ action: 'Wait until it is done, or end it, then try again.' },
			);
		}
		await rm(path, { force: true });
	}
	try {
		return await work();
	} finally {
		await rm(path, { force: true });
	}
}
