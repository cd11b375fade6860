import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { readSafetensors } from '../../../inference-daemon/engines/ltx2/weights/safetensors.ts';
import { type Entries, writeWeights } from './sparse.ts';
import { readTensors } from './tensors.ts';

/** Complete checkpoints of tiny models; see tests/golden/README.md. */
const FOLDER = fileURLToPath(new URL('../../golden/tiny-ltx2/', import.meta.url));

export const TINY_GEMMA = join(FOLDER, 'gemma-3-tiny');

let derived: Promise<string> | undefined;

/** The path of a tiny checkpoint, by its name without `.safetensors`. */
export function tinyCheckpoint(name: string): Promise<string> {
	if (name !== 'ltx-2-tiny-bf16') return Promise.resolve(join(FOLDER, `${name}.safetensors`));
	derived ??= inBfloat16('ltx-2-tiny');
	return derived;
}

/** A copy with every tensor rounded to bfloat16, except the tables that the releases keep. */
async function inBfloat16(name: string): Promise<string> {
	const source = await tinyCheckpoint(name);
	const { metadata } = await readSafetensors(source);
	const { tensors } = await readTensors(source);
	const entries: Record<string, Entries[string]> = {};
	const data: Record<string, Uint8Array> = {};
	for (const [key, { data: numbers, shape }] of Object.entries(tensors)) {
		const kept = key.includes('scale_shift_table');
		const stored = kept ? numbers : rounded(numbers as Float32Array);
		entries[key] = [kept ? 'F32' : 'BF16', shape];
		data[key] = new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
	}
	const folder = await mkdtemp(join(tmpdir(), 'pickup-tiny-'));
	afterEverything.push(folder);
	const path = join(folder, `${name}-bf16.safetensors`);
	await writeWeights(path, entries, metadata, data);
	return path;
}

/** The upper 16 bits of each float32, rounded half to even. */
function rounded(numbers: Float32Array): Uint16Array {
	const bits = new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length);
	return Uint16Array.from(bits, (value) => (value + 0x7fff + ((value >>> 16) & 1)) >>> 16);
}

const afterEverything: string[] = [];

afterAll(() => Promise.all(afterEverything.map((folder) => rm(folder, { recursive: true }))));
