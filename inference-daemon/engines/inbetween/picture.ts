import { readFile } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { PickupError } from '../../../protocol/errors.ts';
import type { Regime, Side } from './bridge.ts';
import { builtFile } from './built-file.ts';

export type PictureWanted = {
	/** At least one side; frames are yuv420p or yuv422p10le of one size. */
	readonly left: Side | null;
	readonly right: Side | null;
	readonly count: number;
	/** Frames in which motion that leads nowhere comes to rest. */
	readonly settle: number;
	/** Whether to write DRAFT on every frame. */
	readonly label: boolean;
};

/** What the drawing thread is told: once what to draw, then which frame, into which memory. */
export type PictureOrder =
	| { readonly kind: 'look'; readonly wanted: PictureWanted }
	| { readonly kind: 'draw'; readonly frame: number; readonly memory: ArrayBuffer };

export type PictureReply =
	| { readonly kind: 'ready'; readonly regime: Regime; readonly confidence: number }
	| { readonly kind: 'frame'; readonly frame: number; readonly memory: ArrayBuffer };

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

/** Starts a thread, which ends with its picture, or with the signal at the latest. */
export async function startPainter(signal: AbortSignal): Promise<Painter> {
	const kernels = await readFile(builtFile('inbetween.wasm'));
	signal.throwIfAborted();
	const worker = new Worker(builtFile('inbetween-worker.mjs'), { workerData: kernels });
	const inbox = new Inbox(worker, signal);
	const post = (order: PictureOrder, moved: ArrayBuffer[] = []) => worker.postMessage(order, moved);
	return {
		async look(wanted) {
			const bytes = (wanted.left ?? wanted.right)!.edge.data.length;
			const free = Array.from({ length: framesAhead(bytes) }, () => new ArrayBuffer(bytes));
			let asked = 0;
			const ask = () => {
				for (; asked < wanted.count && free.length > 0; asked++) {
					const memory = free.pop()!;
					post({ kind: 'draw', frame: asked, memory }, [memory]);
				}
			};
			post({ kind: 'look', wanted });
			ask();
			const ready = await inbox.next();
			if (ready.kind !== 'ready') throw unexpected(ready.kind);
			const { regime, confidence } = ready;
			return { regime, confidence, frames };

			async function* frames() {
				try {
					for (let given = 0; given < wanted.count; given++) {
						const reply = await inbox.next();
						if (reply.kind !== 'frame' || reply.frame !== given) throw unexpected(reply.kind);
						yield new Uint8Array(reply.memory);
						free.push(reply.memory);
						ask();
					}
				} finally {
					await worker.terminate();
				}
			}
		},
	};
}

/** The worker's replies in order; a reader waits, and learns of the worker's end. */
class Inbox {
	readonly #replies: PictureReply[] = [];
	#waiting: { resolve(reply: PictureReply): void; reject(reason: unknown): void } | null = null;
	#failure: { readonly reason: unknown } | null = null;

	constructor(worker: Worker, signal: AbortSignal) {
		worker.on('message', (reply: PictureReply) => {
			this.#replies.push(reply);
			this.#serve();
		});
		worker.on('error', (error) => {
			const message = error instanceof Error ? error.message : String(error);
			this.#fail(new PickupError('engine-failed', `Drawing stopped: ${message}`, { cause: error }));
		});
		const abort = () => {
			this.#fail(signal.reason);
			void worker.terminate();
		};
		signal.addEventListener('abort', abort, { once: true });
		worker.on('exit', () => {
			signal.removeEventListener('abort', abort);
			this.#fail(new PickupError('engine-failed', 'Drawing ended before the last frame'));
		});
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
