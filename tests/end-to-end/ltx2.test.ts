import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fcp7Xml } from '../../demo/timelines.ts';
import type { PlacementReport } from '../../host-bridge/host.ts';
import type { InsertedSpan } from '../../host-bridge/timeline-file/splice.ts';
import { countClip } from '../../inference-daemon/media/verify.ts';
import type { Clip, Job } from '../../protocol/jobs.ts';
import { makeModel } from '../engines/ltx2/shots.ts';
import { unsplice } from '../host-bridge/unsplice.ts';
import { makeNumberedShot, NUMBERED_SIZE } from './numbered.ts';
import { openWorkbench, type Workbench } from './workbench.ts';

const RATE = { num: 30_000, den: 1001 };
const GAP = 11;

let bench: Workbench;
let model: string;
let timeline: string;
beforeAll(async () => {
	bench = await openWorkbench();
	model = await makeModel(join(bench.folder, 'model'), 'ltx-2-tiny');
	const clips = [];
	for (const [name, start] of [
		['left', 0],
		['right', 30 + GAP],
	] as const) {
		const path = join(bench.folder, `${name}.mov`);
		await makeNumberedShot(path, RATE, start, 30, { hertz: 440, level: 0.2 });
		clips.push({ name, path, start, frames: 30 });
	}
	timeline = join(bench.folder, 'cut.xml');
	const cut = { name: 'cut', rate: RATE, size: NUMBERED_SIZE, startFrame: 0, clips };
	await writeFile(timeline, fcp7Xml(cut));
});
afterAll(() => bench.close());

test('a gap is filled by LTX-2 through the daemon and lands in the timeline', async () => {
	const made = await bench.pickupJson<{
		timeline: string;
		inserted: readonly InsertedSpan[];
		clips: readonly Clip[];
		placements: readonly PlacementReport[];
	}>([
		...['fill', timeline, '--gap', '1', '--engine', 'ltx2', '--model', model],
		...['--prompt', 'a red kite over a bay', '--seed', '3', '-o', join(bench.folder, 'new')],
	]);
	const samples = Math.round((GAP * 1001 * 48_000) / 30_000);
	expect(made.clips[0]).toMatchObject({ engine: 'ltx2', draft: false, frames: GAP, samples });
	expect(await countClip(made.clips[0]!.path)).toEqual({ frames: GAP, samples });
	expect(made.placements.every(({ verified }) => verified)).toBe(true);
	const before = await readFile(timeline, 'utf8');
	expect(unsplice(await readFile(made.timeline, 'utf8'), made.inserted)).toBe(before);
	const { jobs } = await bench.pickupJson<{ jobs: Job[] }>(['jobs']);
	expect(jobs[0]!.plan).toMatchObject({ engine: 'ltx2', draft: false, passes: 1, steps: 8 });
	expect(jobs[0]!.plan).toMatchObject({
		context: { left: 25, right: 30 },
		notes: [expect.stringContaining('tells whether it is dev or distilled')],
	});
});
