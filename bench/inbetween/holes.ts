import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readFrames } from '../../inference-daemon/media/frames.ts';
import { probe } from '../../inference-daemon/media/probe.ts';
import type { Ffmpeg, Frame } from '../../inference-daemon/media/types.ts';
import { multiply, toNumber } from '../../protocol/time.ts';

/** A hole in a real clip, and what stood in it. */
export type Hole = {
	readonly clip: string;
	readonly frames: readonly Frame[];
	/** Frames before the hole, and as many behind it. */
	readonly beside: number;
};

const LENGTHS = [6, 12, 24, 48];
const BESIDE = 4;

/** Holes of several lengths in the middle of each clip of a folder, as far as the clip is long enough. */
export async function* holesOf(
	ffmpeg: Ffmpeg,
	folder: string,
	widest: number,
): AsyncGenerator<Hole> {
	for (const clip of (await readdir(folder)).sort()) {
		const path = join(folder, clip);
		const { video, duration } = await probe(ffmpeg, path);
		if (!video?.rate || !duration) continue;
		const { rate, size, pixelAspect } = video;
		const total = Math.floor(toNumber(multiply(duration, rate)) + 0.01);
		const width = Math.min(widest, size.width) & ~1;
		const aspect = (size.width * toNumber(pixelAspect)) / size.height;
		const height = Math.round(width / aspect / 2) * 2;
		for (const length of LENGTHS) {
			const count = length + 2 * BESIDE;
			const start = (total - count) >> 1;
			if (start < 0) continue;
			const at = Array.from({ length: count }, (_, i) => ({
				num: (2 * (start + i) + 1) * rate.den,
				den: 2 * rate.num,
			}));
			const one = { num: 1, den: 1 };
			const wanted = {
				path,
				at,
				size: { width, height },
				pixelAspect: one,
				format: 'yuv420p',
			} as const;
			yield { clip, beside: BESIDE, frames: await readFrames(ffmpeg, wanted) };
		}
	}
}
