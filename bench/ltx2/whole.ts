import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { anonymous, megabytes, watch } from './memory.ts';
import { release19b, writeWeights } from './weights.ts';

/**
 * The whole transformer in a process of its own, opened as the engine does and run block after
 * block at 256 video and 126 audio tokens: how long opening takes, and how much memory there is
 * that is not pages of a file.
 */
export async function benchWhole(folder: string): Promise<void> {
	if (process.platform !== 'linux') {
		console.log('the whole transformer is left out: its memory is read from Linux’s /proc');
		return;
	}
	const path = join(folder, 'ltx-2-19b.safetensors');
	await writeWeights(path, await release19b(), 'zeros');
	const program = fileURLToPath(new URL('./bench-ltx2.mjs', import.meta.url));
	const child = fork(program, ['pass', path]);
	const ended = once(child, 'exit').then(([code]) => {
		throw new Error(`Expected the pass to go on, but it has ended with ${code}`);
	});
	ended.catch(() => {});
	const stage = async () => {
		const [{ milliseconds }] = await Promise.race([once(child, 'message'), ended]);
		const memory = await anonymous(child.pid!);
		child.send('go on');
		return { seconds: milliseconds / 1000, memory };
	};
	try {
		const opened = await stage();
		console.log('the whole 19B transformer out of a sparse file, a block at a time, CPU, float32:');
		console.log(`  opened in ${opened.seconds.toFixed(2)} s (bar 2)`);
		console.log(`  memory of its own then ${megabytes(opened.memory)} MB (bar 300)`);
		const sampling = new AbortController();
		const most = largest(child.pid!, sampling.signal);
		const ran = await stage();
		sampling.abort();
		console.log(`  one pass of all blocks ${ran.seconds.toFixed(0)} s`);
		const peak = Math.max(await most, ran.memory);
		console.log(`  memory of its own at most ${megabytes(peak)} MB (bar 3000)`);
	} finally {
		child.kill();
	}
}

/** The most that a process has had, looked at every 20 ms. */
async function largest(pid: number, signal: AbortSignal): Promise<number> {
	let most = 0;
	await watch(
		pid,
		20,
		(bytes) => {
			most = Math.max(most, bytes);
		},
		signal,
	);
	return most;
}
