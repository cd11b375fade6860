import type { Loop, MediaOf } from '../../protocol/media.ts';
import type { Size } from '../../protocol/schemas.ts';
import { type FrameRange, ONE, rangeLength, round, samplesForFrames } from '../../protocol/time.ts';
import type { ClipSpan, Sequence } from '../../protocol/timeline.ts';
import { pictureOf } from '../engines/cut-picture.ts';
import { readMix } from '../engines/cut-sound.ts';
import { frameBytes } from '../media/pixels.ts';
import { encodePlayable } from '../media/playable.ts';
import type { Ffmpeg, Frame } from '../media/types.ts';
import type { FinishedClip } from './finished-clip.ts';
import { shapeOf } from './frame.ts';
import { spanOfFile } from './levels.ts';
import type { Wanted } from './media-cache.ts';
import { type TakeInCut, takeInCut } from './take-in-cut.ts';

/** Pixels of width at most. */
const WIDEST = 1280;

const EXTENSIONS = { h264: 'mp4', vp9: 'webm' } as const;

/** All of a take as a browser plays it. */
export function playableTake(
	finished: FinishedClip,
	{ form }: MediaOf<'take'>,
	ffmpeg: () => Promise<Ffmpeg>,
): Wanted {
	const { jobId, mark, clip, path, request } = finished;
	const range = { start: 0, end: clip.frames };
	const take = spanOfFile(path, range);
	const shots = [{ clip: take, range }];
	const film = { shots, sounds: clip.samples > 0 ? [take] : null, range };
	const sequence = { ...request.context.sequence, rate: clip.rate };
	return {
		key: ['take', jobId, mark, form],
		extension: EXTENSIONS[form],
		make: async (to, signal) => write(to, film, sequence, form, await ffmpeg(), signal),
	};
}

export type PlayableLoop = { readonly wanted: Wanted; readonly loop: Loop };

/** A take in its cut, from a second before it to a second after. */
export function playableLoop(
	finished: FinishedClip,
	{ form }: MediaOf<'loop'>,
	ffmpeg: () => Promise<Ffmpeg>,
): PlayableLoop {
	const inCut = takeInCut(finished);
	const { sequence, range, picture, left, right, sounds } = inCut;
	const { before, after } = beside(inCut);
	const shots = [
		{ clip: left, range: { start: range.start - before.frames, end: range.start } },
		{ clip: picture, range },
		{ clip: right, range: { start: range.end, end: range.end + after.frames } },
	];
	const whole = { start: shots[0]!.range.start, end: shots[2]!.range.end };
	const film = { shots, sounds, range: whole };
	return {
		loop: { before, inside: rangeLength(range), after },
		wanted: {
			key: ['loop', finished.jobId, finished.mark, form],
			extension: EXTENSIONS[form],
			make: async (to, signal) => write(to, film, sequence, form, await ffmpeg(), signal),
		},
	};
}

/** How much of a second there is on either side, and what shows there. */
function beside({ sequence, range, left, right }: TakeInCut): Pick<Loop, 'before' | 'after'> {
	const second = round({ num: sequence.rate.num, den: sequence.rate.den });
	return {
		before: {
			frames: Math.min(second, range.start - (left?.range.start ?? 0)),
			shows: showing(left),
		},
		after: {
			frames: Math.min(second, right ? right.range.end - range.end : second),
			shows: showing(right),
		},
	};
}

function showing(clip: ClipSpan | null): Loop['before']['shows'] {
	if (clip === null) return 'empty';
	return clip.source.kind === 'file' ? 'clip' : clip.source.kind;
}

/** One shot after the other, and what is heard meanwhile; null without sound. */
type Film = {
	readonly shots: readonly { readonly clip: ClipSpan | null; readonly range: FrameRange }[];
	readonly sounds: readonly ClipSpan[] | null;
	readonly range: FrameRange;
};

async function write(
	path: string,
	film: Film,
	sequence: Sequence,
	form: MediaOf<'take'>['form'],
	ffmpeg: Ffmpeg,
	signal: AbortSignal,
): Promise<void> {
	const { rate } = sequence;
	const full = shapeOf(sequence, sequence.size.width);
	const size = full.width > WIDEST ? shapeOf(sequence, WIDEST) : full;
	// What is being made for the person goes first.
	const slow: Ffmpeg = { ...ffmpeg, isInBackground: true };
	const window = {
		start: samplesForFrames(film.range.start, rate),
		end: samplesForFrames(film.range.end, rate),
	};
	const sound = film.sounds && (await readMix(slow, film.sounds, window, rate, signal));
	const frames = picturesOf(film, size, sequence, slow, signal);
	await encodePlayable(slow, { path, form, size, rate, frames, sound }, signal);
}

async function* picturesOf(
	{ shots }: Film,
	size: Size,
	{ rate }: Sequence,
	ffmpeg: Ffmpeg,
	signal: AbortSignal,
): AsyncGenerator<Frame, void, void> {
	const shape = { rate, size, pixelAspect: ONE, format: 'yuv420p' } as const;
	for (const { clip, range } of shots) {
		if (clip?.source.kind === 'file') yield* pictureOf(ffmpeg, clip, range, shape, signal);
		else for (let frame = range.start; frame < range.end; frame++) yield black(size);
	}
}

function black(size: Size): Frame {
	const data = new Uint8Array(frameBytes('yuv420p', size)).fill(128);
	return { ...size, format: 'yuv420p', data: data.fill(16, 0, size.width * size.height) };
}
