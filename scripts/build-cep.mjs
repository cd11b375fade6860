/** The extension for Adobe's editors into dist/cep/: its page, with panel and agent, and its scripts. */

import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { buildExtendScript } from './build-extendscript.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const page = join(root, 'host-bridge/cep/page');

/** `folder`: where to; default dist/cep. */
export async function buildCep({ folder = join(root, 'dist/cep') } = {}) {
	await mkdir(folder, { recursive: true });
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
	await buildExtendScript({ folder: join(folder, 'jsx') });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildCep({ folder: process.argv[2] });
