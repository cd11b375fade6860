/** Where an engine waits while an editor needs the machine. */
export type Gate = {
	/**
	 * To be awaited before every piece of work that takes a second or so: settles when the engine may
	 * go on, at once unless it is paused. Rejects with the signal's reason when that is aborted.
	 */
	readonly open: (signal: AbortSignal) => Promise<void>;
	/** How long work has stood before it so far, in ms: not to be counted as work. */
	readonly stood: () => number;
};

/** One that is never shut. */
export const OPEN_GATE: Gate = {
	open: async (signal) => signal.throwIfAborted(),
	stood: () => 0,
};

/** One that can be shut; `onStand` is told when work begins to stand before it, and when it goes on. */
export class PauseGate implements Gate {
	readonly #onStand: (stands: boolean) => void;
	readonly #standing = new Set<() => void>();
	#isShut = false;
	#since = 0;
	#stood = 0;

	constructor(onStand: (stands: boolean) => void) {
		this.#onStand = onStand;
	}

	pause(): void {
		this.#isShut = true;
	}

	resume(): void {
		this.#isShut = false;
		for (const goOn of [...this.#standing]) goOn();
	}

	readonly open = async (signal: AbortSignal): Promise<void> => {
		signal.throwIfAborted();
		while (this.#isShut) await this.#stand(signal);
	};

	readonly stood = (): number =>
		this.#stood + (this.#standing.size > 0 ? performance.now() - this.#since : 0);

	#stand(signal: AbortSignal): Promise<void> {
		return new Promise((resolve, reject) => {
			const leave = () => {
				signal.removeEventListener('abort', stop);
				this.#leave(goOn);
			};
			const goOn = () => {
				leave();
				resolve();
			};
			const stop = () => {
				leave();
				reject(signal.reason);
			};
			signal.addEventListener('abort', stop, { once: true });
			this.#enter(goOn);
		});
	}

	#enter(goOn: () => void): void {
		this.#standing.add(goOn);
		if (this.#standing.size > 1) return;
		this.#since = performance.now();
		this.#onStand(true);
	}

	#leave(goOn: () => void): void {
		this.#standing.delete(goOn);
		if (this.#standing.size > 0) return;
		this.#stood += performance.now() - this.#since;
		this.#onStand(false);
	}
}
