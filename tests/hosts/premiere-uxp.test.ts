import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { until } from '../daemon/harness.ts';
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
