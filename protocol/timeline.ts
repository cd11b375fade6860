import * as z from 'zod';
import {
	count,
	frameRangeSchema,
	frameRateSchema,
	pathSchema,
	rationalSchema,
	shortText,
	sizeSchema,
} from './schemas.ts';

/** Where a clip's picture or sound comes from, as far as the host can tell. */
export const mediaSourceSchema = z
	.discriminatedUnion('kind', [
		z.strictObject({ kind: z.literal('file'), path: pathSchema }),
		z.strictObject({ kind: z.literal('offline'), path: z.string().max(4096), reason: shortText }),
		/** A nested sequence, compound clip, title or generator: no one file to read. */
		z.strictObject({ kind: z.literal('synthetic'), what: shortText }),
	])
	.readonly()
	.meta({ id: 'MediaSource' });

/**
 * One clip as it stands in the cut. The picture or sound at sequence frame `T` is at the source
 * time `sourceIn + (T − range.start) · rate.den / rate.num · speed`, in seconds after the first
 * frame of the media (its first video frame; its first sample where there is no picture).
 */
export const clipSpanSchema = z
	.strictObject({
		name: shortText,
		track: z.string().max(64).describe('As the editor names it, e.g. V1 or A2.'),
		range: frameRangeSchema,
		source: mediaSourceSchema,
		sourceIn: rationalSchema,
		speed: rationalSchema.describe('1 is normal, 2 is twice as fast, negative is reversed.'),
		enabled: z.boolean(),
		transition: count
			.optional()
			.describe('Frames of a transition that overlap the edge beside the range.'),
	})
	.readonly()
	.meta({ id: 'ClipSpan' });

export const sequenceSchema = z
	.strictObject({
		name: shortText,
		rate: frameRateSchema,
		size: sizeSchema,
		pixelAspect: rationalSchema.describe('Width of a pixel over its height; 1/1 is square.'),
		duration: count.describe('Frames.'),
		startFrame: z.int().describe('Timecode of sequence frame 0, in frames.'),
		dropFrame: z.boolean(),
		sampleRate: z.int().min(8000).max(384_000),
	})
	.readonly()
	.meta({ id: 'Sequence' });

/** What an engine gets to know of the cut: the range to fill and what stands on both sides. */
export const timelineContextSchema = z
	.strictObject({
		sequence: sequenceSchema,
		track: z.string().max(64).describe('The track whose range is to be filled, e.g. V1.'),
		range: frameRangeSchema.describe('Sequence frames to make.'),
		left: clipSpanSchema.nullable().describe('The picture that ends where the range starts.'),
		right: clipSpanSchema.nullable().describe('The picture that starts where the range ends.'),
		sound: z
			.array(clipSpanSchema)
			.max(256)
			.readonly()
			.describe('Enabled sound clips that touch the range or the 10 s on either side of it.'),
	})
	.readonly()
	.meta({ id: 'TimelineContext' });

export type MediaSource = z.infer<typeof mediaSourceSchema>;
export type ClipSpan = z.infer<typeof clipSpanSchema>;
export type Sequence = z.infer<typeof sequenceSchema>;
export type TimelineContext = z.infer<typeof timelineContextSchema>;
