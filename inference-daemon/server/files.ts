import type { FileHandle } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { openRegular } from '../../files/open-regular.ts';
import type { Journal } from '../jobs/journal.ts';
import { readRange } from './range.ts';

export type FilesOptions = {
	readonly journal: Journal;
	readonly previews: string;
	/** Makes (or finds) the poster of a finished job's clip; gives its path, or null. */
	readonly posterFor: (jobId: string, clipPath: string) => Promise<string | null>;
};

/**
 * `GET /clips/<job>`, `/previews/<job>.png`, `/posters/<job>.jpg`. Nothing of a path comes from the
 * client: the journal says where a job's clip stands, and what stands there now must be the file
 * that was finished.
 */
export async function serveFile(
	request: IncomingMessage,
	response: ServerResponse,
	options: FilesOptions,
): Promise<void> {
	if (request.method !== 'GET' && request.method !== 'HEAD') {
		response.writeHead(405, { allow: 'GET, HEAD' }).end();
		return;
	}
	const found = await find(request.url ?? '', options);
	if (!found) {
		response.writeHead(404).end();
		return;
	}
	try {
		await send(request, response, found);
	} finally {
		await found.file.close();
	}
}

type Found = {
	readonly file: FileHandle;
	readonly type: string;
	readonly size: number;
	readonly modified: number;
};

const EXTENSIONS = { clips: undefined, previews: '.png', posters: '.jpg' } as const;

async function find(url: string, options: FilesOptions): Promise<Found | null> {
	const match = /^\/(clips|previews|posters)\/([0-9a-f-]{36})(\.jpg|\.png)?(\?|$)/i.exec(url);
	const [, kind, jobId, extension] = match ?? [];
	if (jobId === undefined || extension !== EXTENSIONS[kind as keyof typeof EXTENSIONS]) return null;
	const { journal, previews, posterFor } = options;
	if (kind === 'previews') {
		const known = journal.find(jobId);
		return known && openFound(join(previews, `${known.id}.png`), 'image/png');
	}
	const finished = journal.finished(jobId);
	const clip = finished && (await openFound(finished.path, 'video/quicktime'));
	if (!clip) return null;
	const same = clip.size === finished.mark.size && clip.modified === finished.mark.modified;
	if (same && kind === 'clips') return clip;
	await clip.file.close();
	const poster = same ? await posterFor(finished.id, finished.path) : null;
	return poster === null ? null : openFound(poster, 'image/jpeg');
}

async function openFound(path: string, type: string): Promise<Found | null> {
	const file = await openRegular(path, { links: 'refuse' }).catch(() => null);
	if (!file) return null;
	const { size, mtimeMs } = await file.stat();
	return { file, type, size, modified: mtimeMs };
}

async function send(
	{ method, headers }: IncomingMessage,
	response: ServerResponse,
	{ file, type, size, modified }: Found,
): Promise<void> {
	const etag = `"${size.toString(16)}-${Math.floor(modified).toString(16)}"`;
	response.setHeader('accept-ranges', 'bytes');
	response.setHeader('etag', etag);
	response.setHeader('cache-control', 'private, no-cache');
	if (headers['if-none-match'] === etag) {
		response.writeHead(304).end();
		return;
	}
	const ifRange = headers['if-range'];
	const wanted = ifRange === undefined || ifRange === etag ? headers.range : undefined;
	const range = readRange(wanted, size);
	if (range === 'unsatisfiable') {
		response.writeHead(416, { 'content-range': `bytes */${size}` }).end();
		return;
	}
	const { start, end } = range ?? { start: 0, end: size };
	response.writeHead(range ? 206 : 200, {
		'content-type': type,
		'content-length': end - start,
		...(range ? { 'content-range': `bytes ${start}-${end - 1}/${size}` } : {}),
	});
	if (method === 'HEAD' || end === start) {
		response.end();
		return;
	}
	await pipeline(file.createReadStream({ start, end: end - 1, autoClose: false }), response);
}
