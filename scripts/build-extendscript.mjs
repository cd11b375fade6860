/** ExtendScript into dist/cep/jsx/: modules bundled by esbuild, then brought down to ES3 by TypeScript 5. */

import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
// TypeScript 5.4, the last but one that writes ES3; as a library alone, for two packages with a `tsc` overwrite each other.
import { ts as typescript } from '@ts-morph/common';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** The programs, by what their file is called. */
const SCRIPTS = {
	'after-effects': 'host-bridge/after-effects/script/main.ts',
	premiere: 'host-bridge/premiere-cep/script/main.ts',
};

/** `folder`: where to; default dist/cep/jsx. Throws where what came out is no ES3. */
export async function buildExtendScript({ folder = join(root, 'dist/cep/jsx') } = {}) {
	await mkdir(folder, { recursive: true });
	for (const [name, entry] of Object.entries(SCRIPTS)) {
		await writeFile(join(folder, `${name}.jsx`), await es3Of({ entryPoints: [entry] }));
	}
	return (await readdir(folder)).filter((name) => name.endsWith('.jsx'));
}

/** The text of a script. `source`: an entry point or text, as esbuild takes them. */
export async function es3Of(source) {
	const { outputFiles } = await build({
		absWorkingDir: root,
		bundle: true,
		format: 'iife',
		// Nothing is lowered here: what esbuild lowers to leans on ES5.
		target: 'esnext',
		charset: 'ascii',
		write: false,
		logLevel: 'warning',
		...source,
	});
	const { outputText, diagnostics } = typescript.transpileModule(outputFiles[0].text, {
		reportDiagnostics: true,
		compilerOptions: {
			target: typescript.ScriptTarget.ES3,
			ignoreDeprecations: '5.0',
			isolatedModules: false,
			module: typescript.ModuleKind.ES2015,
			removeComments: true,
			noEmitHelpers: true,
		},
	});
	if (diagnostics.length > 0) {
		throw new Error(
			diagnostics
				.map(({ messageText }) => typescript.flattenDiagnosticMessageText(messageText, '\n'))
				.join('\n'),
		);
	}
	return outputText;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	await buildExtendScript({ folder: process.argv[2] });
}
