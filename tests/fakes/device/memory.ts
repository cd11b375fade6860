/** What goes wrong on a device, in ONNX Runtime's words. */
export class DeviceFailure extends Error {}

/** A range of a device's memory that somebody holds. */
export type Held = { readonly bytes: number };

export type Memory = {
	/** The most bytes that other programs could not have. */
	readonly peak: number;
	/** Throws DeviceFailure. */
	take(bytes: number): Held;
	free(held: Held): void;
	/** After each dispatch. */
	dispatched(): void;
};

const PAGE = 2 * 2 ** 20;

/** Counts pages that a driver has given out. */
class Pages {
	taken = 0;
	peak = 0;
	readonly #capacity: number;

	constructor(capacity: number) {
		this.#capacity = capacity;
	}

	take(bytes: number): number {
		const whole = Math.ceil(bytes / PAGE) * PAGE;
		if (this.taken + whole > this.#capacity) {
			throw new DeviceFailure(`WebGPU device error(2): Out of memory (${bytes} bytes)`);
		}
		this.taken += whole;
		this.peak = Math.max(this.peak, this.taken);
		return whole;
	}

	give(bytes: number): void {
		this.taken -= Math.ceil(bytes / PAGE) * PAGE;
	}
}

type Chunk = { bytes: number; before: Chunk | null; after: Chunk | null };

/** A chunk is not cut where less would be left. */
const LEAST = 256;

/**
 * As ONNX Runtime's arena for CUDA and the CPU: regions that are never given back, cut into chunks; the
 * smallest free one that fits is taken, and free neighbours become one again.
 */
export class ArenaMemory implements Memory {
	readonly #pages: Pages;
	readonly #free = new Set<Chunk>();

	constructor(capacity: number) {
		this.#pages = new Pages(capacity);
	}

	get peak() {
		return this.#pages.peak;
	}

	take(bytes: number): Held {
		const wanted = Math.max(LEAST, Math.ceil(bytes / LEAST) * LEAST);
		let best: Chunk | null = null;
		for (const chunk of this.#free) {
			if (chunk.bytes >= wanted && (best === null || chunk.bytes < best.bytes)) best = chunk;
		}
		const chunk = best ?? { bytes: this.#pages.take(wanted), before: null, after: null };
		this.#free.delete(chunk);
		const rest = chunk.bytes - wanted;
		if (rest < LEAST) return chunk;
		const after: Chunk = { bytes: rest, before: chunk, after: chunk.after };
		if (chunk.after) chunk.after.before = after;
		chunk.after = after;
		chunk.bytes = wanted;
		this.#free.add(after);
		return chunk;
	}

	free(held: Held): void {
		let chunk = held as Chunk;
		const { before } = chunk;
		if (before && this.#free.delete(before)) {
			this.#join(before, chunk);
			chunk = before;
		}
		const { after } = chunk;
		if (after && this.#free.delete(after)) this.#join(chunk, after);
		this.#free.add(chunk);
	}

	dispatched(): void {}

	#join(chunk: Chunk, next: Chunk): void {
		chunk.bytes += next.bytes;
		chunk.after = next.after;
		if (next.after) next.after.before = chunk;
	}
}

/** Buffers that are given back are free when so many dispatches have been sent off together. */
const TOGETHER = 16;

/**
 * As ONNX Runtime's WebGPU without a cache (buffer_manager.cc, LazyReleaseCacheManager): a buffer for each
 * tensor, given back to the driver when the dispatches that may still use it have been sent off.
 */
export class LazyMemory implements Memory {
	readonly #pages: Pages;
	#pending: Held[] = [];
	#dispatches = 0;

	constructor(capacity: number) {
		this.#pages = new Pages(capacity);
	}

	get peak() {
		return this.#pages.peak;
	}

	take(bytes: number): Held {
		// Small buffers share pages.
		if (bytes >= PAGE) this.#pages.take(bytes);
		return { bytes };
	}

	free(held: Held): void {
		this.#pending.push(held);
	}

	dispatched(): void {
		this.#dispatches += 1;
		if (this.#dispatches % TOGETHER !== 0) return;
		for (const { bytes } of this.#pending) if (bytes >= PAGE) this.#pages.give(bytes);
		this.#pending = [];
	}
}
