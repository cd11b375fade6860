import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { openRegular } from '../../files/open-regular.ts';
import type { FileMark } from '../jobs/job-table.ts';
import { readRange } from './range.ts';

export type ServedFile = {
	readonly path: string;
	readonly type: string;
	/** Where given, only a file that is still like this is served. */
	readonly mark?: FileMark | undefined;
};

/** Answers with a file, or the part of it that is asked for; 404 where it is not there. */
export async function serveFile(
	{ method, headers }: IncomingMessage,
	response: ServerResponse,
	{ path, type, mark }: ServedFile,
): Promise<void> {
	const file = await openRegular(path, { links: 'refuse' }).catch(() => null);
	if (!file) {
		response.writeHead(404).end();
		return;
	}
	try {
		const { size, mtimeMs: modified } = await file.stat();
		if (mark && (mark.size !== size || mark.modified !== modified)) {
			response.writeHead(404).end();
			return;
		}
		const etag = `"${size.toString(16)}-${Math.floor(modified).toString(16)}"`;
		response.setHeader('accept-ranges', 'bytes');
		response.setHeader('etag', etag);
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
	} finally {
		await file.close();
	}
}
