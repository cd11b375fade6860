import { rm } from 'node:fs/promises';
import { readRegular } from '../../files/open-regular.ts';
import { writeWhole } from '../../files/write-whole.ts';
import { type PortFile, portFileSchema } from '../../protocol/rpc.ts';

/** Appears whole or not at all, for the owner's eyes only. */
export function writePortFile(path: string, content: PortFile): Promise<void> {
	return writeWhole(path, `${JSON.stringify(content)}\n`, { mode: 0o600 });
}

/** Takes the file away if it is still this process's. */
export async function removePortFile(path: string): Promise<void> {
	try {
		const content = portFileSchema.parse(JSON.parse((await readRegular(path, 1e4)).toString()));
		if (content.pid === process.pid) await rm(path);
	} catch {
		// Gone, or not one of ours: either way there is nothing to take away.
	}
}
