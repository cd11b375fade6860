import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { type GenerationRequest, generationRequestSchema } from '../../protocol/generation.ts';
import type { Size } from '../../protocol/schemas.ts';

const RATE = { num: 24, den: 1 };
const ONE = { num: 1, den: 1 };

export type Wanted = {
	/** Where the shots beside the gap are put, and `model` is. */
	readonly folder: string;
	readonly size: Size;
	/** Frames of each shot beside the gap. */
	readonly shot: number;
	readonly gap: number;
	readonly settings: GenerationRequest['settings'];
};

/** A request for LTX-2 at 24 frames a second: a gap between two shots, or a shot of its own. */
export function requestFor(
	ffmpeg: string,
	{ folder, size, shot, gap, settings }: Wanted,
): GenerationRequest {
	const span = (name: string, start: number) => ({
		name,
		track: 'V1',
		range: { start, end: start + shot },
		source: { kind: 'file', path: makeShot(ffmpeg, join(folder, `${name}.mov`), size, shot) },
		sourceIn: { num: 0, den: 1 },
		speed: ONE,
		enabled: true,
	});
	const [left, right] = [span('left', 0), span('right', shot + gap)];
	return generationRequestSchema.parse({
		kind: 'fill',
		id: randomUUID(),
		engine: 'ltx2',
		seed: 1,
		prompt: PROMPT,
		context: {
			sequence: {
				name: 'cut',
				rate: RATE,
				size,
				pixelAspect: ONE,
				duration: 2 * shot + gap,
				startFrame: 0,
				dropFrame: false,
				sampleRate: 48_000,
			},
			track: 'V1',
			range: { start: shot, end: shot + gap },
			left,
			right,
			sound: [left, right],
		},
		output: { folder, name: 'shot', codec: 'h264-intra' },
		settings: { model: join(folder, 'model'), ...settings },
	});
}

const PROMPT = 'a red kite over a bay, wind in the dry grass';

function makeShot(ffmpeg: string, path: string, { width, height }: Size, frames: number): string {
	const seconds = frames / RATE.num;
	execFileSync(ffmpeg, [
		...['-y', '-loglevel', 'error', '-f', 'lavfi', '-i', `testsrc2=s=${width}x${height}:r=24`],
		...['-f', 'lavfi', '-i', `sine=frequency=300:r=48000:d=${seconds}`],
		...['-frames:v', String(frames), '-c:v', 'libx264', '-crf', '14', '-pix_fmt', 'yuv420p'],
		...['-colorspace', 'bt709', '-color_primaries', 'bt709', '-color_trc', 'bt709'],
		...['-color_range', 'tv'],
		...['-c:a', 'pcm_s16le', '-ac', '2', path],
	]);
	return path;
}
