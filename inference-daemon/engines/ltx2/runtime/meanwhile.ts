import { setImmediate as turn } from 'node:timers/promises';

/**
 * Does the work in the event loop's next turn: what has been asked of a network until then is on its
 * way to the networks' thread, so that the work goes on beside it. Works are done in their order. Who
 * does not wait for one that fails is not told.
 */
export function meanwhile<T>(work: () => T | Promise<T>): Promise<T> {
	const done = turn().then(work);
	done.catch(() => {});
	return done;
}

/** Something that is made when it is first wanted, or before. */
export class Later<T> {
	#made: { readonly value: T } | null = null;
	#make: () => T;

	constructor(make: () => T) {
		this.#make = make;
	}

	get isMade(): boolean {
		return this.#made !== null;
	}

	/** Throws what its making does. */
	get value(): T {
		this.#made ??= { value: this.#make() };
		return this.#made.value;
	}
}

/** What is wanted later and can be made beside networks; first come, first served. */
export class SpareTime {
	readonly #waiting = new Set<Later<unknown>>();

	/** Made while some network is at work, if one is before it is wanted. */
	later<T>(make: () => T): Later<T> {
		const later: Later<T> = new Later(() => {
			this.#leave(later);
			return make();
		});
		this.#waiting.add(later);
		waiting.add(this);
		return later;
	}

	/** What nobody has wanted until then is made only if somebody does. */
	end(): void {
		for (const later of this.#waiting) this.#leave(later);
	}

	/** Makes the first that waits. */
	use(): void {
		const [next] = this.#waiting;
		try {
			next?.value;
		} catch {
			// It is made again when it is wanted, and what is wrong is told then.
		}
	}

	#leave(later: Later<unknown>): void {
		this.#waiting.delete(later);
		if (this.#waiting.size === 0) waiting.delete(this);
	}
}

/** Those in which something waits. */
const waiting = new Set<SpareTime>();
let isSpent = false;

/** Told when a network has been asked for something; `isBusy` tells whether one still works. */
export function spendSpareTime(isBusy: () => boolean): void {
	if (isSpent) return;
	isSpent = true;
	const spend = async () => {
		await turn();
		for (; isBusy() && waiting.size > 0; await turn()) [...waiting][0]!.use();
		isSpent = false;
	};
	void spend();
}
