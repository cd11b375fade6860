import { PickupError } from '../../protocol/errors.ts';
import type { Codec } from '../../protocol/generation.ts';
import { type FrameRate, type Rational, toNumber } from '../../protocol/time.ts';
import { type ClipSpan, sourceTime } from '../../protocol/timeline.ts';
import { BT709, type Colour, colourName, colourOf, isSameColour } from '../media/colour.ts';
import { checkConversion } from '../media/frames.ts';
import { hasAlpha } from '../media/picture.ts';
import { examine, type Media } from '../media/probe.ts';
import type { Ffmpeg } from '../media/types.ts';
import type { UsableSpan } from './cut-picture.ts';

/** The clips whose picture is looked at; null where there is none on a side. */
export type Beside = readonly (UsableSpan | null)[];

/** For the plan: what a cut does to a clip's picture or sound is not done to what is made from it. */
export function effectNotes(beside: Beside, heard: readonly ClipSpan[]): readonly string[] {
	const told = (spans: Beside | readonly ClipSpan[], how: string) =>
		spans.flatMap((span) =>
			span?.effects && span.effects.length > 0
				? [
						`“${span.name}” is ${how} as in the file, without the cut’s effects: ${span.effects.join(', ')}.`,
					]
				: [],
		);
	return [...new Set([...told(beside, 'seen'), ...told(heard, 'heard')])];
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

export type Neighbours = {
	readonly beside: Beside;
	/** Clips on tracks of sound, some of which may be too far away to be read. */
	readonly heard: readonly ClipSpan[];
	readonly codec: Codec;
	/** The sequence's. */
	readonly rate: FrameRate;
};

/**
 * For the plan: what will be done about media that cannot be taken as they are. Throws
 * `ffmpeg-missing` where a colour is to be converted and ffmpeg cannot; about what cannot be read
 * there is nothing to say before it is read.
 */
export async function plannedMediaNotes(
	ffmpeg: Ffmpeg,
	neighbours: Neighbours,
): Promise<readonly string[]> {
	const { signal } = new AbortController();
	try {
		const target = await colourBeside(ffmpeg, neighbours.beside, signal);
		const pictures = await picturesOf(ffmpeg, neighbours.beside, signal);
		const other = pictures.find(({ video }) => !isSameColour(colourOf(video), target));
		if (other) await checkConversion(ffmpeg, other.span.source.path, signal);
		return await mediaNotes(ffmpeg, neighbours, signal);
	} catch (error) {
		if (error instanceof PickupError && error.code !== 'ffmpeg-missing') return [];
		throw error;
	}
}

/** For the plan and the clip: what is done about media that cannot be taken as they are. */
export async function mediaNotes(
	ffmpeg: Ffmpeg,
	neighbours: Neighbours,
	signal: AbortSignal,
): Promise<readonly string[]> {
	const { beside, heard, codec, rate } = neighbours;
	const target = await colourBeside(ffmpeg, beside, signal);
	const pictures = await picturesOf(ffmpeg, beside, signal);
	const name = colourName(target);
	const notes = isSameColour(target, BT709) ? [] : [`The clip is in ${name}, as it is beside it.`];
	if (notes.length > 0 && codec === 'h264-intra') {
		notes.push(
			`H.264 is made in 8 bits here, which is coarse for ${name}: ProRes and DNxHR have 10.`,
		);
	}
	for (const { span, video, duration } of pictures) {
		if (duration && wantsAfter(span, duration, rate)) {
			notes.push(
				`The file of “${span.name}” ends before the clip does: its last frame is held, and it is silent there.`,
			);
		}
		const colour = colourOf(video);
		if (!isSameColour(colour, target)) {
			notes.push(`“${span.name}” is converted from ${colourName(colour)} to ${name}.`);
		}
		const alpha = `“${span.name}” has an alpha channel`;
		if (hasAlpha(video)) notes.push(`${alpha}: what would show through it is black here.`);
		if (video.lostAlpha) {
			notes.push(`${alpha} that this ffmpeg does not decode: colours that it hides are seen here.`);
		}
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
			notes.push(`The sound of “${span.name}” cannot be decoded here, so it is taken for silent.`);
		}
	}
	return [...new Set(notes)];
}

/** Of a clip that wants more of its file than there is, by more than a frame or what headers round. */
function wantsAfter(span: UsableSpan, duration: Rational, rate: FrameRate): boolean {
	const times = [span.range.start, span.range.end - 1].map((frame) =>
		toNumber(sourceTime(span, { num: frame, den: 1 }, rate)),
	);
	return Math.max(...times) > toNumber(duration) + rate.den / rate.num + 0.02;
}

type Seen = {
	readonly span: UsableSpan;
	readonly video: NonNullable<Media['video']>;
	readonly duration: Rational | null;
};

async function picturesOf(
	ffmpeg: Ffmpeg,
	beside: Beside,
	signal: AbortSignal,
): Promise<readonly Seen[]> {
	const looks = beside.map(async (span): Promise<readonly Seen[]> => {
		if (span === null) return [];
		const streams = { picture: span.pictureStream };
		const { video, duration, still } = await examine(ffmpeg, span.source.path, signal, streams);
		return video === null ? [] : [{ span, video, duration: still ? null : duration }];
	});
	return (await Promise.all(looks)).flat();
}
