import { writeFile } from 'node:fs/promises';
import { framesToSeconds } from '../../protocol/time.ts';
import { readFrames } from '../media/frames.ts';
import { encodeJpeg } from '../media/poster.ts';
import type { Ffmpeg } from '../media/types.ts';
import type { FinishedClip } from './finished-clip.ts';
import type { Wanted } from './media-cache.ts';

/** Width of a poster at most, in pixels. */
const WIDTH = 640;

/** The frame in the middle of a clip, as a JPEG. */
export function posterOf(
	{ jobId, clip, path, mark, request }: FinishedClip,
	ffmpeg: () => Promise<Ffmpeg>,
): Wanted {
	return {
		key: ['poster', jobId, mark],
		extension: 'jpg',
		async make(to, signal) {
			const program = await ffmpeg();
			const wanted = {
				path,
				at: [framesToSeconds(Math.floor(clip.frames / 2), clip.rate)],
				size: clip.size,
				pixelAspect: request.context.sequence.pixelAspect,
				format: 'rgb24',
			} as const;
			const [frame] = await readFrames(program, wanted, signal);
			await writeFile(to, await encodeJpeg(program, frame!, WIDTH, signal), { mode: 0o600 });
		},
	};
}
