import { expect, it } from 'vitest';
import { drawTrial, trialAt } from '../engines/inbetween/sizes.ts';

it('draws a draft at every width and every height from 16 to 400', async () => {
	for (const [step, offset] of [
		[1, 0],
		[149, 57],
		[83, 200],
	] as const) {
		for (let i = 0; i < 385; i++) {
			const trial = trialAt(i + offset, 16 + i, 16 + ((i * step + offset) % 385));
			const drawn = await drawTrial(trial).then(
				(frames) => frames.length > 0,
				(error: unknown) => error,
			);
			expect(drawn, JSON.stringify(trial)).toBe(true);
		}
	}
});
