import { runtimeFailure } from '../../../inference-daemon/engines/ltx2/runtime/failures.ts';
import type { BlockDevice } from '../../../inference-daemon/engines/ltx2/runtime/stream-blocks.ts';
import type { BlockRun } from './block-run.ts';
import type { Clock } from './clock.ts';
import { DeviceFailure, type Held, type Memory } from './memory.ts';

export type SimulatedOptions = {
	readonly clock: Clock;
	readonly memory: Memory;
	/** Operations a second; bytes a second to the device. */
	readonly compute: number;
	readonly copy: number;
	/** Copies go on beside what computes; else they take turns in one queue. */
	readonly overlaps: boolean;
	/** A run returns when it is in the queue, not when it is done. */
	readonly answersEarly: boolean;
	/** Seconds after which the driver ends a dispatch. */
	readonly timeLimit: number;
	readonly run: BlockRun;
	/** Forward passes that go through each block. */
	readonly passes: number;
	/** Bytes of each of the tensors that a weight of so many numbers stands in. */
	readonly bytesOf: (numbers: number, isMatrix: boolean) => readonly number[];
	/** The upload or run that fails, counted from 0. */
	readonly fails?: {
		readonly at: 'upload' | 'run';
		readonly count: number;
		readonly reason: string;
	} | null;
};

/** What a context, compiled kernels and the libraries' own buffers take. */
const CONTEXT = [300, 150, 64, 64, 32].map((mega) => mega * 2 ** 20);

/**
 * A device that computes nothing: it takes memory as the tensors of a real block's graph do, counts
 * time on a clock of its own, and remembers what ran with which weights.
 */
export class SimulatedDevice implements BlockDevice {
	readonly #options: SimulatedOptions;
	readonly #places = new Map<
		number,
		{ block: number; isHere: boolean; isUsed: boolean; free: number }
	>();
	#streams: Held[][] = [];
	#isOpen = false;
	#copyFree = 0;
	#computeFree = 0;
	readonly #calls = { upload: 0, run: 0 };
	/** Blocks in the order in which they ran. */
	readonly ran: number[] = [];
	uploaded = 0;
	isReleased = false;
	/** Calls that are under way. */
	active = 0;

	constructor(options: SimulatedOptions) {
		this.#options = options;
	}

	async upload(block: number, place: number, signal: AbortSignal): Promise<void> {
		const { clock, memory, run, copy, overlaps, bytesOf } = this.#options;
		await this.#call('upload', block, async () => {
			this.#open();
			const sizes = run.weights.flatMap((shape) => {
				const numbers = shape.reduce((all, n) => all * n, 1);
				return bytesOf(numbers, shape.length > 1);
			});
			const known = this.#places.get(place);
			if (known && !known.isUsed) {
				throw new Error(`Block ${block} comes over block ${known.block}, which has not run`);
			}
			if (!known) for (const bytes of sizes) memory.take(bytes);
			const total = sizes.reduce((sum, bytes) => sum + bytes, 0);
			const queue = overlaps ? this.#copyFree : Math.max(this.#copyFree, this.#computeFree);
			const end = Math.max(clock.now, queue, known?.free ?? 0) + total / copy;
			this.#copyFree = end;
			if (!overlaps) this.#computeFree = end;
			const here = { block, isHere: false, isUsed: false, free: end };
			this.#places.set(place, here);
			await clock.until(end);
			signal.throwIfAborted();
			here.isHere = true;
			this.uploaded += 1;
		});
	}

	async run(block: number, place: number, signal: AbortSignal): Promise<void> {
		const { clock, passes, run, compute, answersEarly } = this.#options;
		await this.#call('run', block, async () => {
			const here = this.#places.get(place);
			if (here?.block !== block || !here.isHere) {
				throw new Error(`Block ${block} runs with the weights of block ${here?.block}`);
			}
			for (let pass = 0; pass < passes; pass++) this.#dispatch(pass);
			const operations = run.dispatches.reduce((sum, one) => sum + one.operations, 0);
			const end = Math.max(clock.now, this.#computeFree) + (passes * operations) / compute;
			this.#computeFree = end;
			here.isUsed = true;
			here.free = end;
			// A queue takes a few runs ahead, not all of them.
			await clock.until(answersEarly ? end - (2 * passes * operations) / compute : end);
			signal.throwIfAborted();
			this.ran.push(block);
		});
	}

	async release(): Promise<void> {
		if (this.active > 0) throw new Error('Memory is given back that is in use');
		this.isReleased = true;
	}

	/** When all that was asked for is computed. */
	get computedAt(): number {
		return this.#computeFree;
	}

	/** What is taken once for all blocks. */
	#open(): void {
		if (this.#isOpen) return;
		this.#isOpen = true;
		const { memory, run, passes } = this.#options;
		for (const bytes of [...CONTEXT, ...run.shared]) memory.take(bytes);
		this.#streams = Array.from({ length: passes }, () => {
			for (const bytes of run.own) memory.take(bytes);
			return run.streams.map((bytes) => memory.take(bytes));
		});
	}

	/** Takes and frees what a forward pass through a block does; its streams take the place of those before. */
	#dispatch(pass: number): void {
		const { memory, run, compute, timeLimit } = this.#options;
		const held: Held[] = [];
		for (const { name, operations, takes, frees } of run.dispatches) {
			if (operations / compute > timeLimit) {
				throw new DeviceFailure(`887A0006 The GPU will not respond to more commands (${name})`);
			}
			for (const { tensor, bytes } of takes) held[tensor] = memory.take(bytes);
			for (const tensor of frees) memory.free(held[tensor]!);
			memory.dispatched();
		}
		for (const stream of this.#streams[pass]!) memory.free(stream);
		this.#streams[pass] = run.results.map((tensor) => held[tensor]!);
	}

	async #call(what: 'upload' | 'run', block: number, work: () => Promise<void>): Promise<void> {
		const { fails } = this.#options;
		this.active += 1;
		try {
			if (this.isReleased) throw new Error('The device was given back');
			if (fails?.at === what && this.#calls[what] === fails.count) {
				throw new DeviceFailure(fails.reason);
			}
			await work();
		} catch (error) {
			if (!(error instanceof DeviceFailure)) throw error;
			throw runtimeFailure(`Expected block ${block} to ${what}`, error);
		} finally {
			this.#calls[what] += 1;
			this.active -= 1;
		}
	}
}
