import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Placement } from '../../host-bridge/host.ts';
import { checkPlacement, planPlacement } from '../../host-bridge/placement.ts';
import { MediaFinder } from '../../host-bridge/timeline-file/media-path.ts';
import { parseJson } from '../../host-bridge/timeline-file/otio/json.ts';
import { otioFormat } from '../../host-bridge/timeline-file/otio/otio.ts';
import type { ClipSpan, Cut } from '../../protocol/timeline.ts';
import { placementOf } from './cuts.ts';
import { pen } from './otio-timelines.ts';

let folder = '';
beforeAll(async () => {
	folder = await mkdtemp(path.join(tmpdir(), 'pickup-many-'));
	await writeFile(path.join(folder, 'a.mov'), '');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A cut of many clips that counts how often they are looked at. */
function counted(clips: number, more: readonly ClipSpan[] = []) {
	let looks = 0;
	const all = Array.from({ length: clips }, (_, index) => ({
		name: `clip ${index}`,
		track: 'V1',
		get range() {
			looks += 1;
			return { start: index * 50, end: index * 50 + 25 };
		},
		source: { kind: 'file', path: '/a.mov' } as const,
		sourceIn: { num: 0, den: 1 },
		speed: { num: 1, den: 1 },
		enabled: true,
	}));
	const sequence: Cut['sequence'] = {
		name: 'many',
		rate: { num: 25, den: 1 },
		size: { width: 640, height: 360 },
		pixelAspect: { num: 1, den: 1 },
		duration: clips * 50,
		startFrame: 0,
		dropFrame: false,
		sampleRate: 48_000,
	};
	const track = { kind: 'video', index: 0, name: 'V1', enabled: true, locked: false } as const;
	const cut: Cut = { sequence, tracks: [{ ...track, clips: [...all, ...more], transitions: [] }] };
	return { cut, looks: () => looks };
}

test('a placement among many clips looks at each a fixed number of times', () => {
	const looksFor = (clips: number) => {
		const before = counted(clips);
		const range = { start: clips * 50, end: clips * 50 + 10 };
		const placement: Placement = placementOf(range, { sound: false });
		const plan = planPlacement(before.cut, placement);
		const file = { kind: 'file', path: placement.clip.path } as const;
		const still = { sourceIn: { num: 0, den: 1 }, speed: { num: 1, den: 1 }, enabled: true };
		const placed = { name: 'new', track: 'V1', range, source: file, ...still };
		const after = counted(clips, [placed]);
		expect(checkPlacement(before.cut, after.cut, placement, plan).verified).toBe(true);
		return before.looks() + after.looks();
	};
	expect(looksFor(8000)).toBeLessThan(8.1 * looksFor(1000));
});

test('media that many clips name are looked for once, also when the timeline is read again', () => {
	const media = new MediaFinder(folder);
	expect(media.find('a.mov').kind).toBe('file');
	expect(media.find('a.mov')).toBe(media.find('a.mov'));
	expect(media.lostIn(path.join(folder, 'elsewhere'))).toEqual([path.join(folder, 'a.mov')]);
	expect(media.lostIn(folder)).toEqual([]);
});

test('what a document holds is not kept beside its text', () => {
	const p25 = pen(25);
	const clips = Array.from({ length: 2000 }, (_, index) => p25.clip(`${index}`, p25.range(0, 5)));
	const text = JSON.stringify(p25.timeline([p25.track('Video', clips)]));
	const root = parseJson(text);
	const [first] = root.children ?? [];
	expect(root.children?.[0]).not.toBe(first);
	const [sequence] = otioFormat.read(text, new MediaFinder(folder));
	expect(sequence?.cut.tracks[0]?.clips).toHaveLength(2000);
});
