import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Placement } from '../../host-bridge/host.ts';
import { MediaFinder } from '../../host-bridge/timeline-file/media-path.ts';
import { mltFormat } from '../../host-bridge/timeline-file/mlt/mlt.ts';
import { PickupError } from '../../protocol/errors.ts';
import type { Cut } from '../../protocol/timeline.ts';
import { kdenlive2212, kdenlive2412, type Shot, shotcut, UUID } from './mlt-documents.ts';
import { fill, firstCut, placementOf as place, table } from './mlt-placing.ts';
import { unsplice } from './unsplice.ts';

const FOLDER = mkdtempSync(join(tmpdir(), 'pickup-mlt-write-'));
const NEW = join(FOLDER, 'new shot.mov');
const SECOND = join(FOLDER, 'second.mov');
const ODD = join(FOLDER, 'a & b <"é"> 🎬.mov');
for (const file of [NEW, SECOND, ODD]) writeFileSync(file, 'media');
afterAll(() => rmSync(FOLDER, { recursive: true }));

const SHOTS: readonly Shot[] = [
	{ path: 'red.mov', name: 'red & co', start: 0, frames: 25 },
	{ path: 'blue.mov', name: 'blue', start: 40, frames: 25 },
];
const VOICE: readonly Shot[] = [{ path: 'voice.wav', name: 'voice', start: 25, frames: 15 }];
const MUSIC: readonly Shot[] = [{ path: 'music.wav', name: 'music', start: 30, frames: 35 }];
const LINKED = JSON.stringify([
	{
		children: [
			{ data: '2:0', leaf: 'clip', type: 'Leaf' },
			{ data: '1:0', leaf: 'clip', type: 'Leaf' },
		],
		type: 'AVSplit',
	},
]).replaceAll('"', '&quot;');

const DOCUMENTS = [
	['Kdenlive 22.12', kdenlive2212({ shots: SHOTS, groups: LINKED })],
	['Kdenlive 24.12', kdenlive2412({ shots: SHOTS, groups: LINKED, chains: true })],
	['Shotcut', shotcut({ shots: SHOTS })],
] as const;
const LINE_ENDS = [
	['LF', (text: string) => text],
	['CRLF', (text: string) => text.replaceAll('\n', '\r\n')],
	['no line ends', (text: string) => text.replace(/\n\s*/g, '')],
	['a byte order mark', (text: string) => `\uFEFF${text}`],
	['letters beyond U+FFFF', (text: string) => text.replaceAll('red &amp; co', '🎬 red &amp; co')],
] as const;
const PLACEMENTS = [
	['a gap', 25, 40, {}],
	['a part of a gap', 28, 33, {}],
	['the open end', 70, 110, {}],
	['a take above', 5, 20, { where: 'above' }],
	['picture alone', 25, 40, { sound: false }],
	['sound alone', 25, 40, { picture: false }],
] as const;

describe.each(DOCUMENTS)('%s', (_, document) => {
	describe.each(LINE_ENDS)('with %s', (__, withEnds) => {
		test.each(PLACEMENTS)(
			'%s: verified, and undone to the same bytes',
			(___, start, end, given) => {
				const text = withEnds(document);
				const cut = firstCut(text, FOLDER);
				const filled = fill(text, FOLDER, placementOf(cut, start, end, given));
				expect(filled.report).toMatchObject({ verified: true, range: { start, end } });
				expect(unsplice(filled.text, filled.spans)).toBe(text);
				expect(filled.after.sequence.duration).toBe(Math.max(65, end));
				if (!text.includes('\n')) expect(filled.text).not.toContain('\n');
				if (text.includes('\r\n')) expect(filled.text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
			},
		);
	});

	test('a second clip goes where the first left room, and both come out again', () => {
		const first = fill(document, FOLDER, placementOf(firstCut(document), 28, 33));
		const next = placementOf(first.after, 33, 40, { path: SECOND });
		const second = fill(first.text, FOLDER, next);
		expect(second.report.verified).toBe(true);
		expect(unsplice(unsplice(second.text, second.spans), first.spans)).toBe(document);
		expect(table(second.after)[0]).toBe(
			'V1: 0–25 red & co | 28–33 Pickup 1 | 33–40 Pickup 1 | 40–65 blue',
		);
	});

	test('names with &, quotes and other scripts are kept', () => {
		const path = ODD;
		const filled = fill(document, FOLDER, placementOf(firstCut(document), 25, 40, { path }));
		expect(filled.after.tracks[0]?.clips[1]?.source).toMatchObject({ kind: 'file', path });
	});
});

test('several blanks in a row are filled as one', () => {
	const text = kdenlive2212({ shots: SHOTS, times: 'frames' }).replaceAll(
		'<blank length="15"/>',
		'<blank length="4"/><blank length="00:00:00.200"/><blank length="6"/>',
	);
	const filled = fill(text, FOLDER, placementOf(firstCut(text), 27, 38));
	expect(filled.report.verified).toBe(true);
	expect(filled.text).toMatch(
		/<!--<blank length="4"\/>--><!--<blank length="00:00:00.200"\/>--><!--<blank length="6"\/>-->\s*<blank length="2"\/>\s*<entry [^>]*>[\s\S]*?<\/entry>\s*<blank length="2"\/>/,
	);
	expect(unsplice(filled.text, filled.spans)).toBe(text);
});

describe('in Kdenlive', () => {
	test('picture and sound are two copies of one clip of the bin, linked', () => {
		const text = kdenlive2412({ shots: SHOTS, groups: LINKED, chains: true });
		const { text: result } = fill(text, FOLDER, placementOf(firstCut(text), 25, 40));
		const copies = [...result.matchAll(/<chain id="pickup\d"[\s\S]*?<\/chain>/g)].map(String);
		expect(copies.map((copy) => /set.test_audio">(\d)/.exec(copy)?.[1])).toEqual([
			'0',
			'1',
			undefined,
		]);
		expect(copies.map((copy) => /set.test_image">(\d)/.exec(copy)?.[1])).toEqual([
			'1',
			'0',
			undefined,
		]);
		for (const copy of copies) {
			expect(copy).toContain('<property name="kdenlive:id">31</property>');
			expect(copy).toMatch(
				/kdenlive:control_uuid">\{[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}\}</,
			);
		}
		expect(groupsOf(result)).toEqual([
			...groupsOf(text),
			['3:25', '2:25'].map((at) => moved(at, -1)),
		]);
		expect(result.indexOf(copies[2] ?? '?')).toBeLessThan(
			result.indexOf('<playlist id="main_bin">'),
		);
	});

	test('sound beside two taken tracks gets a track below them, and every number still fits', () => {
		const text = kdenlive2212({ shots: SHOTS, otherSound: [VOICE, MUSIC], groups: LINKED });
		const filled = fill(text, FOLDER, placementOf(firstCut(text), 25, 40));
		expect(filled.report).toMatchObject({ verified: true, audioTrack: 'A3' });
		expect(table(filled.after)).toEqual([
			'V1: 0–25 red & co | 25–40 Pickup 1 | 40–65 blue',
			'V2: ',
			'A1: 0–25 red & co | 25–40 voice | 40–65 blue',
			'A2: 30–65 music',
			'A3: 25–40 Pickup 1',
		]);
		const live = filled.text.replace(/<!--[\s\S]*?-->/g, '');
		const transitions = [...live.matchAll(/<transition [\s\S]*?<\/transition>/g)].map(
			([transition]) => [
				/a_track">(\d)/.exec(transition)?.[1],
				/b_track">(\d)/.exec(transition)?.[1],
				/mlt_service">(\w+)/.exec(transition)?.[1],
			],
		);
		expect(transitions).toEqual([
			['0', '2', 'mix'],
			['0', '3', 'mix'],
			['0', '4', 'composite'],
			['0', '5', 'composite'],
			['0', '1', 'mix'],
		]);
		expect(groupsOf(live)).toEqual([
			['3:0', '2:0'],
			['3:25', '0:25'],
		]);
		for (const [name, value] of [
			['activeTrack', 3],
			['audioTarget', 2],
			['videoTarget', 3],
		]) {
			expect(live).toContain(`<property name="kdenlive:docproperties.${name}">${value}</property>`);
		}
		expect(unsplice(filled.text, filled.spans)).toBe(text);
	});

	test('past the end the sequence, its project and its place in the bin get longer', () => {
		const text = kdenlive2412({ shots: SHOTS });
		const filled = fill(text, FOLDER, placementOf(firstCut(text), 80, 110));
		const live = filled.text.replace(/<!--[\s\S]*?-->/g, '');
		expect(live).toContain(`<tractor id="${UUID}" in="00:00:00.000" out="109">`);
		expect(live).toContain(`<entry in="00:00:00.000" out="109" producer="${UUID}"/>`);
		expect(live).toContain(`<track in="00:00:00.000" out="109" producer="${UUID}"/>`);
		expect(live).toContain('<property name="kdenlive:duration">00:00:04:10</property>');
		expect(live).toContain('<property name="kdenlive:maxduration">110</property>');
		expect(live).toMatch(/<producer id="producer0" in="00:00:00.000" out="109">/);
	});

	test('the same edit gives the same text', () => {
		const text = kdenlive2412({ shots: SHOTS });
		const placement = placementOf(firstCut(text), 25, 40);
		expect(fill(text, FOLDER, placement).text).toBe(fill(text, FOLDER, placement).text);
	});

	test('groups that cannot be read or commented out are left as they are', () => {
		for (const groups of ['[ broken', '[{"data":"1:0:--1","type":"Leaf"}]']) {
			const text = kdenlive2212({ shots: SHOTS, groups });
			const filled = fill(text, FOLDER, placementOf(firstCut(text), 25, 40));
			expect(filled.report.verified).toBe(true);
			expect(filled.text).toContain(`groups">${groups}</property>`);
		}
	});
});

describe('what cannot be done is said', () => {
	test('a tag with two hyphens cannot be made a comment', () => {
		const text = kdenlive2212({ shots: SHOTS }).replaceAll('tractor2', 'tractor--2');
		const attempt = () => fill(text, FOLDER, placementOf(firstCut(text), 80, 110));
		expect(attempt).toThrow(PickupError);
		expect(attempt).toThrow(
			/mlt\/tractor\[3\] "tractor--2" \(line \d+\): expected text without "--"/,
		);
	});

	test('a range that a clip of the other playlist takes', () => {
		const text = kdenlive2212({ shots: SHOTS, times: 'frames' });
		const [sequence] = mltFormat.read(text, new MediaFinder(FOLDER));
		const placement = placementOf(firstCut(text), 20, 30);
		const plan = {
			range: { start: 20, end: 30 },
			video: { kind: 'existing', name: 'V1', index: 0 },
			audio: null,
		} as const;
		expect(() => sequence?.insertions(placement, plan)).toThrow(
			'Expected empty time on V1 from frame 20 to 30',
		);
	});
});

test('an entry that is played several times stays as it was', () => {
	const text = `<mlt>
  <profile frame_rate_num="25" frame_rate_den="1" width="160" height="90"/>
  <producer id="a"><property name="length">50</property><property name="resource">a.mov</property></producer>
  <playlist id="list">
    <entry producer="a" in="0" out="9" repeat="3"/>
    <blank length="15"/>
    <entry producer="a" in="25" out="29" repeat="2"/>
  </playlist>
  <tractor><track producer="list"/></tractor>
</mlt>
`;
	const filled = fill(text, FOLDER, placementOf(firstCut(text), 30, 45, { sound: false }));
	expect(filled.report.verified).toBe(true);
	expect(table(filled.after)[0]).toBe(
		'V1: 0–10 a.mov | 10–20 a.mov | 20–30 a.mov | 30–45 new shot.mov | 45–50 a.mov | 50–55 a.mov',
	);
	expect(unsplice(filled.text, filled.spans)).toBe(text);
	expect(filled.text).toContain('<entry producer="a" in="0" out="9" repeat="3"/>');
});

test('a document that is one playlist gets a tractor for the new track', () => {
	const text = `<mlt>
  <profile frame_rate_num="25" frame_rate_den="1" width="160" height="90"/>
  <producer id="a"><property name="length">50</property><property name="resource">a.mov</property></producer>
  <playlist id="list">
    <entry producer="a" in="0" out="24"/>
    <blank length="15"/>
    <entry producer="a" in="25" out="49"/>
  </playlist>
</mlt>
`;
	const filled = fill(text, FOLDER, placementOf(firstCut(text), 25, 40));
	expect(filled.report.verified).toBe(true);
	expect(table(filled.after)).toEqual([
		'V1: 0–25 a.mov | 25–40 new shot.mov | 40–65 a.mov',
		'A1: 25–40 new shot.mov',
		'V1 sound: 0–25 a.mov | 40–65 a.mov',
	]);
	expect(unsplice(filled.text, filled.spans)).toBe(text);
});

function placementOf(
	cut: Cut,
	start: number,
	end: number,
	given: Partial<Placement> & { readonly path?: string } = {},
): Placement {
	return place(cut, start, end, { ...given, path: given.path ?? NEW });
}

/** The clips of every group, as `track:frame`. */
function groupsOf(text: string): readonly (readonly string[])[] {
	const live = text.replace(/<!--[\s\S]*?-->/g, '');
	const [, json = ''] = /properties\.groups">([^<]*)</.exec(live) ?? [];
	const groups = JSON.parse(json.replaceAll('&quot;', '"')) as readonly {
		readonly children: readonly { readonly data: string }[];
	}[];
	return groups.map(({ children }) => children.map(({ data }) => data));
}

function moved(at: string, by: number): string {
	return at.replace(/^\d+/, (track) => String(Number(track) + by));
}
