import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Daemon, endAllDaemons, startDaemon, temporaryFolder } from './harness.ts';

let folder: string;
let daemon: Daemon;

beforeAll(async () => {
	folder = await temporaryFolder();
	await mkdir(join(folder, 'fonts'));
	await writeFile(join(folder, 'index.html'), '<!doctype html><title>Page</title>');
	await writeFile(join(folder, 'panel-ABCD2345.js'), 'export const panel = 1;');
	await writeFile(join(folder, 'panel-ABCD2345.css'), 'body { margin: 0 }');
	await writeFile(join(folder, 'fonts/sans-QRST6789.woff2'), 'font');
	await writeFile(join(folder, 'notes.exe'), 'what nobody asked for');
	daemon = await startDaemon({ env: { PICKUP_PANEL: folder } });
});
afterAll(endAllDaemons);

function get(path: string, options: RequestInit = {}, { port } = daemon) {
	return fetch(`http://127.0.0.1:${port}${path}`, { redirect: 'manual', ...options });
}

describe('The panel’s page', () => {
	test('is served without a token, with a strict policy, and asked for anew each time', async () => {
		const answer = await get('/panel/?x=1');
		expect(answer.status).toBe(200);
		expect(await answer.text()).toContain('<title>Page</title>');
		expect(Object.fromEntries(answer.headers)).toMatchObject({
			'content-type': 'text/html; charset=utf-8',
			'cache-control': 'no-cache',
			'content-security-policy': [
				"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:",
				"media-src 'self' blob:; font-src 'self'",
				`connect-src 'self' ws://127.0.0.1:${daemon.port}`,
				"base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
			].join('; '),
			'cross-origin-opener-policy': 'same-origin',
			'cross-origin-resource-policy': 'same-origin',
			'referrer-policy': 'no-referrer',
			'x-content-type-options': 'nosniff',
		});
		expect(answer.headers.get('access-control-allow-origin')).toBe(null);
		const bare = await get('/panel');
		expect([bare.status, bare.headers.get('location')]).toEqual([308, '/panel/']);
	});

	test.each([
		['panel-ABCD2345.js', 'text/javascript; charset=utf-8'],
		['panel-ABCD2345.css', 'text/css; charset=utf-8'],
		['fonts/sans-QRST6789.woff2', 'font/woff2'],
	])('%s has its type and is kept', async (name, type) => {
		const answer = await get(`/panel/${name}`);
		expect(answer.status).toBe(200);
		expect(answer.headers.get('content-type')).toBe(type);
		expect(answer.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
	});

	test.each([
		...['/panel/nothing.js', '/panel/../daemon.json', '/panel/%2e%2e/daemon.json'],
		...['/panel/fonts', '/panel/fonts/', '/panel//index.html'],
		...['/panel/notes.exe', '/panel/INDEX.HTML', '/panel/..%5cdaemon.json'],
	])('%s is not there', async (path) => {
		expect((await get(path)).status).toBe(404);
	});

	test('says what to do where it has not been built', async () => {
		const empty = await startDaemon({ env: { PICKUP_PANEL: join(folder, 'nowhere') } });
		const answer = await get('/panel/', {}, empty);
		expect(answer.status).toBe(503);
		expect(await answer.text()).toContain('npm run build');
	});
});
