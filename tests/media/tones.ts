import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Sound } from '../../inference-daemon/media/types.ts';
import { ffmpeg, run } from './media-files.ts';

/** Sound whose every channel is a tone of its own: 400 Hz, 700 Hz, 1000 Hz, … at 0.2 of full scale. */

const hertz = (channel: number) => 400 + 300 * channel;

export async function openFolder(): Promise<{ folder: string; close(): Promise<void> }> {
	const folder = await mkdtemp(join(tmpdir(), 'pickup-tones-'));
	return { folder, close: () => rm(folder, { recursive: true, force: true }) };
}

/** Writes streams of so many channels each, two seconds long, behind picture where there is some. */
export async function makeTones(
	path: string,
	layout: readonly number[],
	options: readonly string[],
	hasPicture: boolean,
): Promise<void> {
	let channel = 0;
	const sources = layout.map((count) => {
		const tones = Array.from({ length: count }, () => `0.2*sin(2*PI*t*${hertz(channel++)})`);
		const name = { 1: 'mono', 2: 'stereo', 4: '4.0', 6: '5.1' }[count];
		return `aevalsrc=${tones.join('|')}:c=${name}:s=48000:d=2`;
	});
	const picture = hasPicture ? ['testsrc2=s=96x64:r=25:d=2'] : [];
	const inputs = [...picture, ...sources];
	await run(ffmpeg.path, [
		...['-v', 'error', '-y', ...inputs.flatMap((source) => ['-f', 'lavfi', '-i', source])],
		...inputs.flatMap((_, index) => ['-map', String(index)]),
		...(path.endsWith('.mxf') ? ['-c:v', 'mpeg2video'] : ['-preset', 'ultrafast']),
		...[...options, path],
	]);
}

/** The channels of `makeTones` that are heard on either side. */
export function loudTones({ left, right }: Sound): [number[], number[]] {
	const among = (samples: Float32Array) =>
		[0, 1, 2, 3, 4, 5, 6].filter((channel) => toneOf(samples, hertz(channel)) > 0.02);
	return [among(left), among(right)];
}

/** How high a tone of a sound at 48 kHz swings. */
export function toneOf(samples: Float32Array, frequency: number): number {
	let [real, imaginary] = [0, 0];
	for (let i = 0; i < samples.length; i++) {
		const window = 1 - Math.cos((2 * Math.PI * i) / samples.length);
		const angle = (2 * Math.PI * frequency * i) / 48_000;
		real += samples[i]! * window * Math.cos(angle);
		imaginary += samples[i]! * window * Math.sin(angle);
	}
	return (2 * Math.hypot(real, imaginary)) / samples.length;
}
