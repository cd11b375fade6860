import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { readRegular } from '../../files/open-regular.ts';
import { writeWhole } from '../../files/write-whole.ts';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const ledgerSchema = z.object({
	version: z.literal(1),
	/** What the file was made from, as it was then. */
	original: z.object({ path: z.string(), sha256 }),
	sequence: z.object({ index: z.int().min(0), name: z.string() }),
	/** The name of the file that this stands beside. */
	file: z.string(),
	/** How often it was changed. */
	edits: z.int().min(0),
	/** What was done last, each with the file before and after it; null is no file. */
	operations: z.array(z.object({ id: z.uuid(), before: sha256.nullable(), after: sha256 })),
});

/**
 * What was done to a file that clips land in; it lies beside that file. It is written before the
 * file is: which of the two a crash came between, the file itself tells.
 */
export type Ledger = z.infer<typeof ledgerSchema>;

/** How many operations are remembered; nobody asks for one again after so many others. */
const MOST_OPERATIONS = 1000;

const ENDING = '.pickup.json';

/** The ledgers in a folder for a sequence of a timeline, whatever it was when they were begun. */
export async function ledgersIn(
	folder: string,
	original: string,
	sequence: Ledger['sequence'],
): Promise<readonly Ledger[]> {
	const names = await readdir(folder).catch(() => []);
	const found: Ledger[] = [];
	for (const name of names.filter((each) => each.endsWith(ENDING)).sort()) {
		const ledger = await readLedger(join(folder, name));
		if (ledger?.original.path !== original || `${ledger.file}${ENDING}` !== name) continue;
		if (ledger.sequence.index === sequence.index) found.push(ledger);
	}
	return found;
}

/** The ledger without an operation that was never done: the file is what it was before it. */
export function settled(ledger: Ledger, file: string | null): Ledger {
	const last = ledger.operations.at(-1);
	if (!last || last.after === file || last.before !== file) return ledger;
	return { ...ledger, operations: ledger.operations.slice(0, -1) };
}

export function withOperation(ledger: Ledger, operation: Ledger['operations'][number]): Ledger {
	const operations = [...ledger.operations, operation].slice(-MOST_OPERATIONS);
	return { ...ledger, edits: ledger.edits + 1, operations };
}

export function writeLedger(folder: string, ledger: Ledger): Promise<void> {
	return writeWhole(join(folder, ledger.file + ENDING), `${JSON.stringify(ledger, null, '\t')}\n`);
}

/** Null for what is damaged or of another make: then another file is begun. */
async function readLedger(path: string): Promise<Ledger | null> {
	try {
		return ledgerSchema.parse(JSON.parse((await readRegular(path)).toString()));
	} catch {
		return null;
	}
}
