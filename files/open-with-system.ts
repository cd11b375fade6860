import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';

/** How long it is waited for a program to say that it cannot open something, in ms. */
const OPENED_AFTER = 3000;

/** Opens an address or a path with whatever the system has for it; false where it has nothing. */
export async function openWithSystem(target: string): Promise<boolean> {
	const patience = new AbortController();
	try {
		const { default: open } = await import('open');
		const child = await open(target);
		const ended = once(child, 'exit').then(([code]) => code === 0);
		// A program that goes on running has opened it.
		return await Promise.race([ended, pause(OPENED_AFTER, true, patience)]);
	} catch {
		return false;
	} finally {
		patience.abort();
	}
}
