import { PickupError, problemOf } from '../../protocol/errors.ts';
import type { Job } from '../../protocol/jobs.ts';
import type { DiskUse, NotTrashed } from '../../protocol/media.ts';
import type { Journal } from '../jobs/journal.ts';
import { filesOf, finishedClip } from './finished-clip.ts';
import type { MediaCache } from './media-cache.ts';

/** More jobs than anybody has. */
const ALL = 1e9;

/** The finished clips on the disk. */
export class ClipStore {
	readonly #journal: Journal;
	readonly #cache: MediaCache;

	constructor(journal: Journal, cache: MediaCache) {
		this.#journal = journal;
		this.#cache = cache;
	}

	/**
	 * What they take: all of them, or those of a project with those of none. A clip that was moved or
	 * changed by others is no longer counted.
	 */
	async use(project?: string): Promise<DiskUse> {
		const pile = () => ({ bytes: 0, jobIds: [] as string[] });
		const piles = { used: pile(), unused: pile(), deletedUsed: pile(), deletedUnused: pile() };
		const jobs = this.#journal.jobs(undefined, ALL).toReversed();
		const projects = projectsOf(jobs);
		for (const job of jobs) {
			const of = projects.get(job.takeOf?.shot ?? job.id);
			const isWanted = project === undefined || of === undefined || of === project;
			if (job.state !== 'done' || !isWanted) continue;
			const bytes = job.trashed ? null : await this.#bytesOf(job);
			if (bytes === null) continue;
			const isUsed = mayBeUsed(job);
			const { deletedUsed, deletedUnused, used, unused } = piles;
			const found = job.deleted ? (isUsed ? deletedUsed : deletedUnused) : isUsed ? used : unused;
			found.bytes += bytes;
			found.jobIds.push(job.id);
		}
		return { ...piles, cache: { bytes: await this.#cache.bytes() } };
	}

	/**
	 * Puts clips into the system's trash, from where the person can have them back; never deletes one.
	 * Gives those that it left, and why: they may be used in a project and `evenUsed` is false, they
	 * are not there, or there is no trash for them.
	 */
	async trash(jobIds: readonly string[], evenUsed: boolean): Promise<readonly NotTrashed[]> {
		const kept: NotTrashed[] = [];
		for (const jobId of jobIds) {
			try {
				await this.#trashOne(jobId, evenUsed);
			} catch (error) {
				kept.push({ jobId, problem: problemOf(error) });
			}
		}
		return kept;
	}

	async #trashOne(jobId: string, evenUsed: boolean): Promise<void> {
		const job = this.#journal.job(jobId);
		if (mayBeUsed(job) && !evenUsed) {
			throw new PickupError('wrong-state', 'Expected a clip that no project uses', {
				field: 'jobIds',
				action: 'Closed projects cannot be looked into: say that it is meant all the same.',
			});
		}
		await finishedClip(this.#journal, job.id);
		const files = await filesOf(this.#journal, job);
		// Only who throws something away waits for what it takes to load.
		const { default: trash } = await import('trash');
		// Where it belongs comes last: what is refused in between leaves the clip as it is known.
		for (const { path } of files.toReversed()) {
			try {
				await trash(path, { glob: false });
			} catch (cause) {
				const why = cause instanceof Error ? cause.message : String(cause);
				throw new PickupError('system-refused', `Expected a trash for ${path}: ${why}`, {
					field: path,
					action: 'Nothing was deleted. Delete the file yourself if it is not wanted.',
					cause,
				});
			}
		}
		this.#journal.mark([job.id], { trashed: true });
	}

	/** Null where it is not there as it was finished. */
	async #bytesOf(job: Job): Promise<number | null> {
		const files = await filesOf(this.#journal, job);
		if (files.length === 0) return null;
		const onDisk = new Map(files.map(({ disk, size }) => [disk, size]));
		return [...onDisk.values()].reduce((sum, size) => sum + size, 0);
	}
}

/** By press: takes beside the first have no landing of their own. */
function projectsOf(jobs: readonly Job[]): ReadonlyMap<string, string> {
	const landed = jobs.flatMap(({ id, takeOf, landings: [first] }) =>
		first ? [[takeOf?.shot ?? id, first.destination.project.id] as const] : [],
	);
	return new Map(landed);
}

/**
 * Whether some project may show the clip: it was landed, or may be landed yet, or was made by the
 * command, which places clips in files that nobody keeps a list of.
 */
function mayBeUsed({ takeOf, landings }: Job): boolean {
	const isOut = landings.every((one) => one.state === 'not-landed' && one.kept === 'folder');
	return takeOf === null || !isOut;
}
