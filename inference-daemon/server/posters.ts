import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from '../../files/write-whole.ts';
import { rational } from '../../protocol/time.ts';
import type { Journal } from '../jobs/journal.ts';
import { readFrames } from '../media/frames.ts';
import { encodeJpeg } from '../media/poster.ts';
import type { Ffmpeg } from '../media/types.ts';

/** Width of a poster at most, in pixels. */
const WIDTH = 640;

/**
 * Makes posters when they are first asked for: the frame in the middle of the clip. Gives the path
 * of the JPEG, or null where it cannot be made.
 */
export function posterMaker(
	folder: string,
	journal: Journal,
	ffmpeg: () => Promise<Ffmpeg>,
): (jobId: string, clipPath: string) => Promise<string | null> {
	const making = new Map<string, Promise<string | null>>();

	async function make(jobId: string, clipPath: string): Promise<string | null> {
		const path = join(folder, `${jobId}.jpg`);
		const there = await access(path).then(
			() => true,
			() => false,
		);
		if (there) return path;
		const clip = journal.job(jobId).clip;
		if (!clip) return null;
		const program = await ffmpeg();
		const middle = rational(Math.floor(clip.frames / 2) * clip.rate.den, clip.rate.num);
		const [frame] = await readFrames(program, {
			path: clipPath,
			at: [middle],
			size: clip.size,
			pixelAspect: journal.record(jobId).request.context.sequence.pixelAspect,
			format: 'rgb24',
		});
		if (!frame) return null;
		await mkdir(folder, { recursive: true, mode: 0o700 });
		await writeWhole(path, await encodeJpeg(program, frame, WIDTH), { mode: 0o600 });
		return path;
	}

	return (jobId, clipPath) => {
		const running = making.get(jobId) ?? make(jobId, clipPath).catch(() => null);
		making.set(jobId, running);
		return running.finally(() => making.delete(jobId));
	};
}
