import { type FileHandle, realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { openRegular } from '../../../../files/open-regular.ts';
import { errorCode } from '../../../../files/system-errors.ts';
import { PickupError } from '../../../../protocol/errors.ts';
import { type Entry, type Header, HeaderFault, parseHeader } from './header.ts';

/** Bits that an element takes in a file. */
const ELEMENT_BITS = {
	F64: 64,
	F32: 32,
	F16: 16,
	BF16: 16,
	C64: 64,
	F8_E4M3: 8,
	F8_E5M2: 8,
	F8_E8M0: 8,
	F8_E4M3FNUZ: 8,
	F8_E5M2FNUZ: 8,
	F6_E2M3: 6,
	F6_E3M2: 6,
	F4: 4,
	I64: 64,
	I32: 32,
	I16: 16,
	I8: 8,
	U64: 64,
	U32: 32,
	U16: 16,
	U8: 8,
	BOOL: 8,
} as const;

export type StoredType = keyof typeof ELEMENT_BITS;

/** A tensor where it lies in a file. */
export type Tensor = {
	/** As the file has it. */
	readonly name: string;
	readonly type: StoredType;
	readonly shape: readonly number[];
	/** Absolute path of the file, links followed. */
	readonly path: string;
	/** From the start of the file. */
	readonly offset: number;
	readonly bytes: number;
};

export type Safetensors = {
	/** Absolute path as it was named. */
	readonly path: string;
	readonly bytes: number;
	readonly metadata: Readonly<Record<string, string>>;
	readonly tensors: ReadonlyMap<string, Tensor>;
};

/** As the format's own library has it. */
const LARGEST_HEADER = 100_000_000;
/** A header that is broken is mostly found to be so in its first bytes, before much is read. */
const FIRST_READ = 1024 * 1024;

/**
 * Reads the header of a safetensors file, never its data, whatever the file's size (github
 * huggingface/safetensors, README "Format"). Throws PickupError `bad-weights`: what the file was
 * expected to have at the place where it is damaged.
 */
export async function readSafetensors(file: string): Promise<Safetensors> {
	const path = resolve(file);
	const handle = await openWeights(path);
	try {
		const { size } = await handle.stat();
		const { header, dataStart } = await readHeader(handle, path, size);
		const real = await realpath(path);
		const tensors = new Map<string, Tensor>();
		for (const entry of header.entries) {
			tensors.set(entry.name, tensorOf(path, real, entry, dataStart));
		}
		checkLayout(path, header.entries, size - dataStart);
		return { path, bytes: size, metadata: header.metadata, tensors };
	} finally {
		await handle.close();
	}
}

/** The bytes of a small file beside the weights. Throws PickupError `bad-weights`. */
export async function readWhole(path: string, most: number): Promise<Buffer> {
	const handle = await openWeights(path);
	try {
		const { size } = await handle.stat();
		if (size > most) throw broken(path, `at most ${most} bytes, got ${size}`);
		return await readAt(handle, path, 0, size);
	} finally {
		await handle.close();
	}
}

export function broken(path: string, expected: string): PickupError {
	return new PickupError('bad-weights', `Expected ${path} to have ${expected}`, { field: path });
}

async function openWeights(path: string): Promise<FileHandle> {
	try {
		return await openRegular(path, { expected: 'a file with weights' });
	} catch (cause) {
		if (cause instanceof PickupError) throw unusable(path, cause.message);
		const code = errorCode(cause);
		const found = code === 'ENOENT' || code === 'ENOTDIR' ? 'found none' : String(cause);
		throw unusable(path, `Expected a file with weights at ${path}, ${found}`, cause);
	}
}

function unusable(path: string, message: string, cause?: unknown): PickupError {
	const action =
		'Name a .safetensors file, or the .safetensors.index.json of one that is in parts.';
	return new PickupError('bad-weights', message, { field: path, action, cause });
}

async function readHeader(
	handle: FileHandle,
	path: string,
	size: number,
): Promise<{ readonly header: Header; readonly dataStart: number }> {
	if (size === 0) throw broken(path, 'weights, got an empty file');
	if (size < 8) throw broken(path, `8 bytes that tell the header's length, got ${size}`);
	const told = (await readAt(handle, path, 0, 8)).readBigUInt64LE();
	const most = Math.min(LARGEST_HEADER, size - 8);
	if (told > most) {
		const start = (await readAt(handle, path, 0, Math.min(size, 32))).toString('latin1');
		const other = OTHER_FILES.find(([, pattern]) => pattern.test(start))?.[0];
		throw broken(
			path,
			other ? `weights, got ${other}` : `a header of at most ${most} bytes, got ${told}`,
		);
	}
	const length = Number(told);
	const first = await readAt(handle, path, 8, Math.min(length, FIRST_READ));
	const header =
		parsePart(path, first, first.length < length) ??
		parsePart(path, await readAt(handle, path, 8, length), false)!;
	return { header, dataStart: 8 + length };
}

/** What downloads leave under the name of a file with weights, by the first bytes. */
const OTHER_FILES: readonly (readonly [what: string, start: RegExp])[] = [
	['a pointer of Git LFS, which stands for them', /^version https:\/\/git-lfs/],
	['a web page', /^\s*<(!doctype|html|\?xml)/i],
	['a GGUF file', /^GGUF/],
	['a ZIP archive, as PyTorch writes its checkpoints', /^PK/],
	['text', /^[\t\n\r\x20-\x7e]{8}/],
];

/** Null where `more` bytes follow and the header goes on there. */
function parsePart(path: string, bytes: Buffer, more: boolean): Header | null {
	const text = decode(path, bytes, more);
	try {
		const header = parseHeader(text);
		return more ? null : header;
	} catch (error) {
		if (!(error instanceof HeaderFault)) throw error;
		if (error.ended && more) return null;
		throw broken(path, `${error.ended ? 'a whole header' : 'a header'} with ${error.message}`);
	}
}

/** Where `more` bytes follow the last character may be cut. */
function decode(path: string, bytes: Buffer, more: boolean): string {
	try {
		const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
		return decoder.decode(bytes, { stream: more });
	} catch {
		throw broken(path, 'a header in UTF-8');
	}
}

async function readAt(
	handle: FileHandle,
	path: string,
	offset: number,
	length: number,
): Promise<Buffer> {
	const bytes = Buffer.alloc(length);
	for (let done = 0; done < length; ) {
		const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
		if (bytesRead === 0) throw broken(path, `${offset + length} bytes, got ${offset + done}`);
		done += bytesRead;
	}
	return bytes;
}

function tensorOf(path: string, real: string, entry: Entry, dataStart: number): Tensor {
	const { name, dtype, shape, start, end } = entry;
	if (!Object.hasOwn(ELEMENT_BITS, dtype)) {
		throw broken(path, `${name} in a type of the format, got ${dtype}`);
	}
	const type = dtype as StoredType;
	const bits = shape.reduce((product, n) => product * n, ELEMENT_BITS[type]);
	if (!Number.isSafeInteger(bits)) throw broken(path, `${name} of a size to count, got [${shape}]`);
	if (end - start !== bits / 8) {
		const what = `${bits / 8} bytes for ${name}, ${type} [${shape}]`;
		throw broken(path, `${what}, got ${end - start}`);
	}
	return { name, type, shape, path: real, offset: dataStart + start, bytes: end - start };
}

/** The format wants every byte after the header to belong to exactly one tensor. */
function checkLayout(path: string, entries: readonly Entry[], bytes: number): void {
	const inOrder = [...entries].sort((a, b) => a.start - b.start || a.end - b.end);
	let [at, last] = [0, 'the header'];
	for (const { name, start, end } of inOrder) {
		if (start < at) throw broken(path, `${name} after ${last}, got both in the same bytes`);
		if (start > at)
			throw broken(path, `${name} right after ${last}, got ${start - at} bytes between`);
		if (end > bytes) throw broken(path, `all of ${name}, ${end - bytes} bytes are missing`);
		[at, last] = [end, name];
	}
	if (at < bytes) throw broken(path, `no bytes after ${last}, got ${bytes - at}`);
}
