import { type Sequence, sourceTime } from '../../../protocol/timeline.ts';
import { readFrames } from '../../media/frames.ts';
import type { Ffmpeg, PixelFormat } from '../../media/types.ts';
import type { UsableSpan } from '../cut-picture.ts';
import type { Side } from './bridge.ts';

/**
 * The clip's picture at sequence frame `edge` and, where the clip has it, a few frames further in
 * (`inward` −1: before the edge, 1: after it). Throws what readFrames throws.
 */
export async function readSide(
	ffmpeg: Ffmpeg,
	span: UsableSpan,
	edge: number,
	inward: -1 | 1,
	sequence: Sequence,
	format: PixelFormat,
	signal: AbortSignal,
): Promise<Side> {
	const room = inward < 0 ? edge - span.range.start : span.range.end - 1 - edge;
	// Long enough to see past a frame that is shown twice, short enough for speed at the edge.
	const distance = Math.max(0, Math.min(room, sequence.rate.num / sequence.rate.den > 40 ? 5 : 3));
	const frames = distance > 0 ? [edge, edge + inward * distance] : [edge];
	const [first, second] = await readFrames(
		ffmpeg,
		{
			path: span.source.path,
			stream: span.pictureStream,
			at: frames.map((frame) => sourceTime(span, { num: frame, den: 1 }, sequence.rate)),
			size: sequence.size,
			pixelAspect: sequence.pixelAspect,
			format,
		},
		signal,
	);
	return { edge: first!, inner: second ?? null, distance };
}
