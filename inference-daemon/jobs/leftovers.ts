import { lstat, rm } from 'node:fs/promises';
import { PickupError } from '../../protocol/errors.ts';
import type { GenerationRequest, Plan } from '../../protocol/generation.ts';
import type { Clip } from '../../protocol/jobs.ts';
import { samplesForFrames } from '../../protocol/time.ts';
import type { FileMark, JobRecord } from './journal.ts';

/** Counts a finished clip; see `countClip` of the media room. Throws when it cannot be read. */
export type CountClip = (
	path: string,
) => Promise<{ readonly frames: number; readonly samples: number }>;

export type Finished = { readonly clip: Clip; readonly mark: FileMark };

/**
 * The clip of a job whose engine could not say that it was done. A file gets its final name only
 * after it was counted and synced, and it is counted again here, because a job that has its clip
 * must not run once more. Null when there is none, or none that fits the plan.
 */
export async function adoptClip(record: JobRecord, count: CountClip): Promise<Finished | null> {
	const path = record.clipPath;
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
	const { codec } = output;
	return { clip: { path, frames, rate, size, samples, codec, draft, engine, seed }, mark };
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

/** Removes whatever a job has made that is not a finished clip of a finished job. */
export async function removeLeftovers(record: JobRecord): Promise<void> {
	await rm(`${record.clipPath}.part`, { force: true });
	await rm(record.clipPath, { force: true });
}
