import { rm } from 'node:fs/promises';
import { run } from './ffmpeg.ts';

/** On a crowded machine three in a row were seen to end too early. */
const ATTEMPTS = 10;

/** A render takes seconds; on a machine that does much else perhaps a minute. In ms. */
const LONGEST_RENDER = 180_000;

/**
 * Renders the frames 0 … `last` of an MLT project into a MOV with melt's codec options. On a busy
 * machine melt 7.12 now and then ends in order before the index of the file is written, or waits for
 * ever for a render that has ended; such a file is not one, and is rendered again. Throws when melt
 * fails, or never finishes a file.
 */
export async function renderWithMelt(
	project: string,
	last: number,
	path: string,
	codec: readonly string[],
): Promise<void> {
	const consumer = ['-consumer', `avformat:${path}`, ...codec, 'acodec=pcm_s16le', 'ar=48000'];
	const options = {
		env: { ...process.env, QT_QPA_PLATFORM: 'offscreen' },
		timeout: LONGEST_RENDER,
	};
	for (let attempt = 1; ; attempt++) {
		try {
			await run('melt', ['-silent', project, 'in=0', `out=${last}`, ...consumer], options);
			await run('ffmpeg', ['-v', 'error', '-i', path, '-c', 'copy', '-f', 'null', '-']);
			return;
		} catch (error) {
			await rm(path, { force: true });
			if (attempt === ATTEMPTS) throw error;
		}
	}
}
