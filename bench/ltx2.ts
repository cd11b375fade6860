import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { benchBeside } from './ltx2/beside.ts';
import { benchBlock } from './ltx2/block.ts';
import { benchFull, benchInt8 } from './ltx2/full.ts';
import { job } from './ltx2/job.ts';
import { pass } from './ltx2/pass.ts';
import { benchPrecision } from './ltx2/precision.ts';
import { benchWhole } from './ltx2/whole.ts';

/**
 * LTX-2 19B at full size, with weights of no meaning: one block against PyTorch, all of the
 * transformer out of a file of 43 GB that takes no room, and the time of a job in which no network is at
 * work. `--block`, `--whole` and `--beside` choose some of these; `--precision` is what
 * ways to hold weights are off, `--full` a whole job, `--int8` one in prepared 8-bit weights, which takes 58 GB of disk. (Some start this file anew, as a process whose memory is looked at.)
 */
const [what, path] = process.argv.slice(2);
if (what === 'pass') await pass(path!);
else if (what === 'job') await job(path!);
else {
	const parts = {
		'--block': benchBlock,
		'--whole': benchWhole,
		'--beside': benchBeside,
		'--precision': benchPrecision,
		'--full': benchFull,
		'--int8': benchInt8,
	};
	const unknown = process.argv.find((argument) => /^--/.test(argument) && !(argument in parts));
	if (unknown) throw new Error(`Expected some of ${Object.keys(parts).join(', ')}, got ${unknown}`);
	const named = Object.keys(parts).filter((name) => process.argv.includes(name));
	const wanted = named.length > 0 ? named : ['--block', '--whole', '--overhead', '--preview'];
	for (const [name, bench] of Object.entries(parts)) {
		if (!wanted.includes(name)) continue;
		const folder = await mkdtemp(join(tmpdir(), 'pickup-bench-'));
		try {
			await bench(folder);
		} finally {
			await rm(folder, { recursive: true, force: true });
		}
	}
}
