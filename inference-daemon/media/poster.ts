import { PickupError } from '../../protocol/errors.ts';
import type { Size } from '../../protocol/schemas.ts';
import { FfmpegFailure, runFfmpeg } from './process.ts';
import type { Ffmpeg, Frame, PixelFormat } from './types.ts';

/** A frame as a JPEG no wider than `maxWidth`, for posters and previews. */
export async function encodeJpeg(
	ffmpeg: Ffmpeg,
	frame: Frame,
	maxWidth: number,
	signal?: AbortSignal,
): Promise<Uint8Array> {
	const chunks: Uint8Array[] = [];
	try {
		await runFfmpeg(ffmpeg, {
			args: [
				...['-loglevel', 'level+error'],
				...['-f', 'rawvideo', '-pixel_format', frame.format],
				...['-video_size', `${frame.width}x${frame.height}`, '-i', 'pipe:0'],
				...jpegArguments(frame, frame.format, maxWidth),
			],
			signal,
			input: once(frame.data),
			onOutput: (chunk) => chunks.push(chunk),
		});
	} catch (error) {
		if (!(error instanceof FfmpegFailure)) throw error;
		throw new PickupError('encode-failed', `Expected a JPEG of the frame: ${error.message}`, {
			cause: error,
		});
	}
	return Buffer.concat(chunks);
}

/** What makes ffmpeg write one frame to `pipe:1` as a JPEG: the first one, or the one counted. */
export function jpegArguments(
	size: Size,
	format: PixelFormat,
	maxWidth: number,
	index = 0,
): readonly string[] {
	const width = Math.max(2, 2 * Math.floor(Math.min(size.width, maxWidth) / 2));
	const height = Math.max(2, 2 * Math.round((size.height * width) / size.width / 2));
	// JPEG is BT.601 in full range by definition (JFIF).
	const scale = [
		`scale=${width}:${height}:flags=bicubic+accurate_rnd+full_chroma_int`,
		...['in_color_matrix=bt709', `in_range=${format.startsWith('yuv') ? 'tv' : 'pc'}`],
		...['out_color_matrix=bt601', 'out_range=pc'],
	].join(':');
	return [
		...['-vf', `select=eq(n\\,${index}),${scale},format=yuvj420p`, '-frames:v', '1'],
		...['-c:v', 'mjpeg', '-q:v', '3', '-f', 'image2pipe', 'pipe:1'],
	];
}

async function* once(data: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
	yield data;
}
