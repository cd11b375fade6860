import { int8Lengths } from './int8.ts';
import { sizesOf } from './numbers.ts';
import type { Stored, StoredInt8 } from './quantise.ts';

/** What devices multiply by: floats, their bits where JavaScript has no type for them, or `int8.ts`. */
export type WeightFormat = 'float32' | 'bfloat16' | 'float16' | 'int8';

export type WeightArrays = {
	readonly data: Float32Array | Uint16Array | Uint8Array;
	/** Of int8, one for each block. */
	readonly scales?: Float32Array;
};

/** Elements of both arrays. */
export function weightLengths(
	stored: Stored | StoredInt8,
	format: WeightFormat,
): { readonly data: number; readonly scales: number } {
	const { rows, columns } = sizesOf(stored);
	return format === 'int8' ? int8Lengths(rows, columns) : { data: rows * columns, scales: 0 };
}

/** Arrays for it in memory that threads share. */
export function weightArrays(stored: Stored | StoredInt8, format: WeightFormat): WeightArrays {
	const { data, scales } = weightLengths(stored, format);
	if (format === 'float32') return { data: new Float32Array(new SharedArrayBuffer(4 * data)) };
	if (format !== 'int8') return { data: new Uint16Array(new SharedArrayBuffer(2 * data)) };
	return {
		data: new Uint8Array(new SharedArrayBuffer(data)),
		scales: new Float32Array(new SharedArrayBuffer(4 * scales)),
	};
}

const TYPES = {
	float32: Float32Array,
	bfloat16: Uint16Array,
	float16: Uint16Array,
	int8: Uint8Array,
} as const;

/** Throws RangeError for arrays that are not as `weightArrays` makes them. */
export function checkArrays(
	stored: Stored | StoredInt8,
	format: WeightFormat,
	{ data, scales }: WeightArrays,
): void {
	const expected = weightLengths(stored, format);
	const got = { data: data.length, scales: scales?.length ?? 0 };
	const shared = [data, ...(scales ? [scales] : [])].every(
		({ buffer }) => buffer instanceof SharedArrayBuffer,
	);
	if (!(data instanceof TYPES[format]) || !shared) {
		throw new RangeError(`Expected shared memory of ${TYPES[format].name} for ${format}`);
	}
	if (expected.data === got.data && expected.scales === got.scales) return;
	throw new RangeError(
		`Expected room for ${expected.data} numbers and ${expected.scales} scales of ${stored.tensor.name}, got ${got.data} and ${got.scales}`,
	);
}
