import { mkdtempSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'pickup-runtime-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

export type Written = {
	readonly type: 'F32' | 'F16' | 'BF16' | 'F8_E4M3';
	readonly shape: readonly number[];
	/** The bytes of one element after the other. */
	readonly data: Uint8Array | Uint16Array | Float32Array;
};

/** A safetensors file with these tensors; its data starts at an odd place. */
export async function writeWeights(
	name: string,
	tensors: Readonly<Record<string, Written>>,
): Promise<string> {
	let end = 0;
	const entries = Object.entries(tensors).map(([key, { type, shape, data }]) => {
		const start = end;
		end += data.byteLength;
		return [key, { dtype: type, shape, data_offsets: [start, end] }];
	});
	const text = JSON.stringify(Object.fromEntries(entries));
	const header = Buffer.from(text.length % 2 === 0 ? `${text} ` : text);
	const length = Buffer.alloc(8);
	length.writeBigUInt64LE(BigInt(header.length));
	const path = join(folder, `${name}.safetensors`);
	const data = Object.values(tensors).map(({ data: { buffer, byteOffset, byteLength } }) =>
		Buffer.from(buffer, byteOffset, byteLength),
	);
	await writeFile(path, Buffer.concat([length, header, ...data]));
	return path;
}

/** The upper halves of float32, which is what bfloat16 is. */
export function bfloat16(values: Iterable<number>): Uint16Array {
	const bits = new Uint32Array(Float32Array.from(values).buffer);
	return Uint16Array.from(bits, (value) => value >>> 16);
}
