import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { transformerIn } from '../../inference-daemon/engines/ltx2/weights/model-files.ts';
import { prepare, survey } from '../../inference-daemon/engines/ltx2/weights/prepare.ts';
import { timed } from '../measure.ts';
import type { Told } from './job.ts';
import { highWater, megabytes, watch } from './memory.ts';
import { writeModelFolder } from './model-folder.ts';

const EVERY = 50;

type Phase = {
	readonly name: string;
	readonly begun: number;
	most: number;
};

/**
 * A whole job of LTX-2 19B through the engine, in a process of its own and without a GPU, with
 * weights that are zero: 256×256, nine frames, one step, float32. How long each phase takes and how much
 * memory it has that is not pages of a file.
 */
export async function benchFull(folder: string): Promise<void> {
	await wholeJob(folder, 'weights that are zero', () => writeModelFolder(join(folder, 'model')));
}

/** As that with numbers in the transformer, in 8 bits that are prepared first. Takes 58 GB of disk. */
export async function benchInt8(folder: string): Promise<void> {
	await wholeJob(folder, '8-bit weights', async () => {
		await writeModelFolder(join(folder, 'model'), 'transformer');
		const { signal } = new AbortController();
		const checkpoint = await transformerIn(join(folder, 'model'));
		const found = await survey(checkpoint, join(folder, 'cache'), () => {}, signal);
		const milliseconds = await timed(() => prepare(checkpoint, found, () => {}, signal));
		console.log(`prepared in ${(milliseconds / 1000).toFixed(0)} s`);
	});
}

async function wholeJob(
	folder: string,
	what: string,
	writeModel: () => Promise<void>,
): Promise<void> {
	if (process.platform !== 'linux') {
		console.log('the whole job is left out: its memory is read from Linux’s /proc');
		return;
	}
	await mkdir(join(folder, 'model'));
	await writeModel();
	const program = fileURLToPath(new URL('./bench-ltx2.mjs', import.meta.url));
	const child = fork(program, ['job', folder]);
	const start = performance.now();
	const phases: Phase[] = [{ name: 'Planning', begun: start, most: 0 }];
	const made: Told[] = [];
	let highest = 0;
	child.on('message', (told: Told) => {
		if (told.kind === 'clip') made.push(told);
		else if (phases.at(-1)!.name !== told.phase) {
			phases.push({ name: told.phase, begun: performance.now(), most: 0 });
			report(phases.at(-2)!, performance.now());
		}
	});
	const watching = new AbortController();
	const look = (bytes: number) => {
		const phase = phases.at(-1)!;
		phase.most = Math.max(phase.most, bytes);
	};
	console.log(`a whole 19B job, ${what}, 256×256, 9 frames, 1 step, CPU:`);
	const watched = watch(child.pid!, EVERY, look, watching.signal);
	const marks = setInterval(() => {
		highWater(child.pid!).then(
			(bytes) => {
				if (bytes > highest) highest = bytes;
			},
			() => {},
		);
	}, 1000);
	try {
		const [code] = await once(child, 'exit');
		report(phases.at(-1)!, performance.now());
		if (code !== 0 || made.length !== 1) throw new Error(`Expected a clip, got exit code ${code}`);
	} finally {
		clearInterval(marks);
		watching.abort();
		child.kill();
		await watched;
	}
	const peak = Math.max(...phases.map(({ most }) => most));
	console.log(`  finished after ${((performance.now() - start) / 1000).toFixed(0)} s`);
	console.log(`  memory of its own at most ${megabytes(peak)} MB (bar 6000)`);
	console.log(`  with the pages of files, which the system takes back, ${megabytes(highest)} MB`);
}

function report({ name, begun, most }: Phase, now: number): void {
	const seconds = ((now - begun) / 1000).toFixed(1);
	console.log(`  ${name.padEnd(28)} ${seconds.padStart(7)} s   ${megabytes(most).padStart(5)} MB`);
}
