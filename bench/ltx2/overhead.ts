import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { findFfmpeg } from '../../inference-daemon/media/locate.ts';
import type { GenerationRequest } from '../../protocol/generation.ts';
import { median } from '../measure.ts';
import type { Taken } from './ledger.ts';
import { writeModelFolder } from './model-folder.ts';
import type { Measured, Ordered } from './overhead-job.ts';
import { requestFor, SHOTS } from './shots.ts';
import { writeLargeTokenizer } from './tokenizer.ts';

const BAR = 3000;

/** About 250 tokens each. */
const PROMPTS = [
	'a red kite over a bay, wind in the dry grass, gulls and surf; '.repeat(10),
	'waves break on the rocks below, the camera turns slowly; '.repeat(11),
] as const;

type Kind = {
	readonly shot: (typeof SHOTS)[keyof typeof SHOTS];
	readonly how: string;
	/** Milliseconds of each session of the transformer and what is between the others. */
	readonly session: number;
	readonly rounds: number;
	readonly bar: number | null;
};

const USUAL = { how: '', session: 20, rounds: 3, bar: BAR };

const DISTILLED: Readonly<Record<string, Kind>> = {
	new: { shot: SHOTS.new, ...USUAL },
	gap: { shot: SHOTS.gap, ...USUAL },
	large: { shot: SHOTS.large, ...USUAL, bar: null },
};

const DEV: Readonly<Record<string, Kind>> = {
	dev: { shot: SHOTS.gap, ...USUAL, how: ', 40 guided steps', session: 5, rounds: 1 },
};

/** The jobs of a process, in their order. */
const JOBS = [
	'the first of a process, a new prompt',
	'the next, a new prompt',
	'the next, a prompt read before',
];

/**
 * Processor time of whole jobs through the engine that is taken while no network is at work: of all
 * of the process's threads and of its programs, from the call that plans it to the clip. Each round
 * has a process of its own, as the daemon starts one for its engine, whose start and loading do not
 * count; three jobs follow each other there, since the first one also compiles all that it calls.
 * The model is LTX-2 19B in sparse files with a large tokenizer. Only the networks' thread is another
 * one: it takes the time that networks would on a GPU that is faster than any an editor has, so that
 * nothing counts as overlapped that would not be. A pass of the transformer takes 1 s (guided 0.25 s),
 * 50 sessions of 20 ms (5 ms); a layer of Gemma 40 ms, in which its weights come to the GPU at 12 GB a
 * second; the video VAE 0.95 s for 121 frames of 768×512 and a network of sound 0.2 s. The provider is the CPU,
 * where a block at a time is open. ONNX Runtime is not loaded.
 *
 * PICKUP_JOBS names some of `new`, `gap`, `large` and `dev`; PICKUP_ROUNDS how many of each.
 */
export async function benchOverhead(folder: string): Promise<void> {
	if (process.platform !== 'linux') {
		console.log('whole jobs are left out: the time of their programs is read from Linux’s /proc');
		return;
	}
	const programs = await mkdtemp(join('dist', 'bench-overhead-'));
	try {
		await buildPrograms(programs);
		const model = join(folder, 'model');
		await writeModelFolder(model);
		await writeLargeTokenizer(join(model, 'gemma-3-12b'));
		const place = { program: join(programs, 'overhead-job.mjs'), folder };
		await benchKinds(place, DISTILLED);
		const file = (name: string) => join(model, `ltx-2-19b-${name}.safetensors`);
		// The name alone tells which it is.
		await rename(file('distilled'), file('dev'));
		await benchKinds(place, DEV);
	} finally {
		await rm(programs, { recursive: true, force: true });
	}
}

/** Beside each other, so that the job finds this thread of networks before that of dist/. */
async function buildPrograms(folder: string): Promise<void> {
	await build({
		entryPoints: {
			'overhead-job': 'bench/ltx2/overhead-job.ts',
			'ltx2-networks': 'bench/ltx2/stand-in.ts',
		},
		outdir: folder,
		outExtension: { '.js': '.mjs' },
		bundle: true,
		packages: 'external',
		platform: 'node',
		format: 'esm',
		target: 'node20.19',
		logLevel: 'warning',
	});
}

type Place = { readonly program: string; readonly folder: string };

async function benchKinds(place: Place, kinds: Readonly<Record<string, Kind>>): Promise<void> {
	const wanted = process.env.PICKUP_JOBS?.split(',');
	for (const [name, kind] of Object.entries(kinds)) {
		if (!wanted || wanted.includes(name)) await benchKind(place, kind);
	}
}

async function benchKind(place: Place, kind: Kind): Promise<void> {
	const { shot, how, rounds: usual, bar } = kind;
	const ffmpeg = await findFfmpeg();
	const settings = { provider: 'cpu' };
	const request = requestFor(ffmpeg.path, { folder: place.folder, ...shot, settings });
	const requests = [...PROMPTS, PROMPTS[0]].map((prompt, i) => {
		return { ...request, id: randomUUID(), prompt, seed: i + 1 };
	});
	const rounds: Measured[][] = [];
	for (let left = Number(process.env.PICKUP_ROUNDS ?? usual); left > 0; left--) {
		rounds.push(await measureJobs(place, requests, kind));
	}
	for (const [i, job] of JOBS.entries()) {
		const of = rounds.map((jobs) => jobs[i]!);
		report(`${shot.title}${how}, ${job}`, of, bar);
	}
}

async function measureJobs(
	{ program, folder: place }: Place,
	requests: readonly GenerationRequest[],
	{ session }: Kind,
): Promise<Measured[]> {
	const folder = await mkdtemp(join(place, 'jobs-'));
	const [clips, cache] = [join(folder, 'clips'), join(folder, 'cache')];
	await Promise.all([mkdir(clips), mkdir(cache)]);
	const file = join(folder, 'jobs.json');
	const ordered: Ordered = { requests, folder: clips, cache, session };
	await writeFile(file, JSON.stringify(ordered));
	const child = fork(program, [file]);
	let told: Measured[] = [];
	child.on('message', (measured: Measured[]) => {
		told = measured;
	});
	try {
		const [code] = await once(child, 'exit');
		if (code !== 0 || told.length !== requests.length) {
			throw new Error(`Expected ${requests.length} clips, got ${told.length}, exit code ${code}`);
		}
		return told;
	} finally {
		child.kill();
		await rm(folder, { recursive: true, force: true });
	}
}

function report(title: string, jobs: readonly Measured[], bar: number | null): void {
	const seconds = median(jobs.map((job) => job.seconds)).toFixed(0);
	const rounds = jobs.length === 1 ? 'one round' : `${jobs.length} rounds`;
	console.log(`${title}: ${rounds} of ${seconds} s, CPU time`);
	console.log(row('', 'with no network', 'least', 'its programs', 'beside networks'));
	const names = jobs[0]!.phases.map(({ name }) => name);
	for (const [i, name] of names.entries())
		tell(
			name,
			jobs.map(({ phases }) => [phases[i]!]),
		);
	tell(
		'together',
		jobs.map(({ phases }) => phases),
		bar,
	);
}

type Phases = Measured['phases'];

/** Of each job some phases together. */
function tell(name: string, jobs: readonly Phases[], bar: number | null = null): void {
	const sums = (of: (phase: Phases[number]) => number) =>
		jobs.map((phases) => phases.reduce((sum, phase) => sum + of(phase), 0));
	const alone = sums((phase) => both(phase.alone));
	const programs = sums((phase) => phase.alone.programs);
	const beside = sums((phase) => both(phase.beside));
	const figures = [median(alone), Math.min(...alone), median(programs), median(beside)];
	const told = figures.map((milliseconds) => `${milliseconds.toFixed(0)} ms`);
	console.log(`${row(name, ...told)}${bar === null ? '' : `   (bar ${bar})`}`);
}

function both({ own, programs }: Taken): number {
	return own + programs;
}

function row(name: string, ...cells: readonly string[]): string {
	return `  ${name.padEnd(28)}${cells.map((cell) => cell.padStart(17)).join('')}`;
}
