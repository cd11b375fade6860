/** Lets so many pieces of work go on at a time; the others wait in line. */
export class Turns {
	#free: number;
	readonly #waiting: (() => void)[] = [];

	constructor(atOnce: number) {
		this.#free = atOnce;
	}

	/** Throws the signal's reason where it was aborted before the turn came. */
	async take<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
		if (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
		else this.#free -= 1;
		try {
			signal.throwIfAborted();
			return await work();
		} finally {
			const next = this.#waiting.shift();
			if (next) next();
			else this.#free += 1;
		}
	}
}
