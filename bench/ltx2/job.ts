import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Report } from '../../inference-daemon/engines/engine.ts';
import { OPEN_GATE } from '../../inference-daemon/engines/gate.ts';
import { ltx2 } from '../../inference-daemon/engines/ltx2/engine.ts';
import { findFfmpeg } from '../../inference-daemon/media/locate.ts';
import { requestFor } from './shots.ts';

const SIZE = { width: 256, height: 256 };
/** One frame on the left, these, and three on the right: nine that the model sees. */
const GAP = 5;

/** What the parent is told: that a phase has begun, or how the job ended. */
export type Told =
	| { readonly kind: 'phase'; readonly phase: string }
	| { readonly kind: 'clip'; readonly frames: number; readonly size: typeof SIZE };

/**
 * One job through the engine, as the daemon's own process does it: a gap of five frames between two
 * shots at 256×256, in one step, with the model in a folder.
 */
export async function job(folder: string): Promise<void> {
	const ffmpeg = await findFfmpeg();
	const cache = join(folder, 'cache');
	await mkdir(cache, { recursive: true });
	const settings = { steps: 1, context: 1 / 24, pixels: SIZE.width * SIZE.height, provider: 'cpu' };
	const request = requestFor(ffmpeg.path, { folder, size: SIZE, shot: 24, gap: GAP, settings });
	const plan = await ltx2.plan(request);
	if (plan.workFrames !== 9 || plan.workSize.width !== SIZE.width || plan.steps !== 1) {
		throw new Error(`Expected 256×256×9 in one step, got ${JSON.stringify(plan)}`);
	}
	const unfinished = join(folder, 'unfinished');
	const clipPath = join(folder, 'clip.mov');
	const workplace = { ffmpeg, folder, cache, unfinished, clipPath };
	const { signal } = new AbortController();
	const tell = (told: Told) => process.send!(told);
	const report = (output: Report) => {
		if (output.kind === 'progress') tell({ kind: 'phase', phase: output.phase });
	};
	const { frames, size } = await ltx2.generate(request, workplace, {
		report,
		signal,
		gate: OPEN_GATE,
	});
	tell({ kind: 'clip', frames, size });
	process.disconnect();
}
