import type { ElementType, ValueSpec } from '../graph/onnx.ts';
import { runtimeFailure } from './failures.ts';
import { type NetworksThread, networksThread } from './networks-thread.ts';
import type { Elements, Fed, Output } from './orders.ts';

/** Numbers in memory, row by row. float16 comes as its bits, where JavaScript has no type for it. */
export type NdArray = {
	readonly data: Elements;
	readonly shape: readonly number[];
	/** A run takes the array over, which is empty afterwards, where it copies others. */
	readonly isGiven?: boolean;
};

/** Numbers by a graph's names, some of them in the networks' thread or on a device. */
export type Values = Readonly<Record<string, NdArray | Resident>>;

export type Outputs = Readonly<Record<string, Output>>;

/** `among`: where those on a device stand until they are released. */
export function residentsOf(
	outputs: Outputs,
	thread: NetworksThread,
	among: Set<Resident> | null = null,
): Record<string, Resident> {
	const residents = Object.entries(outputs).map(([name, output]) => {
		return [name, new Resident(output as StayingOutput, thread, among)] as const;
	});
	return Object.fromEntries(residents);
}

type StayingOutput = Exclude<Output, { readonly data: Elements }>;

/** Numbers in the networks' thread or on a device, for the next run. */
export class Resident {
	readonly shape: readonly number[];
	/** 'cpu', or where on a device. */
	readonly location: string;
	readonly #thread: NetworksThread;
	readonly #among: Set<Resident> | null;
	#id: number | null;

	/** `among`: where it stands until it is released, if it is on a device. */
	constructor(
		{ value, shape, location }: StayingOutput,
		thread: NetworksThread,
		among: Set<Resident> | null,
	) {
		this.#id = value;
		this.shape = shape;
		this.location = location;
		this.#thread = thread;
		this.#among = location === 'cpu' ? null : among;
		this.#among?.add(this);
	}

	/**
	 * Float32 numbers for the runs of any provider but WebGPU. Throws PickupError `out-of-memory` or
	 * `engine-failed`.
	 */
	static async of(numbers: NdArray): Promise<Resident> {
		const thread = networksThread();
		const moved: ArrayBuffer[] = [];
		try {
			const value = fedOf('float32', numbers, moved);
			const { value: id } = await thread.order({ kind: 'hold', value }, moved);
			return new Resident({ value: id, shape: numbers.shape, location: 'cpu' }, thread, null);
		} catch (error) {
			throw runtimeFailure(`Expected room for [${numbers.shape}]`, error);
		}
	}

	get id(): number {
		if (this.#id === null) throw new RangeError(`[${this.shape}] was released before this use`);
		return this.#id;
	}

	/** Copies it to memory. */
	async read(): Promise<NdArray> {
		const { data } = await this.#thread.order({ kind: 'read', value: this.id });
		return { data, shape: this.shape };
	}

	/** Gives its memory back; until then nothing does, not even the garbage collector. */
	release(): void {
		if (this.#id === null) return;
		this.#thread.drop(this.#id);
		this.#id = null;
		this.#among?.delete(this);
	}
}

/** As the networks' thread takes it; what has to go there with it is added to `moved`. */
export function feed({ type }: ValueSpec, value: NdArray | Resident, moved: ArrayBuffer[]): Fed {
	return value instanceof Resident ? value.id : fedOf(type, value, moved);
}

function fedOf(type: ElementType, { data, shape, isGiven }: NdArray, moved: ArrayBuffer[]) {
	const isWhole = data.byteLength === data.buffer.byteLength;
	const own = isGiven && isWhole ? data : data.slice();
	moved.push(own.buffer as ArrayBuffer);
	return { type, data: own, shape };
}
