import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';

const MOST = 4_000_000;
const servers: { close: () => void }[] = [];
afterEach(() => {
	for (const server of servers.splice(0)) server.close();
});

/** The client, and what it prints before it ends. */
function startClient(port: number): Promise<string> {
	const script = join(import.meta.dirname, 'websocket-echo.py');
	const child = spawn('python3', ['-B', script, String(port), String(MOST)]);
	let said = '';
	for (const stream of [child.stdout, child.stderr]) {
		stream.setEncoding('utf8').on('data', (piece: string) => {
			said += piece;
		});
	}
	return new Promise((resolve) => child.on('close', () => resolve(said.trim())));
}

async function connected(): Promise<{
	readonly socket: WebSocket;
	readonly said: Promise<string>;
}> {
	const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: true });
	servers.push(server);
	await once(server, 'listening');
	const said = startClient((server.address() as AddressInfo).port);
	const [socket] = (await once(server, 'connection')) as [WebSocket];
	return { socket, said };
}

/** What a client says that meets a server which answers with these bytes, once it has greeted. */
async function meets(answer: (key: string) => Buffer): Promise<string> {
	const server = createServer((socket: Socket) => {
		socket.on('error', () => {});
		socket.once('data', (head) => {
			const key = /Sec-WebSocket-Key: (\S+)/.exec(String(head))?.[1] ?? '';
			socket.write(answer(key));
		});
	});
	servers.push(server);
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	return startClient((server.address() as AddressInfo).port);
}

function accepted(key: string, ...frame: number[]): Buffer {
	const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
	const accept = createHash('sha1').update(`${key}${guid}`).digest('base64');
	const head = [
		'HTTP/1.1 101 Switching Protocols',
		'Upgrade: websocket',
		'Connection: Upgrade',
		`Sec-WebSocket-Accept: ${accept}`,
	];
	return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), Buffer.from(frame)]);
}

describe('The add-on’s WebSocket', () => {
	test('carries texts of every length both ways', async () => {
		const { socket, said } = await connected();
		for (const length of [0, 1, 125, 126, 65_535, 65_536, 3_999_999]) {
			const text = 'ü€𝄞a'.repeat(length).slice(0, length);
			if (Buffer.byteLength(text) > MOST) continue;
			const echo = once(socket, 'message');
			socket.send(text);
			expect(String((await echo)[0]) === text, `${length}`).toBe(true);
		}
		socket.close(1000);
		expect(await said).toBe('closed 1000');
	});

	test('puts pieces together, with pings between them', async () => {
		const { socket, said } = await connected();
		const echo = once(socket, 'message');
		const pong = once(socket, 'pong');
		socket.send('one ', { fin: false });
		socket.ping('still there?');
		socket.send('and ', { fin: false });
		socket.send('two', { fin: true });
		expect(String((await echo)[0])).toBe('one and two');
		expect(String((await pong)[0])).toBe('still there?');
		socket.close(1008);
		expect(await said).toBe('closed 1008');
	});

	test('ends with a reason where something else comes than texts', async () => {
		const binary = await connected();
		binary.socket.send(Buffer.from([1, 2, 3]));
		expect(await binary.said).toBe('closed 1003');
		const long = await connected();
		long.socket.on('error', () => {});
		long.socket.send('a'.repeat(MOST + 1));
		expect(await long.said).toBe('closed 1009');
		const pieces = await connected();
		pieces.socket.on('error', () => {});
		pieces.socket.send('a'.repeat(MOST), { fin: false });
		pieces.socket.send('b', { fin: true });
		expect(await pieces.said).toBe('closed 1009');
		const dropped = await connected();
		dropped.socket.terminate();
		expect(await dropped.said).toBe('closed 1006');
	});

	test.each([
		['a masked frame', [0x81, 0x81, 0, 0, 0, 0, 97], 1002],
		['reserved bits', [0xc1, 0x01, 97], 1002],
		['a continuation of nothing', [0x80, 0x01, 97], 1002],
		['a text within a text', [0x01, 0x01, 97, 0x81, 0x01, 98], 1002],
		['a long ping', [0x89, 126, 0, 126], 1002],
		['a ping in pieces', [0x09, 0x01, 97], 1002],
		['what is no UTF-8', [0x81, 0x02, 0xc3, 0x28], 1007],
		['a length that nobody has', [0x81, 127, 0x7f, 255, 255, 255, 255, 255, 255, 255], 1009],
	])('refuses %s', async (_what, frame, code) => {
		expect(await meets((key) => accepted(key, ...frame))).toBe(`closed ${code}`);
	});

	test('refuses a server that is none', async () => {
		expect(await meets(() => Buffer.from('HTTP/1.1 403 Forbidden\r\n\r\n'))).toMatch(
			/^refused .*403/,
		);
		expect(await meets(() => accepted('wrong'))).toMatch(/^refused/);
		expect(await meets(() => Buffer.alloc(20_000, 97))).toMatch(/^refused/);
	});
});
