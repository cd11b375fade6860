import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import {
	connect,
	crash,
	endAllDaemons,
	readPortFile,
	startDaemon,
	stop,
	until,
} from '../daemon/harness.ts';
import { openWorkbench } from '../end-to-end/workbench.ts';
import { endAllResolves, type Resolve, startResolve } from './resolve.ts';
import { film } from './resolve-film.ts';

let folder: string;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'pickup resolve '));
});
afterEach(() => endAllResolves());
afterAll(async () => {
	await endAllDaemons();
	await rm(folder, { recursive: true, force: true });
});

function open(state: string): Promise<Resolve> {
	return startResolve(film(folder, []), { state, home: join(folder, 'home') });
}

test('run once more, the script opens the panel of the one that runs, and ends', async () => {
	const daemon = await startDaemon();
	const peer = await connect(daemon);
	await open(daemon.state);
	const host = await until('Resolve', async () => (await peer.call('host.watch', {})).hosts[0]);
	const second = await open(daemon.state);
	await second.ended;
	expect(await second.opened()).toEqual([
		`http://127.0.0.1:${daemon.port}/panel/#token=${daemon.token}&host=${host.agent.id}`,
	]);
	expect(second.said()).toContain('Pickup runs here already.');
});

test.each([
	['has stopped', stop],
	['was killed', crash],
])('the script starts a daemon where one has run before and %s', async (_, end) => {
	const daemon = await startDaemon();
	await end(daemon);
	const resolve = await open(daemon.state);
	const next = await until('another daemon', async () => {
		const found = await readPortFile(daemon.state).catch(() => null);
		return found !== null && found.pid !== daemon.pid ? found : null;
	});
	const panel = await connect(next);
	await until('Resolve', async () => (await panel.call('host.watch', {})).hosts[0]);
	// It goes on without the Resolve that has started it.
	await resolve.kill();
	await until('it to have gone', async () => {
		return (await panel.call('host.watch', {})).hosts.length === 0;
	});
	await panel.call('daemon.stop', {});
	await panel.closed;
});

test('the script starts the one that it was installed with, which nobody has run yet', async () => {
	const bench = await openWorkbench();
	try {
		const into = join(bench.folder, 'Utility');
		const installed = await bench.pickup(['install', 'resolve', '--into', into]);
		expect(installed.code, installed.stderr).toBe(0);
		await open(bench.state);
		const daemon = await until('a daemon', () => readPortFile(bench.state).catch(() => null));
		const panel = await connect(daemon);
		await until('Resolve', async () => (await panel.call('host.watch', {})).hosts[0]);
		await panel.close();
	} finally {
		await bench.close();
	}
});

test('where none ever has, it says what to do', async () => {
	const state = join(folder, 'nothing here');
	await mkdir(state);
	const resolve = await open(state);
	await until('what to do', () =>
		resolve.said().includes('Start Pickup once with `pickup daemon`'),
	);
});
