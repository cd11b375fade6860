import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { contextFor, findGaps } from '../../host-bridge/gap.ts';
import { fcp7XmlFormat } from '../../host-bridge/timeline-file/fcp7/fcp7.ts';
import { MediaFinder } from '../../host-bridge/timeline-file/media-path.ts';
import { PickupError } from '../../protocol/errors.ts';
import type { Cut } from '../../protocol/timeline.ts';
import { clip, file, rate, sequence, speed, track, transition, xmeml } from './xmeml.ts';

const SAMPLES = path.resolve(import.meta.dirname, '../samples/timelines');
let folder = '';
beforeAll(async () => {
	folder = await mkdtemp(path.join(tmpdir(), 'pickup-xmeml-'));
	for (const name of ['a.mov', 'still.png']) await writeFile(path.join(folder, name), '');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function cutsOf(text: string): readonly Cut[] {
	expect(fcp7XmlFormat.recognises(text)).toBe(true);
	return fcp7XmlFormat.read(text, new MediaFinder(folder)).map(({ cut }) => cut);
}

function firstTrack(text: string, name = 'V1') {
	const found = cutsOf(text)[0]?.tracks.find((each) => each.name === name);
	if (!found) throw new Error(`No track ${name}`);
	return found;
}

function onlyClip(text: string) {
	const found = firstTrack(text).clips[0];
	if (!found) throw new Error('No clip');
	return found;
}

describe('recognises', () => {
	test.each([
		['<xmeml version="4">', true],
		[
			'\uFEFF<?xml version="1.0"?>\r\n<!-- x -->\r\n<!DOCTYPE xmeml [<!ENTITY a "b">]>\n<xmeml/>',
			true,
		],
		['<fcpxml version="1.9">', false],
		['<?xml version="1.0"?><mlt><!--<xmeml>--></mlt>', false],
		['{"xmeml": 1}', false],
		['', false],
	])('%j', (text, expected) => {
		expect(fcp7XmlFormat.recognises(text)).toBe(expected);
	});
});

describe('a timeline that Premiere wrote', () => {
	test('has its tracks, clips, gaps and transitions', async () => {
		const text = await readFile(path.join(SAMPLES, 'premiere_example.xml'), 'utf8');
		const [cut] = cutsOf(text);
		if (!cut) throw new Error('No sequence');
		expect(cut.sequence).toMatchObject({
			name: 'sc01_sh010_layerA',
			rate: { num: 30, den: 1 },
			size: { width: 1280, height: 720 },
			sampleRate: 48_000,
		});
		const ranges = Object.fromEntries(
			cut.tracks.map(({ name, clips }) => [
				name,
				clips.map(({ range }) => `${range.start}–${range.end}`).join(' '),
			]),
		);
		expect(ranges).toEqual({
			V1: '536–636',
			V2: '13–113 165–322 322–557 636–736 736–956',
			V3: '15–956',
			V4: '956–1164 1164–1246',
			A1: '13–113 536–636',
			A2: '13–113 536–636',
			A3: '335–505 636–736 736–930',
			A4: '335–505 636–736 736–930',
			A5: '153–351',
			A6: '153–351',
			A7: '956–1164 1164–1258',
			A8: '956–1164 1164–1246',
		});
		expect(
			cut.tracks
				.map((each) => each.rightChannel ?? '')
				.join(' ')
				.trim(),
		).toBe('A2  A4  A6  A8');
		expect(findGaps(cut).filter((gap) => gap.kind === 'gap')).toMatchObject([
			{ row: 4, track: 'V2', start: 113, end: 165, timecode: '00:00:03:23' },
			{ row: 5, track: 'V2', start: 557, end: 636, timecode: '00:00:18:17' },
		]);
		expect(contextFor(cut, 'V2', { start: 557, end: 636 })).toMatchObject({
			left: { name: 'sc01_sh030_anim.mov', transition: 19 },
			// Through the nested sequence, which is cut at its frame 100.
			right: {
				name: 'sc01_sh010_anim',
				range: { start: 636, end: 736 },
				source: { path: 'D:\\media\\sc01_sh010_anim.mov' },
			},
		});
		// The second half of the dissolve: 6 frames in, and 12 more to the edit at its middle.
		expect(cut.tracks[3]?.clips[1]?.sourceIn).toEqual({ num: 3, den: 5 });
		expect(cut.tracks[2]?.clips[0]?.source).toEqual({
			kind: 'synthetic',
			what: 'test_title (Slug)',
		});
	});

	test('may have no track at all', async () => {
		const text = await readFile(path.join(SAMPLES, 'sample_just_track.xml'), 'utf8');
		const [cut] = cutsOf(text);
		expect(cut?.sequence.size).toEqual({ width: 1280, height: 720 });
		expect(cut?.tracks).toEqual([]);
	});
});

describe('rate and timecode', () => {
	test.each([
		[24, 'TRUE', 24_000, 1001],
		[24, 'FALSE', 24, 1],
		[25, 'FALSE', 25, 1],
		[30, 'TRUE', 30_000, 1001],
		[60, 'TRUE', 60_000, 1001],
		[120, 'true', 120_000, 1001],
		[24, 'Yes', 24_000, 1001],
		['29.97', 'FALSE', 30_000, 1001],
		['23.976', 'TRUE', 24_000, 1001],
		['12.5', 'FALSE', 25, 2],
	])('%s %s', (timebase, ntsc, num, den) => {
		const [cut] = cutsOf(xmeml(sequence({ rate: rate(timebase, ntsc), video: [[clip(0, 9)]] })));
		expect(cut?.sequence.rate).toEqual({ num, den });
	});

	const timecode = (text: string, frame: string, format: string, base = 30) =>
		`<timecode>${rate(base, 'TRUE')}<string>${text}</string>${frame}<displayformat>${format}</displayformat></timecode>`;

	test.each([
		['frame', timecode('01:00:00;00', '<frame>107892</frame>', 'DF'), 107_892, true],
		['text', timecode('01:00:00;00', '', 'DF'), 107_892, true],
		['text, as Premiere writes it,', timecode('01;00;00;00', '', 'DF'), 107_892, true],
		[
			'text where the frame is 0',
			timecode('01:00:00:00', '<frame>0</frame>', 'NDF'),
			108_000,
			false,
		],
		['neither', '', 0, false],
		['another base', timecode('01:00:00:00', '<frame>216000</frame>', 'NDF', 60), 108_000, false],
	])('starts as the %s says', (_, text, startFrame, dropFrame) => {
		const [cut] = cutsOf(
			xmeml(sequence({ rate: rate(30, 'TRUE'), timecode: text, video: [[clip(0, 9)]] })),
		);
		expect(cut?.sequence).toMatchObject({ startFrame, dropFrame });
		expect(cut?.notes).toBeUndefined();
	});

	const started = (text: string) =>
		cutsOf(xmeml(sequence({ rate: rate(30, 'TRUE'), timecode: text, video: [[clip(0, 9)]] })))[0];
	const counted = (frame: number) =>
		`The timecode of the sequence is counted from frame ${frame}: `;

	test.each([
		['a text', timecode('01:00:00:00', '<frame>-1</frame>', 'NDF'), 108_000],
		['nothing', timecode('', '<frame>-1</frame>', 'NDF'), 0],
	])('a frame of −1 is none: it starts as %s says', (_, text, startFrame) => {
		expect(started(text)?.sequence.startFrame).toBe(startFrame);
		expect(started(text)?.notes).toBeUndefined();
	});

	test.each([
		[
			'a text',
			timecode('one o’clock', '', 'NDF'),
			0,
			'Expected a timecode as HH:MM:SS:FF, got "one',
		],
		['an hour', timecode('1000:00:00:00', '<frame>0</frame>', 'NDF'), 0, 'Expected a timecode'],
		['a number', timecode('01:00:00:00', '<frame>x</frame>', 'NDF'), 108_000, 'a whole number'],
		['neither', timecode('x', '<frame>x</frame>', 'NDF'), 0, 'expected a whole number'],
		[
			'a rate of its own',
			timecode('01:00:00:00', '<frame>90</frame>', 'NDF', 5000),
			108_000,
			'expected a timebase from 1 to 1000',
		],
	])('a timecode with %s that makes no sense is said', (_, text, startFrame, why) => {
		const cut = started(text);
		expect(cut?.sequence.startFrame).toBe(startFrame);
		expect(cut?.notes).toEqual([expect.stringContaining(why)]);
		expect(cut?.notes?.[0]).toContain(counted(startFrame));
	});

	test('drop-frame does not exist at 25', () => {
		const text = timecode('01:00:00;00', '<frame>90000</frame>', 'DF', 25).replace('TRUE', 'FALSE');
		const [cut] = cutsOf(xmeml(sequence({ timecode: text, video: [[clip(0, 9)]] })));
		expect(cut?.sequence).toMatchObject({ startFrame: 90_000, dropFrame: false });
	});
});

describe('clips', () => {
	const one = (start: number, end: number, parts: Parameters<typeof clip>[2]) =>
		onlyClip(xmeml(sequence({ video: [[clip(start, end, parts)]] })));

	test('in counts frames at the clip’s own rate', () => {
		const found = one(100, 200, { in: 48, out: 144, rate: rate(24, 'TRUE') });
		expect(found.sourceIn).toEqual({ num: 1001, den: 500 });
	});

	test('a file is described once and may be referred to before that', () => {
		const text = xmeml(
			sequence({
				video: [
					[clip(0, 10, { media: '<file id="f"/>' }), clip(10, 20, { media: file('f', 'a.mov') })],
				],
			}),
		);
		const source = { kind: 'file', path: path.join(folder, 'a.mov') };
		expect(firstTrack(text).clips.map((each) => each.source)).toEqual([source, source]);
	});

	test.each([
		['a disabled clip', { enabled: 'FALSE' }, { enabled: false }],
		['a clip that is not enabled', { enabled: 'No' }, { enabled: false }],
		['an enabled clip', { enabled: 'YES' }, { enabled: true }],
		['a clip that says nothing sensible of it', { enabled: '-1' }, { enabled: true }],
		[
			'a still',
			{ in: 90_000, media: file('s', 'still.png') },
			{ speed: { num: 0, den: 1 }, sourceIn: { num: 0, den: 1 } },
		],
		[
			'a GIF, which may move',
			{ in: 25, media: file('g', 'loop.gif') },
			{ speed: { num: 1, den: 1 }, sourceIn: { num: 1, den: 1 } },
		],
		[
			'a subclip',
			{ in: 25, more: '<subclipinfo><startoffset>50</startoffset></subclipinfo>' },
			{ sourceIn: { num: 3, den: 1 } },
		],
		[
			'a file that nobody named',
			{ media: '<file id="x"><name>Lost</name></file>' },
			{ source: { kind: 'offline', path: 'Lost' } },
		],
		[
			'a clip without a file',
			{ media: '<multiclip/>' },
			{ source: { kind: 'synthetic', what: 'multicam clip' } },
		],
		['a long name', { name: 'n'.repeat(600) }, { name: `${'n'.repeat(499)}…` }],
	])('%s', (_, parts, expected) => {
		expect(one(0, 50, parts)).toMatchObject(expected);
	});

	test('generators and titles are pictures without a file', () => {
		const text = clip(0, 50, { media: '<effect><name>Text</name></effect>', name: 'Title' })
			.replace('<clipitem', '<generatoritem')
			.replace('</clipitem', '</generatoritem');
		expect(onlyClip(xmeml(sequence({ video: [[text]] }))).source).toEqual({
			kind: 'synthetic',
			what: 'generator Title',
		});
	});

	test('the later of two clips has the time that both claim', () => {
		const text = xmeml(
			sequence({ video: [[clip(0, 30, { id: 'a' }), clip(10, 20, { id: 'b' })]] }),
		);
		expect(firstTrack(text).clips.map((c) => [c.name, c.range.start, c.range.end])).toEqual([
			['a', 0, 10],
			['b', 10, 20],
			['a', 20, 30],
		]);
	});

	test('J and L cuts are in the context of the gap', () => {
		const text = xmeml(
			sequence({
				video: [[clip(0, 50), clip(75, 100)]],
				audio: [[clip(0, 60, { id: 'L' })], [clip(65, 100, { id: 'J' })]],
			}),
		);
		const [cut] = cutsOf(text);
		const { sound } = contextFor(cut as Cut, 'V1', { start: 50, end: 75 });
		expect(sound.map((each) => [each.name, each.range])).toEqual([
			['L', { start: 0, end: 60 }],
			['J', { start: 65, end: 100 }],
		]);
	});
});

describe('transitions', () => {
	test.each([
		['center', 47, 30],
		['start', 40, 23],
		['end', 55, 38],
		['start-black', 40, 23],
	])('%s: the edit is at %i', (alignment, edit, sourceFrame) => {
		const items = [
			clip(0, -1, { in: 10, out: 65 }),
			transition(40, 55, alignment),
			clip(-1, 100, { in: 23, out: 83 }),
		];
		const [left, right] = firstTrack(xmeml(sequence({ video: [items] }))).clips;
		expect([left?.range, right?.range]).toEqual([
			{ start: 0, end: edit },
			{ start: edit, end: 100 },
		]);
		expect(left?.sourceIn).toEqual({ num: 2, den: 5 });
		expect(right && (right.sourceIn.num * 25) / right.sourceIn.den).toBe(sourceFrame);
	});

	test('from and to black, beside a gap', () => {
		const items = [
			clip(0, -1, { out: 50 }),
			transition(40, 50, 'end-black'),
			transition(75, 80, 'start-black'),
			clip(-1, 100, { out: 25 }),
		];
		const [cut] = cutsOf(xmeml(sequence({ video: [items] })));
		const context = contextFor(cut as Cut, 'V1', { start: 50, end: 75 });
		expect([context.left?.transition, context.right?.transition]).toEqual([10, 5]);
		expect(context.right?.sourceIn).toEqual({ num: 0, den: 1 });
	});
});

describe('speed', () => {
	const at = (parts: Parameters<typeof clip>[2]) =>
		onlyClip(
			xmeml(
				sequence({
					video: [
						[
							clip(0, 50, {
								media: file('f', 'a.mov', `${rate(25)}<duration>400</duration>`),
								...parts,
							}),
						],
					],
				}),
			),
		);
	const frames = (value: { num: number; den: number }) => (value.num * 25) / value.den;

	test.each([
		[
			'twice, in frames of the retimed clip',
			{ in: 20, out: 70, more: speed({ speed: 200 }) },
			40,
			2,
		],
		['twice, in frames of the media', { in: 20, out: 120, more: speed({ speed: 200 }) }, 20, 2],
		['half', { in: 20, out: 70, more: speed({ speed: '50.00' }) }, 10, 0.5],
		['backwards', { in: 20, out: 70, more: speed({ speed: 100, reverse: 'TRUE' }) }, 379, -1],
		['backwards by sign', { in: 20, out: 70, more: speed({ speed: -200 }) }, 359, -2],
		[
			'backwards, media frames',
			{ in: 20, out: 120, more: speed({ speed: 200, reverse: 'TRUE' }) },
			119,
			-2,
		],
		['frozen', { in: 20, out: 70, more: speed({ speed: 0 }) }, 0, 0],
		[
			'a disabled filter',
			{
				in: 20,
				more: speed({ speed: 200 }).replace('<filter>', '<filter><enabled>FALSE</enabled>'),
			},
			20,
			1,
		],
		[
			'a straight graph',
			{ in: 20, more: speed({ speed: 50 }, graph([0, 100], [100, 150])) },
			110,
			0.5,
		],
		[
			'a falling graph',
			{ in: 20, more: speed({ speed: 100, reverse: 'TRUE' }, graph([0, 399], [399, 0])) },
			379,
			-1,
		],
	])('%s', (_, parts, sourceFrame, expected) => {
		const found = at(parts);
		expect(frames(found.sourceIn)).toBe(sourceFrame);
		expect(found.speed.num / found.speed.den).toBe(expected);
		expect(found.source.kind).toBe('file');
	});

	test.each([
		[
			'a curve',
			{ more: speed({ speed: 100, variablespeed: 1 }, graph([0, 0], [50, 10], [100, 100])) },
		],
		['a curve that is not there', { more: speed({ speed: 100, variablespeed: 1 }) }],
	])('varies: %s', (_, parts) => {
		expect(at(parts).source).toEqual({ kind: 'synthetic', what: 'variable speed' });
	});

	function graph(...points: readonly (readonly [number, number])[]): string {
		const keyframes = points.map(
			([when, value]) => `<keyframe><when>${when}</when><value>${value}</value></keyframe>`,
		);
		return `<parameter><parameterid>graphdict</parameterid>${keyframes.join('')}</parameter>`;
	}
});

describe('nested sequences', () => {
	const inner = (video: readonly string[], id = 'inner') =>
		sequence({ id, name: 'Inner', rate: rate(50), video: [video] });

	test('one plain clip inside is what shows', () => {
		const nest = inner([clip(0, 400, { in: 100, media: file('n', 'a.mov') })]);
		const text = xmeml(sequence({ video: [[clip(0, 50, { in: 25, media: nest })]] }));
		const found = onlyClip(text);
		expect(found.source).toEqual({ kind: 'file', path: path.join(folder, 'a.mov') });
		// 25 frames at 25 into the nest, and 100 frames at 50 into the file.
		expect(found.sourceIn).toEqual({ num: 3, den: 1 });
	});

	test.each([
		['two clips', [clip(0, 50), clip(50, 400)]],
		['a clip that ends before', [clip(0, 50)]],
		['nothing', []],
	])('%s inside, at another rate, are no one file', (_, items) => {
		const text = xmeml(sequence({ video: [[clip(0, 50, { media: inner(items) })]] }));
		expect(onlyClip(text).source).toEqual({
			kind: 'synthetic',
			what: 'nested sequence "Inner"',
		});
	});

	test('at the same rate each clip inside shows where it shows plainly', () => {
		const nest = sequence({
			id: 'inner',
			name: 'Inner',
			video: [
				[
					clip(0, 30, { id: 'a', in: 5 }),
					clip(30, -1, { id: 'b', out: 40 }),
					transition(60, 70, 'center'),
					clip(-1, 100, { id: 'c', out: 40 }),
					clip(110, 200, { id: 'd', enabled: 'FALSE' }),
				],
				[clip(90, 95, { id: 'over' })],
			],
		});
		const text = xmeml(sequence({ video: [[clip(1000, 1110, { in: 10, media: nest })]] }));
		const parts = firstTrack(text).clips.map(({ range, source, sourceIn }) => [
			range.start,
			range.end,
			source.kind === 'synthetic' ? '–' : path.basename(source.path),
			(sourceIn.num * 25) / sourceIn.den,
		]);
		expect(parts).toEqual([
			[1000, 1020, 'a.mov', 15],
			[1020, 1050, 'b.mov', 0],
			[1050, 1060, '–', 60],
			[1060, 1080, 'c.mov', 10],
			[1080, 1085, '–', 90],
			[1085, 1090, 'c.mov', 35],
			[1090, 1110, '–', 100],
		]);
		const [cut] = cutsOf(text);
		expect(findGaps(cut as Cut).map((gap) => gap.start)).toEqual([0, 1110]);
		const { right } = contextFor(cut as Cut, 'V1', { start: 900, end: 1000 });
		expect(right?.range).toEqual({ start: 1000, end: 1020 });
	});

	test('by id, and in bins: those are sequences of their own', () => {
		const nest = inner([clip(0, 400, { media: file('n', 'a.mov') })]);
		const outer = sequence({
			name: 'Outer',
			video: [[clip(0, 50, { media: '<sequence id="inner"/>' })]],
		});
		const text = xmeml(
			`<project><name>P</name><children><bin><children>${nest}</children></bin>${outer}</children></project>`,
		);
		expect(cutsOf(text).map((cut) => cut.sequence.name)).toEqual(['Inner', 'Outer']);
		expect(cutsOf(text)[1]?.tracks[0]?.clips[0]?.source.kind).toBe('file');
	});

	test('a sequence inside itself ends', () => {
		const text = xmeml(
			sequence({ id: 'loop', video: [[clip(0, 50, { media: '<sequence id="loop"/>' })]] }),
		);
		expect(onlyClip(text).source).toMatchObject({ what: 'sequence that contains itself' });
	});

	test('sequences that hold each other many times are read once', () => {
		const nests = Array.from({ length: 40 }, (_, depth) =>
			sequence({
				id: `s${depth}`,
				name: `S${depth}`,
				video: [
					[0, 50].map((from) =>
						clip(from, from + 50, {
							media: depth === 39 ? 'a.mov' : `<sequence id="s${depth + 1}"/>`,
						}),
					),
				],
			}),
		);
		const cuts = cutsOf(xmeml(`<project><children>${nests.join('')}</children></project>`));
		expect(cuts).toHaveLength(40);
	});
});

describe('audio pairs', () => {
	test.each([
		['by output channel', ['1', '2', '1', '2'], ['A2', undefined, 'A4', undefined]],
		['where channels are not given', ['', '', ''], ['A2', 'A3', undefined]],
		['not of two left channels', ['1', '1'], [undefined, undefined]],
	])('%s', (_, channels, expected) => {
		const audio = channels.map((channel) =>
			track([], channel && `<outputchannelindex>${channel}</outputchannelindex>`),
		);
		const [cut] = cutsOf(xmeml(sequence({ video: [[clip(0, 9)]], audio })));
		expect(cut?.tracks.slice(1).map((each) => each.rightChannel)).toEqual(expected);
		expect(cut?.splitStereo).toBe(true);
	});

	test('not on Premiere’s mono and 5.1 tracks', () => {
		const part = (index: number, count: number) =>
			track([]).replace(
				'<track>',
				`<track currentExplodedTrackIndex="${index}" totalExplodedTrackCount="${count}">`,
			);
		const audio = [part(0, 1), part(0, 6), part(1, 6), part(0, 2), part(1, 2)];
		const [cut] = cutsOf(xmeml(sequence({ video: [[clip(0, 9)]], audio })));
		expect(cut?.tracks.flatMap((each) => each.rightChannel ?? [])).toEqual(['A5']);
	});
});

describe('what is wrong is named by element and line', () => {
	const good = xmeml(
		sequence({ video: [[clip(0, 50, { id: 'c1' }), clip(75, 100, { id: 'c2' })]] }),
	);
	test.each([
		[
			'<start>75',
			'<start>x',
			'xmeml/sequence/media/video/track/clipitem[2]/start (line 37): expected a whole number, got "x"',
		],
		['<start>75</start>', '', 'clipitem[2] (line 33): expected an element <start> inside'],
		['<end>100', '<end>70', 'expected an end after the start, got 75–70'],
		['<start>75', '<start>-1', 'no error'],
		[
			'<start>0',
			'<start>-5',
			'start (line 24): expected a frame from 0 on, or −1 beside a transition, got -5',
		],
		['<end>50', '<end>999999999999999999', 'clipitem[1]/end (line 25): expected a whole number'],
		['<timebase>25', '<timebase>0', 'expected a <rate> with a timebase above 0 inside, got none'],
		['<timebase>25', '<timebase>5000', 'expected a timebase from 1 to 1000, got 5000'],
		['<timebase>25', '<timebase>fast', 'expected a number, got "fast"'],
		['<timebase>25</timebase>', '', 'xmeml/sequence (line'],
		['</track>', '', 'line 49, column 4: Missing end tag for element track'],
		['<xmeml', '<xmeml version="4"', 'Duplicate attribute: version'],
		['<media>', '<medium>', 'Missing end tag'],
	])('%s → %s', (from, to, message) => {
		let said = 'no error';
		try {
			fcp7XmlFormat.read(good.replace(from, to), new MediaFinder(folder));
		} catch (error) {
			if (!(error instanceof PickupError)) throw error;
			expect(error.code).toBe('timeline-malformed');
			said = error.message;
		}
		expect(said).toContain(message);
	});

	test.each([
		['no sequence', '<xmeml version="4"></xmeml>', 'a <sequence> with <media>'],
		['cut off', good.slice(0, 900), 'well-formed XML'],
		[
			'an entity bomb',
			`<!DOCTYPE xmeml [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><xmeml>&b;</xmeml>`,
			"Named entity isn't defined: &b;",
		],
		['a pit', '<a>'.repeat(100_000), 'deep'],
		['a deep bin', `<xmeml>${'<bin>'.repeat(300)}${'</bin>'.repeat(300)}</xmeml>`, 'deep'],
	])('%s', (_, text, message) => {
		expect(() => fcp7XmlFormat.read(text, new MediaFinder(folder))).toThrowError(
			expect.objectContaining({
				code: 'timeline-malformed',
				message: expect.stringContaining(message),
			}),
		);
	});
});
