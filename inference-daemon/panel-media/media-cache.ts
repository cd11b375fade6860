import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';

/** What a file in the cache is made from and how. */
export type Wanted = {
	/** Equal for equal files: all that the content depends on. */
	readonly key: unknown;
	readonly extension: string;
	/** Writes the file, which is not there yet. */
	readonly make: (path: string, signal: AbortSignal) => Promise<void>;
};

type Making = {
	readonly done: Promise<string>;
	readonly stop: AbortController;
	askers: number;
};

/** Files that can be made again: at most so many bytes, and the one that was not used longest goes first. */
export class MediaCache {
	readonly #folder: string;
	readonly #most: number;
	readonly #making = new Map<string, Making>();
	/** Bytes by name, last used last. */
	#files: Promise<Map<string, number>> | null = null;

	constructor(folder: string, mostBytes: number) {
		this.#folder = folder;
		this.#most = mostBytes;
	}

	/**
	 * The path of the file. Several who ask for the same wait for one making, which is given up when
	 * all of them have. Throws what `make` throws, or the signal's reason.
	 */
	async find(wanted: Wanted, signal: AbortSignal): Promise<string> {
		const digest = createHash('sha256').update(JSON.stringify(wanted.key)).digest('hex');
		const name = `${digest.slice(0, 32)}.${wanted.extension}`;
		if (await this.#use(name)) return join(this.#folder, name);
		return this.#shared(name, (stop) => this.#make(name, wanted.make, stop), signal);
	}

	/** All of them together. */
	async bytes(): Promise<number> {
		return sum(await this.#known());
	}

	async #use(name: string): Promise<boolean> {
		const files = await this.#known();
		if (!files.has(name)) return false;
		const path = join(this.#folder, name);
		const now = new Date();
		// It may have been taken away: a cache may be emptied at any time.
		const isThere = await utimes(path, now, now).then(
			() => true,
			() => false,
		);
		const bytes = files.get(name) ?? 0;
		files.delete(name);
		if (isThere) files.set(name, bytes);
		return isThere;
	}

	async #shared(
		name: string,
		work: (signal: AbortSignal) => Promise<string>,
		signal: AbortSignal,
	): Promise<string> {
		signal.throwIfAborted();
		const making = this.#making.get(name) ?? this.#begin(name, work);
		making.askers += 1;
		let giveUp = () => {};
		const given = new Promise<never>((_resolve, reject) => {
			giveUp = () => reject(signal.reason);
			signal.addEventListener('abort', giveUp);
		});
		try {
			return await Promise.race([making.done, given]);
		} finally {
			signal.removeEventListener('abort', giveUp);
			making.askers -= 1;
			if (making.askers === 0 && this.#making.get(name) === making) {
				this.#making.delete(name);
				making.stop.abort(signal.reason);
			}
		}
	}

	#begin(name: string, work: (signal: AbortSignal) => Promise<string>): Making {
		const stop = new AbortController();
		const done = work(stop.signal).finally(() => {
			if (this.#making.get(name) === making) this.#making.delete(name);
		});
		done.catch(() => {});
		const making: Making = { done, stop, askers: 0 };
		this.#making.set(name, making);
		return making;
	}

	async #make(name: string, make: Wanted['make'], signal: AbortSignal): Promise<string> {
		await mkdir(this.#folder, { recursive: true, mode: 0o700 });
		const path = join(this.#folder, name);
		const part = join(this.#folder, `${randomBytes(8).toString('hex')}${PART}`);
		try {
			await make(part, signal);
			signal.throwIfAborted();
			const { size } = await stat(part);
			await rename(part, path);
			(await this.#known()).set(name, size);
		} catch (error) {
			await rm(part, { force: true });
			throw error;
		}
		await this.#makeRoom(name);
		return path;
	}

	async #makeRoom(newest: string): Promise<void> {
		const files = await this.#known();
		let total = sum(files);
		for (const [name, bytes] of files) {
			if (total <= this.#most) return;
			if (name === newest) continue;
			files.delete(name);
			total -= bytes;
			await rm(join(this.#folder, name), { force: true });
		}
	}

	#known(): Promise<Map<string, number>> {
		this.#files ??= this.#look();
		return this.#files;
	}

	async #look(): Promise<Map<string, number>> {
		const names = await readdir(this.#folder).catch(() => []);
		const found: { readonly name: string; readonly bytes: number; readonly used: number }[] = [];
		for (const name of names) {
			const path = join(this.#folder, name);
			// Left by a daemon that was killed.
			if (name.endsWith(PART)) await rm(path, { force: true });
			const facts = await stat(path).catch(() => null);
			if (facts?.isFile()) found.push({ name, bytes: facts.size, used: facts.mtimeMs });
		}
		found.sort((a, b) => a.used - b.used);
		return new Map(found.map(({ name, bytes }) => [name, bytes]));
	}
}

const PART = '.part';

function sum(files: ReadonlyMap<string, number>): number {
	return [...files.values()].reduce((total, bytes) => total + bytes, 0);
}
