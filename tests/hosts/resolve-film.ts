import { join } from 'node:path';
import { run } from '../../demo/ffmpeg.ts';
import type { ResolveItem, ResolveModel } from './resolve.ts';

/** A film in the simulated Resolve, and the file that its clips play. */

/** The number of its first frame: 01:00:00:00 at 24. */
export const START = 86_400;

/** A file of grey with sound; `seconds` long, at `rate` frames a second. */
export async function makeShot(path: string, seconds: number, rate = 24): Promise<string> {
	const picture = ['-f', 'lavfi', '-i', `color=gray:s=64x36:r=${rate}:d=${seconds}`];
	const sound = ['-f', 'lavfi', '-i', `anullsrc=cl=stereo:r=48000:d=${seconds}`];
	const codec = ['-c:v', 'libx264', '-preset', 'ultrafast', '-c:a', 'pcm_s16le'];
	await run('ffmpeg', ['-y', '-loglevel', 'error', ...picture, ...sound, ...codec, path]);
	return path;
}

/** A clip at a frame of the timeline that plays the film's only media. */
export function item(
	id: string,
	start: number,
	duration: number,
	more: Partial<ResolveItem> = {},
): ResolveItem {
	return { id, name: id, start: START + start, duration, media: 'shots', ...more };
}

/** `shots.mov` in a folder, 192 frames at 24, with the given clips on V1 and their sound on A1. */
export function film(
	folder: string,
	items: readonly ResolveItem[],
	changes: Partial<ResolveModel> = {},
): ResolveModel {
	return {
		project: { id: 'p', name: 'Film' },
		media: [
			{
				id: 'shots',
				name: 'shots.mov',
				bin: '',
				path: join(folder, 'shots.mov'),
				fps: '24',
				frames: 192,
				video: true,
				audio: true,
			},
		],
		timelines: [
			{
				id: 't',
				name: 'Reel 1',
				rate: '24',
				start: START,
				playhead: START + 10,
				size: [64, 36],
				tracks: [
					{ kind: 'video', items },
					{ kind: 'audio', items: [item('sound', 0, 50, { left: 12 })] },
				],
			},
		],
		...changes,
	};
}
