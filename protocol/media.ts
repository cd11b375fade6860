import * as z from 'zod';
import { pathSchema } from './schemas.ts';

/**
 * What a panel sees and hears. Media go over HTTP: the panel asks for a ticket, and the address that
 * it gets is good for that one file alone, without the token.
 */

const jobId = z.uuid();

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
		z
			.strictObject({ kind: z.literal('still'), path: pathSchema })
			.describe('A picture that the person has chosen, small, PNG.'),
	])
	.readonly()
	.meta({ id: 'Media' });

export const ticketSchema = z
	.strictObject({
		path: z.string().describe('On the daemon’s HTTP server; good until ten minutes after its use.'),
	})
	.readonly()
	.meta({ id: 'Ticket' });

export type Media = z.infer<typeof mediaSchema>;
export type MediaKind = Media['kind'];
export type MediaOf<K extends MediaKind> = Extract<Media, { kind: K }>;
export type Ticket = z.infer<typeof ticketSchema>;
