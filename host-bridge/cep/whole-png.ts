import { open, rename, rm } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { PickupError } from '../../protocol/errors.ts';
import type { Size } from '../../protocol/schemas.ts';

/** How often a file is looked at, in ms, and how long it may take to come whole. */
const LOOK_EVERY = 50;
const PATIENCE = 60_000;

export type AwaitedPng = {
	/** The editor, as people call it. */
	readonly program: string;
	/** Where it is to be in the end, and the names under which the editor may write it. */
	readonly path: string;
	readonly written: readonly string[];
	/** The size that it has to have. */
	readonly wanted: Size;
	/** In ms. */
	readonly patience?: number;
};

/**
 * Waits until a PNG is there whole: editors write it after they were asked for it, in pieces, so that
 * neither its being there nor a size that rests says that it is done. Throws `host-refused`, and
 * leaves nothing half there.
 */
export async function wholePng(awaited: AwaitedPng): Promise<Size> {
	const { program, path, written, wanted, patience = PATIENCE } = awaited;
	let isThere = false;
	try {
		for (let waited = 0; waited <= patience; waited += LOOK_EVERY) {
			for (const candidate of written) {
				const size = await sizeOf(candidate);
				if (!size) continue;
				expectSize(program, size, wanted);
				await rename(candidate, path);
				isThere = true;
				return size;
			}
			await pause(LOOK_EVERY);
		}
		throw new PickupError('host-refused', `${program} wrote no picture of that frame`, {
			field: 'host',
			action: `Look whether ${program} shows a message, then try again.`,
		});
	} finally {
		for (const candidate of written) {
			if (!isThere || candidate !== path) await rm(candidate, { force: true });
		}
	}
}

function expectSize(program: string, got: Size, wanted: Size): void {
	if (got.width === wanted.width && got.height === wanted.height) return;
	throw new PickupError(
		'host-refused',
		`Expected a picture of ${wanted.width} × ${wanted.height}, ${program} wrote ${got.width} × ${got.height}`,
		{ field: 'host' },
	);
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
