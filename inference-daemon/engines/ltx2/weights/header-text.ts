import type { StoredType } from './safetensors.ts';

/** A tensor that is to be written: its bytes follow those of the one before it. */
export type TensorToWrite = {
	readonly name: string;
	readonly type: StoredType;
	readonly shape: readonly number[];
	readonly bytes: number;
};

/** What a safetensors file begins with: the length of the JSON, and the JSON, padded to whole words. */
export function headerBytes(
	metadata: Readonly<Record<string, string>>,
	tensors: readonly TensorToWrite[],
): Buffer {
	let end = 0;
	const entries = tensors.map(({ name, type, shape, bytes }) => {
		const from = end;
		end += bytes;
		return [name, { dtype: type, shape, data_offsets: [from, end] }] as const;
	});
	const json = { __metadata__: metadata, ...Object.fromEntries(entries) };
	const text = Buffer.from(JSON.stringify(json));
	const header = Buffer.alloc(8 + 8 * Math.ceil(text.length / 8), ' ');
	header.writeBigUInt64LE(BigInt(header.length - 8));
	text.copy(header, 8);
	return header;
}
