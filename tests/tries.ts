/**
 * How often a test tries something random: a seeded sample in `npm test`, many more in `npm run soak`,
 * which says so in the environment.
 */
export function tries(sample: number, soak: number): number {
	return process.env.PICKUP_SOAK ? soak : sample;
}
