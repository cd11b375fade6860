import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { WebSocket } from 'ws';
import { type Client, connect, type SocketLike } from '../protocol/client.ts';
import type { GenerationRequest } from '../protocol/generation.ts';
import { portFileSchema } from '../protocol/rpc.ts';
import { context, request, span } from '../tests/requests.ts';
import { median, timed } from './measure.ts';

const MANY = 1000;

/**
 * The daemon alone: memory when idle, how soon a request is journaled and acknowledged, one and a
 * thousand, and how soon a daemon with a thousand queued jobs answers. A job of an engine that
 * only waits keeps the queue from moving and the processor free.
 */
const folder = await mkdtemp(join(tmpdir(), 'pickup-bench-'));
const state = join(folder, 'state');
const output = join(folder, 'out');
await mkdir(output);
const media = join(folder, 'neighbour.mov');
await writeFile(media, 'checked when a request comes, read when its turn has come');
const engineModule = await bundleEngine();
try {
	const first = await start();
	await pause(3000);
	report('idle memory', await residentMegabytes(first.child), 'MB', 90);

	await first.client.call('job.submit', { request: requestOf({ ending: 'deaf' }), priority: 100 });
	const singles: number[] = [];
	for (let i = 0; i < 50; i++) {
		singles.push(await timed(() => submit(first.client)));
		await pause(20);
	}
	report('one request acknowledged, median of 50', median(singles), 'ms', 20);
	report('one request acknowledged, slowest of 50', Math.max(...singles), 'ms', 20);
	const together = await timed(() =>
		Promise.all(Array.from({ length: MANY }, () => submit(first.client))),
	);
	report(`${MANY} requests sent together, all acknowledged`, together, 'ms', 1000);
	report('memory then', await residentMegabytes(first.child), 'MB');
	first.child.kill('SIGKILL');
	first.client.close();

	const before = performance.now();
	const second = await start();
	const { jobs } = await second.client.call('job.list', { states: ['queued'], limit: 10_000 });
	report(
		`restart with ${jobs.length} queued jobs, all listed`,
		performance.now() - before,
		'ms',
		2000,
	);
	await second.client.call('daemon.stop', {});
	second.client.close();
} finally {
	await rm(folder, { recursive: true, force: true });
}

async function start(): Promise<{ child: ChildProcess; client: Client }> {
	const program = fileURLToPath(new URL('../dist/daemon.mjs', import.meta.url));
	const child = spawn(process.execPath, [program, '--state', state], {
		stdio: ['ignore', 'pipe', 'inherit'],
		env: { ...process.env, PICKUP_ENGINE_MODULE: engineModule },
	});
	await new Promise((resolve) => child.stdout.once('data', resolve));
	const client = await connect({
		endpoint: async () =>
			portFileSchema.parse(JSON.parse(await readFile(join(state, 'daemon.json'), 'utf8'))),
		openSocket: (url, protocols) => new WebSocket(url, protocols) as unknown as SocketLike,
		client: { name: 'bench', version: '1' },
	});
	return { child, client };
}

function submit(client: Client): Promise<unknown> {
	return client.call('job.submit', { request: requestOf({}) });
}

function requestOf(settings: GenerationRequest['settings']): GenerationRequest {
	const sound = [span([0, 110], media, { track: 'A1' }), span([0, 240], media, { track: 'A2' })];
	const inside = context({
		range: { start: 100, end: 148 },
		left: span([0, 100], media),
		right: span([148, 240], media),
		sound,
	});
	return request('fill', inside, {
		engine: 'fake',
		prompt: 'slow pan over the harbour, first light, gulls',
		output: { folder: output, name: 'shot', codec: 'h264-intra' },
		settings,
	});
}

async function bundleEngine(): Promise<string> {
	const root = fileURLToPath(new URL('..', import.meta.url));
	const outfile = join(root, 'dist/bench-engine.mjs');
	await build({
		absWorkingDir: root,
		entryPoints: ['tests/fakes/engine.ts'],
		outfile,
		bundle: true,
		platform: 'node',
		format: 'esm',
		packages: 'external',
	});
	return outfile;
}

/** Resident memory (Linux). */
async function residentMegabytes({ pid }: ChildProcess): Promise<number> {
	const status = await readFile(`/proc/${pid}/status`, 'utf8');
	return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

function report(what: string, value: number, unit: string, bar?: number): void {
	const bound = bar === undefined ? '' : `  (bar ${bar} ${unit})`;
	console.log(`${what.padEnd(50)} ${value.toFixed(1).padStart(8)} ${unit}${bound}`);
}

function pause(milliseconds: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
