import { PickupError } from '../../../protocol/errors.ts';
import { isOutOfMemory } from './runtime/failures.ts';
import type { Vae } from './vae/vae.ts';

/** What needed the memory, as the editor reads it: “Memory ran out while …”. */
type Doing = 'looking at the neighbours' | 'making the shot' | 'enlarging the picture' | Drawing;
type Drawing = 'drawing the picture' | 'making the sound';

/** Of a job. */
type Told = { readonly signal: AbortSignal; readonly note: (text: string) => void };

/** Closes what takes memory and plans for less: says how it goes on, or null where nothing takes less. */
export type TakeLess = () => string | null | Promise<string | null>;

/**
 * Does a step. Where memory runs out in it the step is done once more in less, from the numbers that
 * are there, until there is no smaller plan. Throws as `goOnInLess` does.
 */
export async function inLessMemory<T>(
	job: Told,
	doing: Doing,
	step: () => Promise<T>,
	takeLess: TakeLess = () => null,
): Promise<T> {
	for (;;) {
		try {
			return await step();
		} catch (error) {
			await goOnInLess(job, doing, error, takeLess);
		}
	}
}

/**
 * What to do about a step that has failed: it can go on in less memory when this returns. Throws the
 * error itself where memory was not the reason, else PickupError `out-of-memory` where the smallest
 * plan has failed.
 */
export async function goOnInLess(
	{ signal, note }: Told,
	doing: Doing,
	error: unknown,
	takeLess: TakeLess,
): Promise<void> {
	if (!isOutOfMemory(error) || signal.aborted) throw error;
	const how = await takeLess();
	if (how === null) {
		const reason = error instanceof Error ? error.message : String(error);
		const message = `Expected enough memory for ${doing}, got less than the least that it takes: ${reason}`;
		throw new PickupError('out-of-memory', message, { cause: error });
	}
	note(`Memory ran out while ${doing}, so it went on ${how}.`);
}

/** Of the video VAE, for `goOnInLess`. */
export function smallerTiles(vae: Vae): string | null {
	return vae.takeLess() ? 'in smaller tiles' : null;
}
