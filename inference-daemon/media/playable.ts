import { PickupError } from '../../protocol/errors.ts';
import type { Form } from '../../protocol/media.ts';
import type { Size } from '../../protocol/schemas.ts';
import type { FrameRate } from '../../protocol/time.ts';
import { timescale } from './codecs.ts';
import { outputArgument } from './files.ts';
import { FfmpegFailure, runFfmpeg } from './process.ts';
import type { Ffmpeg, Frame, Sound } from './types.ts';

export type PlayableWanted = {
	readonly path: string;
	readonly form: Form;
	/** Even, of square pixels. */
	readonly size: Size;
	readonly rate: FrameRate;
	/** In `yuv420p`, of that size. */
	readonly frames: AsyncIterable<Frame>;
	readonly sound: Sound | null;
};

/** Frames between two that can be shown without the others, so that a player finds each of them quickly. */
const KEY_EVERY = 6;

const CODECS: Readonly<Record<Form, readonly string[]>> = {
	h264: [
		...['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '18', '-bf', '0'],
		...['-c:a', 'aac', '-b:a', '192k', '-movflags', '+faststart', '-f', 'mp4'],
	],
	vp9: [
		...['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '6', '-row-mt', '1'],
		...['-crf', '24', '-b:v', '0', '-c:a', 'libopus', '-b:a', '160k', '-f', 'webm'],
	],
};

/**
 * Writes what a browser plays: each frame once, at the constant rate, with stereo sound at 48 kHz
 * that begins with the first. In WebM times are rounded to a millisecond and up to 7 ms late, since
 * Opus begins with samples that are not heard: a player that wants a frame goes to three quarters of
 * it. Throws `encode-failed`, what `frames` throws, or the signal's reason.
 */
export async function encodePlayable(
	ffmpeg: Ffmpeg,
	{ path, form, size, rate, frames, sound }: PlayableWanted,
	signal: AbortSignal,
): Promise<void> {
	try {
		await runFfmpeg(ffmpeg, {
			args: [
				...['-loglevel', 'level+error', '-y'],
				...['-f', 'rawvideo', '-pixel_format', 'yuv420p'],
				...['-video_size', `${size.width}x${size.height}`],
				...['-r', `${rate.num}/${rate.den}`, '-i', 'pipe:0'],
				// A second of sound would be looked at before the first frame is taken.
				...(sound ? ['-probesize', '32', '-f', 'f32le', '-ar', '48000', '-ac', '2'] : []),
				...(sound ? ['-i', 'pipe:3', '-map', '0:v:0', '-map', '1:a:0'] : []),
				...['-vf', 'setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709'],
				...['-g', String(KEY_EVERY), '-fps_mode', 'passthrough'],
				...['-enc_time_base:v', `${rate.den}:${rate.num}`],
				...['-video_track_timescale', String(timescale(rate))],
				...CODECS[form],
				outputArgument(path),
			],
			signal,
			input: dataOf(frames),
			...(sound ? { secondInput: interleaved(sound) } : {}),
		});
	} catch (error) {
		if (!(error instanceof FfmpegFailure)) throw error;
		throw new PickupError('encode-failed', `Expected a clip to play here: ${error.message}`, {
			cause: error,
		});
	}
}

async function* dataOf(frames: AsyncIterable<Frame>): AsyncGenerator<Uint8Array, void, void> {
	for await (const { data } of frames) yield data;
}

const INTERLEAVED_AT_ONCE = 48_000;

async function* interleaved({ left, right }: Sound): AsyncGenerator<Uint8Array, void, void> {
	for (let start = 0; start < left.length; start += INTERLEAVED_AT_ONCE) {
		const end = Math.min(left.length, start + INTERLEAVED_AT_ONCE);
		const both = new Float32Array(2 * (end - start));
		for (let i = start; i < end; i++) {
			both[2 * (i - start)] = left[i]!;
			both[2 * (i - start) + 1] = right[i]!;
		}
		yield Buffer.from(both.buffer);
	}
}
