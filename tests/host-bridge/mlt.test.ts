import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findGaps } from '../../host-bridge/gap.ts';
import { MediaFinder } from '../../host-bridge/timeline-file/media-path.ts';
import { mltFormat } from '../../host-bridge/timeline-file/mlt/mlt.ts';
import { parseMltTime } from '../../host-bridge/timeline-file/mlt/time.ts';
import { PickupError } from '../../protocol/errors.ts';
import { kdenlive2212, kdenlive2412, type Shot, shotcut, UUID } from './mlt-documents.ts';
import { firstCut, table } from './mlt-placing.ts';

let folder: string;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'pickup-mlt-'));
	await writeFile(join(folder, 'été 1.mov'), 'media');
});
afterAll(() => rm(folder, { recursive: true }));

const SHOTS: readonly Shot[] = [
	{ path: 'été 1.mov', name: 'red', start: 0, frames: 25 },
	{ path: 'lost/blue.mov', name: 'blue', start: 40, frames: 25 },
];

describe('times', () => {
	test.each([
		['75', 75],
		['00:00:03.000', 75],
		['00:00:02.960', 74],
		['00:00:02,960', 74],
		['00:00:03:00', 75],
		['00:01:00:05', 1505],
		['01:00.040', 1501],
	])('%s is %i frames at 25', (text, frames) => {
		expect(parseMltTime(text, { num: 25, den: 1 })).toBe(frames);
	});

	// What melt 7.12 makes of `<entry out="…"/>` at 30000/1001.
	test.each([
		['00:00:10.010', 300],
		['00:00:59.993', 1798],
		['00:01:00.000', 1798],
		['00:01:00.033', 1799],
		['00:01:00:02', 1800],
		['01:00:00.000', 107892],
		['00:00:10;05', 305],
	])('%s is %i frames at 29.97', (text, frames) => {
		expect(parseMltTime(text, { num: 30000, den: 1001 })).toBe(frames);
	});

	test.each(['', 'soon', '1:2:3:4:5', '00:00:0x.000', '1e9', '99999999999'])(
		'%j is no time',
		(text) => expect(parseMltTime(text, { num: 25, den: 1 })).toBeNull(),
	);
});

describe('Kdenlive', () => {
	test.each([
		['22.12, clock times', kdenlive2212({ shots: SHOTS, padding: 1000 }), 'Timeline', 0],
		['22.12, frames', kdenlive2212({ shots: SHOTS, times: 'frames' }), 'Timeline', 0],
		['24.12, chains', kdenlive2412({ shots: SHOTS, chains: true }), 'Sequence 1', 90_000],
	])('%s: tracks as Kdenlive names them', (_, text, name, startFrame) => {
		const cut = firstCut(text, folder);
		expect(cut.sequence).toEqual({
			name,
			rate: { num: 25, den: 1 },
			size: { width: 160, height: 90 },
			pixelAspect: { num: 1, den: 1 },
			duration: 65,
			startFrame,
			dropFrame: false,
			sampleRate: 48_000,
		});
		expect(table(cut)).toEqual([
			'V1: 0–25 red | 40–65 blue',
			'V2: ',
			'A1: 0–25 red | 40–65 blue',
			'A2: ',
		]);
		const [red, blue] = cut.tracks[0]?.clips ?? [];
		expect(red?.source).toEqual({ kind: 'file', path: join(folder, 'été 1.mov') });
		expect(blue?.source).toMatchObject({
			kind: 'offline',
			path: join(folder, 'lost/blue.mov'),
			reason: 'There is no such file',
		});
		expect(findGaps(cut)[0]).toMatchObject({ kind: 'gap', track: 'V1', start: 25, end: 40 });
	});

	test('relative media start at the document’s root, or beside it where there is no such', () => {
		const elsewhere = kdenlive2212({ shots: SHOTS, root: folder });
		const path = join(folder, 'été 1.mov');
		expect(firstCut(elsewhere, '/').tracks[0]?.clips[0]?.source).toEqual({ kind: 'file', path });
		const moved = kdenlive2212({ shots: SHOTS, root: '/old/machine' });
		expect(firstCut(moved, folder).tracks[0]?.clips[0]?.source).toEqual({ kind: 'file', path });
	});

	test('a clip that is cut as a proxy is its original', () => {
		const proxied =
			'<property name="kdenlive:proxy">proxy/1.mkv</property><property name="kdenlive:originalurl">été 1.mov</property>';
		const text = kdenlive2212({
			shots: [{ path: 'proxy/1.mkv', name: 'red', start: 0, frames: 25 }],
		}).replaceAll('<property name="eof">pause</property>', `$&${proxied}`);
		const path = join(folder, 'été 1.mov');
		expect(firstCut(text, folder).tracks[0]?.clips[0]?.source).toEqual({ kind: 'file', path });
	});

	test('hidden, muted and locked tracks and disabled clips are told apart', () => {
		const text = kdenlive2212({ shots: SHOTS })
			.replace('hide="audio" producer="playlist4"', 'hide="both" producer="playlist4"')
			.replace('hide="audio" producer="playlist5"', 'hide="both" producer="playlist5"')
			.replace(
				'<tractor id="tractor1" in="00:00:00.000" out="00:00:02.560">',
				'$&<property name="kdenlive:locked_track">1</property>',
			)
			.replace(
				'<property name="set.test_image">0</property>',
				'<property name="set.test_image">1</property>',
			);
		const [v1, v2, a1, a2] = firstCut(text, folder).tracks;
		expect(v1).toMatchObject({ enabled: false, locked: false });
		expect(v1?.clips.map((clip) => clip.enabled)).toEqual([false, true]);
		expect(v2).toMatchObject({ enabled: true, locked: false });
		expect(a1).toMatchObject({ enabled: true, locked: true });
		expect(a1?.clips.map((clip) => clip.enabled)).toEqual([true, true]);
		expect(a2).toMatchObject({ enabled: true, locked: false });
	});

	test('a mix on one track is a transition, and the clips meet in its middle', () => {
		// Kdenlive puts the second clip of a mix on the track's other playlist.
		const text = kdenlive2212({ shots: [{ ...SHOTS[0], frames: 50 } as Shot], times: 'frames' })
			.replace(
				'<playlist id="playlist5"/>',
				'<playlist id="playlist5"><blank length="40"/><entry producer="picture2_0" in="5" out="29"/></playlist>',
			)
			.replace(
				'<track hide="audio" producer="playlist5"/>',
				'$&<transition in="40" out="50"><property name="kdenlive_id">wipe</property><property name="mlt_service">luma</property></transition>',
			);
		const [v1] = firstCut(text, folder).tracks;
		expect(v1?.transitions).toEqual([{ name: 'wipe', range: { start: 40, end: 50 } }]);
		expect(v1?.clips).toMatchObject([
			{ range: { start: 0, end: 45 }, sourceIn: { num: 0, den: 1 } },
			{ range: { start: 45, end: 65 }, sourceIn: { num: 2, den: 5 } },
		]);
	});

	test('the open sequence comes first, nested ones are synthetic, copies are left out', () => {
		const nested = kdenlive2412({ shots: SHOTS, times: 'frames' });
		const second = '{33ab7e7b-b157-40a8-95c5-133789a4b043}';
		const outer = ` <playlist id="outerlist"><entry producer="${UUID}" in="10" out="39"/></playlist>
 <playlist id="outerlistb"/>
 <tractor id="outertrack"><track hide="audio" producer="outerlist"/><track hide="audio" producer="outerlistb"/></tractor>
 <tractor id="${second}" in="0" out="29">
  <property name="kdenlive:uuid">${second}</property>
  <property name="kdenlive:clipname">Film</property>
  <track producer="producer0"/>
  <track producer="outertrack"/>
 </tractor>
 <tractor id="copy"><property name="kdenlive:uuid">${UUID}</property></tractor>
`;
		const text = nested
			.replace(' <playlist id="main_bin">', `${outer}$&`)
			.replace(/(activetimeline">)[^<]*/, `$1${second}`);
		const cuts = mltFormat.read(text, new MediaFinder(folder)).map(({ cut }) => cut);
		expect(cuts.map((cut) => cut.sequence.name)).toEqual(['Film', 'Sequence 1']);
		expect(cuts[0]?.tracks[0]?.clips).toMatchObject([
			{
				name: 'Sequence 1',
				range: { start: 0, end: 30 },
				source: { kind: 'synthetic', what: 'nested sequence "Sequence 1"' },
				sourceIn: { num: 2, den: 5 },
			},
		]);
		expect(cuts[1]?.sequence.duration).toBe(65);
	});
});

describe('speed', () => {
	const warp = (speed: string, entry: string) =>
		plain(
			`<producer id="a" in="0" out="99"><property name="length">100</property><property name="mlt_service">timewarp</property><property name="resource">${speed}:été 1.mov</property></producer>`,
			`<entry producer="a" ${entry}/>`,
		);

	test('twice as fast reaches twice as far into the source', () => {
		const [clip] = firstCut(warp('2.000000', 'in="10" out="19"'), folder).tracks[0]?.clips ?? [];
		expect(clip).toMatchObject({
			name: 'été 1.mov',
			source: { kind: 'file' },
			speed: { num: 2, den: 1 },
			sourceIn: { num: 4, den: 5 },
		});
	});

	test('backwards starts at the frame that is shown first', () => {
		const [clip] = firstCut(warp('-0.5', 'in="10" out="19"'), folder).tracks[0]?.clips ?? [];
		expect(clip).toMatchObject({ speed: { num: -1, den: 2 }, sourceIn: { num: 89, den: 50 } });
	});
});

describe('plain MLT and Shotcut', () => {
	test('a dissolve between two clips of one playlist is a transition', () => {
		const text = plain(
			`<producer id="a"><property name="length">50</property><property name="resource">a.mov</property></producer>
			<producer id="b"><property name="length">50</property><property name="resource">b.mov</property></producer>
			<tractor id="mix" in="0" out="9"><track producer="a" in="30" out="39"/><track producer="b" in="0" out="9"/>
			<transition><property name="mlt_service">luma</property></transition></tractor>`,
			`<entry producer="a" in="0" out="29"/><entry producer="mix" in="0" out="9"/><entry producer="b" in="10" out="39"/>`,
		);
		const [v1] = firstCut(text, folder).tracks;
		expect(v1?.transitions).toEqual([{ name: 'luma', range: { start: 30, end: 40 } }]);
		expect(v1?.clips).toMatchObject([
			{ name: 'a.mov', range: { start: 0, end: 35 }, sourceIn: { num: 0 } },
			{ name: 'b.mov', range: { start: 35, end: 70 }, sourceIn: { num: 1, den: 5 } },
		]);
	});

	const two = (transition: Readonly<Record<string, string>>, range = '') => {
		const properties = Object.entries({ a_track: '0', b_track: '1', ...transition }).map(
			([name, value]) => `<property name="${name}">${value}</property>`,
		);
		const cut = firstCut(
			plain(
				'<producer id="a"><property name="length">50</property><property name="resource">été 1.mov</property></producer>',
				'<entry producer="a" in="0" out="9"/><entry producer="a" in="10" out="19"/>',
			).replace(
				'<track producer="list"/>',
				`<track producer="list"/><track producer="list"/><transition ${range}>${properties.join('')}</transition>`,
			),
			folder,
		);
		const effects = cut.tracks.map(({ name, clips }) => [
			name,
			...clips.map((clip) => clip.effects?.join() ?? ''),
		]);
		return effects.filter(([, ...each]) => each.some((effect) => effect !== ''));
	};

	// What melt 7.12 makes of two tones: with `sum` alone and with `combine` both are as they are.
	test.each<[Record<string, string>, readonly string[]]>([
		[{}, ['V1 sound', 'V2 sound']],
		[{ start: '0.2' }, ['V1 sound', 'V2 sound']],
		[{ start: '-1' }, ['V1 sound', 'V2 sound']],
		[{ start: '0.2', sum: '1' }, ['V2 sound']],
		[{ start: '1', sum: '1' }, []],
		[{ sum: '1' }, []],
		[{ sum: '1', always_active: '1' }, []],
		[{ combine: '1' }, []],
		[{ start: '0.2', disable: '1' }, []],
	])('a mix of tracks with %j is named on %j', (properties, tracks) => {
		const word = 'mixed with another track';
		const found = two({ mlt_service: 'mix', ...properties });
		expect(found).toEqual(tracks.map((track) => [track, word, word]));
	});

	test('a composition is named where it is at work and does more than lay one over another', () => {
		const named = (properties: Record<string, string>) =>
			two({ kdenlive_id: 'word', ...properties }, 'in="10" out="14"');
		const word = [['V2', '', 'word']];
		expect(named({ mlt_service: 'luma' })).toEqual(word);
		expect(named({ mlt_service: 'qtblend', rect: '0 0 80 45 1' })).toEqual(word);
		expect(named({ mlt_service: 'qtblend', compositing: '12' })).toEqual(word);
		expect(named({ mlt_service: 'frei0r.cairoblend', 1: 'screen' })).toEqual(word);
		expect(named({ mlt_service: 'frei0r.cairoblend', 1: 'normal' })).toEqual([]);
		expect(named({ mlt_service: 'qtblend', compositing: '0' })).toEqual([]);
		expect(named({ mlt_service: 'composite', internal_added: '237' })).toEqual([]);
	});

	// What melt 7.12 plays of 50 frames.
	test.each([
		['in="0" out="-1"', 0, 50],
		['in="5" out="-1"', 5, 45],
		['in="5" out="-30"', 5, 45],
		['out="-1"', 0, 50],
		['in="-1" out="-1"', 0, 50],
		['in="-2" out="9"', 0, 10],
		['in="20" out="5"', 5, 16],
		['in="60" out="70"', 49, 1],
	])('an entry with %s plays from frame %i on, %i of them', (attributes, from, frames) => {
		const text = plain(
			'<producer id="a" in="0" out="49"><property name="length">50</property><property name="resource">a.mov</property></producer>',
			`<entry producer="a" ${attributes}/>`,
		);
		const [clip] = firstCut(text, folder).tracks[0]?.clips ?? [];
		expect(clip?.range).toEqual({ start: 0, end: frames });
		expect((clip?.sourceIn.num ?? 0) / (clip?.sourceIn.den ?? 1)).toBeCloseTo(from / 25);
	});

	test('the sound of clips on a video track is context that nothing is placed on', () => {
		const cut = firstCut(shotcut({ shots: SHOTS }), folder);
		expect(table(cut)).toEqual([
			'V1: 0–25 red | 40–65 blue',
			'A1: ',
			'V1 sound: 0–25 red | 40–65 blue',
		]);
		expect(cut.tracks.map((track) => track.locked)).toEqual([false, false, true]);
		expect(cut.sequence.name).toBe('Timeline');
	});

	test('stills stand, titles, colours and image sequences are synthetic', () => {
		const services = [
			['qimage', 'été 1.mov'],
			['qimage', 'frames/.all.png'],
			['kdenlivetitle', ''],
			['color', '0xff0000ff'],
		];
		const producers = services.map(
			([service, resource], index) =>
				`<producer id="p${index}"><property name="length">100</property><property name="mlt_service">${service}</property><property name="resource">${resource}</property></producer>`,
		);
		const entries = services.map((_, index) => `<entry producer="p${index}" in="10" out="19"/>`);
		const [v1] = firstCut(plain(producers.join(''), entries.join('')), folder).tracks;
		expect(v1?.clips.map(({ source, speed }) => [source.kind, speed.num])).toEqual([
			['file', 0],
			['synthetic', 1],
			['synthetic', 1],
			['synthetic', 1],
		]);
	});

	test('a track inside a multitrack, and services inside their entries', () => {
		const text = `<mlt><profile frame_rate_num="25" frame_rate_den="1" width="160" height="90"/>
			<tractor><multitrack><playlist><entry in="0" out="9"><producer><property name="length">50</property><property name="resource">a.mov</property></producer></entry>
			<blank length="5"/><producer in="5" out="9"><property name="length">50</property><property name="resource">b.mov</property></producer></playlist></multitrack></tractor></mlt>`;
		expect(table(firstCut(text, folder))).toEqual([
			'V1: 0–10 a.mov | 15–20 b.mov',
			'V1 sound: 0–10 a.mov | 15–20 b.mov',
		]);
	});
});

describe('what is wrong is named by element and line', () => {
	test.each([
		[
			'<mlt>\n</mlt>',
			'mlt (line 1): expected a <profile> with a rate and a size of picture, got none',
		],
		[
			'<mlt>\n<profile name="dv_pal"/></mlt>',
			'mlt/profile (line 2): expected a <profile> with a rate',
		],
		[
			'<mlt><profile frame_rate_num="0" frame_rate_den="1"/></mlt>',
			'mlt/profile (line 1): expected frame_rate_num',
		],
		[
			plain('', '\n<entry producer="gone"/>'),
			'mlt/playlist/entry (line 3): expected a producer that is defined before it, got "gone"',
		],
		[
			plain('', '<blank length="-3"/>'),
			'mlt/playlist/blank (line 2): expected a length of 0 frames or more, got -3',
		],
		[
			plain('', '<blank length="long"/>'),
			'mlt/playlist/blank (line 2): expected length as frames or a time, got "long"',
		],
		[
			plain('<producer id="a"/>', '<entry producer="a" out="1" repeat="20000"/>'),
			'mlt/playlist/entry (line 2): expected an entry that plays at most 10000 times, got 20000',
		],
		[
			plain('<producer id="a"/>', '<entry producer="a"/>'),
			'mlt/playlist/entry (line 2): expected an out attribute',
		],
		[
			'<mlt><profile frame_rate_num="25" frame_rate_den="1" width="160" height="90"/></mlt>',
			'mlt (line 1): expected a <tractor> or <playlist> that is the timeline',
		],
		['<mlt><profile', 'Expected well-formed XML'],
	])('%j', (text, message) => {
		const read = () => mltFormat.read(text, new MediaFinder(folder));
		expect(read).toThrow(PickupError);
		expect(read).toThrow(message);
	});

	test('only MLT documents are recognised', () => {
		expect(mltFormat.recognises(kdenlive2412({ shots: SHOTS }))).toBe(true);
		expect(mltFormat.recognises('<?xml version="1.0"?><xmeml version="4">')).toBe(false);
		expect(mltFormat.recognises('{"OTIO_SCHEMA":"Timeline.1"}')).toBe(false);
	});
});

function plain(services: string, items: string): string {
	return `<mlt><profile frame_rate_num="25" frame_rate_den="1" width="160" height="90"/>
${services}<playlist id="list">${items}</playlist><tractor><track producer="list"/></tractor></mlt>`;
}
