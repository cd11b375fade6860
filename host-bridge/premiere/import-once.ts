import { PickupError } from '../../protocol/errors.ts';

declare function setTimeout(callback: () => void, milliseconds: number): unknown;

/** Pickup's bin in the project. */
export const BIN = 'Pickup';

/** How often it is looked for an item that comes late, and for how long, in ms. */
const LOOK_EVERY = 50;
const LOOK_FOR = 15_000;

/**
 * The item of a file, imported where it is not there. What is there is told by the path of its
 * media: Premiere says success for an import that did nothing. Throws `media-unreadable`.
 */
export async function importOnce<T>(
	path: string,
	find: () => Promise<T | null>,
	start: () => Promise<unknown>,
): Promise<T> {
	const before = await find();
	if (before) return before;
	await start();
	for (let waited = 0; waited < LOOK_FOR; waited += LOOK_EVERY) {
		const found = await find();
		if (found) return found;
		await pause(LOOK_EVERY);
	}
	throw new PickupError('media-unreadable', `Premiere did not import ${path}`, {
		field: path,
		action: 'Import the file by hand to see what Premiere says of it.',
	});
}

export function pause(milliseconds: number): Promise<void> {
	return new Promise((resolve) => {
		setTimeout(resolve, milliseconds);
	});
}
