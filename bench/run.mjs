/**
 * `node bench/run.mjs [NAME … [--PART …]]`: builds everything, then runs the named measurements, or
 * all. A measurement looks for its parts in the arguments.
 */
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { buildAll } from '../scripts/build.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const shared = ['measure.ts'];
const all = readdirSync(join(root, 'bench'))
	.filter((file) => file.endsWith('.ts') && !shared.includes(file))
	.map((file) => file.slice(0, -3));
const named = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const wanted = named.length > 0 ? named : all;
const unknown = wanted.find((name) => !all.includes(name));
if (unknown !== undefined) {
	console.error(`Expected one of ${all.join(', ')}, got ${unknown}`);
	process.exit(2);
}
process.chdir(root);
await buildAll();
for (const name of wanted) {
	const outfile = join(root, 'dist', `bench-${name}.mjs`);
	await build({
		absWorkingDir: root,
		entryPoints: [`bench/${name}.ts`],
		outfile,
		bundle: true,
		platform: 'node',
		format: 'esm',
		target: 'node20.19',
		packages: 'external',
		logLevel: 'warning',
	});
	await import(outfile);
}
