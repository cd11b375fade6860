import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import * as yauzl from 'yauzl';
import * as z from 'zod';
import { PickupError } from '../protocol/errors.ts';
import { answerOf, notFetched, type Wanted } from './download.ts';
import type { GpuPackage } from './list.ts';
import { readMember } from './zip.ts';

/** Where packages are found, as pip has it: `PIP_INDEX_URL`, else PyPI. */
export function indexAddress(env: NodeJS.ProcessEnv = process.env): string {
	return env.PIP_INDEX_URL || 'https://pypi.org/simple/';
}

const pageSchema = z.object({
	files: z.array(z.object({ filename: z.string(), url: z.string() })),
});

/**
 * Where the index has a package's wheel. Throws PickupError `download-failed`, or the signal's reason.
 */
export async function findWheel(
	index: string,
	{ name, version, wheel, bytes, sha256 }: GpuPackage,
	signal?: AbortSignal,
): Promise<Wanted> {
	const page = new URL(`${name}/`, index.endsWith('/') ? index : `${index}/`).href;
	try {
		// PEP 691; only where it is asked for is it JSON.
		const headers = { accept: 'application/vnd.pypi.simple.v1+json' };
		const response = await fetch(page, { headers, ...(signal && { signal }) });
		if (!response.ok) throw new Error(answerOf(response));
		const read = pageSchema.safeParse(await response.json().catch(() => null));
		if (!read.success) throw new Error('something else than an index of packages in JSON');
		const found = read.data.files.find(({ filename }) => filename === wheel);
		if (!found) throw new Error(`no ${wheel} (${version}) in it`);
		return { url: new URL(found.url, response.url).href, bytes, sha256 };
	} catch (error) {
		signal?.throwIfAborted();
		throw notFetched(page, error);
	}
}

/**
 * One file out of a wheel that stays where it is: only the bytes of the zip's directory and of that
 * file are asked for. Throws PickupError `download-failed`, or the signal's reason.
 */
export async function readRemoteMember(
	wanted: Wanted,
	path: string,
	signal?: AbortSignal,
): Promise<Buffer> {
	const { url } = wanted;
	try {
		return await readMember(await openRemoteZip(wanted, signal), path);
	} catch (error) {
		signal?.throwIfAborted();
		if (error instanceof PickupError) throw error;
		throw notFetched(url, error);
	}
}

/** A zip of which only what is read is fetched. */
export function openRemoteZip(
	{ url, bytes }: Pick<Wanted, 'url' | 'bytes'>,
	signal?: AbortSignal,
): Promise<yauzl.ZipFile> {
	const reader = new RemoteFile(url, signal);
	return yauzl.fromRandomAccessReaderPromise(reader, bytes, { autoClose: false });
}

class RemoteFile extends yauzl.RandomAccessReader {
	readonly #url: string;
	readonly #signal: AbortSignal | undefined;

	constructor(url: string, signal: AbortSignal | undefined) {
		super();
		this.#url = url;
		this.#signal = signal;
	}

	/** `end` is the first byte that is not wanted. */
	override _readStreamForRange(start: number, end: number): Readable {
		const through = new PassThrough();
		this.#fetch(start, end, through).catch((error) => through.destroy(error));
		return through;
	}

	async #fetch(start: number, end: number, to: PassThrough): Promise<void> {
		const signal = this.#signal;
		const headers = { range: `bytes=${start}-${end - 1}` };
		const response = await fetch(this.#url, { headers, ...(signal && { signal }) });
		if (response.status !== 206) throw new Error(`${answerOf(response)} for a part of it`);
		await pipeline(Readable.fromWeb(response.body as ReadableStream), to);
	}
}
