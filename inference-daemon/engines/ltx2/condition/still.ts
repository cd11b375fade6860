import { PickupError } from '../../../../protocol/errors.ts';
import { multiply, rational, toNumber } from '../../../../protocol/time.ts';
import { readFrames } from '../../../media/frames.ts';
import { frameBytes } from '../../../media/pixels.ts';
import { examine } from '../../../media/probe.ts';
import { runFfmpeg } from '../../../media/process.ts';
import type { Ffmpeg, Frame } from '../../../media/types.ts';
import type { Size } from '../plan/window.ts';

/** Larger stills are read at this width or height: no stage works at more. */
const LARGEST = 4096;

/**
 * A still as the model was trained to see one: once through H.264 at `crf`, and cut in the middle to
 * the shape of `shape`, which it covers. Throws as `readFrames`.
 */
export async function readStill(
	ffmpeg: Ffmpeg,
	path: string,
	{ shape, crf }: { readonly shape: Size; readonly crf: number },
	signal: AbortSignal,
): Promise<Frame> {
	const { video } = await examine(ffmpeg, path, signal);
	if (!video) {
		throw new PickupError('media-unreadable', `Expected a picture in ${path}, got sound only`, {
			field: 'images',
		});
	}
	const { width, height } = video.size;
	const wide = width * toNumber(video.pixelAspect);
	const shrink = Math.min(1, LARGEST / Math.max(wide, height));
	const size = { width: even(wide * shrink), height: even(height * shrink) };
	// Square but for what makes the sides even, so that no bar is left beside the picture.
	const stretch = rational(width * size.height, height * size.width);
	const pixelAspect = multiply(video.pixelAspect, stretch);
	const at = [{ num: 0, den: 1 }];
	const wanted = { path, at, size, pixelAspect, format: 'rgb24' } as const;
	const [frame] = await readFrames(ffmpeg, wanted, signal);
	return covering(await throughH264(ffmpeg, frame!, crf, signal), shape);
}

/** Compressed and back, as the frames of films are. */
async function throughH264(
	ffmpeg: Ffmpeg,
	frame: Frame,
	crf: number,
	signal: AbortSignal,
): Promise<Frame> {
	const { width, height } = frame;
	const raw = ['-f', 'rawvideo', '-pixel_format', 'rgb24'];
	const colours = 'in_color_matrix=bt709:out_color_matrix=bt709';
	const packed = await piped(ffmpeg, frame.data, signal, [
		...[...raw, '-video_size', `${width}x${height}`, '-framerate', '24', '-i', 'pipe:0'],
		...['-vf', `scale=${colours}:out_range=tv,format=yuv420p`],
		...['-c:v', 'libx264', '-preset', 'veryfast', '-crf', String(crf), '-threads', '1'],
		...['-colorspace', 'bt709', '-color_range', 'tv', '-f', 'h264', 'pipe:1'],
	]);
	const data = await piped(ffmpeg, packed, signal, [
		...['-f', 'h264', '-i', 'pipe:0', '-frames:v', '1'],
		...[
			'-vf',
			`scale=${colours}:in_range=tv:out_range=pc,format=rgb24`,
			'-f',
			'rawvideo',
			'pipe:1',
		],
	]);
	if (data.length !== frameBytes('rgb24', frame)) {
		throw new PickupError(
			'encode-failed',
			`Expected ${width}×${height} RGB, got ${data.length} bytes`,
		);
	}
	return { ...frame, data };
}

async function piped(
	ffmpeg: Ffmpeg,
	input: Uint8Array,
	signal: AbortSignal,
	args: readonly string[],
): Promise<Uint8Array> {
	const chunks: Uint8Array[] = [];
	async function* once() {
		yield input;
	}
	const onOutput = (chunk: Uint8Array) => void chunks.push(chunk);
	await runFfmpeg(ffmpeg, {
		args: ['-loglevel', 'level+error', ...args],
		input: once(),
		onOutput,
		signal,
	});
	return Buffer.concat(chunks);
}

/** The middle of a picture, as large as the shape allows. */
function covering(frame: Frame, shape: Size): Frame {
	const aspect = shape.width / shape.height;
	const width = Math.min(frame.width, Math.max(1, Math.round(frame.height * aspect)));
	const height = Math.min(frame.height, Math.max(1, Math.round(frame.width / aspect)));
	if (width === frame.width && height === frame.height) return frame;
	const [left, top] = [(frame.width - width) >> 1, (frame.height - height) >> 1];
	const data = new Uint8Array(width * height * 3);
	for (let y = 0; y < height; y++) {
		const from = ((y + top) * frame.width + left) * 3;
		data.set(frame.data.subarray(from, from + width * 3), y * width * 3);
	}
	return { width, height, format: 'rgb24', data };
}

function even(value: number): number {
	return Math.max(2, 2 * Math.round(value / 2));
}
