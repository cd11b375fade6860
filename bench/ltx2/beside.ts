import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { findFfmpeg } from '../../inference-daemon/media/locate.ts';
import type { Measured, Ordered } from './beside-job.ts';
import { writeModelFolder } from './model-folder.ts';
import { requestFor } from './shots.ts';
import { writeLargeTokenizer } from './tokenizer.ts';

const BAR = 10;

/** About 250 tokens each. */
const PROMPTS = [
	'a red kite over a bay, wind in the dry grass, gulls and surf; '.repeat(10),
	'waves break on the rocks below, the camera turns slowly; '.repeat(11),
];

/** A second of context on each side: the model sees 768×512×121. */
const SHOT = { size: { width: 768, height: 512 }, shot: 48, gap: 71 };

/**
 * Two jobs through the engine, one after the other in one process, each with a new prompt: how much
 * of their time goes by while no network is at work. The model is LTX-2 19B in sparse files with a
 * large tokenizer, unguided in eight steps; in the place of ONNX Runtime is what takes as long as networks
 * do, about 20 s a job, and gives numbers of no meaning.
 */
export async function benchBeside(folder: string): Promise<void> {
	const model = join(folder, 'model');
	await writeModelFolder(model);
	await writeLargeTokenizer(join(model, 'gemma-3-12b'));
	const { path } = await findFfmpeg();
	const request = requestFor(path, { folder, ...SHOT, settings: { provider: 'cpu' } });
	const cache = join(folder, 'cache');
	await mkdir(cache);
	const ordered: Ordered = {
		requests: PROMPTS.map((prompt) => ({ ...request, id: randomUUID(), prompt })),
		folder,
		cache,
	};
	const orders = join(folder, 'jobs.json');
	await writeFile(orders, JSON.stringify(ordered));
	for (const [i, { seconds, networks }] of (await measure(orders)).entries()) {
		const share = (100 * (seconds - networks)) / seconds;
		const rest = `${(seconds - networks).toFixed(1)} s beside them, ${share.toFixed(1)} %`;
		const bar = i === 1 ? ` (bar ${BAR} %)` : '';
		console.log(`job ${i + 1} of a process, 768×512×121, eight steps, a new prompt:`);
		console.log(`  ${seconds.toFixed(1)} s, networks ${networks.toFixed(1)} s, ${rest}${bar}`);
	}
}

const standIn: Plugin = {
	name: 'stand-in',
	setup(build) {
		build.onResolve({ filter: /\/open-graph\.ts$/ }, () => {
			return { path: resolve('bench/ltx2/stand-in.ts') };
		});
	},
};

/** What opens networks for the job is what only takes their time. */
async function measure(orders: string): Promise<readonly Measured[]> {
	const programs = await mkdtemp(join('dist', 'bench-beside-'));
	try {
		await build({
			entryPoints: {
				'beside-job': 'bench/ltx2/beside-job.ts',
				'ltx2-tokenizer': 'inference-daemon/engines/ltx2/prompt/tokenizer-worker.ts',
			},
			outdir: programs,
			outExtension: { '.js': '.mjs' },
			bundle: true,
			packages: 'external',
			platform: 'node',
			format: 'esm',
			target: 'node20.19',
			logLevel: 'warning',
			plugins: [standIn],
		});
		const child = fork(join(programs, 'beside-job.mjs'), [orders]);
		const told: Measured[] = [];
		child.on('message', (measured: Measured) => told.push(measured));
		const [code] = await once(child, 'exit');
		if (code === 0 && told.length === PROMPTS.length) return told;
		throw new Error(`Expected ${PROMPTS.length} clips, got ${told.length}, exit code ${code}`);
	} finally {
		await rm(programs, { recursive: true, force: true });
	}
}
