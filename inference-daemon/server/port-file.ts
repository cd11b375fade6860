import { readFileSync, rmSync } from 'node:fs';
import { writeWhole } from '../../files/write-whole.ts';
import { type PortFile, portFileSchema } from '../../protocol/rpc.ts';

/** Appears whole or not at all, for the owner's eyes only. */
export function writePortFile(path: string, content: PortFile): Promise<void> {
	return writeWhole(path, `${JSON.stringify(content)}\n`, { mode: 0o600 });
}

/** Takes the file away if it is still this process's. */
export function removePortFile(path: string): void {
	try {
		const content = portFileSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
		if (content.pid === process.pid) rmSync(path);
	} catch {
		// Gone, or not one of ours: either way there is nothing to take away.
	}
}
