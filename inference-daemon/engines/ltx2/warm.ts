/** What takes time to open and memory to keep. */
export type Releasable = { readonly release: () => Promise<void> };

/**
 * What a job leaves open for the next one in this process, as the weights of its transformer: one thing
 * at a time. The daemon ends the process when it has had nothing to do for a while, or when others need
 * the memory; where a job of another kind needs it, `release` gives it back before that.
 */
export class Warm<T extends Releasable> {
	#kept: { readonly key: string; readonly thing: T } | null = null;

	/**
	 * What was kept under this key (of the checkpoint, the device and the plan), which is the caller's
	 * from now on; null where there is none. What is kept under another one is released.
	 */
	async take(key: string): Promise<T | null> {
		const kept = this.#kept;
		this.#kept = null;
		if (kept?.key === key) return kept.thing;
		await kept?.thing.release();
		return null;
	}

	/** Keeps it until it is taken; what was kept before is released. */
	async put(key: string, thing: T): Promise<void> {
		const before = this.#kept;
		this.#kept = { key, thing };
		if (before?.thing !== thing) await before?.thing.release();
	}

	/** Keeps nothing any more. */
	async release(): Promise<void> {
		const kept = this.#kept;
		this.#kept = null;
		await kept?.thing.release();
	}
}
