import * as z from 'zod';
import {
	engineParts,
	insertImages,
	planSchema,
	replaceSchema,
	requestKindSchema,
	sideSchema,
} from './generation.ts';
import { identitySchema, landsSchema } from './landings.ts';
import { count, frameRangeSchema, pathSchema, plainText } from './schemas.ts';

/**
 * One press of the person: what is to be made, for which place of the cut. The daemon reads the cut,
 * makes a request of it for each take, and lands one that is finished: the first, or where nothing
 * came of that the next.
 */
export const shotSchema = z
	.strictObject({
		id: z.uuid().describe('Made by the client; sent twice it is still one shot.'),
		host: z.uuid().describe('The agent of the editor that it is for.'),
		project: identitySchema,
		sequence: identitySchema,
		verb: requestKindSchema,
		track: z
			.string()
			.max(64)
			.describe('The track of the gap or of the clip, e.g. V1; an audio track for `animate`.'),
		range: frameRangeSchema.describe('Sequence frames to make.'),
		side: sideSchema
			.optional()
			.describe('For `extend`: `tail` continues the clip before the range.'),
		replace: replaceSchema.optional().describe('For `retake`; default: both.'),
		images: insertImages.optional().describe('For `insert`: stills at frames of the new clip.'),
		firstFrame: pathSchema.optional().describe('For `animate`.'),
		prompt: plainText(20_000),
		negativePrompt: plainText(20_000).optional(),
		engine: z.string().min(1).max(64).describe('An engine name from hello, or "auto".'),
		seed: count
			.max(4_294_967_295)
			.nullable()
			.describe('Of the first take; the next ones count up. Null: any.'),
		takes: z.int().min(1).max(8),
		draft: z
			.boolean()
			.describe(
				'Lands a draft at once where one can be made; the first finished take replaces it.',
			),
		lands: landsSchema.optional().describe('Default: whole.'),
		...engineParts,
	})
	.readonly()
	.meta({ id: 'Shot' });

/** Under which key panels remember the last request, for the Fill button of editors. */
export const LAST_REQUEST = 'request';

/** What of a shot is not of the cut. */
export const lastRequestSchema = z.object({
	project: identitySchema
		.optional()
		.describe('The project that it was for: its words are for no other one.'),
	prompt: shotSchema.unwrap().shape.prompt.default(''),
	negativePrompt: shotSchema.unwrap().shape.negativePrompt,
	engine: shotSchema.unwrap().shape.engine.default('auto'),
	takes: shotSchema.unwrap().shape.takes.default(1),
	draft: shotSchema.unwrap().shape.draft.default(true),
	loras: shotSchema.unwrap().shape.loras,
	settings: shotSchema.unwrap().shape.settings,
});

/** Which press a job belongs to: take 0 is its draft. */
export const takeOfSchema = z
	.strictObject({ shot: z.uuid(), take: count })
	.readonly()
	.meta({ id: 'TakeOf' });

export const estimateSchema = z
	.strictObject({
		seconds: z.number().min(0).describe('For one take.'),
		of: z.int().min(1).describe('How many finished clips of that engine it goes by.'),
	})
	.readonly()
	.meta({ id: 'Estimate' });

/** What a shot would become; refusals come as errors. */
export const shotPlanSchema = z.strictObject({
	plan: planSchema.describe('Of each take.'),
	draft: planSchema.nullable().describe('Of the draft that is landed at once; null without one.'),
	estimate: estimateSchema.nullable().describe('Null where that engine has finished nothing here.'),
	lands: z
		.string()
		.describe('Tracks and timecodes, as `V1 + A2 01:00:14:06–01:00:16:18`; empty for the bin.'),
	folder: pathSchema.describe('Where the clips will be kept.'),
});

export type Shot = z.infer<typeof shotSchema>;
export type LastRequest = z.infer<typeof lastRequestSchema>;
export type TakeOf = z.infer<typeof takeOfSchema>;
export type Estimate = z.infer<typeof estimateSchema>;
export type ShotPlan = z.infer<typeof shotPlanSchema>;
