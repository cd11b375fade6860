import { lstat, mkdir, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isTaken, nameTaken, nameUnlessTaken, syncToDisk } from '../../files/write-whole.ts';
import { PickupError } from '../../protocol/errors.ts';
import type { GenerationRequest, Plan } from '../../protocol/generation.ts';
import type { Clip } from '../../protocol/jobs.ts';
import { samplesForFrames } from '../../protocol/time.ts';
import type { FileMark, JobRecord } from './job-table.ts';

/** Counts a finished clip; see `countClip` of the media room. Throws when it cannot be read. */
export type CountClip = (
	path: string,
) => Promise<{ readonly frames: number; readonly samples: number }>;

export type Finished = { readonly clip: Clip; readonly mark: FileMark };

const NAME = 'request.output.name';

/**
 * Where an attempt makes its clip: in a folder of its own beside where the clip is to stand, which
 * is this user's alone. So what is in there was made by it, and what has the clip's name was not.
 */
export function attemptOf({ job, clipPath }: Pick<JobRecord, 'job' | 'clipPath'>) {
	const folder = join(dirname(clipPath), `.pickup-${job.id}-${job.attempt}.part`);
	// Its own name may be as long as a name can be, with no room for more.
	return { folder, clip: join(folder, 'clip.mov') } as const;
}

/** Makes the attempt's folder. Throws `bad-request` where something has the clip's name already. */
export async function openAttempt(record: JobRecord): Promise<void> {
	if (await isTaken(record.clipPath)) throw nameTaken(record.clipPath, NAME);
	await mkdir(attemptOf(record).folder, { mode: 0o700 });
}

/**
 * Gives the clip of an attempt its name and takes the attempt's folder away; to be done once the
 * journal has the mark, and again where that was broken off. Throws `bad-request` where something
 * else has the name: it stays as it is.
 */
export async function nameClip(record: JobRecord, mark: FileMark): Promise<void> {
	const { clip } = attemptOf(record);
	if (!(await isMarked(record.clipPath, mark))) {
		if (await isTaken(record.clipPath)) throw nameTaken(record.clipPath, NAME);
		await nameUnlessTaken(clip, record.clipPath);
		if (!(await isMarked(record.clipPath, mark))) throw nameTaken(record.clipPath, NAME);
		await syncToDisk(dirname(record.clipPath)).catch(() => {
			// Not every system can sync a folder; the file itself is safe.
		});
	}
	await removeAttempt(record);
}

/**
 * The clip of a job whose engine could not say that it was done. A file gets its own name only
 * after it was counted and synced, and it is counted again here, because a job that has its clip
 * must not run once more. Null when there is none, or none that fits the plan.
 */
export async function adoptClip(record: JobRecord, count: CountClip): Promise<Finished | null> {
	const isNamed = record.mark !== null && (await isMarked(record.clipPath, record.mark));
	const path = isNamed ? record.clipPath : attemptOf(record).clip;
	const { plan } = record.job;
	const { draft, engine } = plan;
	const { context, output, seed } = record.request;
	const mark = await markOfClip(path);
	if (!mark) return null;
	const counted = await count(path).catch((error: unknown) => {
		// Nobody can count just now, but nothing gets this name uncounted.
		const cannot = error instanceof PickupError && error.code === 'ffmpeg-missing';
		return cannot && !plan.openLength ? plan : null;
	});
	if (!counted || !isAsPlanned(counted, record)) return null;
	const { frames, samples } = counted;
	const { rate, size } = context.sequence;
	const clip = {
		path: record.clipPath,
		frames,
		rate,
		size,
		samples,
		codec: output.codec,
		draft,
		engine,
		seed,
	};
	return { clip, mark };
}

/** Whether a clip has the frames of its plan, or where those are open at most them, and their sound. */
export function isAsPlanned(
	{ frames, samples }: Pick<Clip, 'frames' | 'samples'>,
	{ job: { plan }, request }: { job: { plan: Plan }; request: GenerationRequest },
): boolean {
	if (!plan.openLength) return frames === plan.frames && samples === plan.samples;
	if (frames < 1 || frames > plan.frames) return false;
	const { rate } = request.context.sequence;
	return samples === (plan.samples === 0 ? 0 : samplesForFrames(frames, rate));
}

/** Size and time of a finished clip; null when no regular file with content stands there. */
export async function markOfClip(path: string): Promise<FileMark | null> {
	const stats = await lstat(path).catch(() => null);
	return stats?.isFile() && stats.size > 0 ? { size: stats.size, modified: stats.mtimeMs } : null;
}

/** Removes whatever an attempt has made, and nothing else: a clip that has its name is told by its mark. */
export async function removeLeftovers(record: JobRecord): Promise<void> {
	await removeAttempt(record);
	const { clipPath, mark } = record;
	if (mark !== null && (await isMarked(clipPath, mark))) await rm(clipPath, { force: true });
}

async function isMarked(path: string, mark: FileMark): Promise<boolean> {
	const found = await markOfClip(path);
	return found?.size === mark.size && found.modified === mark.modified;
}

/** File by file: where others may write, the folder might not be what it was. */
async function removeAttempt(record: JobRecord): Promise<void> {
	const { folder, clip } = attemptOf(record);
	await rm(`${clip}.part`, { force: true });
	await rm(clip, { force: true });
	await rmdir(folder).catch(() => {});
}
