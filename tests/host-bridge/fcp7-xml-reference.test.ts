import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTimeline } from '../../host-bridge/timeline-file/host.ts';
import { python } from '../python.ts';
import { placementOf } from './cuts.ts';
import { clip, rate, sequence, transition, xmeml } from './xmeml.ts';

let folder = '';
let made = '';
beforeAll(async () => {
	folder = await mkdtemp(path.join(tmpdir(), 'pickup-reference-'));
	await mkdir(path.join(folder, 'out'));
	made = path.join(folder, 'made for you – 1.mov');
	await writeFile(made, '');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Fills a range and returns what OpenTimelineIO says of every clip, by track kind. */
async function filled(text: string, track: string, start: number, end: number) {
	const timeline = path.join(folder, `${track}-${start}.xml`);
	await writeFile(timeline, text);
	const host = await openTimeline(timeline);
	const { rate: frameRate } = (await host.cut()).sequence;
	const placement = placementOf({ start, end }, { track, clip: { path: made, rate: frameRate } });
	await host.place([placement]);
	const saved = await host.save(path.join(folder, 'out'), { overwrite: true });
	const [before = [], after = []] = await readByOther(timeline, saved.path);
	const isNew = (each: ReadClip) => each.path === made;
	return {
		old: before,
		kept: after.filter((each) => !isNew(each)),
		added: after.filter(isNew),
	};
}

type ReadClip = {
	readonly kind: string;
	readonly path: string;
	readonly start: number;
	readonly frames: number;
	readonly rate: number;
	/** Frame of the media, counted from its start timecode. */
	readonly source: number;
};

async function readByOther(...files: readonly string[]): Promise<readonly ReadClip[][]> {
	const script = path.resolve(import.meta.dirname, 'fcp7-xml-clips.py');
	const { stdout } = await promisify(execFile)(await python(), [script, ...files]);
	return JSON.parse(stdout) as ReadClip[][];
}

test.each([
	['23.976', 24, 'TRUE'],
	['24', 24, 'FALSE'],
	['25', 25, 'FALSE'],
	['29.97', 30, 'TRUE'],
	['59.94', 60, 'TRUE'],
])('another program reads the clip where it was put, at %s', async (_, timebase, ntsc) => {
	const own = rate(timebase, ntsc);
	const text = xmeml(
		sequence({
			rate: own,
			timecode: `<timecode>${own}<string>01:00:00:00</string><frame>${timebase * 3600}</frame><displayformat>NDF</displayformat></timecode>`,
			video: [[clip(0, 50, { rate: own }), clip(75, 100, { rate: own })]],
			audio: [[clip(0, 60, { rate: own })]],
		}),
	);
	const { old, kept, added } = await filled(text, 'V1', 50, 75);
	const frameRate = ntsc === 'TRUE' ? (timebase * 1000) / 1001 : timebase;
	const place = {
		path: made,
		start: 50,
		frames: 25,
		rate: expect.closeTo(frameRate, 3),
		source: 0,
	};
	expect(added).toEqual([
		{ kind: 'Video', ...place },
		{ kind: 'Audio', ...place },
		{ kind: 'Audio', ...place },
	]);
	expect(kept).toEqual(old);
});

test('beside a fade to black, on an empty audio pair', async () => {
	const own = { rate: rate(25) };
	const items = [
		clip(0, -1, { ...own, out: 50 }),
		transition(40, 50, 'end-black').replace('<alignment>', `${own.rate}<alignment>`),
		clip(75, 100, own),
	];
	const text = xmeml(sequence({ video: [items], audio: [[], []] }));
	const { old, kept, added } = await filled(text, 'V1', 50, 75);
	expect(added.map(({ kind, start, frames }) => [kind, start, frames])).toEqual([
		['Video', 50, 25],
		['Audio', 50, 25],
		['Audio', 50, 25],
	]);
	expect(kept).toEqual(old);
});

test('in a timeline that Premiere wrote', async () => {
	const sample = path.resolve(import.meta.dirname, '../samples/timelines/premiere_example.xml');
	const { old, kept, added } = await filled(await readFile(sample, 'utf8'), 'V2', 113, 165);
	// OpenTimelineIO joins the two halves of a stereo track.
	expect(added.map(({ kind, start, frames }) => [kind, start, frames])).toEqual([
		['Video', 113, 52],
		['Audio', 113, 52],
	]);
	expect(kept).toEqual(old);
});
