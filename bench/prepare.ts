import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { release19b, writeWeights } from './ltx2/weights.ts';
import { median, timed } from './measure.ts';

const ROUNDS = 5;
/** Of 48: 1.5 GB. */
const BLOCKS = 2;

/**
 * `pickup models prepare` on the first blocks of LTX-2 19B at full size, in turn with dd: one copy of
 * the checkpoint, and one of as many bytes as prepared files take, both from memory to the disk.
 */
const run = promisify(execFile);
const folder = await mkdtemp(join(tmpdir(), 'pickup-bench-'));
const program = fileURLToPath(new URL('./pickup.mjs', import.meta.url));
try {
	const model = join(folder, 'model');
	await mkdir(model);
	const checkpoint = join(model, 'ltx-2-19b-distilled.safetensors');
	const { config, tensors } = await release19b();
	const own = Object.entries(tensors).filter(([name]) => {
		const block = /^model\.diffusion_model\.transformer_blocks\.(\d+)\./.exec(name)?.[1];
		return block !== undefined && Number(block) < BLOCKS;
	});
	await writeWeights(checkpoint, { config, tensors: Object.fromEntries(own) }, 'numbers');
	const { size } = await stat(checkpoint);
	const times = { prepare: [] as number[], check: [] as number[], whole: [] as number[] };
	const same: number[] = [];
	let bytes = 0;
	for (let round = 0; round < ROUNDS; round++) {
		times.whole.push(await timed(() => dd(checkpoint, size)));
		times.prepare.push(await timed(async () => ({ bytes } = await prepare(model))));
		times.check.push(await timed(() => prepare(model)));
		await prepare(model, '--remove');
		same.push(await timed(() => dd(checkpoint, bytes)));
	}
	const speed = (milliseconds: number) =>
		`${(milliseconds / 1e3).toFixed(2)} s, ${Math.round(bytes / milliseconds / 1e3)} MB/s`;
	const [made, copied] = [median(times.prepare), median(same)];
	console.log(`prepare: ${(size / 1e9).toFixed(2)} GB to ${(bytes / 1e9).toFixed(2)} GB`);
	console.log(`prepare: ${speed(made)} written`);
	console.log(`prepare: once more, all is read and found whole, ${speed(median(times.check))}`);
	console.log(`prepare: dd of as many bytes as are written, ${speed(copied)}`);
	const share = (copied / made).toFixed(2);
	const ofCopy = (median(times.whole) / made).toFixed(2);
	console.log(
		`prepare: ${share} of dd’s speed (at least 0.25); ${ofCopy} of a copy of the checkpoint’s`,
	);
	if (copied / made < 0.25) process.exitCode = 1;
} finally {
	await rm(folder, { recursive: true });
}

async function dd(from: string, length: number): Promise<void> {
	const to = join(folder, 'copy');
	const options = ['bs=4M', `count=${length}`, 'iflag=count_bytes', 'conv=fsync'];
	await run('dd', [`if=${from}`, `of=${to}`, ...options]);
	await rm(to);
}

async function prepare(model: string, option = '--yes'): Promise<{ bytes: number }> {
	const env = { ...process.env, PICKUP_STATE: join(folder, 'state') };
	const { stdout } = await run(
		process.execPath,
		[program, 'models', 'prepare', model, option, '--json'],
		{ env },
	);
	return JSON.parse(stdout);
}
