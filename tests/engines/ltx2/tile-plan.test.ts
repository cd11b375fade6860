import { describe, expect, it } from 'vitest';
import {
	fitTiles,
	type PerAxis,
	type TilePlan,
	type Way,
} from '../../../inference-daemon/engines/ltx2/vae/tile-plan.ts';

describe('a plan for a memory', () => {
	/** As a decoder whose run takes one byte for each latent of a tile. */
	const planFor = (latent: PerAxis<number>, memory: number, way: Way = 'decode') =>
		fitTiles(latent, { way, memory, bytesOf: ([t, y, x]) => t * y * x });
	const sizesOf = (plan: TilePlan) =>
		plan.map((spans) => [...new Set(spans.map(({ input: [from, to] }) => to - from))]);

	const LATENTS: readonly PerAxis<number>[] = [
		[1, 2, 2],
		[1, 34, 60],
		[4, 4, 40],
		[16, 16, 24],
		[16, 34, 60],
		[33, 68, 120],
	];
	const MEMORIES = [100, 300, 1000, 3000, 10_000, 100_000, 1_000_000];

	it.each(LATENTS.flatMap((latent) => MEMORIES.map((memory) => [latent, memory] as const)))(
		'%j in %i keeps its limit with tiles of one size that cover everything',
		(latent, memory) => {
			const plan = planFor(latent, memory);
			const sizes = sizesOf(plan);
			expect(sizes.every((found) => found.length === 1)).toBe(true);
			const [t, y, x] = sizes.flat() as [number, number, number];
			const isWhole = latent.every((n, axis) => n === [t, y, x][axis]);
			expect(isWhole).toBe(latent[0] * latent[1] * latent[2] <= memory || isTiny(latent));
			if (isWhole) return;
			// The least that the overlaps allow.
			expect(t * y * x).toBeLessThanOrEqual(Math.max(memory, leastOf(latent)));
			for (const [axis, spans] of plan.entries()) {
				const most = [11, 24, 24][axis]!;
				const scale = [8, 32, 32][axis]!;
				const [least, end] = [[17, 64, 64][axis]!, (latent[axis]! - 1) * scale];
				expect(sizes[axis]![0]).toBeLessThanOrEqual(most);
				expect(spans[0]!.output[0]).toBe(0);
				expect(spans.at(-1)!.output[1]).toBe(end + (axis === 0 ? 1 : scale));
				for (const [i, { output }] of spans.entries()) {
					if (i === 0) continue;
					expect(spans[i - 1]!.output[1] - output[0]).toBeGreaterThanOrEqual(least);
				}
			}
		},
	);

	function isTiny(latent: PerAxis<number>): boolean {
		return latent.every((n, axis) => n <= [4, 3, 3][axis]!);
	}

	function leastOf([t, y, x]: PerAxis<number>): number {
		return Math.min(t, 4) * Math.min(y, 3) * Math.min(x, 3);
	}

	it('takes the least work of what fits, and the smallest tiles where nothing does', () => {
		const counts = (plan: TilePlan) => plan.map((spans) => spans.length);
		// 121 frames of 1080p, the reference’s tiles allowed: they share three latents in time.
		const plan = planFor([16, 34, 60], 11 * 24 * 24);
		expect(sizesOf(plan)).toEqual([[10], [18], [22]]);
		expect(counts(plan)).toEqual([2, 2, 3]);
		expect(sizesOf(planFor([16, 34, 60], 1))).toEqual([[4], [3], [3]]);
	});
});
