import { readdir } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join, sep } from 'node:path';
import { serveFile } from './files.ts';

const TYPES: Readonly<Record<string, string>> = {
	'.html': 'text/html; charset=utf-8',
	'.js': 'text/javascript; charset=utf-8',
	'.css': 'text/css; charset=utf-8',
	'.json': 'application/json',
	'.map': 'application/json',
	'.svg': 'image/svg+xml',
	'.png': 'image/png',
	'.woff2': 'font/woff2',
	'.txt': 'text/plain; charset=utf-8',
};

/** What the build calls a file after its content: such a name never means other bytes. */
const HASHED = /-[A-Z0-9]{8}\.\w+$/;

/**
 * `GET /panel/…`: the files of a folder, to anybody: they hold no secret, and the page that they make
 * is told the token by whoever opens it. Only what the folder lists has an address.
 */
export async function servePage(
	request: IncomingMessage,
	response: ServerResponse,
	{ folder, port }: { readonly folder: string; readonly port: number },
): Promise<void> {
	const [path = ''] = (request.url ?? '').split('?');
	if (path === '/panel') {
		response.writeHead(308, { location: '/panel/' }).end();
		return;
	}
	const name = path.slice('/panel/'.length) || 'index.html';
	const type = TYPES[extname(name)];
	const names = await readdir(folder, { recursive: true }).catch(() => []);
	const isThere = names.some((found) => found.split(sep).join('/') === name);
	response.setHeader('content-security-policy', policy(port));
	response.setHeader('cross-origin-opener-policy', 'same-origin');
	if (isThere && type !== undefined) {
		const isKept = HASHED.test(name);
		const caching = isKept ? 'public, max-age=31536000, immutable' : 'no-cache';
		response.setHeader('cache-control', caching);
		await serveFile(request, response, { path: join(folder, name), type });
		return;
	}
	const isMissing = name === 'index.html';
	response.writeHead(isMissing ? 503 : 404, { 'content-type': TYPES['.html'] });
	response.end(isMissing && request.method !== 'HEAD' ? NOT_BUILT : undefined);
}

const NOT_BUILT = `<!doctype html>
<html lang="en">
<title>Pickup</title>
<p>The panel has not been built. Run <code>npm run build</code>, then load this page again.</p>
</html>
`;

/** Nothing from elsewhere, nothing inline; what is played and shown comes from this daemon. */
function policy(port: number): string {
	return [
		"default-src 'none'",
		"script-src 'self'",
		"style-src 'self'",
		"img-src 'self' blob:",
		"media-src 'self' blob:",
		"font-src 'self'",
		// Older browsers do not count a WebSocket to the same address as 'self'.
		`connect-src 'self' ws://127.0.0.1:${port}`,
		"base-uri 'none'",
		"form-action 'none'",
		"frame-ancestors 'none'",
	].join('; ');
}
