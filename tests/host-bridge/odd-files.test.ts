import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fcp7Xml, kdenlive, otio } from '../../demo/timelines.ts';
import { openTimeline } from '../../host-bridge/timeline-file/host.ts';
import { placementOf } from './cuts.ts';
import { unsplice } from './unsplice.ts';

let folder = '';
let made = '';
beforeAll(async () => {
	folder = await mkdtemp(path.join(tmpdir(), 'pickup-odd-'));
	made = path.join(folder, 'made.mov');
	for (const name of ['a.mov', 'b.mov', 'made.mov']) await writeFile(path.join(folder, name), '');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const cut = () => ({
	name: 'cut',
	rate: { num: 24, den: 1 },
	size: { width: 160, height: 90 },
	startFrame: 0,
	clips: [
		{ name: 'a', path: path.join(folder, 'a.mov'), start: 0, frames: 20 },
		{ name: 'b', path: path.join(folder, 'b.mov'), start: 48, frames: 24 },
	],
});
const WRITERS = { xml: fcp7Xml, otio, kdenlive } as const;
let count = 0;

/** Opens a timeline of two clips after a change to its text, fills its gap, and undoes that. */
async function opened(kind: keyof typeof WRITERS, change: (text: string) => string) {
	const text = change(WRITERS[kind](cut()));
	count += 1;
	const file = path.join(folder, `cut ${count}.${kind}`);
	await writeFile(file, text);
	const host = await openTimeline(file);
	const { sequence, tracks } = await host.cut();
	const out = path.join(folder, `out ${count}`);
	await mkdir(out);
	const clip = { path: made, rate: sequence.rate };
	await host.place([placementOf({ start: 20, end: 48 }, { clip })]);
	const saved = await host.save(out);
	expect(unsplice(await readFile(saved.path, 'utf8'), saved.spans)).toBe(text);
	return { sequence, tracks };
}

/** The change must not be one that does nothing. */
function changed(from: string | RegExp, to: string): (text: string) => string {
	return (text) => {
		const result = text.replace(from, to);
		expect(result).not.toBe(text);
		return result;
	};
}

const RATE_OF_MEDIA = /("available_range": \{[^}]*?)"rate": 24/g;
const FAST = '<rate><timebase>5000</timebase></rate>';
const ENDLESS = '{"OTIO_SCHEMA": "LinearTimeWarp.1", "time_scalar": Infinity}';
const RATE = '<rate><timebase>24</timebase><ntsc>FALSE</ntsc></rate>';

describe('what other readers read is read, and means the same', () => {
	const NO_RATE = RATE.replace('24', '0');
	test.each<[string, keyof typeof WRITERS, string | RegExp, string]>([
		['a frame as 24.0', 'xml', /<(start|end|in|out|duration|frame)>(\d+)</g, '<$1>$2.0<'],
		['every number as 24.0', 'xml', />(\d+)</g, '>$1.0<'],
		['numbers with a plus and space', 'xml', />(\d+)</g, '> +$1\n<'],
		['clips with timebase 0', 'xml', new RegExp(`${RATE}(?=\\s*<start>)`, 'g'), NO_RATE],
		['files with timebase 0', 'xml', new RegExp(`${RATE}<duration>`, 'g'), `${NO_RATE}<duration>`],
		['timecode with timebase 0', 'xml', `${RATE}<frame>`, `${NO_RATE}<frame>`],
		[
			'a format with timebase 0',
			'xml',
			`<samplecharacteristics>${RATE}`,
			`<samplecharacteristics>${NO_RATE}`,
		],
		['a sequence with timebase 0', 'xml', `${RATE}\n\t\t<timecode>`, `${NO_RATE}<timecode>`],
		['an empty rate', 'xml', new RegExp(`${RATE}(?=\\s*<start>)`, 'g'), '<rate/>'],
		['an empty ntsc', 'xml', /<ntsc>FALSE<\/ntsc>/g, '<ntsc/>'],
		['no ntsc', 'xml', /<ntsc>FALSE<\/ntsc>/g, ''],
		['no durations', 'xml', /<duration>\d+<\/duration>/g, ''],
		['negative durations', 'xml', /<duration>\d+<\/duration>/g, '<duration>-1</duration>'],
		['no samples a second', 'xml', /<samplerate>48000/g, '<samplerate>0'],
		['samples a second in words', 'xml', /<samplerate>48000/g, '<samplerate>48 kHz'],
		['a duration in words', 'xml', /(<sequence.*?<duration>)\d+/s, '$1long'],
		['one id for all clips', 'xml', /clipitem-[^"]*/g, 'clipitem-1'],
		['CDATA', 'xml', /<name>(.*?)<\/name>/g, '<name><![CDATA[$1]]></name>'],
		['a comment in a number', 'xml', '<start>48<', '<start>4<!-- 9 -->8<'],
		[
			'entities of its own',
			'xml',
			'<!DOCTYPE xmeml>',
			'<!DOCTYPE xmeml [<!ELEMENT xmeml ANY><!ENTITY shop "b &#38; b">\n<!ENTITY x \'b\'>]>',
		],
		['a document type elsewhere', 'xml', 'xmeml>', 'xmeml PUBLIC "-//x" "http://a/x[1]>.dtd">'],
		[
			'a document type with comments',
			'xml',
			'<!DOCTYPE xmeml>',
			'<!-- a > b --><!DOCTYPE xmeml SYSTEM "x.dtd" [ <!-- it\'s ] --> <!ENTITY a "b">]>',
		],
		[
			'a long comment before the root',
			'kdenlive',
			'<mlt',
			`<!--${' <fcpxml> '.repeat(2000)}--><mlt`,
		],
		['a root without attributes', 'kdenlive', /<mlt [^>]*>/, '<mlt>'],
		["MLT's first name", 'kdenlive', /<(\/?)mlt/g, '<$1westley'],
		['a profile at the end', 'kdenlive', /(<profile[^>]*>)(.*)(?=<\/mlt>)/s, '$2$1'],
		['another order of attributes', 'xml', '<xmeml version="4"', "<xmeml a='>' version='4'"],
		['a rate of 0 for the media', 'otio', RATE_OF_MEDIA, '$1"rate": 0.0'],
		['a rate of NaN for the media', 'otio', RATE_OF_MEDIA, '$1"rate": NaN'],
		['media of no length', 'otio', /("available_range": \{[^}]*"value": )\d+/g, '$10'],
		['media shorter than nothing', 'otio', /("available_range": \{[^}]*"value": )\d+/g, '$1-5.0'],
		['media of endless length', 'otio', /("available_range": \{[^}]*"value": )\d+/g, '$1Infinity'],
		['numbers that are none', 'otio', /"metadata": \{\}/g, '"metadata": {"a": Inf, "b": [-Inf]}'],
		['a key twice', 'otio', /"name": "(a|b)"/g, '"name": "$1", "name": "second"'],
		['a picture of 160.0 by 90.0', 'kdenlive', /(width|height)="(\d+)"/g, '$1="$2.0"'],
	])('%s', async (_, kind, from, to) => {
		const plain = await opened(kind, (text) => text);
		const odd = await opened(kind, changed(from, to));
		expect(odd.tracks).toEqual(plain.tracks);
		expect(odd.sequence.rate).toEqual(plain.sequence.rate);
	});
});

test('an entity that the document defines is its text', async () => {
	const named = changed(/<name>b</g, '<name>&shop;<');
	const defined = changed('xmeml>', 'xmeml [<!ENTITY shop "b and b">]>');
	const { tracks } = await opened('xml', (text) => defined(named(text)));
	expect(tracks[0]?.clips[1]?.name).toBe('b and b');
});

describe('what one clip says without sense is said of that clip, and the rest is read', () => {
	test.each<[string, keyof typeof WRITERS, string | RegExp, string, string]>([
		['an in point', 'xml', '<in>0<', '<in>zero<', 'expected a whole number, got "zero"'],
		['a time beyond counting', 'xml', '<in>0<', '<in>9007199254740993<', 'expected a whole number'],
		['a rate', 'xml', `${RATE}\n\t\t\t\t\t\t<start>`, `${FAST}<start>`, 'got 5000'],
		['a length of the media', 'xml', /<duration>20(?=<.*<media>)/, '<duration>x', 'got "x"'],
		['an endless speed', 'otio', '"effects": []', `"effects": [${ENDLESS}]`, 'varying speed'],
	])('%s', async (_, kind, from, to, said) => {
		const plain = await opened(kind, (text) => text);
		const odd = await opened(kind, changed(from, to));
		const ranges = (of: typeof odd) => of.tracks.map(({ clips }) => clips.map((c) => c.range));
		expect(ranges(odd)).toEqual(ranges(plain));
		const [first, second] = odd.tracks[0]?.clips ?? [];
		expect(first?.source).toMatchObject({ kind: 'synthetic', what: expect.stringContaining(said) });
		expect(second).toEqual(plain.tracks[0]?.clips[1]);
	});
});
