import type { FrameRange, FrameRate } from '../../protocol/time.ts';
import { type ClipSpan, type Sequence, sourceTime } from '../../protocol/timeline.ts';
import type { Colour } from '../media/colour.ts';
import { readFramesAs } from '../media/frames.ts';
import { frameBytes } from '../media/pixels.ts';
import type { Ffmpeg, Frame, FramesWanted } from '../media/types.ts';

const CHUNK_BYTES = 96 * 2 ** 20;

/** A clip that can be looked at. */
export type UsableSpan = ClipSpan & { readonly source: { readonly kind: 'file' } };

/** What frames of a sequence are like. */
export type Canvas = Sequence & { readonly colour: Colour };

/** How frames are wanted: see `FramesWanted`. */
type Shape = Omit<FramesWanted, 'path' | 'stream' | 'at' | 'nearest'> & {
	readonly rate: FrameRate;
};

/** A clip's picture over a range of the sequence; a few frames in memory. */
export function pictureOf(
	ffmpeg: Ffmpeg,
	clip: ClipSpan,
	range: FrameRange,
	shape: Shape,
	signal: AbortSignal,
): AsyncGenerator<Frame, void, void> {
	const keep = { make: (frame: Frame) => frame, bytes: frameBytes(shape.format, shape.size) };
	return pictureOfAs(ffmpeg, clip, range, shape, keep, signal);
}

/** What is made of each frame, of so many bytes; the frames themselves are not kept. */
export async function* pictureOfAs<T>(
	ffmpeg: Ffmpeg,
	clip: ClipSpan,
	range: FrameRange,
	{ rate, size, pixelAspect, colour, format }: Shape,
	keep: { readonly make: (frame: Frame) => T; readonly bytes: number },
	signal: AbortSignal,
): AsyncGenerator<T, void, void> {
	if (clip.source.kind !== 'file') return;
	const { path } = clip.source;
	const chunk = Math.max(1, Math.floor(CHUNK_BYTES / keep.bytes));
	for (let from = range.start; from < range.end; from += chunk) {
		const frames = Array.from({ length: Math.min(chunk, range.end - from) }, (_, i) => from + i);
		const wanted = {
			path,
			stream: clip.pictureStream,
			at: frames.map((frame) => sourceTime(clip, { num: frame, den: 1 }, rate)),
			nearest: clip.nearestFrame === true,
			size,
			pixelAspect,
			colour,
			format,
		};
		yield* await readFramesAs(ffmpeg, wanted, keep.make, signal);
	}
}
