import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { closeBrowser, openPage } from '../browser.ts';
import {
	connect,
	type Daemon,
	endAllDaemons,
	requestFor,
	startDaemon,
	stop,
	temporaryFolder,
	until,
} from './harness.ts';

const HOSTILE = '<!doctype html><title>Elsewhere</title>';

let daemon: Daemon;
let panel: string;
let poster: string;
let hostile: Server;
let elsewhere: string;

beforeAll(async () => {
	const folder = await temporaryFolder();
	panel = join(folder, 'panel');
	await build({
		stdin: { contents: SCRIPT, resolveDir: import.meta.dirname, loader: 'ts' },
		outfile: join(panel, 'panel-ABCD2345.js'),
		bundle: true,
		format: 'esm',
		logLevel: 'error',
	});
	const page = '<!doctype html><title>Panel</title><script type="module" src="panel-ABCD2345.js">';
	await writeFile(join(panel, 'index.html'), `${page}</script>`);
	daemon = await startDaemon({ env: { PICKUP_PANEL: panel } });
	const peer = await connect(daemon);
	const request = requestFor({ folder });
	await peer.call('job.submit', { request });
	await peer.waitForJob(request.id, 'done');
	({ path: poster } = await peer.call('media.ticket', {
		media: { kind: 'poster', jobId: request.id },
	}));
	hostile = createServer((_request, response) => {
		response.writeHead(200, { 'content-type': 'text/html' }).end(HOSTILE);
	});
	await new Promise<void>((resolve) => hostile.listen(0, '127.0.0.1', resolve));
	elsewhere = `127.0.0.1:${(hostile.address() as AddressInfo).port}`;
});
afterAll(async () => {
	await closeBrowser();
	hostile.close();
	await endAllDaemons();
});

/** What a panel does first: it makes sure of the daemon, then shows it the token. */
const SCRIPT = `
	import { connect } from '../../protocol/client.ts';
	import { provesItself } from '../../protocol/proof.ts';

	const token = location.hash.slice('#token='.length);
	const port = Number(location.port);
	const ask = async (path: string) => (await fetch(path)).text();
	globalThis.proves = (token: string) => provesItself({ port, token }, ask);
	globalThis.greet = async () => {
		if (!(await globalThis.proves(token))) throw new Error('not the daemon');
		const client = await connect({
			endpoint: async () => ({ port, token }),
			openSocket: (url, protocols) => new WebSocket(url, protocols),
			client: { name: 'panel', version: '1' },
		});
		return client.hello.instance;
	};
`;

const address = () => `http://127.0.0.1:${daemon.port}`;

async function openPanel() {
	const page = await openPage();
	const refused: string[] = [];
	page.on('console', (message) => refused.push(message.text()));
	await page.goto(`${address()}/panel/#token=${daemon.token}`);
	await page.waitForFunction('globalThis.greet');
	return { page, refused };
}

/** Gives what a picture on the page turns out to be: its width, 0 where it may not be shown. */
const WIDTH_OF = `(source) => new Promise((resolve) => {
	const image = new Image();
	image.onload = () => resolve(image.naturalWidth);
	image.onerror = () => resolve(0);
	image.src = source;
})`;

describe('In Chromium the panel’s page', () => {
	test('makes sure of the daemon, connects, and shows media by ticket', async () => {
		const { page, refused } = await openPanel();
		expect(await page.evaluate('proves("f".repeat(64))')).toBe(false);
		expect(await page.evaluate('greet()')).toMatch(/^[0-9a-f-]{36}$/);
		expect(await page.evaluate(`(${WIDTH_OF})(${JSON.stringify(poster)})`)).toBe(160);
		expect(refused.filter((text) => /Content Security/.test(text))).toEqual([]);
	});

	test('finds a daemon that was started again, without being loaded anew', async () => {
		const own = await startDaemon({ env: { PICKUP_PANEL: panel } });
		const page = await openPage();
		await page.goto(`http://127.0.0.1:${own.port}/panel/#token=${own.token}`);
		const first = await page.evaluate('greet()');
		await stop(own);
		await startDaemon({ state: own.state, env: { PICKUP_PANEL: panel } });
		const second = await page.evaluate('greet()');
		expect(second).toMatch(/^[0-9a-f-]{36}$/);
		expect(second).not.toBe(first);
	});

	test('runs no script of anybody else, nothing inline, and asks nobody else', async () => {
		const { page, refused } = await openPanel();
		await page.evaluate(`
			document.body.insertAdjacentHTML('beforeend', '<img src=x onerror="globalThis.hacked = 1">');
			for (const source of ['http://${elsewhere}/x.js', 'data:text/javascript,hacked=2']) {
				const script = document.createElement('script');
				script.src = source;
				document.body.append(script);
			}
			const inline = document.createElement('script');
			inline.textContent = 'globalThis.hacked = 3';
			document.body.append(inline);
		`);
		const asked = await page.evaluate(`fetch('http://${elsewhere}/').then(() => 1, () => 0)`);
		expect(asked).toBe(0);
		const refusals = [
			/script 'http:.*x\.js'.* Content Security/,
			/script 'data:.*Content Security/,
			/inline script.* Content Security/,
			/inline event handler.* Content Security/,
			/Connecting to 'http:.* Content Security/,
		];
		for (const refusal of refusals) {
			await until(String(refusal), () => refused.some((text) => refusal.test(text)));
		}
		expect(await page.evaluate('typeof globalThis.hacked')).toBe('undefined');
	});
});

describe('In Chromium another origin’s page', () => {
	test.each(['127.0.0.1', 'localhost', 'evil.example'])(
		'on %s can neither read the panel nor drive it, also with a ticket or the token',
		async (name) => {
			const page = await openPage();
			await page.goto(`http://${elsewhere.replace('127.0.0.1', name)}/`);
			const tried = await page.evaluate(
				async ([daemon, poster, token]) => {
					const answered = (request: Promise<Response>) =>
						request.then(
							(response) => `${response.type} ${response.status}`,
							() => 'refused',
						);
					const opens = (url: string, protocols: string[]) =>
						new Promise((resolve) => {
							const socket = new WebSocket(url, protocols);
							socket.onopen = () => resolve('open');
							socket.onerror = () => resolve('refused');
						});
					return {
						page: await answered(fetch(`${daemon}/panel/`)),
						blind: await answered(fetch(`${daemon}/panel/`, { mode: 'no-cors' })),
						media: await answered(fetch(`${daemon}${poster}`)),
						post: await answered(fetch(`${daemon}/panel/`, { method: 'POST', mode: 'no-cors' })),
						socket: await opens(daemon.replace('http', 'ws'), ['pickup.v1', `token.${token}`]),
					};
				},
				[address(), poster, daemon.token] as const,
			);
			expect(tried).toMatchObject({
				page: 'refused',
				blind: 'refused',
				media: 'refused',
				socket: 'refused',
			});
			expect(tried.post).toMatch(/refused|opaque 0/);
			expect(await page.evaluate(`(${WIDTH_OF})(${JSON.stringify(address() + poster)})`)).toBe(0);
		},
	);

	test('cannot frame it, and loses the window that it opens it in', async () => {
		const page = await openPage();
		await page.goto(`http://${elsewhere}/`);
		await page.setContent(`<iframe src="${address()}/panel/"></iframe>`);
		await page.waitForFunction('document.querySelector("iframe").contentDocument === null');
		expect(page.frames().map((frame) => frame.url())).not.toContain(`${address()}/panel/`);
		const opened = page.waitForEvent('popup');
		await page.evaluate(`globalThis.panel = window.open('${address()}/panel/') && true`);
		const popup = await opened;
		await popup.waitForFunction('document.title === "Panel"');
		expect(await popup.evaluate('window.opener')).toBe(null);
	});

	test('gets nowhere by a name of its own that points here', async () => {
		const page = await openPage();
		const answer = await page.goto(`http://evil.example:${daemon.port}/panel/`);
		expect(answer?.status()).toBe(403);
	});
});
