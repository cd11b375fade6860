import * as z from 'zod';
import { engineOptionSchema } from './engine-options/option.ts';
import { requestKindSchema } from './generation.ts';
import { count, frameRateSchema } from './schemas.ts';

/** What an engine says of itself in hello, so that nobody has to guess. */
export const engineDescriptionSchema = z
	.strictObject({
		name: z.string().min(1).max(64),
		title: z.string(),
		summary: z.string(),
		draft: z.boolean().describe('True when its clips are for judging timing only.'),
		kinds: z.array(requestKindSchema).readonly(),
		sound: z.boolean(),
		frameGrid: z
			.strictObject({ step: z.int().min(1), offset: count })
			.readonly()
			.describe('Native lengths are step·k + offset; other lengths are made longer and cut.'),
		sizeGrid: z.int().min(1).describe('Native widths and heights are multiples of this.'),
		maxFrames: z.int().min(1).describe('The longest clip it makes, in frames.'),
		rates: z.array(frameRateSchema).readonly().nullable().describe('null: any rate.'),
		takes: z
			.strictObject({ loras: z.boolean(), reference: z.boolean(), openLength: z.boolean() })
			.readonly()
			.describe('What of a request, beside its kind, it supports.'),
		ready: z.boolean(),
		needs: z
			.array(z.strictObject({ what: z.string(), present: z.boolean(), action: z.string() }))
			.readonly(),
		model: z
			.strictObject({
				title: z.string().describe('E.g. LTX-2 19B distilled.'),
				folder: z.string(),
				guided: z.boolean().describe('Uses guidance, and with it a negative prompt.'),
				stages: count.describe('2: can finish at twice the size.'),
				loras: z
					.array(z.string())
					.readonly()
					.default([])
					.describe('Paths of those in its folder that a request may name.'),
			})
			.readonly()
			.nullable()
			.describe('The weights at hand; null without any, and for engines that need none.'),
		settings: z
			.array(engineOptionSchema)
			.readonly()
			.describe('What a request’s `settings` may set; defaults as they are with these weights.'),
	})
	.readonly()
	.meta({ id: 'EngineDescription' });

export type EngineDescription = z.infer<typeof engineDescriptionSchema>;
