/**
 * Where blocks run. Places are numbers: blocks that stay have the first ones, in order, and those that
 * come again in every pass share the rest.
 */
export type BlockDevice = {
	/** Brings a block's weights to a place, over what was there, and returns when a run may use them. */
	upload(block: number, place: number, signal: AbortSignal): Promise<void>;
	/** Returns when it is done, or asked for in such a way that a later upload to its place comes after it. */
	run(block: number, place: number, signal: AbortSignal): Promise<void>;
	/** Gives everything back that uploads have taken. */
	release(): Promise<void>;
};

export type StreamOptions = {
	readonly blocks: number;
	/** Numbers of those that come again in every pass, in order. */
	readonly streamed: readonly number[];
	/** Places that these share: of two, one is filled while the other is used. */
	readonly slots: number;
};

/**
 * Runs the blocks of a model in turn, those that stay from places of their own, the others through the
 * places that they share, each brought while those before it run. One pass at a time. After a failure
 * or an aborted signal all is given back, and no pass runs any more.
 */
export class BlockStream {
	readonly #device: BlockDevice;
	/** Of each block. */
	readonly #places: readonly number[];
	readonly #streamed: readonly number[];
	readonly #slots: number;
	/** Blocks that have come to stay. */
	readonly #here = new Set<number>();
	#released: Promise<void> | null = null;

	constructor(device: BlockDevice, { blocks, streamed, slots }: StreamOptions) {
		if (streamed.length > 0 && slots < 1)
			throw new RangeError('Expected a place to stream through');
		const staying = blocks - streamed.length;
		let own = 0;
		this.#device = device;
		this.#streamed = streamed;
		this.#slots = slots;
		this.#places = Array.from({ length: blocks }, (_, block) => {
			const turn = streamed.indexOf(block);
			return turn < 0 ? own++ : staying + (turn % slots);
		});
	}

	/** All blocks once, each told when it has run. Throws what an upload or a run throws, or the signal's reason. */
	async pass(signal: AbortSignal, onBlock: (block: number) => void = () => {}): Promise<void> {
		if (this.#released !== null) throw new RangeError('Expected an open stream of blocks');
		const stop = new AbortController();
		const steps = new Steps(this.#places.length, AbortSignal.any([signal, stop.signal]));
		// What fails first ends the other.
		const both = [this.#bring(steps), this.#run(steps, onBlock)];
		await Promise.all(both.map((one) => one.catch((error) => stop.abort(error))));
		if (!steps.signal.aborted) return;
		await this.release();
		throw steps.signal.reason;
	}

	/** Gives everything back; no pass runs any more. */
	release(): Promise<void> {
		this.#released ??= this.#device.release();
		return this.#released;
	}

	/** One upload after the other, as far ahead as there are places. */
	async #bring(steps: Steps): Promise<void> {
		let turn = 0;
		for (const [block, place] of this.#places.entries()) {
			const comes = block === this.#streamed[turn];
			if (!comes && this.#here.has(block)) continue;
			const before = comes ? this.#streamed[turn++ - this.#slots] : undefined;
			if (before !== undefined) await steps.ran(before);
			steps.signal.throwIfAborted();
			await this.#device.upload(block, place, steps.signal);
			if (!comes) this.#here.add(block);
			steps.come(block);
		}
	}

	async #run(steps: Steps, onBlock: (block: number) => void): Promise<void> {
		for (const [block, place] of this.#places.entries()) {
			if (!this.#here.has(block)) await steps.came(block);
			steps.signal.throwIfAborted();
			await this.#device.run(block, place, steps.signal);
			steps.run(block);
			onBlock(block);
		}
		steps.signal.throwIfAborted();
	}
}

/** Which blocks have come and which have run in a pass. */
class Steps {
	readonly signal: AbortSignal;
	readonly #came: readonly Step[];
	readonly #ran: readonly Step[];
	readonly #aborted: Promise<never>;

	constructor(blocks: number, signal: AbortSignal) {
		this.signal = signal;
		this.#came = Array.from({ length: blocks }, step);
		this.#ran = Array.from({ length: blocks }, step);
		this.#aborted = new Promise((_, reject) => {
			if (signal.aborted) reject(signal.reason);
			signal.addEventListener('abort', () => reject(signal.reason), { once: true });
		});
		this.#aborted.catch(() => {});
	}

	come(block: number): void {
		this.#came[block]!.done();
	}

	run(block: number): void {
		this.#ran[block]!.done();
	}

	/** Rejects with the signal's reason. */
	came(block: number): Promise<void> {
		return Promise.race([this.#came[block]!.promise, this.#aborted]);
	}

	/** Rejects with the signal's reason. */
	ran(block: number): Promise<void> {
		return Promise.race([this.#ran[block]!.promise, this.#aborted]);
	}
}

type Step = { readonly promise: Promise<void>; readonly done: () => void };

function step(): Step {
	let done = () => {};
	const promise = new Promise<void>((resolve) => {
		done = resolve;
	});
	return { promise, done };
}
