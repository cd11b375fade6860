import type { GenerationRequest } from '../../../../protocol/generation.ts';
import { type FrameRange, samplesForFrames } from '../../../../protocol/time.ts';
import {
	type ClipSpan,
	distinctSounds,
	type TimelineContext,
} from '../../../../protocol/timeline.ts';
import type { Ffmpeg, Sound } from '../../../media/types.ts';
import { readMix } from '../../cut-sound.ts';

/** Samples beside each join that are listened to. */
const LOOK = 3 * 48_000;

export type Surroundings = {
	readonly before: Sound;
	readonly after: Sound;
	readonly ending: Sound;
	readonly starting: Sound;
	readonly audible: Sound | null;
};

/**
 * Reads what sounds before, in and after the range. Sound that plays on through the whole range
 * is left out everywhere, since it needs nothing; in a retake the sound of the clip itself is
 * what is to be replaced, so it is heard on both sides but not inside. Throws as readSound.
 */
export async function readSurroundings(
	ffmpeg: Ffmpeg,
	request: GenerationRequest,
	signal: AbortSignal,
): Promise<Surroundings> {
	const { range, sequence, sound } = request.context;
	const at = (frame: number) => samplesForFrames(frame, sequence.rate);
	const gap = { start: at(range.start), end: at(range.end) };
	const left = { start: gap.start - LOOK, end: gap.start };
	const right = { start: gap.end, end: gap.end + LOOK };
	const spans = distinctSounds(sound).filter((span) => isHeard(span, request.context));
	const replaced = (span: ClipSpan) =>
		request.kind === 'retake' &&
		request.clip.source.kind === 'file' &&
		span.source.kind === 'file' &&
		span.source.path === request.clip.source.path;
	const used = spans.filter((span) => replaced(span) || !covers(span.range, range));
	const mix = (window: FrameRange, chosen: readonly ClipSpan[]) =>
		readMix(ffmpeg, chosen, window, sequence.rate, signal);
	const stops = (span: ClipSpan) => replaced(span) || span.range.end <= range.start;
	const starts = (span: ClipSpan) => replaced(span) || span.range.start >= range.end;
	const inside = used.filter(
		(span) => !replaced(span) && span.range.start < range.end && span.range.end > range.start,
	);
	const [before, throughLeft, after, throughRight, audible] = await Promise.all([
		mix(left, used.filter(stops)),
		mix(left, inside),
		mix(right, used.filter(starts)),
		mix(right, inside),
		inside.length > 0 ? mix(gap, inside) : null,
	]);
	return {
		before: sum(before, throughLeft),
		after: sum(after, throughRight),
		ending: before,
		starting: after,
		audible,
	};
}

/** Whether a clip can be read and sounds near enough to the range to matter. */
/** The clips of sound that are near enough to be listened to. */
export function heardIn(context: TimelineContext): readonly ClipSpan[] {
	return context.sound.filter((span) => isHeard(span, context));
}

function isHeard(span: ClipSpan, { range, sequence }: TimelineContext): boolean {
	const { rate } = sequence;
	const near =
		samplesForFrames(span.range.end, rate) > samplesForFrames(range.start, rate) - LOOK &&
		samplesForFrames(span.range.start, rate) < samplesForFrames(range.end, rate) + LOOK;
	return near && span.enabled && span.source.kind === 'file';
}

function covers(span: FrameRange, range: FrameRange): boolean {
	return span.start < range.start && span.end > range.end;
}

function sum(a: Sound, b: Sound): Sound {
	return {
		left: a.left.map((value, i) => value + b.left[i]!),
		right: a.right.map((value, i) => value + b.right[i]!),
	};
}
