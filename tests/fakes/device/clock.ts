import { setImmediate as turn } from 'node:timers/promises';

/** Time of its own, in seconds: it stands still while anything is done and then goes to what is due next. */
export class Clock {
	now = 0;
	readonly #due: { readonly at: number; readonly wake: () => void }[] = [];

	/** Resolves at that time, or at once where it is over. */
	until(at: number): Promise<void> {
		return new Promise((wake) => this.#due.push({ at: Math.max(at, this.now), wake }));
	}

	/** Lets time go on until `work` is done; fails where nothing is due and it still is not. */
	async through<T>(work: Promise<T>): Promise<T> {
		let isDone = false;
		const done = () => {
			isDone = true;
		};
		work.then(done, done);
		for (;;) {
			await turn();
			if (isDone) return work;
			const next = this.#due.reduce(
				(first, one) => (first === null || one.at < first.at ? one : first),
				null as { at: number; wake: () => void } | null,
			);
			if (next === null) throw new Error('Work waits for something that nothing will do');
			this.#due.splice(this.#due.indexOf(next), 1);
			this.now = next.at;
			next.wake();
		}
	}
}
