import { readFile } from 'node:fs/promises';
import { readSafetensors } from '../../../inference-daemon/engines/ltx2/weights/safetensors.ts';

const ARRAYS = { F32: Float32Array, U8: Uint8Array, I64: BigInt64Array, I32: Int32Array } as const;

export type Tensors = Readonly<
	Record<
		string,
		{
			readonly data: Float32Array | Uint8Array | BigInt64Array | Int32Array;
			readonly shape: readonly number[];
		}
	>
>;

/** All tensors of a small file. */
export async function readTensors(
	path: string,
): Promise<{ tensors: Tensors; metadata: Readonly<Record<string, string>> }> {
	const file = await readSafetensors(path);
	const bytes = await readFile(path);
	const tensors = [...file.tensors.values()].map(({ name, type, shape, offset, bytes: length }) => {
		const TypedArray = ARRAYS[type as keyof typeof ARRAYS];
		const copy = Uint8Array.from(bytes.subarray(offset, offset + length));
		return [name, { data: new TypedArray(copy.buffer), shape }];
	});
	return { tensors: Object.fromEntries(tensors), metadata: file.metadata };
}
