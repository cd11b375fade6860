import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { writeError } from '../files/system-errors.ts';
import { PickupError } from '../protocol/errors.ts';

export type Wanted = {
	readonly url: string;
	readonly bytes: number;
	/** In hex. */
	readonly sha256: string;
};

export type DownloadOptions = {
	readonly signal?: AbortSignal | undefined;
	/** Bytes that are here, from time to time. */
	readonly onProgress?: (bytes: number) => void;
};

/**
 * Fetches a file whole or not at all. What has come stands beside it as `.part`, and whoever is
 * interrupted goes on from there; a connection that breaks is made again for as long as it brings
 * anything. Throws PickupError `download-failed`, after which nothing is left of a file that is not
 * the one that was wanted, `disk-full`, or the signal's reason.
 */
export async function download(
	wanted: Wanted,
	path: string,
	options: DownloadOptions = {},
): Promise<void> {
	const part = `${path}.part`;
	const file = await open(part, 'a+').catch((error) => {
		throw writeError(error, dirname(path), basename(path));
	});
	try {
		await fetchInto(await contentOf(file), wanted, options);
		await file.sync();
	} catch (error) {
		if (error instanceof PickupError && error.cause === OTHER) await rm(part, { force: true });
		throw writeError(error, dirname(path), basename(path));
	} finally {
		await file.close();
	}
	await rename(part, path);
}

/** SHA-256 of a file in hex. Throws what the system says, or the signal's reason. */
export async function hashFile(path: string, signal?: AbortSignal): Promise<string> {
	const hash = createHash('sha256');
	const file = await open(path);
	try {
		for await (const chunk of file.createReadStream({ autoClose: false, signal })) {
			hash.update(chunk);
		}
	} finally {
		await file.close();
	}
	return hash.digest('hex');
}

/** Why a file was thrown away: it is another one. */
const OTHER = 'another file';

type Content = { readonly file: FileHandle; bytes: number; hash: Hash };

async function contentOf(file: FileHandle): Promise<Content> {
	const hash = createHash('sha256');
	let bytes = 0;
	for await (const chunk of file.createReadStream({ start: 0, autoClose: false })) {
		hash.update(chunk);
		bytes += chunk.length;
	}
	return { file, bytes, hash };
}

async function fetchInto(content: Content, wanted: Wanted, options: DownloadOptions) {
	const isResumed = content.bytes > 0;
	try {
		await fetchAll(content, wanted, options);
	} catch (error) {
		const isOther = error instanceof PickupError && error.cause === OTHER;
		if (!isResumed || !isOther) throw error;
		// What an earlier try had left may have been wrong.
		await startAgain(content);
		await fetchAll(content, wanted, options);
	}
}

async function fetchAll(content: Content, wanted: Wanted, options: DownloadOptions) {
	const { url, bytes, sha256 } = wanted;
	while (content.bytes < bytes) {
		const before = content.bytes;
		try {
			await fetchMore(content, wanted, options);
		} catch (error) {
			options.signal?.throwIfAborted();
			const isNetwork = !(error instanceof PickupError) && !isOfSystem(error);
			if (!isNetwork) throw error;
			if (content.bytes <= before) throw notFetched(url, error);
		}
	}
	if (content.bytes > bytes) throw otherFile(url, `${bytes} bytes`, 'more');
	const found = content.hash.copy().digest('hex');
	if (found !== sha256) throw otherFile(url, `SHA-256 ${sha256}`, found);
}

async function fetchMore(content: Content, { url, bytes }: Wanted, options: DownloadOptions) {
	const { signal, onProgress = () => {} } = options;
	const from = content.bytes;
	const headers: Record<string, string> = from > 0 ? { range: `bytes=${from}-` } : {};
	const response = await fetch(url, { headers, ...(signal && { signal }) });
	if (response.status === 200) await startAgain(content);
	else if (response.status !== 206) throw new Error(answerOf(response));
	else if (!response.headers.get('content-range')?.startsWith(`bytes ${from}-`)) {
		throw new Error(`expected it from byte ${from}, got other bytes`);
	}
	for await (const chunk of response.body ?? []) {
		await content.file.appendFile(chunk);
		content.hash.update(chunk);
		content.bytes += chunk.length;
		if (content.bytes > bytes) return;
		onProgress(content.bytes);
	}
	if (content.bytes <= from) throw new Error('expected more of it, got nothing');
}

async function startAgain(content: Content): Promise<void> {
	await content.file.truncate(0);
	content.bytes = 0;
	content.hash = createHash('sha256');
}

/** What a file's handle throws, as against what the network does. */
function isOfSystem(error: unknown): boolean {
	return error instanceof Error && 'syscall' in error && error.syscall === 'write';
}

/** A server's answer in its own words. */
export function answerOf({ status, statusText }: Response): string {
	return `the answer ${status} ${statusText}`.trim();
}

export function notFetched(url: string, error: unknown): PickupError {
	const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
	const why = cause instanceof Error ? cause.message || ('code' in cause && cause.code) : cause;
	return new PickupError('download-failed', `Expected to fetch ${url}, got ${why}`, {
		cause: error,
	});
}

function otherFile(url: string, expected: string, got: string): PickupError {
	return new PickupError('download-failed', `Expected ${expected} from ${url}, got ${got}`, {
		cause: OTHER,
		action:
			'Nothing of it was kept. Try again; if it stays so, something between here and there changes it.',
	});
}
