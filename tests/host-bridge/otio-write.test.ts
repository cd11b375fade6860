import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findGaps } from '../../host-bridge/gap.ts';
import type { Placement } from '../../host-bridge/host.ts';
import { checkPlacement, planPlacement } from '../../host-bridge/placement.ts';
import { MediaFinder } from '../../host-bridge/timeline-file/media-path.ts';
import { otioFormat } from '../../host-bridge/timeline-file/otio/otio.ts';
import { splice } from '../../host-bridge/timeline-file/splice.ts';
import { type FrameRange, samplesForFrames } from '../../protocol/time.ts';
import { python } from '../python.ts';
import { media, type Otio, pen } from './otio-timelines.ts';
import { unsplice } from './unsplice.ts';

const samples = path.resolve(import.meta.dirname, '../samples/timelines');
const p24 = pen(24);
let folder = '';
let file = '';

beforeAll(async () => {
	folder = mkdtempSync(path.join(os.tmpdir(), 'pickup-otio-'));
	file = path.join(folder, 'pick up é #1.mov');
	writeFileSync(file, '');
	await python();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Wanted = {
	readonly track: string;
	readonly range: FrameRange;
	readonly where?: Placement['where'];
	readonly sequence?: number;
	readonly sound?: boolean;
};

/** Fills, checks that the report is verified and that only insertions were made. */
function place(text: string, wanted: Wanted): string {
	const index = wanted.sequence ?? 0;
	const sequence = otioFormat.read(text, new MediaFinder(folder))[index];
	if (!sequence) throw new Error('no such sequence');
	const { rate, size } = sequence.cut.sequence;
	const frames = wanted.range.end - wanted.range.start;
	const placement: Placement = {
		clip: {
			path: file,
			frames,
			rate,
			size,
			samples: wanted.sound === false ? 0 : samplesForFrames(frames, rate),
			draft: true,
			engine: 'inbetween',
			seed: 7,
		},
		name: 'Pickup "1"',
		range: wanted.range,
		track: wanted.track,
		where: wanted.where ?? 'gap',
		picture: true,
		sound: true,
	};
	const plan = planPlacement(sequence.cut, placement);
	const result = splice(text, sequence.insertions(placement, plan));
	expect(unsplice(result.text, result.spans)).toBe(text);
	const after = otioFormat.read(result.text, new MediaFinder(folder))[index];
	if (!after) throw new Error('the sequence is gone');
	const report = checkPlacement(sequence.cut, after.cut, placement, plan);
	expect(report).toMatchObject({ verified: true, actual: report.expected });
	return result.text;
}

type Found = {
	readonly track: number;
	readonly kind: string;
	readonly name: string;
	readonly start: readonly [number, number];
	readonly duration: readonly [number, number];
	readonly inSequence: readonly [number, number];
	readonly url: string;
	readonly available: readonly [number, number];
	readonly link: string;
	readonly resolve: number | null;
	readonly filled: readonly number[];
};
type Report = {
	readonly clips: readonly Found[];
	readonly durations: readonly (readonly [number, number])[];
	readonly differences: readonly string[];
};

/** What OpenTimelineIO itself says of the two texts. */
async function compare(before: string, after: string): Promise<Report> {
	const names = [before, after].map((text, index) => {
		const name = path.join(folder, `${index}.otio`);
		writeFileSync(name, text);
		return name;
	});
	const script = path.join(import.meta.dirname, 'otio-compare.py');
	const { stdout } = await promisify(execFile)(await python(), [script, ...names]);
	return JSON.parse(stdout) as Report;
}

function pretty(document: Otio): string {
	return JSON.stringify(document, null, 4);
}

function cutOf(p: ReturnType<typeof pen>, gap: number, more: readonly Otio[] = []): Otio {
	return p.timeline([
		p.track('Video', [p.clip('a', p.range(10, 48)), p.gap(gap), p.clip('b', p.range(5, 24))]),
		...more,
	]);
}

test('every sample with a gap or an open end can be filled and is otherwise unchanged', async () => {
	const files = readdirSync(samples).filter((name) => name.endsWith('.otio'));
	for (const name of files) {
		const text = readFileSync(path.join(samples, name), 'utf8');
		const gaps = findGaps(
			otioFormat.read(text, new MediaFinder(folder))[0]?.cut ?? expect.fail('unreadable'),
		);
		expect(gaps.length).toBeGreaterThan(0);
		for (const gap of gaps) {
			const range = { start: gap.start, end: gap.end ?? gap.start + 12 };
			const filled = place(text, { track: gap.track, range });
			const { clips, durations, differences } = await compare(text, filled);
			expect(clips.map((clip) => clip.inSequence[0])).toEqual([range.start, range.start]);
			expect(clips.map((clip) => clip.duration[0])).toEqual([
				range.end - range.start,
				range.end - range.start,
			]);
			expect(clips.map((clip) => clip.kind)).toEqual(['Video', 'Audio']);
			// Only the trim of the track itself may have to change.
			const trimmed = gap.track === 'V3' && name === 'multiple_track.otio';
			if (gap.end !== null) expect(durations[0]?.[1]).toBe(durations[0]?.[0]);
			expect(differences).toEqual([]);
			expect(filled.includes('pickup_former_source_range')).toBe(trimmed);
		}
	}
});

test.each([23.976, 23.976023976023978, 24, 25, 29.97, 59.94])(
	'a gap at %d is filled exactly, as OpenTimelineIO sees it',
	async (rate) => {
		const p = pen(rate);
		const text = pretty(cutOf(p, 37));
		const filled = place(text, { track: 'V1', range: { start: 48, end: 85 } });
		const { clips, durations, differences } = await compare(text, filled);
		expect(clips).toHaveLength(2);
		for (const clip of clips) {
			expect(clip).toMatchObject({
				start: [48, rate],
				duration: [37, rate],
				inSequence: [48, rate],
				available: [0, 37],
				name: 'Pickup "1"',
				link: clips[0]?.link,
				resolve: null,
			});
			expect(clip.url).toBe(`file://${folder}/pick%20up%20%C3%A9%20%231.mov`);
		}
		expect(clips[0]?.filled).toEqual([37 / rate]);
		expect(durations).toEqual([[109 / rate, 109 / rate]]);
		expect(differences).toEqual([]);
	},
);

test('part of a gap leaves smaller gaps on both sides, at the rate of the old one', async () => {
	const text = pretty(cutOf(p24, 40));
	const filled = place(text, { track: 'V1', range: { start: 55, end: 71 } });
	const { clips, differences } = await compare(text, filled);
	expect(clips[0]).toMatchObject({ start: [55, 24], duration: [16, 24] });
	expect(differences).toEqual([]);
	const items = JSON.parse(filled).tracks.children[0].children as Otio[];
	expect(items.map((item) => item.OTIO_SCHEMA)).toEqual([
		...['Clip.2', 'Gap.1', 'Clip.2', 'Gap.1', 'Clip.2'],
	]);
	// Another clip goes into what is left, and another beside it.
	const again = place(filled, { track: 'V1', range: { start: 71, end: 80 } });
	const third = place(again, { track: 'V1', range: { start: 48, end: 50 } });
	expect((await compare(text, third)).differences).toEqual([]);
});

test('several gaps in a row are filled by one clip that keeps them all', async () => {
	const p = p24;
	const children = [
		p.clip('a', p.range(0, 10)),
		p.gap(5),
		p.gap(0),
		p.gap(12.5, 30),
		p.transition(1, 1),
		p.clip('b', p.range(0, 10)),
	];
	const text = pretty(p.timeline([p.track('Video', children)]));
	const filled = place(text, { track: 'V1', range: { start: 10, end: 25 } });
	const { clips, durations, differences } = await compare(text, filled);
	expect(clips[0]?.filled).toEqual([5 / 24, 0, 12.5 / 30]);
	expect(clips[0]).toMatchObject({ start: [10, 24], duration: [15, 24] });
	expect(durations[0]?.[1]).toBeCloseTo(durations[0]?.[0] ?? 0, 9);
	expect(differences).toEqual([]);
	const items = JSON.parse(filled).tracks.children[0].children as Otio[];
	expect(items[2]?.OTIO_SCHEMA).toBe('Transition.1');
});

test('a gap that is not cut on frames is taken whole, so that nothing after it moves', async () => {
	const p = p24;
	const children = [p.clip('a', p.range(0, 10.4)), p.gap(10.2), p.clip('b', p.range(0, 9))];
	const text = pretty(p.timeline([p.track('Video', children)]));
	const filled = place(text, { track: 'V1', range: { start: 10, end: 21 } });
	const { clips, durations, differences } = await compare(text, filled);
	expect(clips[0]).toMatchObject({ start: [10.4, 24], duration: [10.2, 24], available: [0, 11] });
	// The sound stands exactly under the picture.
	expect(clips[1]).toMatchObject({ start: [10.4, 24], duration: [10.2, 24] });
	expect(durations[0]?.[1]).toBeCloseTo(durations[0]?.[0] ?? 0, 9);
	expect(differences).toEqual([]);
});

test('sound goes to the first audio track that is free, wrapped, appended or new', async () => {
	const audio = (...children: Otio[]) => p24.track('Audio', children, { name: 'sound' });
	const s = (length: number) => p24.clip('s', p24.range(0, length));
	const range = { start: 48, end: 85 };
	const inGap = pretty(
		cutOf(p24, 37, [audio(s(90)), audio(s(40), p24.gap(60), s(9)), audio(s(10))]),
	);
	const wrapped = await compare(inGap, place(inGap, { track: 'V1', range }));
	expect(wrapped.clips[1]).toMatchObject({ track: 2, start: [48, 24], filled: [60 / 24] });
	expect(wrapped.differences).toEqual([]);
	const short = pretty(cutOf(p24, 37, [audio(s(10))]));
	const appended = await compare(short, place(short, { track: 'V1', range }));
	expect(appended.clips[1]).toMatchObject({ track: 1, start: [48, 24], filled: [] });
	expect(appended.differences).toEqual([]);
	// The last gap ends inside the range: the clip takes it and reaches beyond.
	const within = pretty(cutOf(p24, 37, [audio(s(40), p24.gap(30))]));
	const beyond = await compare(within, place(within, { track: 'V1', range }));
	expect(beyond.clips[1]).toMatchObject({ track: 1, start: [48, 24], duration: [37, 24] });
	expect(beyond.differences).toEqual([]);
	const full = pretty(cutOf(p24, 37, [audio(s(90))]));
	const added = await compare(full, place(full, { track: 'V1', range }));
	expect(added.clips[1]).toMatchObject({ track: 2, kind: 'Audio', start: [48, 24] });
	expect(added.differences).toEqual([]);
	const empty = pretty(cutOf(p24, 37, [audio()]));
	const first = await compare(empty, place(empty, { track: 'V1', range }));
	expect(first.clips[1]).toMatchObject({ track: 1, start: [48, 24] });
	const silent = place(full, { track: 'V1', range, sound: false });
	expect((await compare(full, silent)).clips).toHaveLength(1);
});

test('a take above goes on a new track directly after the last video track', async () => {
	const sound = p24.track('Audio', [p24.clip('s', p24.range(0, 90))]);
	const text = pretty(cutOf(p24, 37, [sound]));
	const filled = place(text, { track: 'V1', range: { start: 20, end: 44 }, where: 'above' });
	const { clips, differences } = await compare(text, filled);
	expect(clips).toMatchObject([
		{ track: 1, kind: 'Video', start: [20, 24], duration: [24, 24] },
		{ track: 3, kind: 'Audio', start: [20, 24], duration: [24, 24] },
	]);
	expect(differences).toEqual([]);
});

test('open ends of trimmed tracks and an empty timeline take clips', async () => {
	const p = p24;
	const children = [p.clip('a', p.range(0, 20)), p.gap(10), p.clip('b', p.range(0, 20))];
	const late = p.track('Video', children, { source_range: p.range(-10, 60) });
	const text = pretty(p.timeline([late]));
	for (const range of [
		{ start: 0, end: 10 },
		{ start: 2, end: 6 },
		{ start: 30, end: 40 },
		{ start: 60, end: 70 },
		{ start: 65, end: 70 },
	]) {
		const filled = place(text, { track: 'V1', range });
		const { clips, differences } = await compare(text, filled);
		expect(clips[0]).toMatchObject({ inSequence: [range.start, 24] });
		expect(differences).toEqual([]);
		const second = place(filled, { track: 'V1', range: { start: 80, end: 82 } });
		expect((await compare(text, second)).differences).toEqual([]);
	}
	// What a trim hides is still there: nothing can be put over it.
	const cut = p.track('Video', children, { source_range: p.range(5, 30) });
	const hidden = pretty(p.timeline([cut]));
	expect(() => place(hidden, { track: 'V1', range: { start: 30, end: 40 } })).toThrow(
		/Expected empty time on V1 from frame 30 to 40, .*trimmed time.* \(line \d+\)/,
	);
	const stack = p.stack([cut], { source_range: p.range(0, 30) });
	expect(() =>
		place(pretty(p.timeline([], { tracks: stack })), {
			track: 'V1',
			range: { start: 30, end: 35 },
		}),
	).toThrow(/inside the source_range/);
	const empty = pretty(p.timeline([p.track('Video', [])]));
	const filled = place(empty, { track: 'V1', range: { start: 12, end: 36 } });
	expect((await compare(empty, filled)).clips[0]).toMatchObject({ start: [12, 24] });
});

test('the document keeps its manner: line ends, indentation, one line, schema and numbers', () => {
	const range = { start: 48, end: 85 };
	const lines = (indent: string | number) => JSON.stringify(cutOf(p24, 37), null, indent);
	for (const text of [lines(4), lines(2), lines('\t')]) {
		const unit = /\n([\t ]+)"/.exec(text)?.[1] ?? '';
		for (const line of place(text, { track: 'V1', range }).split('\n')) {
			expect(line).toMatch(new RegExp(`^(${unit})*[^\\s].*[^\\s]$|^(${unit})*[^\\s]$`));
		}
	}
	const crlf = lines(4).replaceAll('\n', '\r\n');
	expect(place(crlf, { track: 'V1', range })).not.toMatch(/[^\r]\n/);
	const compact = JSON.stringify(cutOf(p24, 37));
	const filled = place(compact, { track: 'V1', range });
	expect(filled).not.toContain('\n');
	expect(filled).toBe(JSON.stringify(JSON.parse(filled)));
	const spaced = lines(1).replaceAll(/\n */g, ' ').replaceAll('{ ', '{').replaceAll(' }', '}');
	expect(place(spaced, { track: 'V1', range })).not.toMatch(/\n|,"|":\S/);
	const floats = lines(4).replaceAll(/"(rate|value)": (\d+)/g, '"$1": $2.0');
	expect(place(floats, { track: 'V1', range })).not.toMatch(/"(rate|value)": \d+,?\n/);
	const old = pen(24, 1);
	const first = place(pretty(cutOf(old, 37)), { track: 'V1', range });
	expect(first).not.toMatch(/Clip\.2|media_references/);
});

test('links are numbered where DaVinci Resolve numbers them', async () => {
	const group = (id: number) => ({ metadata: { Resolve_OTIO: { 'Link Group ID': id } } });
	const sound = p24.track('Audio', [p24.clip('s', p24.range(0, 10), group(4))]);
	const text = pretty(cutOf(p24, 37, [sound]));
	const filled = place(text, { track: 'V1', range: { start: 48, end: 85 } });
	expect((await compare(text, filled)).clips.map((clip) => clip.resolve)).toEqual([5, 5]);
});

test('the second timeline of a collection is filled, and the first is left alone', async () => {
	const collection = {
		OTIO_SCHEMA: 'SerializableCollection.1',
		name: 'all',
		metadata: {},
		children: [cutOf(p24, 20), cutOf(pen(25), 37)],
	};
	const text = pretty(collection);
	const filled = place(text, { track: 'V1', range: { start: 48, end: 85 }, sequence: 1 });
	const { clips, differences } = await compare(text, filled);
	expect(clips[0]).toMatchObject({ start: [48, 25], duration: [37, 25] });
	expect(differences).toEqual([]);
});

test('time that is taken is refused', () => {
	const own = media('media/a.mov');
	const children = [p24.clip('a', p24.range(0, 0.2), { media: own }), p24.gap(9)];
	const text = pretty(p24.timeline([p24.track('Video', [p24.gap(9), ...children])]));
	expect(() => place(text, { track: 'V1', range: { start: 0, end: 18 } })).toThrow(
		/Expected empty time on V1 from frame 0 to 18/,
	);
	expect(() => place(text, { track: 'V1', range: { start: 0, end: 9 } })).not.toThrow();
});
