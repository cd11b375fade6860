import { openRegular } from '../../../../files/open-regular.ts';
import type { Feed } from '../graph/graph.ts';
import type { ValueSpec } from '../graph/onnx.ts';
import { broken, type Tensor } from '../weights/safetensors.ts';
import type { WeightArrays } from '../weights/weight-arrays.ts';
import type { WeightReader } from '../weights/weight-reader.ts';
import type { DeviceMemory } from './device-memory.ts';
import {
	bytesOf,
	type DeviceValue,
	type Elements,
	type NdArray,
	sharedArray,
	type Values,
} from './values.ts';

/** A weight's numbers, and its scales where it is int8. */
type Arrays = { readonly data: NdArray; readonly scales: NdArray | null };

/**
 * Places in a device's memory for the weights of parts of a network. A place takes what the largest
 * part that was ever in it needs; `memory` releases it.
 */
export class WeightPlaces {
	readonly #memory: DeviceMemory;
	readonly #reader: WeightReader;
	/** Of each place, by what is there. */
	readonly #places = new Map<number, Map<string, DeviceValue>>();
	/** Of two weights that are on their way there. */
	readonly #staging: [SharedArrayBuffer, SharedArrayBuffer] = [
		new SharedArrayBuffer(0),
		new SharedArrayBuffer(0),
	];

	constructor(memory: DeviceMemory, reader: WeightReader) {
		this.#memory = memory;
		this.#reader = reader;
	}

	/**
	 * Reads weights into a place, over what was there. One at a time in each; throws PickupError
	 * `bad-weights`, `out-of-memory` or `engine-failed`, or the signal's reason.
	 */
	async fill(place: number, feeds: readonly Feed[], signal: AbortSignal): Promise<void> {
		const there = this.#places.get(place) ?? new Map();
		this.#places.set(place, there);
		await this.#makeRoom(there, feeds);
		let copied = Promise.resolve();
		try {
			for (const [i, feed] of feeds.entries()) {
				const staged = this.#staged(i % 2, feed);
				await this.#read(feed, staged, signal);
				await copied;
				copied = this.#copy(there, feed, staged);
			}
		} finally {
			await copied;
		}
	}

	/** For a graph with these feeds, once they are there. */
	values(place: number, feeds: readonly Feed[]): Values {
		const there = this.#places.get(place)!;
		const specs = feeds.flatMap(inputsOf);
		return Object.fromEntries(specs.map((spec) => [spec.name, there.get(keyOf(spec))!]));
	}

	async #makeRoom(there: Map<string, DeviceValue>, feeds: readonly Feed[]): Promise<void> {
		const missing = feeds.flatMap(inputsOf).filter((spec) => !there.has(keyOf(spec)));
		if (missing.length === 0) return;
		const room = await this.#memory.room(missing);
		for (const spec of missing) there.set(keyOf(spec), room[spec.name]!);
	}

	async #read({ stored, as }: Feed, { data, scales }: Arrays, signal: AbortSignal): Promise<void> {
		if (stored === null) throw new RangeError('Expected a checkpoint that has been checked');
		if (as === 'stored') return readAsStored(stored.tensor, data.data, signal);
		const into = { data: data.data, ...(scales && { scales: scales.data }) } as WeightArrays;
		await this.#reader.read(stored, as, into, signal);
	}

	async #copy(
		there: ReadonlyMap<string, DeviceValue>,
		feed: Feed,
		{ data, scales }: Arrays,
	): Promise<void> {
		const [first, second] = inputsOf(feed).map((spec) => there.get(keyOf(spec))!);
		await this.#memory.write(first!, data);
		if (scales !== null) await this.#memory.write(second!, scales);
	}

	#staged(turn: number, feed: Feed): Arrays {
		const specs = inputsOf(feed);
		const sizes = specs.map(bytesOf);
		const bytes = sizes.reduce((sum, size) => sum + size, 0);
		if (this.#staging[turn]!.byteLength < bytes) this.#staging[turn] = new SharedArrayBuffer(bytes);
		const buffer = this.#staging[turn]!;
		const [data, scales] = specs.map((spec, i) => sharedArray(spec, buffer, i * sizes[0]!));
		return { data: data!, scales: scales ?? null };
	}
}

function inputsOf({ inputs: [data, scales] }: Feed): readonly ValueSpec[] {
	return scales === undefined ? [data] : [data, scales];
}

/** Different sizes under one name have places of their own: LoRAs may differ from block to block. */
function keyOf({ name, type, shape }: ValueSpec): string {
	return `${name} ${type} ${shape}`;
}

async function readAsStored(tensor: Tensor, into: Elements, signal: AbortSignal): Promise<void> {
	signal.throwIfAborted();
	const { path, name, offset, bytes } = tensor;
	const file = await openRegular(path);
	try {
		const to = new Uint8Array(into.buffer as SharedArrayBuffer, into.byteOffset, bytes);
		const { bytesRead } = await file.read(to, { length: bytes, position: offset });
		if (bytesRead !== bytes) throw broken(path, `${bytes} bytes of ${name}, got ${bytesRead}`);
	} finally {
		await file.close();
	}
}
