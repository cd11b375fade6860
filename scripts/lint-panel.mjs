/**
 * Refuses what the oldest engines that draw the panel do not have: features of CSS in its styles, of
 * the DOM and of JavaScript in its sources and those that it takes from other rooms. A newer browser
 * hides such a breach.
 */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import DoIUse from 'doiuse';
import { build } from 'esbuild';
import { Linter } from 'eslint';
import compat from 'eslint-plugin-compat';
import postcss from 'postcss';
import { PANEL_TARGETS } from './build-panel.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/** As caniuse calls them. */
const BROWSERS = PANEL_TARGETS.map((target) => target.replace(/(\d+)$/, ' $1'));

/** What is used although caniuse lists a lack that does not touch us, and why. */
const KNOWN = [
	// Only its keyword values for multi-column and the like differ; ours are plain.
	'multicolumn',
	// Of `user-select` Safari has the prefixed form: text then is selectable, which does no harm.
	'user-select-none',
	// `resize: none` on a text field: where it does not hold, there is a grip.
	'css-resize',
	// Dashes, `object-position` and others work; what is partial is not in use.
	'css-appearance',
	'css-touch-action',
	'pointer',
	// `clip-path: inset()` works in both; paths and shapes on SVG do not.
	'css-clip-path',
	'css-masks',
	// Its own look of scrollbars: a plain one otherwise.
	'css-scrollbar',
	// Where forced colours and more contrast cannot be asked for, nobody asked for them.
	'prefers-contrast',
	'mdn-css_at-rules_media_forced-colors',
];

/** Whether anything was found; it is printed. */
export async function lintPanel() {
	const found = [...(await cssFaults()), ...(await scriptFaults())];
	for (const fault of found) console.error(fault);
	return found;
}

async function cssFaults() {
	const folder = join(root, 'plugin/styles');
	const found = [];
	for (const name of await readdir(folder)) {
		const text = await readFile(join(folder, name), 'utf8');
		const check = new DoIUse({
			browsers: BROWSERS,
			ignore: KNOWN,
			onFeatureUsage: ({ message, usage }) => {
				const { line } = usage.source?.start ?? {};
				found.push(`plugin/styles/${name}:${line}: ${message.replace(/^.*?: /s, '')}`);
			},
		});
		await postcss([check]).process(text, { from: join(folder, name) });
		// doiuse knows features of properties, and not these of selectors and at-rules.
		for (const [pattern, what] of NEWER) {
			for (const match of text.replace(/\/\*.*?\*\//gs, '').matchAll(pattern)) {
				found.push(`plugin/styles/${name}: ${what}: ${match[0]}`);
			}
		}
	}
	return found;
}

const NEWER = [
	[/:has\(/g, ':has() is newer than Chromium 99'],
	[/@container\b/g, 'Container queries are newer than Chromium 99'],
	[/\bcolor-mix\(/g, 'color-mix() is newer than Chromium 99'],
	[/&[\s.:#[]/g, 'Nesting is newer than Chromium 99'],
	[/\b\d+(dvh|svh|lvh|cqw|cqi)\b/g, 'These units are newer than Chromium 99'],
];

async function scriptFaults() {
	const { metafile } = await build({
		absWorkingDir: root,
		entryPoints: ['plugin/main.tsx'],
		bundle: true,
		write: false,
		metafile: true,
		format: 'esm',
		packages: 'external',
		jsx: 'automatic',
		outdir: 'dist',
		logLevel: 'error',
	});
	const linter = new Linter();
	const found = [];
	for (const path of Object.keys(metafile.inputs)) {
		const plain = await build({
			absWorkingDir: root,
			entryPoints: [path],
			write: false,
			format: 'esm',
			jsx: 'automatic',
			sourcemap: false,
			outdir: 'dist',
			logLevel: 'error',
		});
		const config = {
			plugins: { compat },
			rules: { 'compat/compat': 'error' },
			settings: { browsers: BROWSERS, targets: BROWSERS, lintAllEsApis: true },
			languageOptions: { ecmaVersion: 'latest', sourceType: 'module' },
		};
		for (const { message } of linter.verify(plain.outputFiles[0].text, config)) {
			found.push(`${path}: ${message}`);
		}
	}
	return found;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	process.exit((await lintPanel()).length === 0 ? 0 : 1);
}
