import { setImmediate as turn } from 'node:timers/promises';

/**
 * Does the work in the event loop's next turn: what has been asked of a network until then has begun, so
 * that the work goes on beside it. Works are done in their order. Who does not wait for one that fails is
 * not told.
 */
export function meanwhile<T>(work: () => T | Promise<T>): Promise<T> {
	const done = turn().then(work);
	done.catch(() => {});
	return done;
}
