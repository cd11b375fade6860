/** Turns what running work reports into outputs that a generator can pass on. */
export class Relay<T> {
	readonly #outputs: T[] = [];
	#running = 0;
	#failure: { readonly reason: unknown } | null = null;
	#wake: (() => void) | null = null;

	send(output: T): void {
		this.#outputs.push(output);
		this.#wake?.();
	}

	/** The outputs end when all followed work has ended, or at the first failure. */
	follow(work: Promise<unknown>): void {
		this.#running += 1;
		work
			.catch((reason: unknown) => {
				this.#failure ??= { reason };
			})
			.finally(() => {
				this.#running -= 1;
				this.#wake?.();
			});
	}

	/** Everything sent, in order, until the work has ended. Throws the first failure. */
	async *outputs(): AsyncGenerator<T, void, void> {
		for (;;) {
			if (this.#failure !== null) throw this.#failure.reason;
			const output = this.#outputs.shift();
			if (output !== undefined) yield output;
			else if (this.#running === 0) return;
			else {
				await new Promise<void>((resolve) => {
					this.#wake = resolve;
				});
				this.#wake = null;
			}
		}
	}
}
