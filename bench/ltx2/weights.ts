import { writeSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Element type and shape by name. */
export type Layout = Readonly<Record<string, readonly [type: string, shape: readonly number[]]>>;

export type Release = { readonly config: unknown; readonly tensors: Layout };

/** The files of LTX-2 19B and of what goes with it, by what they are. */
export async function readManifest(): Promise<{
	readonly config: unknown;
	readonly files: Readonly<Record<string, Layout>>;
}> {
	const folder = fileURLToPath(new URL('../tests/golden/manifests/', import.meta.url));
	return JSON.parse(await readFile(join(folder, 'ltx-2-19b.json'), 'utf8'));
}

/** The names, shapes and types of the LTX-2 19B file. */
export async function release19b(): Promise<Release> {
	const { config, files } = await readManifest();
	return { config, tensors: files['ltx-2-19b-{dev,distilled}.safetensors']! };
}

const BYTES: Readonly<Record<string, number>> = { F32: 4, BF16: 2 };

/**
 * A safetensors file of that layout; nearly all zeros, which take little room, but for those in
 * `data`, or numbers around zero: in all of it, or in the transformer, which repeats them.
 */
export async function writeWeights(
	path: string,
	{ config, tensors }: Release,
	contents: 'zeros' | 'numbers' | 'transformer',
	data: Readonly<Record<string, Uint8Array>> = {},
): Promise<void> {
	let end = 0;
	const entries = Object.entries(tensors).map(([name, [dtype, shape]]) => {
		const start = end;
		end += BYTES[dtype]! * count(shape);
		return [name, { dtype, shape, data_offsets: [start, end] }] as const;
	});
	const metadata = config === null ? { format: 'pt' } : { config: JSON.stringify(config) };
	const header = JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(entries) });
	const length = Math.ceil(header.length / 8) * 8;
	const start = Buffer.alloc(8);
	start.writeBigUInt64LE(BigInt(length));
	const file = await open(path, 'w');
	try {
		await file.write(Buffer.concat([start, Buffer.from(header.padEnd(length))]), 0);
		await file.truncate(8 + length + end);
		for (const [name, { dtype, shape, data_offsets: offsets }] of entries) {
			const bytes = contents === 'numbers' ? numbers(name, dtype, shape) : data[name];
			const at = 8 + length + offsets[0]!;
			if (contents === 'transformer' && IN_TRANSFORMER.test(name)) {
				const some = numbers(name, dtype, shape, Math.min(count(shape), REPEATED));
				for (let from = 0; from < offsets[1]! - offsets[0]!; from += some.length) {
					const left = Math.min(some.length, offsets[1]! - offsets[0]! - from);
					await file.write(some, 0, left, at + from);
				}
			} else if (bytes) await file.write(bytes, 0, undefined, at);
			else
				for (const place of specksIn(offsets[1]! - offsets[0]!))
					writeSync(file.fd, SPECK, 0, 2, at + place);
		}
	} finally {
		await file.close();
	}
}

const IN_TRANSFORMER = /^model\.diffusion_model\.(?!.*embeddings_connector)/;
/** Numbers that are drawn of a large tensor. */
const REPEATED = 1 << 20;

/** A number of next to nothing. */
const SPECK = Uint8Array.of(0, 0x34);

/** Where the engine looks for what a download has left out, in a file that takes less room than it is long. */
function specksIn(bytes: number): readonly number[] {
	const count = 1 + Math.ceil(bytes / 2 ** 19);
	return Array.from({ length: count }, (_, i) => 2 * Math.floor((((i + 0.5) / count) * bytes) / 2));
}

/** Evenly spread numbers: a matrix keeps the size of what it multiplies, norms are about 1. */
function numbers(
	name: string,
	dtype: string,
	shape: readonly number[],
	length = count(shape),
): Uint8Array {
	const reach = shape.length === 2 && dtype === 'BF16' ? Math.sqrt(3 / shape[1]!) : 0.1;
	const values = uniform(length, reach, name.includes('_norm.') ? 1 : 0);
	if (dtype === 'F32') return new Uint8Array(values.buffer);
	const bits = new Uint32Array(values.buffer);
	return new Uint8Array(Uint16Array.from(bits, (word) => word >>> 16).buffer);
}

/** As many numbers within `reach` of `middle`: xorshift32 (Marsaglia 2003). */
export function uniform(length: number, reach: number, middle = 0): Float32Array {
	const values = new Float32Array(length);
	for (let i = 0; i < length; i++) {
		state ^= state << 13;
		state ^= state >>> 17;
		state ^= state << 5;
		values[i] = middle + (reach * state) / 2 ** 31;
	}
	return values;
}

let state = 1;

/** What `uniform` gives begins anew. */
export function startAgain(): void {
	state = 1;
}

function count(shape: readonly number[]): number {
	return shape.reduce((product, n) => product * n, 1);
}
