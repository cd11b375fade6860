import { run } from '../../demo/ffmpeg.ts';
import type { FrameRate } from '../../protocol/time.ts';
import { samplesForFrames } from '../../protocol/time.ts';
import { bytesOf } from './workbench.ts';

/**
 * Shots whose every frame carries its number as ten bars across the upper third, black or white,
 * lowest bit on the left; below, a texture moves two pixels a frame. The sound is one tone in noise.
 */
export const NUMBERED_SIZE = { width: 160, height: 96 };
const BARS = 10;

export type Tone = { readonly hertz: number; readonly level: number };

/** Writes a MOV of the frames `first … first + frames − 1`. */
export async function makeNumberedShot(
	path: string,
	rate: FrameRate,
	first: number,
	frames: number,
	tone: Tone,
): Promise<void> {
	const { width, height } = NUMBERED_SIZE;
	async function* pictures() {
		for (let index = 0; index < frames; index++) yield paintNumber(first + index);
	}
	const fps = `${rate.num}/${rate.den}`;
	const picture = ['-f', 'rawvideo', '-pix_fmt', 'gray', '-s', `${width}x${height}`, '-r', fps];
	const samples = samplesForFrames(frames, rate);
	const wave = (seed: number) =>
		`${tone.level}*(0.5*sin(2*PI*${tone.hertz}*t)+random(${seed})-0.5)`;
	const source = `aevalsrc=${wave(0)}|${wave(1)}:s=48000,atrim=end_sample=${samples}`;
	const sound = ['-f', 'lavfi', '-i', source];
	const codec = ['-pix_fmt', 'yuv420p', '-c:v', 'libx264', '-crf', '10', '-g', '12', '-bf', '2'];
	const timescale = ['-video_track_timescale', String(rate.num)];
	const output = [...codec, ...timescale, '-c:a', 'pcm_s16le', path];
	const args = ['-y', '-loglevel', 'error', ...picture, '-i', 'pipe:0', ...sound, ...output];
	await run('ffmpeg', args, { input: pictures() });
}

function paintNumber(number: number): Uint8Array {
	const { width, height } = NUMBERED_SIZE;
	const image = new Uint8Array(width * height);
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) {
			const bit = (number >> Math.floor((x * BARS) / width)) & 1;
			const world = x + number * 2;
			const texture = 110 + 60 * Math.sin(world / 7 + y / 11) + 30 * Math.sin(world / 3 - y / 5);
			image[y * width + x] = y < height / 3 ? 30 + bit * 190 : texture;
		}
	}
	return image;
}

/** Every frame of a file as 8-bit grey at the numbered size. */
export async function greyFrames(path: string): Promise<Uint8Array[]> {
	const { width, height } = NUMBERED_SIZE;
	const input = ['-loglevel', 'error', '-i', path, '-map', '0:v:0', '-fps_mode', 'passthrough'];
	const output = ['-vf', `scale=${width}:${height}`, '-pix_fmt', 'gray', '-f', 'rawvideo', '-'];
	const bytes = await bytesOf('ffmpeg', [...input, ...output]);
	const size = width * height;
	return Array.from({ length: bytes.length / size }, (_unused, index) =>
		bytes.subarray(index * size, (index + 1) * size),
	);
}

/** The number in the bars of a frame. */
export function readNumber(frame: Uint8Array): number {
	const { width, height } = NUMBERED_SIZE;
	let number = 0;
	for (let bit = 0; bit < BARS; bit++) {
		const x = Math.floor(((bit + 0.5) * width) / BARS);
		const y = Math.floor(height / 6);
		if ((frame[y * width + x] ?? 0) > 125) number |= 1 << bit;
	}
	return number;
}

/** The left channel at 48 kHz, −1…1. */
export async function samplesOf(path: string): Promise<Float32Array> {
	const input = ['-loglevel', 'error', '-i', path, '-map', '0:a:0'];
	const output = ['-af', 'pan=mono|c0=c0', '-ar', '48000', '-f', 'f32le', '-'];
	const bytes = await bytesOf('ffmpeg', [...input, ...output]);
	return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

/** Mean absolute difference of two frames, in grey levels. */
export function difference(a: Uint8Array, b: Uint8Array): number {
	let sum = 0;
	for (let index = 0; index < a.length; index++) sum += Math.abs((a[index] ?? 0) - (b[index] ?? 0));
	return sum / a.length;
}
