import { openRegular } from '../../files/open-regular.ts';
import { PickupError } from '../../protocol/errors.ts';
import type { GenerationRequest } from '../../protocol/generation.ts';
import type { Clip } from '../../protocol/jobs.ts';
import type { FileMark, Journal } from '../jobs/journal.ts';

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
	const { path, mark } = finished;
	if (!(await isSame(path, mark))) {
		throw new PickupError('media-offline', `Expected the clip as it was made at ${path}`, {
			field: path,
			action: 'Put the file back where it was, or make the shot again.',
		});
	}
	return { jobId: job.id, clip: job.clip, request, path, mark };
}

async function isSame(path: string, mark: FileMark): Promise<boolean> {
	const file = await openRegular(path, { links: 'refuse' }).catch(() => null);
	if (!file) return false;
	try {
		const { size, mtimeMs } = await file.stat();
		return size === mark.size && mtimeMs === mark.modified;
	} finally {
		await file.close();
	}
}
