import * as z from 'zod';
import {
	count,
	frameCount,
	pathSchema,
	plainText,
	rationalSchema,
	secondsSchema,
} from './schemas.ts';
import { clipSpanSchema, timelineContextSchema } from './timeline.ts';

/** Container is MOV with 48 kHz stereo PCM for all of them. */
export const codecSchema = z
	.enum(['prores-422-hq', 'dnxhr-hqx', 'h264-intra'])
	.meta({ id: 'Codec' });

/** 1: as it was trained, 0: no effect. */
export const LORA_STRENGTHS = { least: -4, most: 4 } as const;

/** What of a request is the engine's to understand. */
export const engineParts = {
	loras: z
		.array(
			z.strictObject({
				path: pathSchema,
				strength: z
					.number()
					.min(LORA_STRENGTHS.least)
					.max(LORA_STRENGTHS.most)
					.describe('1: as it was trained, 0: no effect.'),
			}),
		)
		.max(16)
		.readonly()
		.optional()
		.describe('Files that change the weights, for engines that take them.'),
	reference: z
		.strictObject({
			path: pathSchema,
			start: secondsSchema.default({ num: 0, den: 1 }).describe('Seconds into the file.'),
			strength: z.number().min(0).max(1).default(1),
			attention: z
				.number()
				.min(0)
				.max(1)
				.default(1)
				.describe('Attention between the reference and the picture; 1: as trained.'),
		})
		.readonly()
		.optional()
		.describe('The reference clip of an IC-LoRA among `loras`, from the first new frame on.'),
	settings: z
		.record(z.string().max(64), z.union([plainText(4096), z.number(), z.boolean()]))
		.default({})
		.describe("The engine's own settings, by the names in its description."),
};

const shared = {
	id: z.uuid().describe('Made by the client; sent twice it is still one job.'),
	engine: z.string().min(1).max(64).describe('An engine name from hello, or "auto".'),
	prompt: plainText(20_000),
	negativePrompt: plainText(20_000).optional(),
	seed: z.int().min(0),
	context: timelineContextSchema,
	output: z
		.strictObject({
			folder: pathSchema.describe('An existing folder; the finished clip is moved there.'),
			name: z
				.string()
				.min(1)
				.max(120)
				.regex(
					// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is being refused
					/^[^\u0000-\u001f/\\:*?"<>|.\p{Surrogate}-][^\u0000-\u001f/\\:*?"<>|\p{Surrogate}]*$/u,
					'expected a file name without / \\ : * ? " < > | or control characters',
				)
				.describe('File name without extension.'),
			codec: codecSchema,
		})
		.readonly(),
	...engineParts,
};

/** The gap between two clips; the range is `context.range`. */
const fill = z.strictObject({ kind: z.literal('fill'), ...shared });

export const sideSchema = z.enum(['head', 'tail']);

/** Continue one clip: `tail` after `context.left`, `head` before `context.right`. */
const extend = z.strictObject({
	kind: z.literal('extend'),
	...shared,
	side: sideSchema,
});

export const insertImages = z
	.array(
		z.strictObject({
			path: pathSchema,
			frame: frameCount.describe('Frame of the new clip, 0 is its first.'),
			strength: z.number().min(0).max(1),
		}),
	)
	.max(64)
	.readonly();

/** A new shot from text, with stills at given frames of the new clip if there are any. */
const insert = z.strictObject({
	kind: z.literal('insert'),
	...shared,
	images: insertImages,
	length: z
		.enum(['given', 'model'])
		.optional()
		.describe('`model`: the engine chooses how long the shot is, at most the whole range.'),
});

export const replaceSchema = z.enum(['picture', 'sound', 'both']);

/** `context.range` of an existing clip, made again. */
const retake = z.strictObject({
	kind: z.literal('retake'),
	...shared,
	clip: clipSpanSchema,
	replace: replaceSchema,
	strength: z.number().min(0).max(1).default(1),
});

/** Sound for a picture that exists. */
const soundtrack = z.strictObject({
	kind: z.literal('soundtrack'),
	...shared,
	clip: clipSpanSchema,
});

/** Picture for a sound that exists. */
const animate = z.strictObject({
	kind: z.literal('animate'),
	...shared,
	clip: clipSpanSchema,
	firstFrame: pathSchema.optional(),
});

/**
 * Everything that determines a clip, seed included: saved as JSON and sent tomorrow to a fresh
 * daemon it makes the same clip.
 */
export const generationRequestSchema = z
	.discriminatedUnion('kind', [fill, extend, insert, retake, soundtrack, animate])
	.readonly()
	.meta({ id: 'GenerationRequest' });

export const requestKindSchema = z.enum([
	'fill',
	'extend',
	'insert',
	'retake',
	'soundtrack',
	'animate',
]);

/** What an engine will do for a request: settled before the job is queued and kept with it. */
export const planSchema = z
	.strictObject({
		engine: z.string(),
		kind: requestKindSchema,
		frames: count.describe(
			'Frames of the finished clip; where `openLength`, the most it may have.',
		),
		openLength: z.boolean().optional().describe('The engine chooses the length as it works.'),
		samples: count.describe('48 kHz sample frames of the finished clip.'),
		workSize: z.strictObject({ width: count, height: count }).readonly(),
		workFrames: count,
		workRate: rationalSchema,
		context: z
			.strictObject({ left: count, right: count })
			.readonly()
			.default({ left: 0, right: 0 })
			.describe('Frames of the neighbours that the engine looks at.'),
		passes: count.describe('How many times the engine goes over a part of the clip.'),
		stages: count.default(1).describe('2: made small first, then finished at twice the size.'),
		steps: count
			.default(0)
			.describe('Steps of each pass, all stages together; 0: not made in steps.'),
		draft: z.boolean().describe('A draft is for judging timing, not for the finished film.'),
		notes: z.array(z.string()).readonly().describe('What the editor should know, in sentences.'),
	})
	.readonly()
	.meta({ id: 'Plan' });

export type Codec = z.infer<typeof codecSchema>;
export type RequestKind = z.infer<typeof requestKindSchema>;
export type GenerationRequest = z.infer<typeof generationRequestSchema>;
export type RequestOf<K extends RequestKind> = Extract<GenerationRequest, { kind: K }>;
export type Plan = z.infer<typeof planSchema>;
