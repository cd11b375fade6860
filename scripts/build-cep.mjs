/** The extension for Adobe's editors into dist/cep/: its manifest, its page, with panel and agent, its scripts; and a zip of all that. */

import { copyFile, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { buildExtendScript } from './build-extendscript.mjs';
import { zipOf } from './tools.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const page = join(root, 'host-bridge/cep/page');

/** `folder`: where to; default dist/cep. */
export async function buildCep({ folder = join(root, 'dist/cep') } = {}) {
	await rm(folder, { recursive: true, force: true });
	await mkdir(join(folder, 'CSXS'), { recursive: true });
	const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
	await build({
		absWorkingDir: root,
		entryPoints: { page: join(page, 'main.ts') },
		outdir: folder,
		bundle: true,
		// The page has Node's modules by `require`, without the prefix that older ones do not know.
		platform: 'node',
		format: 'iife',
		// CEP 11: the oldest that runs it.
		target: ['chrome88', 'node15.9'],
		mainFields: ['module', 'main'],
		inject: [join(page, 'older-chromium.ts')],
		define: { VERSION: JSON.stringify(version) },
		logLevel: 'warning',
	});
	for (const name of ['index.html', 'page.css'])
		await copyFile(join(page, name), join(folder, name));
	const manifest = await readFile(join(root, 'manifest/CSXS/manifest.xml'), 'utf8');
	const own = manifest.replaceAll('Version="0.0.0"', `Version="${version}"`);
	await writeFile(join(folder, 'CSXS/manifest.xml'), own);
	const filter = (path) => !path.endsWith('.svg') && !/plugin(@2x)?\.png$/.test(path);
	await cp(join(root, 'manifest/icons'), join(folder, 'icons'), { recursive: true, filter });
	await copyFile(join(root, 'LICENSE'), join(folder, 'LICENSE'));
	await buildExtendScript({ folder: join(folder, 'jsx') });
	await writeFile(`${folder}.zip`, await zipOf(folder));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildCep({ folder: process.argv[2] });
