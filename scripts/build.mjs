/** Bundles the programs into dist/: the `pickup` command, the daemon, the engine process, and what goes into editors. */

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { buildCep } from './build-cep.mjs';
import { buildKernels } from './build-kernels.mjs';
import { buildPanel } from './build-panel.mjs';
import { buildPremiere } from './build-premiere.mjs';
import { packBlender } from './pack-blender.mjs';
import { packResolve } from './pack-resolve.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** CommonJS packages inside an ES module ask for Node's own modules by `require`. */
const REQUIRE =
	"import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);";

export async function buildAll() {
	const entryPoints = {
		pickup: 'cli/main.ts',
		daemon: 'inference-daemon/main.ts',
		engine: 'inference-daemon/jobs/engine-process.ts',
		'provider-probe': 'inference-daemon/engines/ltx2/runtime/probe-process.ts',
		'vulkan-probe': 'gpu/vulkan-process.ts',
		'inbetween-worker': 'inference-daemon/engines/inbetween/picture-worker.ts',
		'ltx2-tokenizer': 'inference-daemon/engines/ltx2/prompt/tokenizer-worker.ts',
		'ltx2-weights': 'inference-daemon/engines/ltx2/weights/weight-worker.ts',
		demo: 'demo/main.ts',
	};
	const present = Object.fromEntries(
		Object.entries(entryPoints).filter(([, file]) => existsSync(join(root, file))),
	);
	await buildKernels();
	await buildPanel();
	await buildPremiere();
	await buildCep();
	packBlender(root);
	packResolve(root);
	await build({
		absWorkingDir: root,
		entryPoints: present,
		outdir: 'dist',
		outExtension: { '.js': '.mjs' },
		bundle: true,
		platform: 'node',
		format: 'esm',
		target: 'node20.19',
		// One file starts in half the time of many; what is native or optional stays outside.
		external: ['libsql', 'onnxruntime-node', 'koffi', 'ffmpeg-static', 'trash'],
		mainFields: ['module', 'main'],
		banner: { js: REQUIRE },
		sourcemap: true,
		logLevel: 'warning',
	});
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildAll();
