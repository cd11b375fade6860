import { createHash } from 'node:crypto';
import { mkdir, readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { openRegular } from '../../../../files/open-regular.ts';
import { writeWhole } from '../../../../files/write-whole.ts';
import { readSafetensors, type Tensor } from '../weights/safetensors.ts';
import type { Context, Features } from './encode.ts';

export type ContextCache = {
	/** Made where it is missing. What is not of this cache is left alone there. */
	readonly folder: string;
	/** Bytes that all contexts together may take; the longest unused go first. Default 2 GiB. */
	readonly limit?: number;
	/** Told why a context could not be kept, which is no reason to fail. */
	readonly warn?: (reason: string) => void;
};

const LIMIT = 2 * 1024 ** 3;

/** Changes when the same inputs come to mean another context. */
const VERSION = 'pickup text context 1';

/**
 * SHA-256 of `told` and of what files hold: their size, the time of their last change and their
 * first bytes, which are the header of weights. A file that moves stays the same.
 */
export async function contextKey(
	told: readonly unknown[],
	paths: readonly string[],
): Promise<string> {
	const files = await Promise.all([...new Set(paths)].map(identityOf));
	return sha256(JSON.stringify([VERSION, told, files.sort()]));
}

/** Marks it as used. Null where there is none, and for what is damaged or something else. */
export async function recall({ folder }: ContextCache, key: string): Promise<Context | null> {
	const path = join(folder, fileName(key));
	try {
		const { tensors, metadata } = await readSafetensors(path);
		const read = ['video', 'audio'].map((stream) => readFeatures(tensors.get(stream)));
		const [video, audio] = (await Promise.all(read)) as [Features, Features];
		if (metadata.key !== key || metadata.sha256 !== digest({ video, audio })) return null;
		const now = new Date();
		await utimes(path, now, now).catch(() => {});
		return { video, audio };
	} catch {
		return null;
	}
}

/** Never throws: what cannot be kept is made again. */
export async function remember(
	{ folder, limit = LIMIT, warn }: ContextCache,
	key: string,
	context: Context,
): Promise<void> {
	try {
		await mkdir(folder, { recursive: true, mode: 0o700 });
		await writeWhole(join(folder, fileName(key)), contextFile(key, context), { mode: 0o600 });
		await removeOldest(folder, limit);
	} catch (error) {
		warn?.(`The context of a prompt could not be kept in ${folder}: ${error}`);
	}
}

function fileName(key: string): string {
	return `${key}.safetensors`;
}

function contextFile(key: string, context: Context): readonly Uint8Array[] {
	const { video, audio } = context;
	const end = video.data.byteLength;
	const entry = ({ shape }: Features, from: number, to: number) => {
		return { dtype: 'F32', shape, data_offsets: [from, to] };
	};
	const header = JSON.stringify({
		__metadata__: { format: VERSION, key, sha256: digest(context) },
		video: entry(video, 0, end),
		audio: entry(audio, end, end + audio.data.byteLength),
	});
	const text = Buffer.from(header.padEnd(Math.ceil(header.length / 8) * 8));
	const length = Buffer.alloc(8);
	length.writeBigUInt64LE(BigInt(text.length));
	return [length, text, bytesOf(video), bytesOf(audio)];
}

async function readFeatures(tensor: Tensor | undefined): Promise<Features> {
	if (tensor?.type !== 'F32') throw new RangeError('Expected float32');
	const data = new Float32Array(tensor.bytes / 4);
	const file = await openRegular(tensor.path);
	try {
		await file.read(bytesOf({ data, shape: [] }), 0, tensor.bytes, tensor.offset);
	} finally {
		await file.close();
	}
	return { data, shape: tensor.shape };
}

const CONTEXT = /^[0-9a-f]{64}\.safetensors$/;

async function removeOldest(folder: string, limit: number): Promise<void> {
	const names = (await readdir(folder)).filter((name) => CONTEXT.test(name));
	const found = await Promise.all(
		names.map(async (name) => ({ name, facts: await stat(join(folder, name)).catch(() => null) })),
	);
	const files = found
		.flatMap(({ name, facts }) =>
			facts?.isFile() ? [{ name, size: facts.size, time: facts.mtimeMs }] : [],
		)
		.sort((a, b) => b.time - a.time);
	let total = 0;
	for (const { name, size } of files) {
		total += size;
		if (total > limit) await rm(join(folder, name), { force: true });
	}
}

/** More than the longest header of a release. */
const FIRST_BYTES = 4 * 1024 * 1024;

async function identityOf(path: string): Promise<string> {
	const file = await openRegular(path).catch(() => null);
	if (file === null) return 'none';
	try {
		const { size, mtimeNs } = await file.stat({ bigint: true });
		const first = Buffer.alloc(Number(size < FIRST_BYTES ? size : FIRST_BYTES));
		await file.read(first, 0, first.length, 0);
		return `${size} ${mtimeNs} ${sha256(first)}`;
	} finally {
		await file.close();
	}
}

function digest({ video, audio }: Context): string {
	const hash = createHash('sha256');
	for (const part of [video, audio]) hash.update(`[${part.shape}]`).update(bytesOf(part));
	return hash.digest('hex');
}

function bytesOf({ data }: Features): Uint8Array {
	return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function sha256(data: string | Uint8Array): string {
	return createHash('sha256').update(data).digest('hex');
}
