import { mkdirSync, mkdtempSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type BuildOptions, build } from 'esbuild';

const ROOT = join(import.meta.dirname, '../../..');

/** A new folder inside the project, so that a program there finds its packages; the caller removes it. */
export function scratchFolder(name: string): string {
	const cache = join(ROOT, 'node_modules/.cache');
	mkdirSync(cache, { recursive: true });
	return mkdtempSync(join(cache, `pickup-${name}-`));
}

/**
 * A program for a process of its own, of TypeScript beside these tests or of an entry point, and beside
 * it what it finds in dist/.
 */
export async function bundle(
	outfile: string,
	source: { readonly contents: string } | { readonly entry: string },
): Promise<void> {
	const from: BuildOptions =
		'entry' in source
			? { entryPoints: [source.entry] }
			: { stdin: { ...source, resolveDir: import.meta.dirname, loader: 'ts' } };
	await build({
		absWorkingDir: ROOT,
		...from,
		outfile,
		packages: 'external',
		bundle: true,
		platform: 'node',
		format: 'esm',
		target: 'node20.19',
	});
	for (const thread of ['ltx2-tokenizer.mjs', 'ltx2-weights.mjs']) {
		await copyFile(join(ROOT, 'dist', thread), join(dirname(outfile), thread));
	}
}

/** What tries a provider, as the daemon's `provider-probe.mjs`. */
export const PROBE = { entry: 'inference-daemon/engines/ltx2/runtime/probe-process.ts' };
