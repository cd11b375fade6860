/** Compiles the draft engine's kernels, kernels/index.assembly.ts, from AssemblyScript to dist/inbetween.wasm. */

import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

export async function buildKernels() {
	const dist = join(root, 'dist');
	await mkdir(dist, { recursive: true });
	const source = join(root, 'inference-daemon/engines/inbetween/kernels/index.assembly.ts');
	await compile(source, join(dist, 'inbetween.wasm'));
}

async function compile(source, finished) {
	const part = `${finished}.${process.pid}.part`;
	const { error, stderr } = await asc.main([
		source,
		...['--outFile', part, '-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd'],
		// Threads share the memory, so that what one has drawn is not copied for another.
		...['--enable', 'threads', '--importMemory', '--sharedMemory'],
		...['--use', 'abort=', '--initialMemory', '2', '--maximumMemory', '65536'],
	]);
	if (error) {
		await rm(part, { force: true });
		throw new Error(`AssemblyScript: ${error.message}\n${stderr.toString()}`);
	}
	await rename(part, finished);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildKernels();
