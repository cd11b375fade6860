import { Worker } from 'node:worker_threads';
import { builtFile } from '../../../../files/built-file.ts';
import { PickupError } from '../../../../protocol/errors.ts';
import { sizesOf } from './numbers.ts';
import type { Stored, StoredInt8 } from './quantise.ts';
import { checkArrays, type WeightArrays, type WeightFormat } from './weight-arrays.ts';
import type { WeightOrder, WeightReply } from './weight-worker.ts';

/** Reads tensors in threads, in the format that a device multiplies by. Several at once share the threads. */
export class WeightReader {
	readonly #threads: number;
	readonly #all = new Set<Worker>();
	readonly #idle: Worker[] = [];
	readonly #waiting: Task[] = [];
	#isClosed = false;

	/** They start with the first tensors, at most that many. */
	constructor(threads: number) {
		this.#threads = Math.max(1, threads);
	}

	/**
	 * All of a tensor into arrays that `weightArrays` has made, which nothing writes any more once this
	 * has ended, however it did. What is stored in that format comes as it lies in the file;
	 * of other numbers one that is NaN or infinite, or would be, throws PickupError `bad-weights` that
	 * names it. Throws the signal's reason, RangeError for other arrays, and what the system says.
	 */
	async read(
		stored: Stored | StoredInt8,
		format: WeightFormat,
		into: WeightArrays,
		signal?: AbortSignal,
	): Promise<void> {
		checkArrays(stored, format, into);
		signal?.throwIfAborted();
		const stop = new Int32Array(new SharedArrayBuffer(4));
		const end = () => Atomics.store(stop, 0, 1);
		const { data, scales = null } = into;
		const parts = partsOf(stored).map(async (rows) => {
			try {
				await this.#run({ stored, format, rows, data, scales, stop });
			} catch (error) {
				end();
				throw error;
			}
		});
		signal?.addEventListener('abort', end, { once: true });
		const ended = await Promise.allSettled(parts);
		signal?.removeEventListener('abort', end);
		signal?.throwIfAborted();
		for (const part of ended) if (part.status === 'rejected') throw part.reason;
	}

	/** Ends the threads; what is being read fails. */
	async close(): Promise<void> {
		this.#isClosed = true;
		for (const { order, reject } of this.#waiting.splice(0)) reject(ended(order));
		await Promise.all([...this.#all].map((worker) => worker.terminate()));
	}

	#run(order: WeightOrder): Promise<void> {
		return new Promise((resolve, reject) => {
			if (this.#isClosed) return reject(ended(order));
			this.#waiting.push({ order, resolve, reject });
			this.#next();
		});
	}

	#next(): void {
		while (this.#waiting.length > 0) {
			const worker = this.#idle.pop() ?? this.#start();
			if (worker === null) return;
			this.#give(worker, this.#waiting.shift()!);
		}
	}

	/** Null where there are as many as there may be. */
	#start(): Worker | null {
		if (this.#isClosed || this.#all.size >= this.#threads) return null;
		const worker = new Worker(builtFile('ltx2-weights.mjs'), { resourceLimits: LIMITS });
		this.#all.add(worker);
		worker.once('exit', () => {
			this.#all.delete(worker);
			const place = this.#idle.indexOf(worker);
			if (place >= 0) this.#idle.splice(place, 1);
			this.#next();
		});
		return worker;
	}

	#give(worker: Worker, { order, resolve, reject }: Task): void {
		if (Atomics.load(order.stop, 0) !== 0) {
			this.#idle.push(worker);
			resolve();
			return;
		}
		const detach = () => worker.off('message', take).off('error', fail).off('exit', exit);
		const take = (problem: WeightReply) => {
			detach();
			worker.unref();
			this.#idle.push(worker);
			if (problem === null) resolve();
			else reject(PickupError.from(problem));
			this.#next();
		};
		const fail = (error: unknown) => {
			detach();
			reject(error);
		};
		const exit = () => {
			detach();
			reject(ended(order));
		};
		worker.on('message', take).on('error', fail).on('exit', exit);
		worker.ref();
		worker.postMessage(order);
	}
}

/** Megabytes: it holds a few objects; arrays do not count. Each thread would reserve many times that otherwise. */
const LIMITS = { maxOldGenerationSizeMb: 64, codeRangeSizeMb: 8 };

type Task = {
	readonly order: WeightOrder;
	resolve(): void;
	reject(reason: unknown): void;
};

function ended({ stored }: WeightOrder): PickupError {
	return new PickupError(
		'engine-failed',
		`Reading ${stored.tensor.name} ended before all was read`,
	);
}

/** Numbers that a thread reads at a time; several threads share a large matrix. */
const PART = 1 << 22;

function partsOf(stored: Stored | StoredInt8) {
	const { rows, columns } = sizesOf(stored);
	const most = Math.max(1, Math.floor(PART / Math.max(1, columns)));
	const count = Math.ceil(rows / most);
	return Array.from({ length: count }, (_, i) => ({
		from: i * most,
		to: Math.min(rows, (i + 1) * most),
	}));
}
