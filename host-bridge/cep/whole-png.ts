import { open, rm } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { PickupError } from '../../protocol/errors.ts';
import type { Size } from '../../protocol/schemas.ts';

/** How often a file is looked at, in ms, and how long it may take to come whole. */
const LOOK_EVERY = 50;
const PATIENCE = 60_000;

/**
 * Waits until a PNG is there whole, and gives its size: After Effects writes it after it was asked
 * for, in pieces, so that neither its being there nor a size that rests says that it is done.
 * Throws `host-refused`, and leaves nothing half there.
 */
export async function wholePng(path: string, patience = PATIENCE): Promise<Size> {
	for (let waited = 0; waited <= patience; waited += LOOK_EVERY) {
		const size = await sizeOf(path);
		if (size) return size;
		await pause(LOOK_EVERY);
	}
	await rm(path, { force: true });
	throw new PickupError('host-refused', 'After Effects wrote no picture of that frame', {
		field: 'host',
		action: 'Look whether After Effects shows a message, then try again.',
	});
}

const SIGNATURE = '89504e470d0a1a0a';

/** A PNG begins with its signature and IHDR, and ends in an empty IEND. */
async function sizeOf(path: string): Promise<Size | null> {
	const file = await open(path, 'r').catch(() => null);
	if (!file) return null;
	try {
		const { size } = await file.stat();
		if (size < 57) return null;
		const head = Buffer.alloc(24);
		const tail = Buffer.alloc(12);
		await file.read(head, 0, 24, 0);
		await file.read(tail, 0, 12, size - 12);
		const isWhole =
			head.toString('hex', 0, 8) === SIGNATURE && tail.toString('latin1', 4, 8) === 'IEND';
		return isWhole ? { width: head.readUInt32BE(16), height: head.readUInt32BE(20) } : null;
	} finally {
		await file.close();
	}
}
