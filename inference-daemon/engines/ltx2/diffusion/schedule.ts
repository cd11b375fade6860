/** 8 steps of a distilled checkpoint (Lightricks/LTX-2, pipelines' constants). */
export const DISTILLED = [
	1, 0.99375, 0.9875, 0.98125, 0.975, 0.909375, 0.725, 0.421875, 0,
] as const;

/** 3 steps that finish an upsampled latent. */
export const DISTILLED_STAGE_2 = [0.909375, 0.725, 0.421875, 0] as const;

/** The distilled sigmas for another number of steps: read off between them. */
export function distilledSchedule(steps: number): readonly number[] {
	const last = DISTILLED.length - 1;
	return Array.from({ length: steps + 1 }, (_, i) => {
		const at = (i * last) / steps;
		const below = Math.floor(at);
		const [from, to] = [DISTILLED[below]!, DISTILLED[Math.min(last, below + 1)]!];
		return from + (to - from) * (at - below);
	});
}

/** What is left of a schedule that begins with less noise: to change a source in part. */
export function scheduleFrom(sigmas: readonly number[], first: number): readonly number[] {
	return [first, ...sigmas.filter((sigma) => sigma < first)];
}

const SHIFT_LOW = 0.95;
const SHIFT_HIGH = 2.05;
const TOKENS_LOW = 1024;
const TOKENS_HIGH = 4096;
const LAST_SIGMA = 0.1;

/**
 * Sigmas of a checkpoint that is not distilled: steps + 1 values from 1 to 0. Even steps are moved
 * towards 1, the more so the more tokens (null: as for 4096), σ = e^μ / (e^μ + 1/s − 1), then
 * stretched so that the last but one is 0.1 (LTX2Scheduler of Lightricks/LTX-2). A single step goes
 * all the way.
 */
export function devSchedule(steps: number, tokens: number | null = null): number[] {
	if (!Number.isSafeInteger(steps) || steps < 1) {
		throw new RangeError(`Expected at least 1 step, got ${steps}`);
	}
	if (steps === 1) return [1, 0];
	const slope = (SHIFT_HIGH - SHIFT_LOW) / (TOKENS_HIGH - TOKENS_LOW);
	const mu = SHIFT_LOW + ((tokens ?? TOKENS_HIGH) - TOKENS_LOW) * slope;
	// In float32, as the published sigmas were: stretching would show the difference.
	const f = Math.fround;
	const shift = f(Math.exp(mu));
	const even = Array.from({ length: steps }, (_, i) => f(1 - i / steps));
	const missing = even.map((s) => {
		const sum = f(shift + f(f(1 / s) - 1));
		return f(1 - f(f(1 / sum) * shift));
	});
	const stretch = f(missing.at(-1)! / (1 - LAST_SIGMA));
	return [...missing.map((rest) => f(1 - f(rest / stretch))), 0];
}
