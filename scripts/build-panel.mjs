/** Bundles the panel into dist/panel/: a page and files whose names change with their content. */

import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** The oldest engines that draw it: those of the editors' own windows. */
export const PANEL_TARGETS = ['chrome99', 'safari16'];

/** `folder`: where to; default dist/panel. */
export async function buildPanel({ folder = join(root, 'dist/panel') } = {}) {
	await rm(folder, { recursive: true, force: true });
	const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
	const result = await build({
		absWorkingDir: root,
		entryPoints: {
			panel: 'plugin/main.tsx',
			styles: 'plugin/styles/index.css',
			icon: 'plugin/icon.svg',
		},
		outdir: folder,
		entryNames: '[name]-[hash]',
		bundle: true,
		plugins: [ownLanguages],
		loader: { '.svg': 'copy' },
		format: 'esm',
		platform: 'browser',
		target: PANEL_TARGETS,
		jsx: 'automatic',
		minify: true,
		sourcemap: true,
		metafile: true,
		define: {
			'process.env.NODE_ENV': '"production"',
			VERSION: JSON.stringify(version),
		},
		logLevel: 'warning',
	});
	const built = Object.keys(result.metafile.outputs).map((path) => basename(path));
	const named = (start, end) => built.find((name) => name.startsWith(start) && name.endsWith(end));
	const page = await readFile(join(root, 'plugin/index.html'), 'utf8');
	await mkdir(folder, { recursive: true });
	await writeFile(
		join(folder, 'index.html'),
		page
			.replace('ICON', named('icon-', '.svg'))
			.replace('STYLE', named('styles-', '.css'))
			.replace('SCRIPT', named('panel-', '.js')),
	);
	return result.metafile;
}

/** Of the words of React Aria only those of the panel's own languages: a third of its size else. */
const ownLanguages = {
	name: 'own-languages',
	setup({ onLoad }) {
		const words = /react-(aria|stately)\/dist\/private\/intl\/.*\/[a-z]{2}-[A-Z]{2}\.mjs$/;
		onLoad({ filter: words }, ({ path }) =>
			/(en-US|de-DE|ja-JP)\.mjs$/.test(path) ? null : { contents: 'export default {};' },
		);
	},
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	await buildPanel({ folder: process.argv[2] });
}
