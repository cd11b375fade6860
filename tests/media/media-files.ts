import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFfmpeg } from '../../inference-daemon/media/locate.ts';
import type { Frame, PixelFormat } from '../../inference-daemon/media/types.ts';

/** Media made for a test: pictures that carry their own number, sound with clicks at known places. */

export const ffmpeg = await findFfmpeg();

/** Runs with a folder of its own that is removed afterwards. */
export async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
	const folder = await mkdtemp(join(tmpdir(), 'pickup-media-'));
	try {
		return await work(folder);
	} finally {
		await rm(folder, { recursive: true, force: true });
	}
}

/** Runs a program to its end and gives its output; an error with its log when it fails. */
export async function run(
	command: string,
	args: readonly string[],
	input?: Uint8Array,
): Promise<string> {
	const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
	const output: Buffer[] = [];
	const log: Buffer[] = [];
	child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
	child.stderr.on('data', (chunk: Buffer) => log.push(chunk));
	child.stdin.on('error', () => {});
	child.stdin.end(input ?? '');
	const code = await new Promise((resolve, reject) => {
		child.once('error', reject);
		child.once('close', resolve);
	});
	if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${Buffer.concat(log)}`);
	return Buffer.concat(output).toString('utf8');
}

/** ffprobe is not what the code under test uses: an independent witness. */
export async function ffprobe(args: readonly string[], path: string): Promise<unknown> {
	return JSON.parse(await run('ffprobe', ['-v', 'error', '-of', 'json', ...args, path]));
}

const BITS = 10;

/** 8-bit 4:2:0 pictures, white bars for the ones of the frame number's binary digits. */
export function numbered(count: number, width = 160, height = 96): Buffer {
	const frameSize = (width * height * 3) / 2;
	const data = Buffer.alloc(count * frameSize, 128);
	for (let frame = 0; frame < count; frame++) {
		for (let y = 0; y < height; y++) {
			for (let x = 0; x < width; x++) {
				const bit = (frame >> Math.floor((x * BITS) / width)) & 1;
				data[frame * frameSize + y * width + x] = bit ? 235 : 16;
			}
		}
	}
	return data;
}

/** The number that a frame carries, whatever its size; `inside` is where the picture lies. */
export function numberOf(
	frame: Frame,
	inside = { left: 0, top: 0, width: frame.width, height: frame.height },
): number {
	let number = 0;
	const y = Math.floor(inside.top + inside.height / 2);
	for (let bit = 0; bit < BITS; bit++) {
		const x = Math.floor(inside.left + ((bit + 0.5) * inside.width) / BITS);
		if (brightness(frame, x, y) > 0.5) number |= 1 << bit;
	}
	return number;
}

/** 0 is black and 1 white of the frame's format. */
export function brightness(frame: Frame, x: number, y: number): number {
	const at = y * frame.width + x;
	switch (frame.format) {
		case 'rgb24':
			return frame.data[at * 3 + 1]! / 255;
		case 'gbrp16le':
			return (frame.data[at * 2]! | (frame.data[at * 2 + 1]! << 8)) / 65_535;
		case 'yuv420p':
			return (frame.data[at]! - 16) / 219;
		case 'yuv422p10le':
			return ((frame.data[at * 2]! | (frame.data[at * 2 + 1]! << 8)) - 64) / 876;
	}
}

export const SIZE = { width: 160, height: 96 };
export const SQUARE = { num: 1, den: 1 };

/** What `readFrames` is asked for when nothing about the picture matters but its number. */
export const PLAIN = { size: SIZE, pixelAspect: SQUARE, format: 'yuv420p' as PixelFormat };

/**
 * Writes numbered pictures, and sound where there is some, into a file. `options` go before the
 * file's name: codec, filters, timing.
 */
export async function makeFilm(
	path: string,
	film: {
		readonly count: number;
		readonly rate: string;
		readonly options: readonly string[];
		/** Interleaved 32-bit floats; written beside the film for the time being. */
		readonly sound?: { readonly path: string; readonly rate: number; readonly channels: number };
		readonly size?: { readonly width: number; readonly height: number };
	},
): Promise<string> {
	const { width, height } = film.size ?? SIZE;
	const sound = film.sound;
	await run(
		ffmpeg.path,
		[
			...['-v', 'error', '-y', '-f', 'rawvideo', '-pix_fmt', 'yuv420p'],
			...['-s', `${width}x${height}`, '-r', film.rate, '-i', 'pipe:0'],
			...(sound
				? ['-f', 'f32le', '-ar', `${sound.rate}`, '-ac', `${sound.channels}`, '-i', sound.path]
				: []),
			...film.options,
			path,
		],
		numbered(film.count, width, height),
	);
	return path;
}

/** Interleaved floats: silence with a click of one sample at each place, on all channels. */
export function clicks(
	length: number,
	places: readonly number[],
	channels = 1,
	height = 0.5,
): Buffer {
	const samples = new Float32Array(length * channels);
	for (const place of places) samples.fill(height, place * channels, (place + 1) * channels);
	return Buffer.from(samples.buffer);
}

/** Where the loudest sample is. */
export function peakAt(channel: Float32Array): number {
	let best = 0;
	for (let i = 1; i < channel.length; i++) {
		if (Math.abs(channel[i]!) > Math.abs(channel[best]!)) best = i;
	}
	return best;
}
