import type { RequestOf } from '../../protocol/generation.ts';
import {
	add,
	type FrameRange,
	type FrameRate,
	framesToSeconds,
	multiply,
	rangeLength,
} from '../../protocol/time.ts';
import { type ClipSpan, distinctSounds, type Sequence } from '../../protocol/timeline.ts';
import { ownSounds } from '../engines/cut-sound.ts';
import type { FinishedClip } from './finished-clip.ts';
import { spanOfFile } from './levels.ts';

/** A take where it was made for: what plays before it, in its place and after it. */
export type TakeInCut = {
	readonly sequence: Sequence;
	/** Sequence frames of the take. */
	readonly range: FrameRange;
	/** What is seen there: the take, or the clip that it was made to be heard with. */
	readonly picture: ClipSpan;
	/** The clip that ends where the take starts; null where there is none. */
	readonly left: ClipSpan | null;
	readonly right: ClipSpan | null;
	/** The take has a picture, and a sound, of its own there. */
	readonly hasPicture: boolean;
	readonly hasSound: boolean;
	/** Around the take and in its place: its own sound, and that of the cut but for what it replaces. */
	readonly sounds: readonly ClipSpan[];
};

/** A take in the cut as that was when it was asked for. */
export function takeInCut({ clip, request, path }: FinishedClip): TakeInCut {
	const { context } = request;
	const { sequence, left, right } = context;
	const isRetake = request.kind === 'retake';
	const hasPicture = request.kind !== 'soundtrack' && !(isRetake && request.replace === 'sound');
	const hasSound =
		clip.samples > 0 && request.kind !== 'animate' && !(isRetake && request.replace === 'picture');
	// An engine that chooses the length may leave some of the range empty.
	const isFull = clip.frames === rangeLength(context.range);
	const leansOnEnd = left === null && right !== null;
	const range = leansOnEnd
		? { start: context.range.end - clip.frames, end: context.range.end }
		: { start: context.range.start, end: context.range.start + clip.frames };
	const take = spanOfFile(path, range);
	const heard = distinctSounds(context.sound);
	const others = isRetake && hasSound ? withoutReplaced(heard, request, sequence.rate) : heard;
	return {
		sequence,
		range,
		picture: hasPicture || !('clip' in request) ? take : request.clip,
		left: isFull || !leansOnEnd ? left : null,
		right: isFull || leansOnEnd ? right : null,
		hasPicture,
		hasSound,
		sounds: hasSound ? [...others, take] : others,
	};
}

/** The clip that is made again is not heard where the take is. */
function withoutReplaced(
	heard: readonly ClipSpan[],
	{ clip, context }: RequestOf<'retake'>,
	rate: FrameRate,
): readonly ClipSpan[] {
	const replaced = ownSounds(clip, heard, rate);
	return heard.flatMap((span) =>
		replaced.includes(span) ? outside(span, context.range, rate) : [span],
	);
}

/** What is left of a clip before and after a range. */
function outside(span: ClipSpan, range: FrameRange, rate: FrameRate): readonly ClipSpan[] {
	const parts: ClipSpan[] = [];
	const { start, end } = span.range;
	if (start < range.start) {
		parts.push({ ...span, range: { start, end: Math.min(end, range.start) } });
	}
	if (end > range.end) {
		const from = Math.max(start, range.end);
		const skipped = multiply(framesToSeconds(from - start, rate), span.speed);
		const sourceIn = add(span.sourceIn, skipped);
		parts.push({ ...span, range: { start: from, end }, sourceIn });
	}
	return parts;
}
