/** Reads rows of tensors into memory that the engine shares, in a thread of its own. */
import { parentPort } from 'node:worker_threads';
import { systemProblem } from '../../../../files/system-errors.ts';
import type { Problem } from '../../../../protocol/errors.ts';
import { encodeBfloats, encodeHalves, firstWith } from './floats.ts';
import { INT8_BLOCK, quantise } from './int8.ts';
import {
	eachChunk,
	eachPiece,
	int8Scales,
	type Rows,
	readInto,
	sizesOf,
	unusableNumber,
	withFile,
} from './numbers.ts';
import type { Stored, StoredInt8 } from './quantise.ts';
import type { WeightFormat } from './weight-arrays.ts';

export type WeightOrder = {
	readonly stored: Stored | StoredInt8;
	readonly format: WeightFormat;
	readonly rows: Rows;
	/** Of the whole tensor. */
	readonly data: Float32Array | Uint16Array | Uint8Array;
	readonly scales: Float32Array | null;
	/** What is not 0 ends it. */
	readonly stop: Int32Array;
};

/** Null: done, or ended because it was told to. */
export type WeightReply = Problem | null;

parentPort!.on('message', (order: WeightOrder) => {
	read(order).then(
		() => reply(null),
		(error: unknown) => reply(systemProblem(error)),
	);
});

function reply(message: WeightReply): void {
	parentPort!.postMessage(message);
}

function read(order: WeightOrder): Promise<void> {
	return isAsStored(order) ? copy(order) : convert(order);
}

const SAME: Readonly<Record<string, WeightFormat>> = {
	F32: 'float32',
	F16: 'float16',
	BF16: 'bfloat16',
};

function isAsStored({ stored, format }: WeightOrder): boolean {
	if (stored.kind === 'plain') return SAME[stored.tensor.type] === format;
	return stored.kind === 'int8' && format === 'int8';
}

/** Read at a time where nothing is changed. */
const CHUNK = 1 << 22;

async function copy({
	stored,
	rows: { from, to },
	data,
	scales,
	stop,
}: WeightOrder): Promise<void> {
	const { tensor } = stored;
	const { rows, columns } = sizesOf(stored);
	const rowBytes = rows === 0 ? 0 : tensor.bytes / rows;
	if (stored.kind === 'int8') {
		const across = Math.ceil(columns / INT8_BLOCK);
		scales!.set(await int8Scales(stored.scales, { from, to }, across), from * across);
	}
	const [start, end] = [from * rowBytes, to * rowBytes];
	const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
	await withFile(tensor.path, (file) => {
		for (let at = start; at < end && !isStopped(stop); at += CHUNK) {
			readInto(file, tensor, at, bytes.subarray(at, Math.min(end, at + CHUNK)));
		}
	});
}

async function convert(order: WeightOrder): Promise<void> {
	const { stored, format, rows, data, stop } = order;
	if (format === 'int8') return toInt8(order);
	const { columns } = sizesOf(stored);
	await eachPiece(stored, rows, (numbers, row) => {
		const start = row * columns;
		const into = data.subarray(start, start + numbers.length);
		const wrong = encode(numbers, format, into);
		if (wrong !== null) throw unusable(stored, start + wrong, numbers[wrong]!, MOST[format]);
		return !isStopped(stop);
	});
}

async function toInt8({ stored, rows, data, scales, stop }: WeightOrder): Promise<void> {
	const sizes = sizesOf(stored);
	const { columns } = sizes;
	const across = Math.ceil(columns / INT8_BLOCK);
	const take = (bits: Int32Array | Uint16Array, row: number) => {
		const [start, end] = [row * across, (row + bits.length / columns) * across];
		const into = (data as Uint8Array).subarray(start * INT8_BLOCK, end * INT8_BLOCK);
		const wrong = quantise(bits, columns, into, scales!.subarray(start, end));
		if (wrong < 0) return !isStopped(stop);
		const word = Int32Array.of(bits[wrong]! << (bits instanceof Uint16Array ? 16 : 0));
		const [value] = new Float32Array(word.buffer);
		throw unusable(stored, row * columns + wrong, value!, 8_323_071);
	};
	const { kind, tensor } = stored;
	if (kind === 'plain' && tensor.type === 'BF16' && columns > 0) {
		// The usual one: what is quantised out of its own bits takes two thirds of the time.
		await eachChunk(tensor, sizes, rows, (bytes, row, count) =>
			take(new Uint16Array(bytes.buffer, bytes.byteOffset, count * columns), row),
		);
	} else {
		await eachPiece(stored, rows, (numbers, row) =>
			take(new Int32Array(numbers.buffer, numbers.byteOffset, numbers.length), row),
		);
	}
}

/** About the largest number of each format. */
const MOST = { float32: 3.4e38, bfloat16: 3.39e38, float16: 65_504 } as const;

/** Gives the index of the first number that is infinite or NaN there; null where none is. */
function encode(
	numbers: Float32Array,
	format: Exclude<WeightFormat, 'int8'>,
	into: Float32Array | Uint16Array | Uint8Array,
): number | null {
	if (format === 'float32') {
		(into as Float32Array).set(numbers);
		const { buffer, byteOffset, length } = numbers;
		return firstWith(new Uint32Array(buffer, byteOffset, length), 0x7f80_0000);
	}
	const halves = into as Uint16Array;
	if (format === 'float16') encodeHalves(numbers, halves);
	else encodeBfloats(numbers, halves);
	return firstWith(halves, format === 'float16' ? 0x7c00 : 0x7f80);
}

function unusable({ tensor }: Stored | StoredInt8, index: number, value: number, most: number) {
	const why = Number.isFinite(value) ? `${value}, beyond ${most}` : 'NaN or infinite';
	return unusableNumber(tensor, index, why);
}

function isStopped(stop: Int32Array): boolean {
	return Atomics.load(stop, 0) !== 0;
}
