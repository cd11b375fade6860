import * as z from 'zod';
import { readRegular } from '../../files/open-regular.ts';
import { statePaths } from '../../files/state-folder.ts';
import { errorCode } from '../../files/system-errors.ts';
import { writeWhole } from '../../files/write-whole.ts';
import { PickupError } from '../../protocol/errors.ts';

const putSchema = z.object({
	program: z.string(),
	/** The program's version or name, as a person reads it. */
	of: z.string(),
	/** Of Pickup. */
	version: z.string(),
	at: z.string(),
	files: z.array(z.object({ path: z.string(), sha256: z.string() })),
	/** Made for the files, innermost first. */
	folders: z.array(z.string()),
});
const receiptSchema = z.array(putSchema);

/** What was put where: written down before it is done, so that it can always be taken out. */
export type Put = z.infer<typeof putSchema>;

const MOST_BYTES = 4_000_000;

/** Throws `usage` where it cannot be read: then nobody knows what was put where. */
export async function readReceipt(state: string): Promise<readonly Put[]> {
	const path = receiptPath(state);
	try {
		return receiptSchema.parse(JSON.parse((await readRegular(path, MOST_BYTES)).toString()));
	} catch (error) {
		if (errorCode(error) === 'ENOENT') return [];
		const why = error instanceof Error ? error.message : String(error);
		throw new PickupError('usage', `Expected the list of what is installed in ${path}: ${why}`, {
			action: 'Delete that file, and then by hand what was installed before.',
		});
	}
}

export async function writeReceipt(state: string, puts: readonly Put[]): Promise<void> {
	await writeWhole(receiptPath(state), `${JSON.stringify(puts, null, '\t')}\n`, { mode: 0o600 });
}

function receiptPath(state: string): string {
	return statePaths(state).installed;
}
