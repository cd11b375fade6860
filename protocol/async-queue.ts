/** Values that are given one by one and taken in order by one taker, as fast as that can. */
export class AsyncQueue<T> implements AsyncIterable<T> {
	readonly #given: { readonly value: T; readonly taken: () => void }[] = [];
	#isOver = false;
	#wake = () => {};

	/** Resolves when the taker has asked for the next one: it is done with this. */
	push(value: T): Promise<void> {
		return new Promise((taken) => {
			this.#given.push({ value, taken });
			this.#wake();
		});
	}

	/** What was pushed before is still given. */
	end(): void {
		this.#isOver = true;
		this.#wake();
	}

	async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
		for (;;) {
			const next = this.#given.shift();
			if (next) {
				yield next.value;
				next.taken();
			} else if (this.#isOver) {
				return;
			} else {
				await new Promise<void>((resolve) => {
					this.#wake = resolve;
				});
			}
		}
	}
}
