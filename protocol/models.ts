import * as z from 'zod';
import { count } from './schemas.ts';

/** The models whose weights are known. */
export const FAMILIES = ['LTX-2 19B', 'LTX-2.3 22B', 'LTX-2.5 22B'] as const;

const sums = {
	tensors: count,
	parameters: count.describe('Numbers of the model; scales and files of the tokenizer are none.'),
	bytes: z
		.record(z.string(), count)
		.readonly()
		.describe('Bytes of tensors by the type in which they are stored.'),
};
const families = z.array(z.enum(FAMILIES)).readonly();

const weightsFileSchema = z
	.strictObject({
		path: z.string(),
		families: families.describe('Those that it may belong to: none where its tensors disagree.'),
		variant: z.enum(['dev', 'distilled', 'unknown']),
		version: z
			.string()
			.nullable()
			.describe('`model_version` of the metadata; the first LTX-2 has none.'),
		licence: z.string().nullable(),
		parts: z.array(z.strictObject({ part: z.string(), kind: z.string(), ...sums })).readonly(),
		...sums,
	})
	.readonly();

/** What files with weights are, each alone and all of them together as one engine. */
export const weightsDescriptionSchema = z
	.strictObject({
		files: z.array(weightsFileSchema).readonly(),
		families: families.describe('Those that all files may belong to.'),
		missing: z.array(z.string()).readonly().describe('Parts without which no clip can be made.'),
		problems: z.array(z.string()).readonly().describe('Why the files do not go together.'),
		...sums,
	})
	.readonly()
	.meta({ id: 'WeightsDescription' });

export type Family = (typeof FAMILIES)[number];
export type WeightsFile = z.infer<typeof weightsFileSchema>;
export type WeightsDescription = z.infer<typeof weightsDescriptionSchema>;
