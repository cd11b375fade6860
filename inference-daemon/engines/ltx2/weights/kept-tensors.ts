import { createHash } from 'node:crypto';
import { openRegular } from '../../../../files/open-regular.ts';
import { writeWhole } from '../../../../files/write-whole.ts';
import { headerBytes } from './header-text.ts';
import { readSafetensors, type Tensor } from './safetensors.ts';

/** Numbers by name that took long to make. */
export type Kept = Readonly<Record<string, KeptTensor>>;

export type KeptTensor = { readonly data: Float32Array; readonly shape: readonly number[] };

/** Null where there are none, for what is damaged, and for what belongs to another key. */
export async function readKeptTensors(path: string, key: string): Promise<Kept | null> {
	try {
		const { tensors, metadata } = await readSafetensors(path);
		if (metadata.key !== key) return null;
		const read = [...tensors].map(
			async ([name, tensor]) => [name, await numbersOf(tensor)] as const,
		);
		const kept: Kept = Object.fromEntries(await Promise.all(read));
		return metadata.sha256 === digest(kept) ? kept : null;
	} catch {
		return null;
	}
}

/** Whole or not at all, into a folder that is there. Throws what the system says. */
export async function keepTensors(path: string, key: string, kept: Kept): Promise<void> {
	await writeWhole(path, fileOf(key, kept), { mode: 0o600 });
}

function fileOf(key: string, kept: Kept): readonly Uint8Array[] {
	const tensors = Object.entries(kept).map(
		([name, { shape, data }]) => ({ name, type: 'F32', shape, bytes: data.byteLength }) as const,
	);
	const header = headerBytes({ key, sha256: digest(kept) }, tensors);
	return [header, ...Object.values(kept).map(bytesOf)];
}

async function numbersOf(tensor: Tensor): Promise<KeptTensor> {
	if (tensor.type !== 'F32') throw new RangeError('Expected float32');
	const data = new Float32Array(tensor.bytes / 4);
	const file = await openRegular(tensor.path);
	try {
		await file.read(bytesOf({ data }), 0, tensor.bytes, tensor.offset);
	} finally {
		await file.close();
	}
	return { data, shape: tensor.shape };
}

/** Of the numbers, what they are called and how they lie, in whatever order. */
function digest(kept: Kept): string {
	const hash = createHash('sha256');
	for (const name of Object.keys(kept).sort()) {
		const { shape } = kept[name]!;
		hash.update(JSON.stringify([name, shape])).update(bytesOf(kept[name]!));
	}
	return hash.digest('hex');
}

function bytesOf({ data }: Pick<KeptTensor, 'data'>): Uint8Array {
	return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
