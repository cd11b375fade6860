import { PickupError } from '../../../../protocol/errors.ts';
import { type Rational, ZERO } from '../../../../protocol/time.ts';
import { pictureIn, readFrames } from '../../../media/frames.ts';
import { frameBytes } from '../../../media/pixels.ts';
import { examine } from '../../../media/probe.ts';
import { runFfmpeg } from '../../../media/process.ts';
import type { Ffmpeg, Frame } from '../../../media/types.ts';

/** libx264 takes no larger ones. */
const LARGEST = 16_384;

/** A still at its own size, packed RGB. */
export type StillPicture = { readonly picture: Frame; readonly pixelAspect: Rational };

/**
 * A still as the model was trained to see one: once through H.264 at `crf`, or as it is at 0. Throws
 * as `readFrames`.
 */
export async function readStill(
	ffmpeg: Ffmpeg,
	path: string,
	crf: number,
	signal: AbortSignal,
): Promise<StillPicture> {
	const video = pictureIn(await examine(ffmpeg, path, signal));
	const { pixelAspect } = video;
	const shrink = Math.min(1, LARGEST / Math.max(video.size.width, video.size.height));
	const shrunk = (length: number) => Math.max(1, Math.round(length * shrink));
	const size = { width: shrunk(video.size.width), height: shrunk(video.size.height) };
	const wanted = { path, at: [ZERO], size, pixelAspect, format: 'rgb24' } as const;
	const [frame] = await readFrames(ffmpeg, wanted, signal);
	const isPlain = crf === 0 || Math.min(size.width, size.height) < 2;
	const picture = isPlain ? frame! : await throughH264(ffmpeg, frame!, crf, signal);
	return { picture, pixelAspect };
}

/** Compressed and back, as the frames of films are; its sides become even. */
async function throughH264(
	ffmpeg: Ffmpeg,
	frame: Frame,
	crf: number,
	signal: AbortSignal,
): Promise<Frame> {
	const size = { width: frame.width & ~1, height: frame.height & ~1 };
	const raw = ['-f', 'rawvideo', '-pixel_format', 'rgb24'];
	const colours = 'in_color_matrix=bt709:out_color_matrix=bt709';
	const packed = await piped(ffmpeg, frame.data, signal, [
		...[
			...raw,
			'-video_size',
			`${frame.width}x${frame.height}`,
			'-framerate',
			'24',
			'-i',
			'pipe:0',
		],
		...[
			'-vf',
			`crop=${size.width}:${size.height}:0:0,scale=${colours}:out_range=tv,format=yuv420p`,
		],
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
	if (data.length !== frameBytes('rgb24', size)) {
		throw new PickupError(
			'encode-failed',
			`Expected ${size.width}×${size.height} RGB, got ${data.length} bytes`,
		);
	}
	return { ...size, format: 'rgb24', data };
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
