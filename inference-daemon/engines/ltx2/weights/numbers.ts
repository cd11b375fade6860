import { fstatSync, readSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { openRegular } from '../../../../files/open-regular.ts';
import { PickupError } from '../../../../protocol/errors.ts';
import { decodeFloats, E2M1, floatsOf, halfValue, isFloat } from './floats.ts';
import { dequantise, INT8_BLOCK } from './int8.ts';
import { BLOCK, type Stored, type StoredInt8, shapeOf, TILE } from './quantise.ts';
import { broken, type Tensor } from './safetensors.ts';

/** A tensor as rows of its last axis, from `from` up to `to`. */
export type Rows = { readonly from: number; readonly to: number };

export type Sizes = { readonly rows: number; readonly columns: number };

export function sizesOf(stored: Stored | StoredInt8): Sizes {
	const shape = shapeOf(stored);
	const columns = shape.at(-1) ?? 1;
	return { rows: shape.slice(0, -1).reduce((product, n) => product * n, 1), columns };
}

/** Numbers that are read and decoded at a time: what a core's own cache holds. */
const PIECE = 1 << 18;

/**
 * The numbers of rows, whatever they are stored in, as float32; the same ones that `graph/parameter.ts`
 * makes. `each` gets whole rows, at least one, in an array that is used again, and the first one's
 * number; false ends it. Reads without giving other work a turn: for a thread of its own. Throws
 * PickupError `bad-weights`, and what the system says.
 */
export async function eachPiece(
	stored: Stored | StoredInt8,
	{ from, to }: Rows,
	each: (numbers: Float32Array, row: number) => boolean,
): Promise<void> {
	const { rows, columns } = sizesOf(stored);
	if (from >= to || columns === 0) return;
	const decode = await decoderOf(stored, { from, to }, columns);
	const numbers = new Float32Array(rowsAtOnce(columns) * columns);
	await eachChunk(stored.tensor, { rows, columns }, { from, to }, (bytes, row, count) => {
		const found = numbers.subarray(0, count * columns);
		decode(bytes, found, row);
		return each(found, row);
	});
}

/** As `eachPiece`, but the bytes of `count` rows as they lie in the file. */
export async function eachChunk(
	tensor: Tensor,
	{ rows, columns }: Sizes,
	{ from, to }: Rows,
	each: (bytes: Uint8Array, row: number, count: number) => boolean,
): Promise<void> {
	const rowBytes = tensor.bytes / rows;
	const most = rowsAtOnce(columns);
	const bytes = new Uint8Array(most * rowBytes);
	await withFile(tensor.path, (file) => {
		for (let row = from; row < to; row += most) {
			const count = Math.min(most, to - row);
			const chunk = bytes.subarray(0, count * rowBytes);
			readInto(file, tensor, row * rowBytes, chunk);
			if (!each(chunk, row, count)) return;
		}
	});
}

function rowsAtOnce(columns: number): number {
	return Math.max(1, Math.floor(PIECE / columns));
}

/** Bytes of a tensor, from `start` of its own. Throws PickupError `bad-weights` where a file is cut off. */
export function readInto(
	file: FileHandle,
	{ name, path, offset }: Tensor,
	start: number,
	into: Uint8Array,
): void {
	for (let done = 0; done < into.length; ) {
		const read = readSync(file.fd, into, done, into.length - done, offset + start + done);
		// Of its size, as one that reads further on knows it too.
		if (read === 0) throw broken(path, `all of ${name}, got ${fstatSync(file.fd).size} bytes`);
		done += read;
	}
}

export async function withFile<T>(path: string, work: (file: FileHandle) => T): Promise<T> {
	const file = await openRegular(path);
	try {
		return work(file);
	} finally {
		await file.close();
	}
}

/** Numbers out of the bytes of whole rows, of which the first is the one of that number. */
type Decode = (bytes: Uint8Array, numbers: Float32Array, row: number) => void;

function decoderOf(stored: Stored | StoredInt8, rows: Rows, columns: number): Promise<Decode> {
	switch (stored.kind) {
		case 'plain':
			return plain(stored.tensor);
		case 'fp8':
			return fp8(stored.scale, columns);
		case 'nvfp4':
			return nvfp4(stored, rows, columns);
		case 'int8':
			return int8(stored, rows, columns);
	}
}

async function plain({ type, name, path }: Tensor): Promise<Decode> {
	if (!isFloat(type)) throw broken(path, `floats in ${name}, got ${type}`);
	return (bytes, numbers) => decodeFloats(type, bytes, numbers);
}

async function fp8(scale: Tensor, columns: number): Promise<Decode> {
	const scales = await floats(scale);
	return (bytes, numbers, first) => {
		decodeFloats('F8_E4M3', bytes, numbers);
		for (let row = first, at = 0; at < numbers.length; row++) {
			const times = scales.length === 1 ? scales[0]! : scales[row]!;
			for (const end = at + columns; at < end; at++) numbers[at] = numbers[at]! * times;
		}
	};
}

async function nvfp4(
	{ blockScales, scale, columnScale }: Stored & { kind: 'nvfp4' },
	{ from, to }: Rows,
	columns: number,
): Promise<Decode> {
	const across = blockScales.shape[1]! / TILE.columns;
	const tileRow = across * TILE.rows * TILE.columns;
	const firstTile = Math.floor(from / TILE.rows);
	const tiles = new Float32Array((Math.ceil(to / TILE.rows) - firstTile) * tileRow);
	const [whole] = await floats(scale);
	const perColumn = columnScale && (await floats(columnScale));
	await withFile(blockScales.path, (file) => {
		const bytes = new Uint8Array(tiles.length);
		readInto(file, blockScales, firstTile * tileRow, bytes);
		decodeFloats('F8_E4M3', bytes, tiles);
	});
	for (let i = 0; i < tiles.length; i++) tiles[i] = tiles[i]! * whole!;
	return (bytes, numbers, first) => {
		for (let row = first, at = 0; at < numbers.length; row++) {
			const place = (Math.floor(row / TILE.rows) - firstTile) * tileRow + placeInTile(row);
			for (let block = 0; block < columns / BLOCK; block++) {
				const times = tiles[place + (block >> 2) * TILE.rows * TILE.columns + (block & 3)]!;
				for (const end = at + BLOCK; at < end; at += 2) {
					const pair = bytes[at >> 1]!;
					numbers[at] = E2M1[pair >> 4]! * times;
					numbers[at + 1] = E2M1[pair & 15]! * times;
				}
			}
			if (perColumn === null) continue;
			const start = at - columns;
			for (let j = 0; j < columns; j++) numbers[start + j] = numbers[start + j]! * perColumn[j]!;
		}
	};
}

/** Where the scales of a row begin in a tile of 128 × 4 (NVIDIA cuBLAS, "1D Block Scaling Factors Layout"). */
function placeInTile(row: number): number {
	return (row % 32) * 16 + Math.floor((row % TILE.rows) / 32) * TILE.columns;
}

async function int8({ scales }: StoredInt8, rows: Rows, columns: number): Promise<Decode> {
	const across = Math.ceil(columns / INT8_BLOCK);
	const read = await int8Scales(scales, rows, across);
	return (bytes, numbers, row) => {
		const start = (row - rows.from) * across;
		dequantise(bytes, read.subarray(start), columns, numbers);
	};
}

/** The scales of those rows, `across` each. */
export async function int8Scales(
	scales: Tensor,
	{ from, to }: Rows,
	across: number,
): Promise<Float32Array> {
	const halves = new Uint16Array((to - from) * across);
	await withFile(scales.path, (file) =>
		readInto(file, scales, 2 * from * across, new Uint8Array(halves.buffer)),
	);
	return Float32Array.from(halves, halfValue);
}

/** All of a small tensor. */
async function floats(tensor: Tensor): Promise<Float32Array> {
	const { type, name, path } = tensor;
	if (!isFloat(type)) throw broken(path, `floats in ${name}, got ${type}`);
	const bytes = new Uint8Array(tensor.bytes);
	await withFile(path, (file) => readInto(file, tensor, 0, bytes));
	return floatsOf(type, bytes);
}

/** That one number, counted row by row, cannot be used: `why` follows the tensor's name. */
export function unusableNumber({ name, path }: Tensor, index: number, why: string): PickupError {
	return new PickupError(
		'bad-weights',
		`Expected finite weights, but element ${index} of ${name} in ${path} is ${why}`,
		{ field: name },
	);
}
