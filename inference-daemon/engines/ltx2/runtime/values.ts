import type { ElementType, ValueSpec } from '../graph/onnx.ts';
import type { Handle } from './c-api.ts';
import { onnxRuntime } from './onnxruntime.ts';

/** What JavaScript holds elements in. */
export type Elements = Float32Array | BigInt64Array | Int32Array | Uint8Array | Uint16Array;

/** Numbers in memory, row by row. Those of types that JavaScript has not come as their bits. */
export type NdArray = { readonly data: Elements; readonly shape: readonly number[] };

/** Numbers by a graph's names, some of them on a device. */
export type Values = Readonly<Record<string, NdArray | DeviceValue>>;

/**
 * Numbers on a device, for the next run. Its `DeviceMemory` releases it at the latest: ONNX Runtime
 * would end the process over one that outlives it.
 */
export class DeviceValue {
	readonly type: ElementType;
	readonly shape: readonly number[];
	/** Copies it to memory. */
	readonly read: () => Promise<NdArray>;
	#handle: Handle | null;

	constructor(
		{ type, shape }: Omit<ValueSpec, 'name'>,
		handle: Handle,
		read: () => Promise<NdArray>,
	) {
		this.type = type;
		this.shape = shape;
		this.#handle = handle;
		this.read = read;
	}

	/** Throws RangeError once it is released. */
	get handle(): Handle {
		if (this.#handle === null) throw new RangeError(`[${this.shape}] was released before this use`);
		return this.#handle;
	}

	/** What has to be released now; null where that has been done. */
	take(): Handle | null {
		const handle = this.#handle;
		this.#handle = null;
		return handle;
	}
}

/** Types that ONNX Runtime takes and gives, by its numbers for them. */
const TYPES: Partial<Record<ElementType, readonly [number, new (length: number) => Elements]>> = {
	float32: [1, Float32Array],
	uint8: [2, Uint8Array],
	uint16: [4, Uint16Array],
	int32: [6, Int32Array],
	int64: [7, BigInt64Array],
	bool: [9, Uint8Array],
	float16: [10, Uint16Array],
	bfloat16: [16, Uint16Array],
	float8e4m3: [17, Uint8Array],
};

/** Whether numbers of that type can be told from outside. */
export function canBeTold(type: ElementType): boolean {
	return TYPES[type] !== undefined;
}

export function typeNumber(type: ElementType): number {
	return TYPES[type]![0];
}

/** As many numbers as that value has. */
export function emptyArray({ type, shape }: Omit<ValueSpec, 'name'>): NdArray {
	return { data: new TYPES[type]![1](lengthOf(shape)), shape };
}

/** As that, in memory that threads share, from byte `at` on. */
export function sharedArray(
	{ type, shape }: Omit<ValueSpec, 'name'>,
	buffer: SharedArrayBuffer,
	at: number,
): NdArray {
	const Type = TYPES[type]![1] as unknown as SharedType;
	return { data: new Type(buffer, at, lengthOf(shape)), shape };
}

type SharedType = new (buffer: SharedArrayBuffer, at: number, length: number) => Elements;

export function bytesOf({ type, shape }: Omit<ValueSpec, 'name'>): number {
	const Type = TYPES[type]![1] as unknown as { readonly BYTES_PER_ELEMENT: number };
	return lengthOf(shape) * Type.BYTES_PER_ELEMENT;
}

function lengthOf(shape: readonly number[]): number {
	return shape.reduce((product, n) => product * n, 1);
}

export function emptyArrays(specs: readonly ValueSpec[]): Record<string, NdArray> {
	return Object.fromEntries(specs.map((spec) => [spec.name, emptyArray(spec)]));
}

/** A shape as ONNX Runtime takes it. */
export function dimensions(shape: readonly number[]): [dims: BigInt64Array, rank: number] {
	return [BigInt64Array.from(shape, BigInt), shape.length];
}

/** A value over an array's own memory, which has to stay until it is released. */
export function valueOver(type: ElementType, { data, shape }: NdArray): Handle {
	const { CreateTensorWithDataAsOrtValue, memory } = onnxRuntime();
	const { byteLength } = data;
	return CreateTensorWithDataAsOrtValue(
		memory,
		data,
		byteLength,
		...dimensions(shape),
		typeNumber(type),
	);
}
