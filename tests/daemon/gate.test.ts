import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import {
	MAX_MESSAGE_BYTES,
	PROOF_PATH,
	PROTOCOL_VERSION,
	proofText,
	SUBPROTOCOL,
} from '../../protocol/rpc.ts';
import {
	connect,
	connectUngreeted,
	type Daemon,
	endAllDaemons,
	helloFor,
	requestFor,
	startDaemon,
	stop,
	temporaryFolder,
} from './harness.ts';

const ALLOWED = 'http://127.0.0.1:5173';

let daemon: Daemon;

beforeAll(async () => {
	daemon = await startDaemon({ args: ['--origin', ALLOWED] });
});
afterAll(endAllDaemons);

type Answer = { readonly status: number; readonly headers: IncomingHttpHeaders; body: string };

/** The answer to an HTTP request, an upgrade included; status 101 when it is let through. */
function ask(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
	return new Promise((resolve, reject) => {
		const sent = httpRequest({ port: daemon.port, host: '127.0.0.1', path, headers, method });
		sent.on('upgrade', (response, socket) => {
			socket.destroy();
			resolve({ status: 101, headers: response.headers, body: '' });
		});
		sent.on('response', (response) => {
			let body = '';
			response.setEncoding('utf8').on('data', (text: string) => {
				body += text;
			});
			response.on('end', () =>
				resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
			);
		});
		sent.on('error', reject);
		sent.end();
	});
}

function upgrade(headers: Record<string, string>): Promise<Answer> {
	return ask('/', {
		connection: 'Upgrade',
		upgrade: 'websocket',
		'sec-websocket-version': '13',
		'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
		...headers,
	});
}

const withToken = () => ({ 'sec-websocket-protocol': `${SUBPROTOCOL}, token.${daemon.token}` });
const wrong = 'f'.repeat(64);

describe('At the upgrade', () => {
	test('the token lets in, as a subprotocol or as a bearer', async () => {
		const answer = await upgrade(withToken());
		expect(answer.status).toBe(101);
		expect(answer.headers['sec-websocket-protocol']).toBe(SUBPROTOCOL);
		const bearer = await upgrade({ authorization: `Bearer ${daemon.token}` });
		expect(bearer.status).toBe(101);
	});

	test.each([
		['no token', () => ({ 'sec-websocket-protocol': SUBPROTOCOL }), 401],
		['a wrong token', () => ({ 'sec-websocket-protocol': `${SUBPROTOCOL}, token.${wrong}` }), 401],
		['a shorter token', () => ({ 'sec-websocket-protocol': `${SUBPROTOCOL}, token.ab` }), 401],
		['the token alone', () => ({ 'sec-websocket-protocol': `token.${daemon.token}` }), 401],
		['a wrong bearer', () => ({ authorization: `Bearer ${wrong}` }), 401],
		['a strange origin', () => ({ ...withToken(), origin: 'https://example.com' }), 403],
		['the origin of no page and no token', () => ({ origin: 'null' }), 403],
		[
			'a file’s origin and a wrong token',
			() => ({
				'sec-websocket-protocol': `${SUBPROTOCOL}, token.${wrong}`,
				origin: 'file://',
			}),
			403,
		],
		['another file’s origin', () => ({ ...withToken(), origin: 'file:///a/page' }), 403],
		['another port’s origin', () => ({ ...withToken(), origin: 'http://127.0.0.1:1' }), 403],
		['a strange host', () => ({ ...withToken(), host: 'evil.example' }), 403],
		['another port’s host', () => ({ ...withToken(), host: '127.0.0.1:1' }), 403],
	] as const)('%s is refused and learns nothing', async (_what, headers, status) => {
		const answer = await upgrade(headers() as Record<string, string>);
		expect(answer.status).toBe(status);
		expect(answer.body).toBe('');
		expect(answer.headers).toEqual({ connection: 'close', 'content-length': '0' });
	});

	test('the daemon’s own origin, a configured one and pages from files are let in', async () => {
		for (const origin of [`http://127.0.0.1:${daemon.port}`, ALLOWED, 'file://', 'null']) {
			expect((await upgrade({ ...withToken(), origin })).status).toBe(101);
		}
	});
});

describe('Over HTTP', () => {
	test('the daemon proves that it has the token to whoever proves it first', async () => {
		const once = 'ab'.repeat(16);
		const sign = (side: 'client' | 'daemon', token = daemon.token) =>
			createHmac('sha256', token)
				.update(proofText(side, daemon.port, once))
				.digest('hex');
		const proof = await ask(`${PROOF_PATH}${once}/${sign('client')}`);
		expect(proof).toMatchObject({ status: 200, body: sign('daemon') });
		for (const path of [`${once}/${sign('client', wrong)}`, `${once}/${sign('daemon')}`, once]) {
			expect(await ask(`${PROOF_PATH}${path}`)).toMatchObject({ status: 404, body: '' });
		}
		const page = { origin: 'https://example.com' };
		expect(await ask(`${PROOF_PATH}${once}/${sign('client')}`, page)).toMatchObject({
			status: 403,
		});
		// A page from a file can read it, too, once it has proved itself.
		const fromFile = await ask(`${PROOF_PATH}${once}/${sign('client')}`, { origin: 'null' });
		expect(fromFile).toMatchObject({ status: 200, body: sign('daemon') });
		expect(fromFile.headers['access-control-allow-origin']).toBe('null');
		const unproved = await ask(`${PROOF_PATH}${once}/${wrong}`, { origin: 'null' });
		expect(unproved).toMatchObject({ status: 403, body: '' });
	});

	test('a program that may open nothing but WebSockets gets the proof by one, and no more', async () => {
		const once = 'cd'.repeat(16);
		const sign = (side: 'client' | 'daemon', token = daemon.token) =>
			createHmac('sha256', token)
				.update(proofText(side, daemon.port, once))
				.digest('hex');
		const open = (path: string, headers: Record<string, string> = {}) =>
			new Promise<readonly string[]>((resolve) => {
				const url = `ws://127.0.0.1:${daemon.port}${PROOF_PATH}${once}/${path}`;
				const socket = new WebSocket(url, [SUBPROTOCOL], { headers });
				const said: string[] = [];
				socket.on('open', () => socket.send(JSON.stringify(helloFor(daemon))));
				socket.on('message', (data) => said.push(String(data)));
				socket.on('error', ({ message }) => said.push(message));
				socket.on('close', () => resolve(said));
			});
		expect(await open(sign('client'))).toEqual([sign('daemon')]);
		expect(await open(sign('client', wrong))).toEqual(['Unexpected server response: 401']);
		expect(await open(sign('client'), { origin: 'https://example.com' })).toEqual([
			'Unexpected server response: 403',
		]);
	});

	test.each([
		...['/', '/nothing', '//', '/%2e%2e/', '/daemon.json', '/media/', '/panels/', '/PANEL/'],
		`/media/${'0'.repeat(32)}/clip.mov`,
	])('%s is nothing, with and without the token, wherever that stands', async (path) => {
		const bearer = { authorization: `Bearer ${daemon.token}` };
		for (const answer of [
			await ask(path),
			await ask(path, bearer),
			await ask(`${path}?token=${daemon.token}`),
		]) {
			expect(answer).toMatchObject({ status: 404, body: '' });
		}
	});

	test('nothing can be changed', async () => {
		for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
			expect(await ask('/panel/', {}, method)).toMatchObject({ status: 405, body: '' });
		}
	});

	test.each([
		{ origin: 'https://example.com' },
		{ origin: 'null' },
		{ origin: 'file://' },
		{ origin: 'http://127.0.0.1:1' },
		{ host: 'evil.example' },
		{ host: '127.0.0.1:1' },
	])('%o is refused everywhere and learns nothing', async (headers) => {
		for (const path of ['/panel/', '/', `/media/${'0'.repeat(32)}/clip.mov`]) {
			const answer = await ask(path, headers);
			expect(answer).toMatchObject({ status: 403, body: '' });
			expect(answer.headers).toEqual({ connection: 'close', 'content-length': '0' });
		}
	});

	test('listens on this machine alone', async () => {
		const outside = Object.values(networkInterfaces())
			.flat()
			.filter((address) => address?.family === 'IPv4' && !address.internal);
		for (const address of [...outside.map((found) => `${found?.address}`), '127.0.0.2']) {
			const reached = await new Promise((resolve) => {
				const socket = connectTcp({ host: address, port: daemon.port, timeout: 500 });
				socket.on('connect', () => resolve(true));
				socket.on('timeout', () => resolve(false));
				socket.on('error', () => resolve(false));
			});
			expect(reached, address).toBe(false);
		}
	});
});

describe('Hello', () => {
	test('tells versions, engines, codecs and the newest event', async () => {
		const peer = await connectUngreeted(daemon);
		const hello = await peer.call('hello', helloFor(daemon));
		expect(hello).toMatchObject({ protocol: PROTOCOL_VERSION, lastEvent: 0 });
		expect(hello.codecs).toEqual(['prores-422-hq', 'dnxhr-hqx', 'h264-intra']);
		expect(hello.engines.map(({ name }) => name)).toContain('fake');
		const list = await peer.call('engine.list', {});
		expect(list.engines).toEqual(hello.engines);
		await peer.close();
	});

	test.each([
		['another method first', 'job.list', () => ({}), 'hello-first'],
		['a wrong token', 'hello', () => ({ ...helloFor(daemon), token: wrong }), 'wrong-token'],
		['another version', 'hello', () => ({ ...helloFor(daemon), protocol: 99 }), 'version-mismatch'],
		['a malformed one', 'hello', () => ({ protocol: 1 }), 'bad-request'],
	])('with %s ends the connection', async (_what, method, params, code) => {
		const peer = await connectUngreeted(daemon);
		const { error } = await peer.ask(method, params());
		expect(error?.data.code).toBe(code);
		expect(await peer.closed).toBe(1008);
	});

	test('is waited for by what is sent right behind it', async () => {
		const peer = await connectUngreeted(daemon);
		const hello = peer.call('hello', helloFor(daemon));
		const list = peer.call('job.list', {});
		await hello;
		expect((await list).jobs).toEqual([]);
		await peer.close();
	});

	test('with a wrong token ends a connection that was greeted too', async () => {
		const peer = await connect(daemon);
		const { error } = await peer.ask('hello', { ...helloFor(daemon), token: wrong });
		expect(error?.data.code).toBe('wrong-token');
		expect(await peer.closed).toBe(1008);
	});
});

describe('JSON-RPC', () => {
	async function say(text: string | Buffer) {
		const peer = await connect(daemon);
		peer.socket.send(text);
		// Answered in order, so that nothing else can come after this.
		await peer.call('job.list', {});
		await peer.close();
		return peer.replies;
	}

	test.each([
		['{', -32700, null, 'message'],
		['[]', -32600, null, 'message'],
		['[{"jsonrpc":"2.0","id":1,"method":"job.list"}]', -32600, null, 'message'],
		['7', -32600, null, 'message'],
		['{"id":"a","method":"job.list"}', -32600, 'a', 'jsonrpc'],
		['{"jsonrpc":"2.0","id":{},"method":"job.list"}', -32600, null, 'id'],
		['{"jsonrpc":"2.0","id":true,"method":"job.list"}', -32600, null, 'id'],
		['{"jsonrpc":"2.0","id":"a","method":3}', -32600, 'a', 'method'],
		['{"jsonrpc":"2.0","id":"a","method":"job.list","params":3}', -32600, 'a', 'params'],
		['{"jsonrpc":"2.0","id":"a","method":"job.list","params":[]}', -32602, 'a', 'params'],
		['{"jsonrpc":"2.0","id":"a","method":"job.nothing"}', -32601, 'a', 'method'],
		['{"jsonrpc":"2.0","id":"a","method":"__proto__"}', -32601, 'a', 'method'],
		['{"jsonrpc":"2.0","id":"a","method":"toString"}', -32601, 'a', 'method'],
		['{"jsonrpc":"2.0","id":"a","method":"job.list","params":{"limit":0}}', -32602, 'a', 'limit'],
		['{"jsonrpc":"2.0","id":"a","method":"job.list","params":{"x":0}}', -32602, 'a', 'x'],
		['{"jsonrpc":"2.0","id":null,"method":"job.get","params":{}}', -32602, null, 'jobId'],
	])('%s is %d', async (text, code, id, field) => {
		const replies = await say(text);
		expect(replies).toHaveLength(1);
		expect(replies[0]).toMatchObject({ jsonrpc: '2.0', id, error: { code, data: { field } } });
		expect(replies[0]?.error?.message).toBe(replies[0]?.error?.data.message);
	});

	test.each([
		'{"jsonrpc":"2.0","method":"job.list"}',
		'{"jsonrpc":"2.0","method":"job.nothing"}',
		'{"jsonrpc":"2.0","method":"job.list","params":{"limit":0}}',
	])('%s is a notification and not answered', async (text) => {
		expect(await say(text)).toEqual([]);
	});

	test('a message that is too large or not text ends the connection', async () => {
		const large = await connect(daemon);
		large.socket.send(`"${'x'.repeat(MAX_MESSAGE_BYTES)}"`);
		expect(await large.closed).toBe(1009);
		const binary = await connect(daemon);
		binary.socket.send(Buffer.from([1, 2, 3]));
		expect(await binary.closed).toBe(1003);
		await (await connect(daemon)).close();
	});
});

test('A client that reads nothing is answered when it does, costs no memory and holds up no other', async () => {
	const peer = await connect(daemon);
	const folder = await temporaryFolder();
	const settings = { ending: 'deaf' };
	const blocker = requestFor({ folder, settings });
	await peer.call('job.submit', { request: blocker });
	const requests = Array.from({ length: 500 }, () =>
		requestFor({ folder, prompt: 'x'.repeat(500) }),
	);
	await Promise.all(requests.map((request) => peer.call('job.submit', { request })));
	const deaf = await connect(daemon);
	const before = await peakMemory(daemon.pid);
	deaf.socket.pause();
	const answers = Array.from({ length: 1000 }, () => deaf.ask('job.list', { limit: 1000 }));
	const { jobs } = await peer.call('job.list', { limit: 1000 });
	expect(jobs.length).toBeGreaterThan(500);
	const each = JSON.stringify(jobs).length;
	expect(1000 * each).toBeGreaterThan(4e8);
	expect((await peakMemory(daemon.pid)) - before).toBeLessThan(200e6);
	deaf.socket.resume();
	for (const { result } of await Promise.all(answers.slice(0, 50))) {
		expect((result as { jobs: unknown[] }).jobs).toHaveLength(jobs.length);
	}
	deaf.socket.terminate();
	await Promise.allSettled(answers);
	for (const { id } of jobs.filter(({ state }) => state === 'queued')) {
		await peer.call('job.cancel', { jobId: id });
	}
	await peer.call('job.cancel', { jobId: blocker.id });
	await peer.close();
});

test('A client whose events are forgotten before it reads them is hung up on', async () => {
	const own = await startDaemon({ env: { PICKUP_EVENTS_KEPT: '10' } });
	const folder = await temporaryFolder();
	const peer = await connect(own);
	const request = requestFor({ folder, settings: { ending: 'deaf' } });
	await peer.call('job.submit', { request });
	const queued = requestFor({ folder });
	await peer.call('job.submit', { request: queued });
	const deaf = await connect(own);
	const { lastEvent } = await peer.call('job.list', {});
	await deaf.call('events.subscribe', { after: lastEvent });
	deaf.socket.pause();
	const id = 'x'.repeat(500_000);
	for (let i = 0; i < 60; i++) {
		deaf.socket.send(JSON.stringify({ jsonrpc: '2.0', id, method: 'job.list' }));
	}
	for (let move = 0; move < 300; move++) {
		await peer.call('job.prioritise', { jobId: queued.id, priority: move % 100 });
	}
	deaf.socket.resume();
	expect(await deaf.closed).toBe(1006);
	await peer.call('job.cancel', { jobId: request.id });
});

test('Who is refused and does not hang up does not keep the daemon from ending', async () => {
	const own = await startDaemon();
	const stranger = connectTcp({ host: '127.0.0.1', port: own.port, allowHalfOpen: true });
	const upgrade = [
		'GET / HTTP/1.1',
		'host: 127.0.0.1',
		'connection: upgrade',
		'upgrade: websocket',
	];
	stranger.on('error', () => {});
	stranger.write(`${upgrade.join('\r\n')}\r\n\r\n`);
	await new Promise((resolve) => stranger.once('data', resolve));
	expect(await stop(own)).toBe(0);
	stranger.destroy();
});

/** The most memory that a process has held so far, in bytes (Linux). */
async function peakMemory(pid: number): Promise<number> {
	const status = await readFile(`/proc/${pid}/status`, 'utf8');
	return 1024 * Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]);
}
