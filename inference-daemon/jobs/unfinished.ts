import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Jobs for which something is kept at once; those that have waited longest are made from the start again. */
const MOST = 20;

/** Where engines keep what a later attempt at a job goes on from: a folder for each job. */
export class Unfinished {
	readonly #folder: string;

	/** `folder` may be missing; nothing else may be in it. */
	constructor(folder: string) {
		this.#folder = folder;
	}

	folderOf(jobId: string): string {
		return join(this.#folder, jobId);
	}

	/** Of a job that needs it no more. Never throws: what stays is tidied away later. */
	async remove(jobId: string): Promise<void> {
		await rm(this.folderOf(jobId), { recursive: true, force: true }).catch(() => {});
	}

	/** Takes away what is of no job that may still run, and of such jobs what is too much. Never throws. */
	async tidy(mayRun: (jobId: string) => boolean): Promise<void> {
		const names = await readdir(this.#folder).catch(() => []);
		const found = names.map(async (name) => {
			const facts = await stat(this.folderOf(name)).catch(() => null);
			return { name, changed: mayRun(name) ? (facts?.mtimeMs ?? 0) : 0 };
		});
		const newest = (await Promise.all(found)).sort((a, b) => b.changed - a.changed);
		const useless = newest.filter(({ changed }, index) => changed === 0 || index >= MOST);
		for (const { name } of useless) await this.remove(name);
	}
}
