import { type Transferable, Worker } from 'node:worker_threads';
import { builtFile } from '../../built-file.ts';
import { spendSpareTime } from './meanwhile.ts';
import type { Given, Kind, Message, Order, Reply } from './orders.ts';

type Waiting = {
	readonly resolve: (given: Given[Kind]) => void;
	readonly reject: (reason: Error) => void;
};

/**
 * The thread in which networks are opened and run, so that all else goes on meanwhile. It starts with
 * the first order and takes them in turn; it keeps the process alive only while an order is under way.
 */
export class NetworksThread {
	readonly #worker: Worker;
	readonly #waiting = new Map<number, Waiting>();
	#dropped: number[] = [];
	#last = 0;
	#ended: Error | null = null;

	constructor() {
		// The library would report its use to its makers otherwise; a thread’s own environment is a copy
		// that it does not see.
		process.env.ORT_DISABLE_TELEMETRY = '1';
		this.#worker = new Worker(builtFile('ltx2-networks.mjs'));
		this.#worker.on('message', (reply: Reply) => this.#settle(reply));
		this.#worker.on('error', (error) => this.#end(error));
		this.#worker.on('exit', (code) => {
			this.#end(new Error(`The networks’ thread has ended with code ${code}`));
		});
		this.#worker.unref();
	}

	get isOver(): boolean {
		return this.#ended !== null;
	}

	/** Throws an Error with what ONNX Runtime said. What is `moved` has no numbers here afterwards. */
	order<K extends Kind>(
		order: Extract<Order, { kind: K }>,
		moved: readonly Transferable[] = [],
	): Promise<Given[K]> {
		if (this.#ended !== null) return Promise.reject(this.#ended);
		const id = ++this.#last;
		return new Promise<Given[Kind]>((resolve, reject) => {
			this.#worker.postMessage(this.#message({ id, order }), moved);
			this.#waiting.set(id, { resolve, reject });
			this.#worker.ref();
			spendSpareTime(() => this.#waiting.size > 0);
		}) as Promise<Given[K]>;
	}

	/** Gives back the memory of a value that is held there: with the next order, or soon. */
	drop(value: number): void {
		if (this.#dropped.length === 0) setImmediate(() => this.#sendDropped());
		this.#dropped.push(value);
	}

	#sendDropped(): void {
		if (this.#dropped.length > 0) this.#worker.postMessage(this.#message(null));
	}

	#message(asked: Message['asked']): Message {
		const dropped = this.#dropped;
		this.#dropped = [];
		return { dropped, asked };
	}

	#settle(reply: Reply): void {
		const waiting = this.#waiting.get(reply.order);
		this.#waiting.delete(reply.order);
		if (this.#waiting.size === 0) this.#worker.unref();
		if ('given' in reply) waiting?.resolve(reply.given);
		else waiting?.reject(new Error(reply.failure));
	}

	/** What was open there has gone with it. */
	#end(reason: Error): void {
		this.#ended ??= reason;
		for (const { reject } of this.#waiting.values()) reject(reason);
		this.#waiting.clear();
	}
}

let thread: NetworksThread | null = null;

/** The one of this process; another one where it has ended, and what was open in it with it. */
export function networksThread(): NetworksThread {
	if (thread === null || thread.isOver) thread = new NetworksThread();
	return thread;
}
