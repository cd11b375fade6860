import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PORTS } from '../../protocol/rpc.ts';
import { buildPremiere } from '../../scripts/build-premiere.mjs';

/** Each of these has been a panel that did not come up, or a connection that was refused. */

let folder: string;
const read = async (variant: string) =>
	JSON.parse(await readFile(join(folder, variant, 'manifest.json'), 'utf8'));
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'pickup-uxp-'));
	await buildPremiere({ folder });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it.each(['premiere-uxp', 'premiere-uxp-all'])(
	'%s is as Premiere wants a plugin to be',
	async (name) => {
		const manifest = await read(name);
		const { version } = JSON.parse(
			await readFile(join(import.meta.dirname, '../../package.json'), 'utf8'),
		);
		expect(manifest).toMatchObject({
			manifestVersion: 5,
			main: 'index.html',
			version,
			// In a list it is taken while a plugin is developed, and refused when it is installed.
			host: { app: 'premierepro', minVersion: '25.6.0' },
		});
		const script = await readFile(join(folder, name, 'main.js'), 'utf8');
		for (const { type, id } of manifest.entrypoints) {
			expect(type).toBe('panel');
			expect(script).toContain(`"${id}"`);
		}
		const page = await readFile(join(folder, name, manifest.main), 'utf8');
		expect(page).toContain('src="main.js"');
		// A panel is as high as its page says: what is of 100 % of nothing does not show.
		expect(page).toMatch(/html,\s*body\s*{[^}]*height: 100vh;/);
		expect(script).not.toMatch(/^\s*(import|export) /m);
	},
);

it('the plugin may speak to the ten ports of the daemon, and to nobody else', async () => {
	const { requiredPermissions } = await read('premiere-uxp');
	// Adobe lets nobody ask by http: on a Mac, and the plugin does not.
	const sockets = PORTS.map((port) => `ws://127.0.0.1:${port}`);
	const pages = PORTS.flatMap((port) => [`http://127.0.0.1:${port}`, `ws://127.0.0.1:${port}`]);
	expect(requiredPermissions.network.domains).toEqual(sockets);
	expect(requiredPermissions.webview.domains).toEqual(pages);
	expect(Object.keys(requiredPermissions).sort()).toEqual([
		'launchProcess',
		'localFileSystem',
		'network',
		'webview',
	]);
	expect(requiredPermissions.launchProcess).toEqual({ schemes: ['http'], extensions: [] });
});

it('the other variant says "all" as a word: in a list that allows nothing', async () => {
	const { requiredPermissions } = await read('premiere-uxp-all');
	expect(requiredPermissions.network.domains).toBe('all');
	expect(requiredPermissions.webview.domains).toBe('all');
});
