import { readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { PORTS } from '../../protocol/rpc.ts';
import {
	connect,
	crash,
	type Daemon,
	endAllDaemons,
	startDaemon,
	stop,
	temporaryFolder,
} from './harness.ts';

afterAll(endAllDaemons);

const addressOf = ({ port, token }: Daemon) => ({ port, token });
const kept = async (state: string) =>
	JSON.parse(await readFile(join(state, 'address.json'), 'utf8'));

describe('A daemon that starts again', () => {
	test.each([
		['stopped', stop],
		['killed', crash],
	])('is where the one was that was %s, with its token', async (_how, end) => {
		const first = await startDaemon();
		expect(await kept(first.state)).toEqual(addressOf(first));
		expect((await stat(join(first.state, 'address.json'))).mode & 0o777).toBe(0o600);
		await end(first);
		const second = await startDaemon({ state: first.state });
		expect(addressOf(second)).toEqual(addressOf(first));
		await (await connect(first)).close();
	});

	test('is elsewhere with another token where its port is taken, and stays there', async () => {
		const first = await startDaemon();
		await stop(first);
		const stranger = createServer();
		await new Promise<void>((resolve) => stranger.listen(first.port, '127.0.0.1', resolve));
		const second = await startDaemon({ state: first.state });
		expect(second.port).not.toBe(first.port);
		expect(second.token).not.toBe(first.token);
		await stop(second);
		await new Promise((resolve) => stranger.close(resolve));
		const third = await startDaemon({ state: first.state });
		expect(addressOf(third)).toEqual(addressOf(second));
	});

	test('is where it is asked to be, and known there only by a new token', async () => {
		const first = await startDaemon();
		const second = await startDaemon();
		await stop(first);
		await stop(second);
		const args = ['--port', `${second.port}`];
		const moved = await startDaemon({ state: first.state, args });
		expect(moved.port).toBe(second.port);
		expect(moved.token).not.toBe(first.token);
		await stop(moved);
		const again = await startDaemon({ state: first.state, args });
		expect(addressOf(again)).toEqual(addressOf(moved));
	});

	test('is where editors’ plugins look for it, at the first place that is free', async () => {
		const env = { PICKUP_PORT: '' };
		const [first, second] = [await startDaemon({ env }), await startDaemon({ env })];
		expect(PORTS).toHaveLength(10);
		expect(PORTS).toContain(first.port);
		expect(PORTS.indexOf(second.port)).toBeGreaterThan(PORTS.indexOf(first.port));
		const strangers = PORTS.map((port) => createServer().listen(port, '127.0.0.1'));
		await Promise.all(
			strangers.map(
				(server) => new Promise((resolve) => server.on('listening', resolve).on('error', resolve)),
			),
		);
		const third = await startDaemon({ env });
		expect(PORTS).not.toContain(third.port);
		for (const server of strangers) server.close();
	});

	test.each(['', '{', '{"port":80}', '{"port":80,"token":"short"}', '[]'])(
		'starts anew where what was kept is damaged: %s',
		async (text) => {
			const state = join(await temporaryFolder(), 'state');
			const first = await startDaemon({ state });
			await stop(first);
			await writeFile(join(state, 'address.json'), text);
			const second = await startDaemon({ state });
			expect(second.token).not.toBe(first.token);
			expect(await kept(state)).toEqual(addressOf(second));
		},
	);
});
