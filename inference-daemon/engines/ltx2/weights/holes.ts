import type { FileHandle } from 'node:fs/promises';
import { openRegular } from '../../../../files/open-regular.ts';
import { PickupError } from '../../../../protocol/errors.ts';
import { reasonUnused } from './known-unused.ts';
import type { Tensor } from './safetensors.ts';

/** So many zeros on end, in bytes, are no weights: 64 rows of 4096 numbers in bfloat16. */
const RUN = 512 * 1024;
/** A matrix is looked into this often, in bytes: 43 GB at some ten thousand places. */
const STRIDE = 8 * 1024 * 1024;
/** Read at each place. */
const GLANCE = 256;
/** A smaller matrix is less than a file system leaves out. */
const SMALLEST = 4096;

/**
 * Throws PickupError `bad-weights` that names the file and a matrix with nothing but zeros for half a
 * megabyte, or in all of it where it is smaller: a download in pieces leaves them where a piece never
 * came. Looks into each matrix at a few places, so a short hole may be missed; where the file
 * system tells that a file has holes, all are found.
 */
export async function checkHoles(tensors: ReadonlyMap<string, Tensor>): Promise<void> {
	const byFile = new Map<string, Tensor[]>();
	for (const [name, tensor] of tensors) {
		if (!isMatrix(name, tensor)) continue;
		const others = byFile.get(tensor.path);
		if (others) others.push(tensor);
		else byFile.set(tensor.path, [tensor]);
	}
	await Promise.all([...byFile].map(([path, matrices]) => checkFile(path, matrices)));
}

/** Norms and biases may be zeros; so may a LoRA's B that was never trained, but not its A. */
function isMatrix(name: string, { shape, bytes }: Tensor): boolean {
	const isWeight = name.endsWith('.weight') && !name.endsWith('.lora_B.weight');
	return (
		isWeight &&
		bytes >= SMALLEST &&
		shape.filter((n) => n > 1).length > 1 &&
		reasonUnused(name) === null
	);
}

async function checkFile(path: string, matrices: readonly Tensor[]): Promise<void> {
	const file = await openRegular(path);
	try {
		const { size, blocks } = await file.stat();
		const isSparse = 512 * blocks < size;
		const inOrder = [...matrices].sort((a, b) => a.offset - b.offset);
		for (const matrix of inOrder) {
			const at = await holeIn(file, matrix, isSparse ? RUN : STRIDE);
			if (at !== null) throw holed(path, matrix, at);
		}
	} finally {
		await file.close();
	}
}

/** Where zeros begin, from the start of the file. */
async function holeIn(file: FileHandle, matrix: Tensor, stride: number): Promise<number | null> {
	// All at once: one after the other a disk that turns would take minutes.
	const looks = placesIn(matrix, stride).map((place) => holeAt(file, matrix, place));
	const found = await Promise.all(looks);
	return found.find((at) => at !== null) ?? null;
}

async function holeAt(
	file: FileHandle,
	{ offset, bytes }: Tensor,
	place: number,
): Promise<number | null> {
	if (!(await isZero(file, offset + place, Math.min(GLANCE, bytes - place)))) return null;
	const run = Math.min(RUN, bytes);
	const from = Math.floor(offset + Math.min(Math.max(0, place - run / 2), bytes - run));
	return (await isZero(file, from, run)) ? from : null;
}

/** In a table of tokens many rows stand for none, and may be zeros: the middle has words. */
function placesIn({ name, bytes }: Tensor, stride: number): readonly number[] {
	const count = name.endsWith('embed_tokens.weight') ? 1 : 1 + Math.ceil(bytes / stride);
	return Array.from({ length: count }, (_, i) => Math.floor(((i + 0.5) / count) * bytes));
}

async function isZero(file: FileHandle, position: number, length: number): Promise<boolean> {
	const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
	return bytesRead === length && buffer.every((byte) => byte === 0);
}

function holed(path: string, { name }: Tensor, at: number): PickupError {
	return new PickupError(
		'bad-weights',
		`Expected numbers for ${name} in ${path}, got zeros from byte ${at} on: a part of the file never came`,
		{ field: path, action: 'Download the file again, or let what was downloading it finish.' },
	);
}
