import { describe, expect, it } from 'vitest';
import { tries } from '../../tries.ts';
import { drawTrial, trialAt } from './sizes.ts';

/** From 16 to 400. */
const SIDES = 385;

/** Sizes that are no multiple of anything; after 385 of them every width and every height. */
const SIZES = Array.from(
	{ length: tries(16, 3 * SIDES) },
	(_, i) =>
		[16 + ((i * 149) % SIDES), 16 + ((i * 83 + Math.floor(i / SIDES) * 57) % SIDES)] as const,
);

describe('small pictures of every size', () => {
	for (const [width, height] of [
		[160, 90],
		[162, 90],
		[320, 180],
	] as const) {
		it(`two shots that move each way, ${width} × ${height}`, async () => {
			for (let i = 0; i < 6; i++) await expectDrawn(i, width, height);
		});
	}

	it('sizes from 16 to 400', async () => {
		for (const [i, [width, height]] of SIZES.entries()) await expectDrawn(i, width, height);
	});
});

async function expectDrawn(index: number, width: number, height: number): Promise<void> {
	const trial = trialAt(index, width, height);
	const frames = await drawTrial(trial).catch((cause: unknown) => {
		throw new Error(JSON.stringify(trial), { cause });
	});
	expect(frames.length).toBeGreaterThan(0);
}
