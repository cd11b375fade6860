import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { cleanEnvironment, get, readPortFile, startDaemon } from '../../host-bridge/cep/daemon.ts';
import {
	connect,
	endAllDaemons,
	readPortFile as portFileOf,
	startDaemon as startOne,
	stop,
	temporaryFolder,
	until,
} from '../daemon/harness.ts';

afterAll(endAllDaemons);

test('the daemon that was here last is started again, and outlives what started it', async () => {
	const first = await startOne();
	await stop(first);
	expect(await readPortFile(first.state)).toBeNull();
	await startDaemon(first.state);
	const found = await until(
		'a daemon',
		async () => (await readPortFile(first.state)) !== null && (await portFileOf(first.state)),
	);
	expect(found.pid).not.toBe(first.pid);
	expect(await get(`http://127.0.0.1:${found.port}/panel/`).catch(String)).toMatch(/html|503/);
	const peer = await connect(found);
	await peer.call('daemon.stop', {});
	await until('its end', async () => (await readPortFile(first.state)) === null);
});

test('where none was, or its files are gone, it is said what to do', async () => {
	const state = await temporaryFolder();
	const refusal = { code: 'daemon-unreachable', message: 'Pickup has not been started here yet' };
	await expect(startDaemon(state)).rejects.toMatchObject(refusal);
	for (const program of [
		{ node: process.execPath, daemon: join(state, 'gone.mjs') },
		{ node: 'node', daemon: join(state, 'program.json') },
		{ node: 7 },
	]) {
		await writeFile(join(state, 'program.json'), JSON.stringify(program));
		await expect(startDaemon(state)).rejects.toMatchObject(refusal);
	}
});

test('it inherits what finds its user’s things, and nothing of the editor’s', () => {
	const kept = { PATH: '/bin', Home: '/h', LC_ALL: 'C', PICKUP_STATE: '/s', SystemRoot: 'C:\\W' };
	const others = {
		NODE_OPTIONS: '--inspect',
		ELECTRON_RUN_AS_NODE: '1',
		LD_PRELOAD: 'x',
		DYLD_X: 'y',
	};
	expect(cleanEnvironment({ ...kept, ...others })).toEqual(kept);
});
