import { randomInt } from 'node:crypto';
import fc from 'fast-check';

/**
 * How often a test tries something random: a seeded sample in `npm test`, many more in `npm run soak`,
 * which says so in the environment.
 */
export function tries(sample: number, soak: number): number {
	return process.env.PICKUP_SOAK ? soak : sample;
}

/** What is drawn from in this run: another one each time, or the one that PICKUP_SEED says. */
export const SEED = Number(process.env.PICKUP_SEED ?? randomInt(2 ** 31));

/** For the names of tests: how the same are tried again. */
export const AGAIN = `PICKUP_SEED=${SEED}`;

/** One of them, the same for as long as seed and `turn` are the same. Throws where there is none. */
export function drawn<T>(among: readonly T[], turn: number): T {
	return fc.sample(fc.constantFrom(...among), { seed: SEED + turn, numRuns: 1 })[0]!;
}
