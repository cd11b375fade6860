import * as z from 'zod';
import { problemSchema } from './errors.ts';
import { framePosition, frameRangeSchema, plainText, shortText } from './schemas.ts';

/**
 * Where finished clips stand in an editor's sequence, or are to stand. A landing is one clip's way
 * into one place: the same clip landed again is another landing.
 */

/** Names a project or a sequence for as long as the editor has it open, whatever it is renamed to. */
export const identitySchema = z.string().min(1).max(1024);

/** How much of a clip is wanted in the sequence. */
export const landsSchema = z
	.enum(['whole', 'picture', 'bin'])
	.describe(
		'`picture`: what has a picture lands without its sound. `bin`: nothing of it lands, it is kept in the project’s bin.',
	);

/** Where a clip is wanted: in the project and sequence of the press, whatever is in front since. */
export const destinationSchema = z
	.strictObject({
		program: z.string().min(1).max(64).describe('The editor, as `Blender`.'),
		project: z.strictObject({ id: identitySchema, name: shortText }).readonly(),
		sequence: z.strictObject({ id: identitySchema, name: shortText }).readonly(),
		name: plainText(500).describe('What the editor will see the clip called.'),
		track: z.string().max(64).describe('The video track, e.g. V1.'),
		range: frameRangeSchema.describe(
			'Sequence frames; a clip of another length keeps the start, or with `leansOn` the end.',
		),
		leansOn: z.enum(['start', 'end']),
		where: z
			.enum(['gap', 'above'])
			.describe('`gap`: on that very track, over empty time. `above`: on a track above it.'),
		picture: z.boolean(),
		sound: z.boolean(),
		bin: z
			.literal(true)
			.optional()
			.describe('Not in the sequence at all: it is kept in the project’s bin.'),
		replaces: z
			.uuid()
			.nullable()
			.describe(
				'The shot whose clip, where one stands in the range still, gives way: its draft or another take of it.',
			),
	})
	.readonly()
	.meta({ id: 'Destination' });

/** What a clip that is not landed yet waits for. */
export const waitsForSchema = z.enum([
	'clip',
	'editor',
	'sequence',
	'playing',
	'rendering',
	'exporting',
	'dialog',
]);

/** Where a clip stands, as read back from the editor. */
export const landedItemSchema = z
	.strictObject({
		of: z.enum(['video', 'audio']),
		track: z.string().max(64),
		range: frameRangeSchema,
	})
	.readonly();

const stamp = {
	id: z.uuid(),
	jobId: z.string(),
	destination: destinationSchema,
	at: z.iso.datetime().describe('When it came to be so.'),
};

export const landingSchema = z
	.discriminatedUnion('state', [
		z.strictObject({ state: z.literal('waiting'), ...stamp, waitsFor: waitsForSchema }),
		z
			.strictObject({ state: z.literal('landing'), ...stamp })
			.describe('The editor has been asked, and has not answered yet.'),
		z
			.strictObject({
				state: z.literal('landed'),
				...stamp,
				items: z.array(landedItemSchema).readonly(),
				notes: z.array(z.string()).readonly().optional().describe('What is not as asked.'),
			})
			.describe('It stood there when the sequence was read back.'),
		z
			.strictObject({
				state: z.literal('not-landed'),
				...stamp,
				problem: problemSchema,
				kept: z
					.enum(['bin', 'folder'])
					.describe('Where the clip is: in the project’s bin, or only in its folder.'),
			})
			.describe('Nothing of it stands in the sequence.'),
		z
			.strictObject({ state: z.literal('gone'), ...stamp })
			.describe('It had landed and is no longer in the project: undone, removed or never saved.'),
		z
			.strictObject({ state: z.literal('replaced'), ...stamp, by: z.string().describe('Job.') })
			.describe('Another clip was put in its place.'),
		z
			.strictObject({ state: z.literal('withdrawn'), ...stamp })
			.describe('Taken out of the cut again, or no longer wanted before it was there.'),
	])
	.readonly()
	.meta({ id: 'Landing' });

/** Where a clip that is there already is to be landed. */
export const landAgainSchema = z.strictObject({
	jobId: z.uuid(),
	host: z.uuid().describe('The agent.'),
	track: z.string().max(64),
	frame: framePosition.describe('Sequence frame of its first frame.'),
	where: z.enum(['gap', 'above']),
	replaces: z.uuid().nullable().default(null).describe('A shot, as in a destination.'),
	lands: landsSchema.exclude(['bin']).default('whole'),
});

export type Destination = z.infer<typeof destinationSchema>;
export type WaitsFor = z.infer<typeof waitsForSchema>;
export type LandedItem = z.infer<typeof landedItemSchema>;
export type Landing = z.infer<typeof landingSchema>;
export type LandingState = Landing['state'];
export type LandAgain = z.infer<typeof landAgainSchema>;
