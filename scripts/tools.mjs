import { spawnSync } from 'node:child_process';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { zipSync } from 'fflate';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Exit status of a tool from node_modules; a signal counts as failure. */
export function run(tool, args) {
	const bin = join(root, 'node_modules', '.bin', tool);
	const options = { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' };
	return spawnSync(bin, args, options).status ?? 1;
}

/** A zip that says when it was made would be another one each time. */
const MADE = new Date(2000, 0, 1);

/** A zip of all files in a folder: the same files make the same bytes. */
export async function zipOf(folder) {
	const entries = await readdir(folder, { recursive: true, withFileTypes: true });
	const paths = entries
		.filter((entry) => entry.isFile())
		.map((entry) => join(entry.parentPath, entry.name))
		.sort();
	const files = paths.map(async (path) => [
		relative(folder, path).replaceAll('\\', '/'),
		await readFile(path),
	]);
	return zipSync(Object.fromEntries(await Promise.all(files)), { mtime: MADE });
}

/** What a module of the sources exports, as this Node runs it. */
export async function importSource(path) {
	const { outputFiles } = await build({
		absWorkingDir: root,
		entryPoints: [path],
		bundle: true,
		write: false,
		format: 'esm',
		platform: 'node',
		packages: 'external',
		logLevel: 'error',
	});
	// Beside these, so that packages are found from there.
	const file = join(root, 'dist', `source-${process.pid}.mjs`);
	await writeFile(file, outputFiles[0].contents);
	try {
		return await import(pathToFileURL(file).href);
	} finally {
		await rm(file);
	}
}
