import type { FrameRange } from '../../protocol/time.ts';
import { type ClipSpan, type Sequence, sourceTime } from '../../protocol/timeline.ts';
import type { Colour } from '../media/colour.ts';
import { readFrames } from '../media/frames.ts';
import { frameBytes } from '../media/pixels.ts';
import type { Ffmpeg, Frame, PixelFormat } from '../media/types.ts';

const CHUNK_BYTES = 96 * 2 ** 20;

/** A clip that can be looked at. */
export type UsableSpan = ClipSpan & { readonly source: { readonly kind: 'file' } };

/** What frames of a sequence are like. */
export type Canvas = Sequence & { readonly colour: Colour };

/** A clip's picture over a range of the sequence, as its frames are; a few of them in memory. */
export async function* pictureOf(
	ffmpeg: Ffmpeg,
	clip: ClipSpan,
	range: FrameRange,
	canvas: Canvas,
	format: PixelFormat,
	signal: AbortSignal,
): AsyncGenerator<Frame, void, void> {
	if (clip.source.kind !== 'file') return;
	const { rate, size, pixelAspect, colour } = canvas;
	const chunk = Math.max(1, Math.floor(CHUNK_BYTES / frameBytes(format, size)));
	for (let from = range.start; from < range.end; from += chunk) {
		const frames = Array.from({ length: Math.min(chunk, range.end - from) }, (_, i) => from + i);
		yield* await readFrames(
			ffmpeg,
			{
				path: clip.source.path,
				stream: clip.pictureStream,
				at: frames.map((frame) => sourceTime(clip, { num: frame, den: 1 }, rate)),
				nearest: clip.nearestFrame === true,
				size,
				pixelAspect,
				colour,
				format,
			},
			signal,
		);
	}
}
