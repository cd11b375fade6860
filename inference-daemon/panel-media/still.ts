import { stat, writeFile } from 'node:fs/promises';
import type { Size } from '../../protocol/schemas.ts';
import { ONE, type Rational, ZERO } from '../../protocol/time.ts';
import type { Stream } from '../../protocol/timeline.ts';
import { checkedFile } from '../media/files.ts';
import { readFrames } from '../media/frames.ts';
import { lookAt } from '../media/look.ts';
import { pngOf } from '../media/png.ts';
import type { Ffmpeg } from '../media/types.ts';
import type { Wanted } from './media-cache.ts';

/** Of the longer side, in pixels. */
const LONGEST = 320;

/** A picture that the person has chosen, small and in its own shape. */
export async function stillOf(path: string, ffmpeg: () => Promise<Ffmpeg>): Promise<Wanted> {
	const file = await fileKey(path);
	return {
		key: ['still', file],
		extension: 'png',
		async make(to, signal) {
			const program = await ffmpeg();
			const { size } = await lookAt(program, file.path);
			const { width, height } = size ?? { width: LONGEST, height: LONGEST };
			const scale = Math.min(1, LONGEST / Math.max(width, height));
			const even = (side: number) => Math.max(2, 2 * Math.round((side * scale) / 2));
			const small = { width: even(width), height: even(height) };
			await writePicture(to, { path: file.path, at: ZERO, size: small }, program, signal);
		},
	};
}

/** What tells a file from another, and from what it was before. Throws as `checkedFile`. */
export async function fileKey(path: string) {
	const real = await checkedFile(path);
	const { size, mtimeMs } = await stat(real);
	return { path: real, size, modified: mtimeMs };
}

export type PictureAt = {
	readonly path: string;
	readonly stream?: Stream | undefined;
	readonly at: Rational;
	readonly nearest?: boolean;
	/** Of square pixels; the picture is fitted inside, on black. */
	readonly size: Size;
};

/** One frame of a file as a PNG. */
export async function writePicture(
	to: string,
	{ at, ...wanted }: PictureAt,
	ffmpeg: Ffmpeg,
	signal: AbortSignal,
): Promise<void> {
	const shape = { ...wanted, at: [at], pixelAspect: ONE, format: 'rgb24' } as const;
	const [frame] = await readFrames(ffmpeg, shape, signal);
	await writeFile(to, pngOf(frame!), { mode: 0o600 });
}
