import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fcp7Xml, kdenlive, otio } from '../../demo/timelines.ts';
import { tries } from '../tries.ts';
import { kdenlive2412 } from './mlt-documents.ts';
import type { Outcome, Task } from './mutation-child.ts';
import { MUTATIONS, randomFrom } from './mutations.ts';

/** How many damaged timelines are tried. */
const COUNT = tries(200, 10_000);
/** Far more than the slowest takes; a timeline that takes longer counts as a hang. */
const LIMIT_MS = 240_000;

/** Enough for 3.3 MB of XML, its tree, and the one before it or after it; a third does not fit. */
const HEAP_MB = 130;

const root = path.resolve(import.meta.dirname, '../..');
const program = path.join(root, `node_modules/.cache/pickup-mutations-${process.pid}.mjs`);
let folder = '';
let clip = '';
let sources: readonly { readonly name: string; readonly bytes: Buffer }[] = [];

beforeAll(async () => {
	folder = await mkdtemp(path.join(os.tmpdir(), 'pickup-mutations-'));
	clip = path.join(folder, 'clip.mov');
	await writeFile(clip, '');
	sources = await timelines();
	await build({
		entryPoints: [path.join(import.meta.dirname, 'mutation-child.ts')],
		outfile: program,
		bundle: true,
		platform: 'node',
		format: 'esm',
		packages: 'external',
	});
});
afterAll(async () => {
	await rm(folder, { recursive: true, force: true });
	await rm(program, { force: true });
});

test(
	'a damaged timeline is filled, or refused by name, and nothing half-made is left',
	async () => {
		const kinds = Object.entries(MUTATIONS);
		const counts = { filled: 0, refused: 0, defect: 0 };
		const faults: string[] = [];
		let child = fork(program);
		try {
			for (let seed = 0; seed < COUNT; seed += 1) {
				const source = sources[seed % sources.length];
				const kind = kinds[Math.floor(seed / sources.length) % kinds.length];
				if (!source || !kind) throw new Error('Nothing to damage');
				const label = `${source.name} with ${kind[0]}, seed ${seed}`;
				const bytes = kind[1](source.bytes, randomFrom(seed));
				const { outcome, left } = await tryOne(child, seed, source.name, bytes);
				if (outcome === 'gone') {
					child.kill('SIGKILL');
					child = fork(program);
				}
				const fault = faultOf(outcome, left, source.name);
				if (fault !== null) faults.push(`${label}: ${fault}`);
				else if (outcome !== 'gone') counts[outcome.kind] += 1;
			}
		} finally {
			child.kill('SIGKILL');
		}
		expect(faults).toEqual([]);
		// Both really happen, so that neither half of the promise goes untested.
		expect(counts.filled).toBeGreaterThan(COUNT / 10);
		expect(counts.refused).toBeGreaterThan(COUNT / 10);
	},
	COUNT * 1000 + LIMIT_MS,
);

test(
	'a long timeline is filled three times in a small multiple of its size',
	async () => {
		const clips = Array.from({ length: 2000 }, (_, index) => {
			const name = `shot ${index}`;
			return { name, path: `/media/${name}.mov`, start: 5 + index * 50, frames: 25 };
		});
		const size = { width: 160, height: 90 };
		const cut = { name: 'long', rate: { num: 25, den: 1 }, size, startFrame: 0, clips };
		const bytes = Buffer.from(fcp7Xml(cut));
		const child = fork(program, { execArgv: [`--max-old-space-size=${HEAP_MB}`] });
		try {
			const { outcome } = await tryOne(child, COUNT, 'long.xml', bytes, { placeOnly: true });
			expect(outcome).toEqual({ kind: 'filled', count: 3 });
		} finally {
			child.kill('SIGKILL');
		}
	},
	LIMIT_MS,
);

/** What is wrong with an outcome and the names of the files that it left, or null. */
function faultOf(outcome: Outcome | 'gone', left: readonly string[], name: string): string | null {
	if (outcome === 'gone') return 'the process hung or ended';
	switch (outcome.kind) {
		case 'defect':
			return outcome.what;
		case 'filled':
			return String(left) === name ? null : `left ${left}`;
		case 'refused': {
			const said = `${outcome.message} [${outcome.field}]`;
			if (!NAMED.test(said)) return `names nothing: ${said}`;
			return left.length === 0 ? null : `refused, but left ${left}`;
		}
	}
}

/** A line, an element, a quoted name, or a field. */
const NAMED = /line \d+|<\w+|"[^"]+"|\[(?!null)[^\]]+\]$/;

async function tryOne(
	child: ChildProcess,
	seed: number,
	name: string,
	bytes: Buffer,
	more: Partial<Task> = {},
): Promise<{ readonly outcome: Outcome | 'gone'; readonly left: readonly string[] }> {
	const own = path.join(folder, String(seed));
	const task: Task = { file: path.join(own, name), folder: path.join(own, 'out'), clip, ...more };
	await mkdir(task.folder, { recursive: true });
	await writeFile(task.file, bytes);
	const stop = new AbortController();
	const timer = setTimeout(() => stop.abort(), LIMIT_MS);
	try {
		const { signal } = stop;
		const answer = once(child, 'message', { signal }).then(([message]) => message as Outcome);
		const end = once(child, 'exit', { signal }).then(() => 'gone' as const);
		end.catch(() => {});
		child.send(task);
		const outcome = await Promise.race([answer, end]).catch(() => 'gone' as const);
		return { outcome, left: await readdir(task.folder) };
	} finally {
		clearTimeout(timer);
		stop.abort();
		await rm(own, { recursive: true, force: true });
	}
}

async function timelines() {
	const samples = path.join(root, 'tests/samples/timelines');
	const files = await readdir(samples);
	const read = files.map(async (name) => ({
		name,
		bytes: await readFile(path.join(samples, name)),
	}));
	const shots = [
		{ name: 'a', path: '/media/a é.mov', start: 0, frames: 20 },
		{ name: 'b & b', path: '/media/b.mov', start: 37, frames: 22 },
		{ name: 'c', path: '/media/c.mov', start: 70, frames: 5 },
	];
	const size = { width: 160, height: 90 };
	const cut = { name: 'cut', rate: { num: 24000, den: 1001 }, size, startFrame: 0, clips: shots };
	const made = {
		'made.xml': fcp7Xml(cut),
		'made.otio': otio(cut),
		'short.otio': JSON.stringify(JSON.parse(otio(cut))),
		'made.kdenlive': kdenlive(cut),
		'crlf.kdenlive': kdenlive(cut).replaceAll('\n', '\r\n'),
		'newer.kdenlive': kdenlive2412({ shots, times: 'clock' }),
		'sound.mlt': kdenlive2412({ shots, times: 'frames', otherSound: [shots] }),
	};
	const written = Object.entries(made).map(([name, text]) => ({ name, bytes: Buffer.from(text) }));
	return [...(await Promise.all(read)), ...written];
}
