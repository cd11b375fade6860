/** Bundles the UXP plugin for Premiere into dist/premiere-uxp/, and the variant that may speak to any address. */

import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { zipOf } from './tools.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** `folder`: where to; default dist/. */
export async function buildPremiere({ folder = join(root, 'dist') } = {}) {
	const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
	const manifest = JSON.parse(await readFile(join(root, 'manifest/uxp/manifest.json'), 'utf8'));
	const ports = await fixedPorts();
	const sockets = ports.map((port) => `ws://127.0.0.1:${port}`);
	// The page in the webview is fetched, and opens a socket of its own.
	const pages = ports.flatMap((port) => [`http://127.0.0.1:${port}`, `ws://127.0.0.1:${port}`]);
	const variants = {
		'premiere-uxp': { sockets, pages },
		'premiere-uxp-all': { sockets: 'all', pages: 'all' },
	};
	const script = join(folder, 'premiere-uxp/main.js');
	for (const name of Object.keys(variants)) {
		await rm(join(folder, name), { recursive: true, force: true });
	}
	await build({
		absWorkingDir: root,
		entryPoints: ['host-bridge/premiere-uxp/main.ts'],
		outfile: script,
		bundle: true,
		// One classic script: UXP loads no modules, and has modules of its own to require.
		format: 'iife',
		platform: 'neutral',
		mainFields: ['module', 'main'],
		external: ['premierepro', 'uxp', 'fs', 'os'],
		target: 'es2020',
		define: { VERSION: JSON.stringify(version) },
		logLevel: 'warning',
	});
	for (const [name, domains] of Object.entries(variants)) {
		const { network, webview, ...permissions } = manifest.requiredPermissions;
		const own = {
			...manifest,
			version,
			requiredPermissions: {
				network: { ...network, domains: domains.sockets },
				...permissions,
				webview: { ...webview, domains: domains.pages },
			},
		};
		const to = join(folder, name);
		await mkdir(to, { recursive: true });
		await writeFile(join(to, 'manifest.json'), `${JSON.stringify(own, null, '\t')}\n`);
		await cp(join(root, 'manifest/uxp/index.html'), join(to, 'index.html'));
		const filter = (path) => !path.endsWith('.svg');
		await cp(join(root, 'manifest/icons'), join(to, 'icons'), { recursive: true, filter });
		if (join(to, 'main.js') !== script) await cp(script, join(to, 'main.js'));
		await writeFile(`${to}.ccx`, await zipOf(to));
	}
}

/** On one of these the daemon listens; the protocol says which. */
async function fixedPorts() {
	const { outputFiles } = await build({
		absWorkingDir: root,
		stdin: {
			contents: "export { PORTS } from './protocol/rpc.ts'",
			resolveDir: root,
			loader: 'ts',
		},
		bundle: true,
		write: false,
		format: 'esm',
		platform: 'node',
		logLevel: 'error',
	});
	const code = Buffer.from(outputFiles[0].contents).toString('base64');
	return (await import(`data:text/javascript;base64,${code}`)).PORTS;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	await buildPremiere({ folder: process.argv[2] });
}
