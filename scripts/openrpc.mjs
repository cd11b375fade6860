/** Writes protocol/openrpc.json from the schemas: `npm run openrpc`. */

import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
await build({
	absWorkingDir: root,
	entryPoints: ['protocol/openrpc.ts'],
	outfile: 'dist/openrpc.mjs',
	bundle: true,
	platform: 'node',
	format: 'esm',
	packages: 'external',
});
const { openrpcDocument } = await import(join(root, 'dist/openrpc.mjs'));
const target = join(root, 'protocol/openrpc.json');
await writeFile(target, `${JSON.stringify(openrpcDocument(), null, '\t')}\n`);
console.log(`Wrote ${target}`);
