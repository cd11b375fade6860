import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Gap } from '../../host-bridge/host.ts';
import type { InsertedSpan } from '../../host-bridge/timeline-file/splice.ts';
import type { Sequence } from '../../protocol/timeline.ts';
import { unsplice } from '../host-bridge/unsplice.ts';
import { makeNumberedShot } from './numbered.ts';
import { openWorkbench, type Workbench } from './workbench.ts';

const SAMPLES = fileURLToPath(new URL('../samples/timelines', import.meta.url));
const TIMELINES = (await readdir(SAMPLES)).filter((name) => /\.(xml|otio)$/.test(name));

let bench: Workbench;
beforeAll(async () => {
	bench = await openWorkbench();
});
afterAll(() => bench.close());

test('there are sample timelines to try', () => expect(TIMELINES.length).toBeGreaterThanOrEqual(6));

test.each(TIMELINES)(
	'%s is read, its gaps are filled, and nothing else in it changes',
	async (name) => {
		const folder = join(bench.folder, name);
		await mkdir(folder);
		const standIn = join(folder, 'stand-in.mov');
		const text = withStandIns(await readFile(join(SAMPLES, name), 'utf8'), standIn);
		const timeline = join(folder, name);
		await writeFile(timeline, text);
		const found = await bench.pickupJson<{ sequence: Sequence }>(['gaps', timeline]);
		await makeNumberedShot(standIn, found.sequence.rate, 0, 900, { hertz: 330, level: 0.2 });
		const { gaps } = await bench.pickupJson<{ gaps: Gap[] }>(['gaps', timeline]);
		const tails = gaps.filter(
			(gap) => gap.kind === 'open-tail' && gap.left?.source.kind === 'file',
		);
		const inner = gaps.filter((gap) => gap.kind === 'gap');
		expect(name.includes('just_track') || inner.length + tails.length > 0).toBe(true);
		for (const gap of [...inner, ...tails.slice(0, 1)]) {
			const [action = '', ...options] = gap.end === null ? ['extend', '--length', '5'] : ['fill'];
			const output = join(folder, `row ${gap.row}`);
			const args = [action, timeline, '--gap', String(gap.row), ...options, '-o', output];
			const filled = await bench.pickupJson<{ timeline: string; inserted: InsertedSpan[] }>(args);
			const after = await readFile(filled.timeline, 'utf8');
			expect(after.length).toBeGreaterThan(text.length);
			expect(unsplice(after, filled.inserted)).toBe(text);
			expect(await readFile(timeline, 'utf8')).toBe(text);
		}
	},
);

/** Names one file wherever the timeline names a file, or says that one is missing. */
function withStandIns(text: string, standIn: string): string {
	const url = pathToFileURL(standIn).href;
	return text
		.replaceAll(/(<pathurl>|"target_url": ?")file:[^<"]*/g, `$1${url}`)
		.replaceAll('"MissingReference.1"', `"ExternalReference.1", "target_url": "${url}"`);
}
