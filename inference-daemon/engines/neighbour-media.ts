import { PickupError } from '../../protocol/errors.ts';
import type { Codec } from '../../protocol/generation.ts';
import type { ClipSpan } from '../../protocol/timeline.ts';
import { BT709, type Colour, colourName, colourOf, isSameColour } from '../media/colour.ts';
import { hasAlpha } from '../media/picture.ts';
import { examine, type Media } from '../media/probe.ts';
import type { Ffmpeg } from '../media/types.ts';
import type { UsableSpan } from './cut-picture.ts';

/** The clips whose picture is looked at; null where there is none on a side. */
export type Beside = readonly (UsableSpan | null)[];

/** For the plan: what a cut does to the picture of a clip is not done to what is made from it. */
export function effectNotes(beside: Beside): readonly string[] {
	const notes = beside.flatMap((span) =>
		span?.effects && span.effects.length > 0
			? [
					`“${span.name}” is seen as in the file, without the cut’s effects: ${span.effects.join(', ')}.`,
				]
			: [],
	);
	return [...new Set(notes)];
}

/**
 * The colour that a clip is made in: that of the first clip beside it which has more than BT.709, so
 * that it goes on from there without a step. Throws what `examine` throws.
 */
export async function colourBeside(
	ffmpeg: Ffmpeg,
	beside: Beside,
	signal: AbortSignal,
): Promise<Colour> {
	const colours = (await picturesOf(ffmpeg, beside, signal)).map(({ video }) => colourOf(video));
	return colours.find((colour) => !isSameColour(colour, BT709)) ?? BT709;
}

/** For the clip: what was done about media that could not be taken as they are. */
export async function mediaNotes(
	ffmpeg: Ffmpeg,
	neighbours: {
		readonly beside: Beside;
		/** Clips on tracks of sound, some of which may be too far away to be read. */
		readonly heard: readonly ClipSpan[];
		readonly codec: Codec;
	},
	signal: AbortSignal,
): Promise<readonly string[]> {
	const { beside, heard, codec } = neighbours;
	const target = await colourBeside(ffmpeg, beside, signal);
	const pictures = await picturesOf(ffmpeg, beside, signal);
	const name = colourName(target);
	const notes = isSameColour(target, BT709) ? [] : [`The clip is in ${name}, as it is beside it.`];
	if (notes.length > 0 && codec === 'h264-intra') {
		notes.push(
			`H.264 is made in 8 bits here, which is coarse for ${name}: ProRes and DNxHR have 10.`,
		);
	}
	for (const { span, video } of pictures) {
		const colour = colourOf(video);
		if (!isSameColour(colour, target)) {
			notes.push(`“${span.name}” was converted from ${colourName(colour)} to ${name}.`);
		}
		if (hasAlpha(video))
			notes.push(`“${span.name}” has an alpha channel: what would show through it is black here.`);
	}
	for (const span of heard) {
		if (span.source.kind !== 'file') continue;
		const streams = { picture: span.pictureStream };
		const media = await examine(ffmpeg, span.source.path, signal, streams).catch((error) => {
			// Whoever reads it says so.
			if (error instanceof PickupError) return null;
			throw error;
		});
		if (media && media.channels.length > 0 && media.audio === null) {
			notes.push(`The sound of “${span.name}” cannot be decoded here, so it was taken for silent.`);
		}
	}
	return [...new Set(notes)];
}

type Seen = { readonly span: UsableSpan; readonly video: NonNullable<Media['video']> };

async function picturesOf(
	ffmpeg: Ffmpeg,
	beside: Beside,
	signal: AbortSignal,
): Promise<readonly Seen[]> {
	const looks = beside.map(async (span): Promise<readonly Seen[]> => {
		if (span === null) return [];
		const streams = { picture: span.pictureStream };
		const { video } = await examine(ffmpeg, span.source.path, signal, streams);
		return video === null ? [] : [{ span, video }];
	});
	return (await Promise.all(looks)).flat();
}
