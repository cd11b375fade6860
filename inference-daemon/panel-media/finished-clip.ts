import type { Stats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { openRegular } from '../../files/open-regular.ts';
import { PickupError } from '../../protocol/errors.ts';
import type { GenerationRequest } from '../../protocol/generation.ts';
import { type Clip, type Job, pictureAlonePath, placesOf } from '../../protocol/jobs.ts';
import type { FileMark } from '../jobs/job-table.ts';
import type { Journal } from '../jobs/journal.ts';

export type FinishedClip = {
	readonly jobId: string;
	readonly clip: Clip;
	readonly request: GenerationRequest;
	readonly path: string;
	/** How the file is when it is the one that was finished. */
	readonly mark: FileMark;
};

/**
 * The clip of a job, where what stands there now is what was finished. Throws `no-such-job`,
 * `wrong-state` for a job that has none, `media-offline` for a clip that was moved or changed.
 */
export async function finishedClip(journal: Journal, jobId: string): Promise<FinishedClip> {
	const { job, request } = journal.record(jobId);
	const finished = journal.finished(jobId);
	if (!finished || !job.clip) {
		throw new PickupError('wrong-state', `Expected a finished clip, job ${jobId} is ${job.state}`, {
			field: 'jobId',
		});
	}
	const { mark } = finished;
	for (const path of placesOf(job.clip)) {
		if (await isSame(path, mark)) return { jobId: job.id, clip: job.clip, request, path, mark };
	}
	throw new PickupError('media-offline', `Expected the clip as it was made at ${finished.path}`, {
		field: finished.path,
		action: 'Put the file back where it was, or make the shot again.',
	});
}

/** A file that has a finished clip in it. `disk` is the same for two names of one file. */
export type ClipFile = { readonly path: string; readonly size: number; readonly disk: string };

/**
 * Every file that is the clip as it was finished, where it belongs and where it was before; and those
 * of its picture alone, which have its name. None where there is none of the first.
 */
export async function filesOf(journal: Journal, { id, clip }: Job): Promise<readonly ClipFile[]> {
	const mark = journal.finished(id)?.mark;
	if (!clip || !mark) return [];
	const places = placesOf(clip);
	const whole = await filesAt(places, (facts) => isMarked(facts, mark));
	if (whole.length === 0) return [];
	return [...whole, ...(await filesAt(places.map(pictureAlonePath), () => true))];
}

async function filesAt(
	paths: readonly string[],
	isWanted: (facts: Stats) => boolean,
): Promise<readonly ClipFile[]> {
	const files = await Promise.all(
		paths.map(async (path) => ({ path, facts: await lstat(path).catch(() => null) })),
	);
	return files.flatMap(({ path, facts }) =>
		facts?.isFile() && isWanted(facts)
			? [{ path, size: facts.size, disk: `${facts.dev} ${facts.ino}` }]
			: [],
	);
}

async function isSame(path: string, mark: FileMark): Promise<boolean> {
	const file = await openRegular(path, { links: 'refuse' }).catch(() => null);
	if (!file) return false;
	try {
		return isMarked(await file.stat(), mark);
	} finally {
		await file.close();
	}
}

/** A copy has the time of what it was copied from to the millisecond alone. */
function isMarked({ size, mtimeMs }: Pick<Stats, 'size' | 'mtimeMs'>, mark: FileMark): boolean {
	return size === mark.size && Math.abs(mtimeMs - mark.modified) <= 1;
}
