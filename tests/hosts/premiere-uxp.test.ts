import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { PROTOCOL_VERSION } from '../../protocol/rpc.ts';
import { temporaryFolder, until } from '../daemon/harness.ts';
import { type AgentDaemon, openAgentDaemon } from '../fakes/agent-daemon.ts';
import { Project } from '../fakes/premiere/model.ts';
import type { Plugin } from '../fakes/premiere/uxp-runtime.ts';
import { forgetPremiere, openPlugin } from './premiere-interfaces.ts';

/** What UXP itself gives the plugin, and what it keeps from it. */

let daemon: AgentDaemon;
const plugins: Plugin[] = [];
beforeAll(async () => {
	daemon = await openAgentDaemon();
});
afterEach(() => {
	for (const plugin of plugins.splice(0)) plugin.unload();
});
afterAll(async () => {
	await daemon.close();
	await forgetPremiere();
});

test.each(['darwin', 'win32', 'win10'] as const)(
	'The daemon is found where UXP says that the system is %s',
	async (platform) => {
		const before = daemon.registered();
		plugins.push(await openPlugin(daemon, new Project('Film'), { platform }));
		await until('the plugin', () => daemon.registered() > before);
	},
);

test.each(['darwin', 'win32'] as const)(
	'Where addresses of the manifest’s list are refused the panel on %s says so, and what to install',
	async (platform) => {
		const before = daemon.registered();
		const surroundings = { platform, refusesList: true };
		const plugin = await openPlugin(daemon, new Project('Film'), surroundings);
		plugins.push(plugin);
		const said = await until('the reason', () => {
			const all = plugin.panel.all.map(({ textContent }) => textContent ?? '').join('\n');
			return all.includes('Permission denied') && all;
		});
		expect(said).toContain('Manifest entry not found');
		expect(said).toContain('pickup install premiere --any-port');
		expect(said).not.toContain('pickup daemon start');
		expect(daemon.registered()).toBe(before);
	},
);

test('The plugin that may use any port connects there', async () => {
	const before = daemon.registered();
	const surroundings = { refusesList: true, variant: 'premiere-uxp-all' } as const;
	plugins.push(await openPlugin(daemon, new Project('Film'), surroundings));
	await until('the plugin', () => daemon.registered() > before);
});

test('Whoever else listens on the port of an old file is not shown the token', async () => {
	const asked: string[] = [];
	const stranger = new WebSocketServer({ port: 0, host: '127.0.0.1' });
	stranger.on('connection', (socket, { url, headers }) => {
		asked.push(`${url} ${JSON.stringify(headers)}`);
		socket.on('message', (data) => asked.push(String(data)));
		socket.send('hello');
	});
	await once(stranger, 'listening');
	const { port } = stranger.address() as AddressInfo;
	const state = await temporaryFolder();
	const token = 'ab'.repeat(32);
	const file = { port, token, pid: 1, protocol: PROTOCOL_VERSION, version: '0' };
	await writeFile(join(state, 'daemon.json'), JSON.stringify(file));
	const plugin = await openPlugin({ state }, new Project('Film'));
	plugins.push(plugin);
	await until('another attempt', () => asked.length > 1);
	const texts = plugin.panel.all.flatMap(({ textContent }) => textContent ?? []);
	expect(texts.join()).toContain('does not answer');
	expect(asked[0]).toContain('/proof/');
	expect(asked.join()).not.toContain(token);
	stranger.close();
});
