import * as z from 'zod';
import { problemSchema } from './errors.ts';
import { count, framePosition, frameRangeSchema, pathSchema } from './schemas.ts';

/**
 * What a panel sees and hears. Media go over HTTP: the panel asks for a ticket, and the address that
 * it gets is good for that one file alone, without the token.
 */

const jobId = z.uuid();

/**
 * What a browser can play: MP4 with H.264 and AAC, or WebM with VP9 and Opus. To show frame n of
 * either go to (n + 3/4) / rate: WebM's times are rounded, and a little late.
 */
export const formSchema = z.enum(['h264', 'vp9']);

const width = z.int().min(16).max(1920).describe('Pixels, in the shape of the sequence.');

/** The media that a ticket can be had for. */
export const mediaSchema = z
	.discriminatedUnion('kind', [
		z.strictObject({ kind: z.literal('poster'), jobId }).describe('A frame of the clip, JPEG.'),
		z
			.strictObject({ kind: z.literal('preview'), jobId })
			.describe(
				'What the shot looked like last while it was made, PNG; the same ticket each time.',
			),
		z.strictObject({ kind: z.literal('clip'), jobId }).describe('The finished file itself.'),
		z.strictObject({ kind: z.literal('take'), jobId, form: formSchema }).describe('All of it.'),
		z
			.strictObject({ kind: z.literal('loop'), jobId, form: formSchema })
			.describe(
				'The clip in its cut, from a second before it to a second after, at the rate of the sequence.',
			),
		z
			.strictObject({
				kind: z.literal('frame'),
				host: z.uuid().describe('The agent.'),
				track: z.string().max(64),
				frame: framePosition.describe('Sequence frame.'),
				width,
			})
			.describe('What the clip on that track shows there, PNG.'),
		z
			.strictObject({
				kind: z.literal('take-frame'),
				jobId,
				frame: count.describe('Of the clip; its last one for what is beyond.'),
				width,
			})
			.describe('A frame of a finished clip, drawn as frames of the cut are, PNG.'),
		z
			.strictObject({ kind: z.literal('still'), path: pathSchema })
			.describe('A picture that the person has chosen, small, PNG.'),
	])
	.readonly()
	.meta({ id: 'Media' });

/** What a loop shows where it is not the take itself. */
const besideSchema = z
	.strictObject({
		frames: count.describe('Up to a second; less at the start of the sequence or of the clip.'),
		shows: z
			.enum(['clip', 'empty', 'offline', 'synthetic'])
			.describe(
				'`clip` plays; all others are black: no clip, its file is gone, or it is not one file.',
			),
	})
	.readonly();

export const loopSchema = z
	.strictObject({ before: besideSchema, inside: count.describe('Frames.'), after: besideSchema })
	.readonly()
	.meta({ id: 'Loop', description: 'At the rate of the sequence.' });

export const ticketSchema = z
	.strictObject({
		path: z.string().describe('On the daemon’s HTTP server; good until ten minutes after its use.'),
		loop: loopSchema.nullable().describe('For a `loop`.'),
	})
	.readonly()
	.meta({ id: 'Ticket' });

/** What is heard over a stretch of the cut, or in a take. */
export const levelsOfSchema = z
	.discriminatedUnion('kind', [
		z.strictObject({ kind: z.literal('cut'), host: z.uuid(), range: frameRangeSchema }),
		z.strictObject({ kind: z.literal('take'), jobId }),
	])
	.readonly();

export const levelsSchema = z
	.strictObject({
		peaks: z
			.array(z.int().min(0).max(255))
			.describe('The highest sample of each stretch; 255 is full scale.'),
		loudest: z.number().describe('The highest of all, 1 is full scale; may be above.'),
		unheard: z
			.array(z.string())
			.describe('Clips whose sound cannot be read, by their names: silent here.'),
	})
	.readonly()
	.meta({ id: 'Levels' });

const score = z
	.strictObject({
		value: z.number(),
		mayShow: z.boolean().describe('Beyond the limit from which on people notice.'),
	})
	.readonly()
	.nullable();

/** Measurements, not grades: how a take meets what stands beside it. */
export const joinScoresSchema = z
	.strictObject({
		picture: score.describe(
			'How much one frame differs from the next across the join, against how much they do near it: 1 is as usual.',
		),
		motion: score.describe(
			'Pixels of the sequence by which motion jumps beyond how much it changes near the join; null where the two sides show nothing in common.',
		),
		colour: score.describe('ΔE2000 beyond what colours change by near the join.'),
		loudness: score.describe('dB louder after the join than before it.'),
	})
	.readonly()
	.meta({ id: 'JoinScores', description: 'Null where there is nothing to measure.' });

export const takeScoresSchema = z
	.strictObject({
		in: joinScoresSchema.nullable().describe('Null without a clip before it.'),
		out: joinScoresSchema.nullable().describe('Null without a clip after it.'),
	})
	.readonly()
	.meta({ id: 'TakeScores' });

const pileSchema = z
	.strictObject({
		bytes: count,
		jobIds: z.array(z.string()).readonly().describe('Of the clips, oldest first.'),
	})
	.readonly();

/** What is on the disk. A clip that may be used is one that was landed, waits for it, or was made without a panel. */
export const diskUseSchema = z
	.strictObject({
		used: pileSchema.describe('In the history, and it may be used in a project.'),
		unused: pileSchema.describe('In the history, and it was never landed.'),
		deletedUsed: pileSchema.describe('Out of the history, and it may be used in a project.'),
		deletedUnused: pileSchema.describe('Out of the history, and it was never landed.'),
		cache: z
			.strictObject({ bytes: count })
			.readonly()
			.describe('What panels look at; it is made again when it is wanted, and kept small.'),
	})
	.readonly()
	.meta({ id: 'DiskUse' });

/** A clip that was not put into the trash, and why. */
export const notTrashedSchema = z
	.strictObject({ jobId: z.string(), problem: problemSchema })
	.readonly();

/** Pages that the daemon opens in the system’s browser, since an editor’s window often cannot. */
export const linkSchema = z.enum(['licence', 'weights', 'gemma', 'ffmpeg']);

export type DiskUse = z.infer<typeof diskUseSchema>;
export type NotTrashed = z.infer<typeof notTrashedSchema>;
export type Link = z.infer<typeof linkSchema>;
export type JoinScores = z.infer<typeof joinScoresSchema>;
export type TakeScores = z.infer<typeof takeScoresSchema>;
export type Form = z.infer<typeof formSchema>;
export type Media = z.infer<typeof mediaSchema>;
export type MediaKind = Media['kind'];
export type MediaOf<K extends MediaKind> = Extract<Media, { kind: K }>;
export type Loop = z.infer<typeof loopSchema>;
export type Ticket = z.infer<typeof ticketSchema>;
export type LevelsOf = z.infer<typeof levelsOfSchema>;
export type Levels = z.infer<typeof levelsSchema>;
