import * as z from 'zod';

/** Building blocks that the other schemas share. Every one refuses what is out of range by name. */

export const integer = z.int();
export const count = z.int().min(0);

/** A billion frames last for more than a year at 30 a second; arithmetic with them stays exact. */
const MOST_FRAMES = 1_000_000_000;
export const framePosition = z.int().min(-MOST_FRAMES).max(MOST_FRAMES);
export const frameCount = count.max(MOST_FRAMES);

export const rationalSchema = z
	.strictObject({ num: z.int(), den: z.int().min(1) })
	.readonly()
	.meta({ id: 'Rational', description: 'A rational number; seconds unless said otherwise.' });

/** A position in a file; nothing that is played is three years long. */
export const secondsSchema = rationalSchema.refine(within(1e8), {
	message: 'expected a time within 100,000,000 seconds',
});

export const speedSchema = rationalSchema.refine(within(10_000), {
	message: 'expected a speed of at most 10,000',
});

export const pixelAspectSchema = rationalSchema.refine(
	({ num, den }) => num * 10 >= den && num <= den * 10,
	{
		message: 'expected a pixel aspect from 1/10 to 10',
	},
);

function within(limit: number) {
	return ({ num, den }: { num: number; den: number }) => Math.abs(num / den) <= limit;
}

/** As large as the halves of a rate are in media files and where a clip's clock is written. */
const rateHalf = z.int().min(1).max(0x7fff_ffff);

/** H.264 at a rate of longer halves cannot be written. */
const MOST_DEN = 500_000_000;

export const frameRateSchema = z
	.strictObject({ num: rateHalf, den: z.int().min(1).max(MOST_DEN) })
	.refine((rate) => rate.num / rate.den >= 1 && rate.num / rate.den <= 1000, {
		message: 'expected a rate between 1 and 1000 frames per second',
	})
	.readonly()
	.meta({ id: 'FrameRate', description: 'Frames per second, e.g. 24000/1001 for 23.976.' });

/** Of what a file holds, which may be a frame a minute or thousands a second. */
export const averageRateSchema = z
	.strictObject({ num: rateHalf, den: rateHalf })
	.readonly()
	.meta({ id: 'AverageRate', description: 'Frames per second on average, above 0.' });

export const frameRangeSchema = z
	.strictObject({ start: framePosition, end: framePosition })
	.refine((range) => range.end > range.start, {
		message: 'expected an end after the start: a range has at least one frame',
	})
	.readonly()
	.meta({ id: 'FrameRange', description: 'Frames start ≤ f < end, in sequence frames.' });

export const sizeSchema = z
	.strictObject({ width: z.int().min(2).max(16_384), height: z.int().min(2).max(16_384) })
	.readonly()
	.meta({ id: 'Size', description: 'Pixels.' });

/** Paths travel as text; a NUL or a newline in one is never meant. */
export const pathSchema = z
	.string()
	.min(1)
	.max(4096)
	// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is being refused
	.regex(/^[^\u0000-\u001f]*$/, 'expected a path without control characters');

/** Text that programs are handed: a NUL ends it there, and half a character is another one. */
export function plainText(most: number) {
	return (
		z
			.string()
			.max(most)
			// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is being refused
			.regex(/^[^\u0000\p{Surrogate}]*$/u, 'expected text without NUL and without half characters')
	);
}

export const shortText = z.string().max(500);

export type Size = z.infer<typeof sizeSchema>;
