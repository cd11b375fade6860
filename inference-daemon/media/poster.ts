import { PickupError } from '../../protocol/errors.ts';
import type { Size } from '../../protocol/schemas.ts';
import { FfmpegFailure, runFfmpeg } from './process.ts';
import type { Ffmpeg, Frame, PixelFormat } from './types.ts';

/** A frame as a JPEG no wider than `maxWidth`, for posters. */
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

/** What makes ffmpeg write the frame counted to `pipe:1` as a PNG. */
export function previewArguments(
	size: Size,
	format: PixelFormat,
	maxWidth: number,
	index: number,
): readonly string[] {
	const filters = [`select=eq(n\\,${index})`, scaledDown(size, format, maxWidth), 'format=rgb24'];
	return ['-vf', filters.join(','), '-frames:v', '1', '-c:v', 'png', ...TO_PIPE];
}

function jpegArguments(size: Size, format: PixelFormat, maxWidth: number): readonly string[] {
	// JPEG is BT.601 in full range by definition (JFIF).
	const scale = `${scaledDown(size, format, maxWidth)}:out_color_matrix=bt601:out_range=pc`;
	const codec = ['-c:v', 'mjpeg', '-q:v', '3'];
	return ['-vf', `${scale},format=yuvj420p`, '-frames:v', '1', ...codec, ...TO_PIPE];
}

const TO_PIPE = ['-f', 'image2pipe', 'pipe:1'];

function scaledDown(size: Size, format: PixelFormat, maxWidth: number): string {
	const width = Math.max(2, 2 * Math.floor(Math.min(size.width, maxWidth) / 2));
	const height = Math.max(2, 2 * Math.round((size.height * width) / size.width / 2));
	return [
		`scale=${width}:${height}:flags=bicubic+accurate_rnd+full_chroma_int`,
		...['in_color_matrix=bt709', `in_range=${format.startsWith('yuv') ? 'tv' : 'pc'}`],
	].join(':');
}

async function* once(data: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
	yield data;
}
