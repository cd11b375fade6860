import { rm } from 'node:fs/promises';
import { systemProblem } from '../../files/system-errors.ts';
import { isTaken, nameUnlessTaken, syncToDisk } from '../../files/write-whole.ts';
import { PickupError } from '../../protocol/errors.ts';
import { type Clip, pictureAlonePath } from '../../protocol/jobs.ts';
import { inputArguments, outputArgument } from '../media/files.ts';
import { runFfmpeg } from '../media/process.ts';
import { countClip } from '../media/verify.ts';
import type { LandingRoom } from './landing-room.ts';

/**
 * A clip's picture as a file of its own beside it, bit for bit as in the clip and without its sound.
 * Throws PickupError `encode-failed` where it cannot be written, and what reading the clip throws.
 */
export async function pictureAlone({ ffmpeg }: LandingRoom, clip: Clip): Promise<Clip> {
	const path = pictureAlonePath(clip.path);
	const alone: Clip = { ...clip, path, samples: 0 };
	if (await isTaken(path)) return alone;
	const part = `${path}.part`;
	const { args } = await inputArguments(clip.path);
	try {
		const copy = ['-map', '0:v:0', '-c', 'copy', '-f', 'mov', '-y', outputArgument(part)];
		await runFfmpeg(await ffmpeg(), { args: [...args, ...copy] });
		const { frames } = await countClip(part);
		if (frames !== clip.frames) {
			throw new Error(`Expected a picture of ${clip.frames} frames, got ${frames}`);
		}
		await syncToDisk(part);
		await nameUnlessTaken(part, path);
	} catch (cause) {
		throw PickupError.from(systemProblem(cause, 'encode-failed'));
	} finally {
		await rm(part, { force: true });
	}
	return alone;
}
