import { sourceTime } from '../../../protocol/timeline.ts';
import { readFrames } from '../../media/frames.ts';
import type { Ffmpeg, Frame, PixelFormat } from '../../media/types.ts';
import type { Canvas, UsableSpan } from '../cut-picture.ts';
import type { Side } from './bridge.ts';
import { layoutOf } from './planes.ts';

/**
 * The clip's picture at sequence frame `edge` and, where the clip has it, a few frames further in
 * (`inward` −1: before the edge, 1: after it). Where the frame at the edge is a flash, white or
 * black, the one beside it stands for it. Throws what readFrames throws.
 */
export async function readSide(
	ffmpeg: Ffmpeg,
	span: UsableSpan,
	edge: number,
	inward: -1 | 1,
	canvas: Canvas,
	format: PixelFormat,
	signal: AbortSignal,
): Promise<Side> {
	const room = inward < 0 ? edge - span.range.start : span.range.end - 1 - edge;
	// Long enough to see past a frame that is shown twice, short enough for speed at the edge.
	const distance = Math.max(0, Math.min(room, canvas.rate.num / canvas.rate.den > 40 ? 5 : 3));
	const inwards = distance > 1 ? [0, distance, 1] : distance > 0 ? [0, distance] : [0];
	const [first, inner = null, second] = await readFrames(
		ffmpeg,
		{
			path: span.source.path,
			stream: span.pictureStream,
			at: inwards.map((frames) =>
				sourceTime(span, { num: edge + inward * frames, den: 1 }, canvas.rate),
			),
			nearest: span.nearestFrame === true,
			size: canvas.size,
			pixelAspect: canvas.pixelAspect,
			colour: canvas.colour,
			format,
		},
		signal,
	);
	return second && inner && isFlash(first!, second, inner)
		? { edge: second, inner, distance: distance - 1, away: 1 }
		: { edge: first!, inner, distance };
}

/** Luma (8 bit) by which a flash is brighter or darker than the frame beside it. */
const FLASH = 24;

/** Whether a frame is suddenly bright or dark, and the clip was steady before it. */
function isFlash(frame: Frame, beside: Frame, further: Frame): boolean {
	const jump = Math.abs(brightness(frame) - brightness(beside));
	return jump > FLASH && Math.abs(brightness(beside) - brightness(further)) < jump / 4;
}

/** Mean luma (8 bit), told from some thousands of pixels. */
function brightness(frame: Frame): number {
	const { planes, bytes, bits } = layoutOf(frame);
	const { width, height } = planes[0]!;
	const step = Math.max(1, Math.floor((width * height) / 5000)) | 1;
	let [sum, count] = [0, 0];
	for (let i = 0; i < width * height; i += step, count++) {
		sum += bytes === 1 ? frame.data[i]! : frame.data[2 * i]! + 256 * frame.data[2 * i + 1]!;
	}
	return sum / count / (bits === 8 ? 1 : 4);
}
