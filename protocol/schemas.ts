import * as z from 'zod';

/** Building blocks that the other schemas share. Every one refuses what is out of range by name. */

export const integer = z.int();
export const count = z.int().min(0);

export const rationalSchema = z
	.strictObject({ num: z.int(), den: z.int().min(1) })
	.readonly()
	.meta({ id: 'Rational', description: 'A rational number; seconds unless said otherwise.' });

/** As large as the halves of a rate are in media files and where a clip's clock is written. */
const rateHalf = z.int().min(1).max(0x7fff_ffff);

export const frameRateSchema = z
	.strictObject({ num: rateHalf, den: rateHalf })
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
	.strictObject({ start: z.int(), end: z.int() })
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

export const shortText = z.string().max(500);

export type Size = z.infer<typeof sizeSchema>;
