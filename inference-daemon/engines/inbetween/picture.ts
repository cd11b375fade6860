import { Worker } from 'node:worker_threads';
import { builtFile } from '../../../files/built-file.ts';
import { PickupError } from '../../../protocol/errors.ts';
import type { BridgeOptions, Regime } from './bridge.ts';
import { type KernelModule, kernelModule } from './kernels.ts';

export type PictureWanted = Omit<BridgeOptions, 'places'> & {
	/** Whether to write DRAFT on every frame. */
	readonly label: boolean;
};

/** What the drawing thread is told: what to draw, then which frame in which place of its memory. */
export type PictureOrder =
	| { readonly kind: 'look'; readonly wanted: PictureWanted; readonly places: number }
	| { readonly kind: 'draw'; readonly frame: number; readonly place: number };

export type PictureReply =
	| {
			readonly kind: 'ready';
			readonly regime: Regime;
			readonly confidence: number;
			readonly memory: SharedArrayBuffer;
			/** Where in the memory each place is. */
			readonly places: readonly number[];
	  }
	| { readonly kind: 'frame'; readonly frame: number; readonly place: number };

export type Picture = {
	readonly regime: Regime;
	readonly confidence: number;
	/**
	 * Every frame in order, drawn a few ahead of the reader. Can be read once; a frame's data is
	 * used again once the next one is asked for.
	 */
	frames(): AsyncGenerator<Uint8Array, void, void>;
};

/** A thread that draws; started early, so that it is warm when both sides have been read. */
export type Painter = { look(wanted: PictureWanted): Promise<Picture> };

/**
 * Frames drawn but not yet given back: a second's worth where they are small enough, so that the
 * thread does not wait while the sound is made, and never so few that the encoder starves.
 */
function framesAhead(bytes: number): number {
	return Math.max(6, Math.min(24, Math.floor(AHEAD_BYTES / bytes)));
}

const AHEAD_BYTES = 80_000_000;

/** Threads that have drawn a whole picture and wait for the next one. */
const resting: Worker[] = [];

/** A thread that is busy with one picture, and ends at the latest with the signal unless it rests before. */
export async function startPainter(signal: AbortSignal): Promise<Painter> {
	const workerData = await kernelModule();
	signal.throwIfAborted();
	const worker = resting.pop() ?? startThread(workerData);
	worker.ref();
	const inbox = new Inbox(worker, signal);
	const post = (order: PictureOrder) => worker.postMessage(order);
	return {
		async look(wanted) {
			const bytes = (wanted.left ?? wanted.right)!.edge.data.length;
			const places = framesAhead(bytes);
			const free = Array.from({ length: places }, (_, place) => place);
			let asked = 0;
			const ask = () => {
				for (; asked < wanted.count && free.length > 0; asked++) {
					post({ kind: 'draw', frame: asked, place: free.shift()! });
				}
			};
			post({ kind: 'look', wanted, places });
			ask();
			const ready = await inbox.next();
			if (ready.kind !== 'ready') throw unexpected(ready.kind);
			const { regime, confidence, memory, places: starts } = ready;
			return { regime, confidence, frames };

			async function* frames() {
				let given = 0;
				try {
					for (; given < wanted.count; given++) {
						const reply = await inbox.next();
						if (reply.kind !== 'frame' || reply.frame !== given) throw unexpected(reply.kind);
						yield new Uint8Array(memory, starts[reply.place]!, bytes);
						free.push(reply.place);
						ask();
					}
				} finally {
					if (given === wanted.count && inbox.close()) {
						worker.unref();
						resting.push(worker);
					} else await worker.terminate();
				}
			}
		},
	};
}

function startThread(workerData: KernelModule): Worker {
	const worker = new Worker(builtFile('inbetween-worker.mjs'), { workerData });
	worker.once('exit', () => {
		const place = resting.indexOf(worker);
		if (place >= 0) resting.splice(place, 1);
	});
	return worker;
}

/** The worker's replies in order; a reader waits, and learns of the worker's end. */
class Inbox {
	readonly #replies: PictureReply[] = [];
	#waiting: { resolve(reply: PictureReply): void; reject(reason: unknown): void } | null = null;
	#failure: { readonly reason: unknown } | null = null;
	readonly #detach: () => void;

	constructor(worker: Worker, signal: AbortSignal) {
		const take = (reply: PictureReply) => {
			this.#replies.push(reply);
			this.#serve();
		};
		const fail = (error: unknown) => {
			const message = error instanceof Error ? error.message : String(error);
			this.#fail(new PickupError('engine-failed', `Drawing stopped: ${message}`, { cause: error }));
		};
		const abort = () => {
			this.#fail(signal.reason);
			void worker.terminate();
		};
		const exit = () => {
			this.#detach();
			this.#fail(new PickupError('engine-failed', 'Drawing ended before the last frame'));
		};
		worker.on('message', take).on('error', fail).on('exit', exit);
		signal.addEventListener('abort', abort, { once: true });
		this.#detach = () => {
			worker.off('message', take).off('error', fail).off('exit', exit);
			signal.removeEventListener('abort', abort);
		};
	}

	/** Takes no more replies; false where the worker has failed already. */
	close(): boolean {
		this.#detach();
		return this.#failure === null;
	}

	next(): Promise<PictureReply> {
		return new Promise((resolve, reject) => {
			this.#waiting = { resolve, reject };
			this.#serve();
		});
	}

	#fail(reason: unknown): void {
		this.#failure ??= { reason };
		this.#serve();
	}

	#serve(): void {
		const waiting = this.#waiting;
		if (waiting === null) return;
		const reply = this.#failure === null ? this.#replies.shift() : undefined;
		if (reply === undefined && this.#failure === null) return;
		this.#waiting = null;
		if (reply !== undefined) waiting.resolve(reply);
		else waiting.reject(this.#failure?.reason);
	}
}

function unexpected(kind: string): PickupError {
	return new PickupError(
		'internal',
		`Expected the next frame from the drawing thread, got ${kind}`,
	);
}
