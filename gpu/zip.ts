import { createWriteStream } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Transform } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import * as yauzl from 'yauzl';
import { writeError } from '../files/system-errors.ts';
import { PickupError } from '../protocol/errors.ts';

export type Member = { readonly path: string; readonly bytes: number };

export type UnpackOptions = {
	readonly signal?: AbortSignal | undefined;
	/** Bytes that were written since the last time. */
	readonly onProgress?: (bytes: number) => void;
};

/**
 * Writes members of a zip into a folder, under the last part of their names, each whole or not at
 * all. Throws PickupError `download-failed` where one is not in it or not as long as it should be,
 * `disk-full`, or the signal's reason.
 */
export async function unpack(
	zip: string,
	members: readonly Member[],
	folder: string,
	options: UnpackOptions = {},
): Promise<void> {
	const left = new Map(members.map((member) => [member.path, member]));
	const opened = await yauzl.openPromise(zip, { autoClose: false });
	try {
		for await (const entry of opened.eachEntry()) {
			const member = left.get(entry.fileName);
			if (!member) continue;
			if (entry.uncompressedSize !== member.bytes) break;
			await unpackOne(opened, entry, join(folder, basename(member.path)), options);
			left.delete(entry.fileName);
		}
	} finally {
		opened.close();
	}
	const [missing] = left.values();
	if (missing) {
		const expected = `Expected ${missing.path} of ${missing.bytes} bytes in ${zip}`;
		throw new PickupError('download-failed', `${expected}, found none`);
	}
}

/** A small member of a zip. Throws Error where there is none, or what reading throws. */
export async function readMember(zip: yauzl.ZipFile, path: string): Promise<Buffer> {
	for await (const entry of zip.eachEntry()) {
		if (entry.fileName === path) return buffer(await zip.openReadStreamPromise(entry));
	}
	throw new Error(`no ${path} in it`);
}

async function unpackOne(
	zip: yauzl.ZipFile,
	entry: yauzl.Entry,
	path: string,
	{ signal, onProgress = () => {} }: UnpackOptions,
): Promise<void> {
	const part = `${path}.part`;
	const counted = new Transform({
		transform(chunk: Buffer, _encoding, done) {
			onProgress(chunk.length);
			done(null, chunk);
		},
	});
	const from = await zip.openReadStreamPromise(entry);
	try {
		await pipeline(from, counted, createWriteStream(part), signal ? { signal } : {});
		const file = await open(part, 'r+');
		await file.sync().finally(() => file.close());
		await rename(part, path);
	} catch (error) {
		signal?.throwIfAborted();
		throw writeError(error, join(path, '..'), basename(path));
	}
}
