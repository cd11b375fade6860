import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { alone } from '../../../../files/alone.ts';
import { writeError } from '../../../../files/system-errors.ts';
import { writeWhole } from '../../../../files/write-whole.ts';
import type { Checkpoint } from './checkpoint.ts';
import { encodeHalves } from './floats.ts';
import { checkHoles } from './holes.ts';
import { contentState } from './prepared.ts';
import {
	layoutIn,
	type PreparedFile,
	type PreparedLayout,
	type PreparedMatrix,
	preparedIn,
} from './prepared-layout.ts';
import { keepSource } from './prepared-source.ts';
import type { Stored } from './quantise.ts';
import { weightLengths } from './weight-arrays.ts';
import { WeightReader } from './weight-reader.ts';

/** What of a checkpoint is prepared, and what is to be. */
export type Survey = {
	readonly layout: PreparedLayout;
	/** Damaged ones among them. */
	readonly toMake: readonly PreparedFile[];
	readonly damaged: readonly PreparedFile[];
};

/** How much is done, from 0 to 1, and of which block. */
export type Report = (fraction: number, block: number) => void;

/** Does the work while no other process prepares weights there. Throws PickupError `state-locked`. */
export async function whilePreparing<T>(cache: string, work: () => Promise<T>): Promise<T> {
	const folder = preparedIn(cache);
	try {
		await mkdir(folder, { recursive: true, mode: 0o700 });
		return await alone(join(folder, 'prepare.pid'), 'prepares weights', work);
	} catch (error) {
		throw writeError(error, folder, 'prepared weights');
	}
}

/** Reads all that is prepared. Throws PickupError `bad-weights`, and the signal's reason. */
export async function survey(
	checkpoint: Checkpoint,
	cache: string,
	report: Report,
	signal: AbortSignal,
): Promise<Survey> {
	const layout = await layoutIn(checkpoint, cache);
	const [toMake, damaged]: PreparedFile[][] = [[], []];
	let read = 0;
	for (const file of layout.files) {
		const onRead = (bytes: number) => {
			read += bytes;
			report(read / layout.bytes, file.block);
		};
		const state = await contentState(file, onRead, signal);
		if (state !== 'whole') toMake!.push(file);
		if (state === 'damaged') damaged!.push(file);
	}
	return { layout, toMake: toMake!, damaged: damaged! };
}

/** Bytes of files. */
export function bytesOf(files: readonly PreparedFile[]): number {
	return files.reduce((sum, { bytes }) => sum + bytes, 0);
}

/**
 * Quantises the blocks that are to be made, on all cores, each into a file that is there whole or not at
 * all: what is finished when this ends early is kept. Throws PickupError `bad-weights`, `disk-full`
 * or `folder-not-writable`, and the signal's reason.
 */
export async function prepare(
	checkpoint: Checkpoint,
	{ layout, toMake, damaged }: Survey,
	report: Report,
	signal: AbortSignal,
): Promise<void> {
	const { folder } = layout;
	await checkHoles(
		new Map(toMake.flatMap((file) => file.matrices.map((one) => [one.name, one.source.tensor]))),
	);
	await mkdir(folder, { recursive: true, mode: 0o700 });
	await keepSource(checkpoint, layout);
	for (const { path } of damaged) await rm(path, { force: true });
	const reader = new WeightReader(availableParallelism());
	const matrices = toMake.flatMap((file) => file.matrices);
	const memory = new Memory(matrices);
	const quantised = inOrder(matrices, AHEAD, async ({ source }) => {
		const arrays = memory.take(source);
		await reader.read(source, 'int8', arrays, signal);
		return arrays;
	});
	const all = bytesOf(toMake);
	let done = 0;
	try {
		for (const file of toMake) {
			const onWritten = (bytes: number) => {
				done += bytes;
				report(done / all, file.block);
			};
			await writeFile(file, quantised, onWritten, memory);
		}
	} finally {
		await quantised.return();
		await reader.close();
	}
}

/** Matrices that are quantised beyond the one that is written; the largest takes 71 MB. */
const AHEAD = 4;

/** What the work gives for each item, of which a few are worked on at once. */
async function* inOrder<T, R>(
	items: readonly T[],
	most: number,
	work: (item: T) => Promise<R>,
): AsyncGenerator<R, void, void> {
	const running: Promise<R>[] = [];
	try {
		for (let next = 0; next < items.length || running.length > 0; ) {
			for (; next < items.length && running.length < most; next++) {
				const begun = work(items[next]!);
				// One that fails before its turn is told of then.
				begun.catch(() => {});
				running.push(begun);
			}
			yield await running.shift()!;
		}
	} finally {
		await Promise.allSettled(running);
	}
}

type Int8Arrays = { readonly data: Uint8Array; readonly scales: Float32Array };

/** Room for any of the matrices, used again and again: new memory costs as much as a quarter of the work. */
class Memory {
	readonly #most: number;
	readonly #free: ArrayBufferLike[] = [];

	constructor(matrices: readonly PreparedMatrix[]) {
		const all = matrices.map(({ source }) => weightLengths(source, 'int8'));
		this.#most = all.reduce((most, { data, scales }) => Math.max(most, data + 4 * scales), 0);
	}

	take(source: Stored): Int8Arrays {
		const { data, scales } = weightLengths(source, 'int8');
		const memory = this.#free.pop() ?? new SharedArrayBuffer(this.#most);
		return {
			data: new Uint8Array(memory, 0, data),
			scales: new Float32Array(memory, data, scales),
		};
	}

	give({ data }: Int8Arrays): void {
		this.#free.push(data.buffer);
	}
}

async function writeFile(
	{ path, header, hashAt, matrices }: PreparedFile,
	quantised: AsyncGenerator<Int8Arrays, void, void>,
	onWritten: (bytes: number) => void,
	memory: Memory,
): Promise<void> {
	const write = async (file: FileHandle) => {
		const hash = createHash('sha256');
		await file.writeFile(header);
		onWritten(header.length);
		for (const _ of matrices) {
			const arrays = (await quantised.next()).value!;
			for (const bytes of [arrays.data, bytesIn(halves(arrays.scales))]) {
				await file.writeFile(bytes);
				hash.update(bytes);
				onWritten(bytes.length);
			}
			memory.give(arrays);
		}
		await file.write(hash.digest('hex'), hashAt, 'latin1');
	};
	await writeWhole(path, write, { mode: 0o600 });
}

function halves(scales: Float32Array): Uint16Array {
	const bits = new Uint16Array(scales.length);
	encodeHalves(scales, bits);
	return bits;
}

function bytesIn({ buffer, byteOffset, byteLength }: NodeJS.TypedArray): Uint8Array {
	return new Uint8Array(buffer, byteOffset, byteLength);
}
