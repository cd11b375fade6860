import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { PickupError } from '../../../../protocol/errors.ts';

/** Bytes an element takes in a file; null: less than one byte, or not known. */
const ELEMENT_BYTES = {
	...{ F64: 8, F32: 4, F16: 2, BF16: 2, F8_E4M3: 1, F8_E5M2: 1 },
	...{ I64: 8, I32: 4, I16: 2, I8: 1, U64: 8, U32: 4, U16: 2, U8: 1, BOOL: 1 },
} as const;

export type StoredType = keyof typeof ELEMENT_BYTES;

/** A tensor where it lies in a file. */
export type Tensor = {
	readonly name: string;
	readonly type: StoredType;
	readonly shape: readonly number[];
	/** Absolute path of the file. */
	readonly path: string;
	/** From the start of the file. */
	readonly offset: number;
	readonly bytes: number;
};

export type Safetensors = {
	readonly path: string;
	readonly bytes: number;
	readonly metadata: Readonly<Record<string, string>>;
	readonly tensors: ReadonlyMap<string, Tensor>;
};

const LARGEST_HEADER = 100 * 1024 * 1024;

/**
 * Reads the header of a safetensors file, never its data (github huggingface/safetensors,
 * README "Format"). Throws PickupError `bad-weights`.
 */
export async function readSafetensors(file: string): Promise<Safetensors> {
	const path = resolve(file);
	const handle = await open(path, 'r');
	try {
		const { size } = await handle.stat();
		const start = Buffer.alloc(8);
		const { bytesRead } = await handle.read(start, 0, 8, 0);
		if (bytesRead < 8) throw broken(path, `8 bytes of header length, got ${bytesRead}`);
		const length = Number(start.readBigUInt64LE());
		const most = Math.min(LARGEST_HEADER, size - 8);
		if (length > most) throw broken(path, `a header of at most ${most} bytes, got ${length}`);
		const header = Buffer.alloc(length);
		await handle.read(header, 0, length, 8);
		return parseHeader(path, header.toString('utf8'), 8 + length, size);
	} finally {
		await handle.close();
	}
}

function parseHeader(path: string, text: string, dataStart: number, size: number): Safetensors {
	const { __metadata__: metadata = {}, ...entries } = JSON.parse(text) as Record<
		string,
		{ dtype: StoredType; shape: number[]; data_offsets: [number, number] }
	>;
	const tensors = new Map<string, Tensor>();
	for (const [name, { dtype, shape, data_offsets: offsets }] of Object.entries(entries)) {
		const [from, to] = offsets;
		const offset = dataStart + from;
		tensors.set(name, { name, type: dtype, shape, path, offset, bytes: to - from });
	}
	return { path, bytes: size, metadata: metadata as Record<string, string>, tensors };
}

function broken(path: string, expected: string): PickupError {
	return new PickupError('bad-weights', `Expected ${path} to have ${expected}`, { field: path });
}

export function elementBytes(type: StoredType): number {
	return ELEMENT_BYTES[type];
}
