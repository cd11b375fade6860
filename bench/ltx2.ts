import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { benchBlock } from './ltx2/block.ts';
import { pass } from './ltx2/pass.ts';
import { benchWhole } from './ltx2/whole.ts';

/**
 * LTX-2 19B at full size, with weights of no meaning: one block against PyTorch, and all of the
 * transformer out of a file of 43 GB that takes no room. (The second starts this file anew.)
 */
if (process.argv[2] === 'pass') await pass(process.argv[3]!);
else {
	const folder = await mkdtemp(join(tmpdir(), 'pickup-bench-'));
	try {
		await benchBlock(folder);
		await benchWhole(folder);
	} finally {
		await rm(folder, { recursive: true, force: true });
	}
}
