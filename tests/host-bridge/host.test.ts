import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Placement } from '../../host-bridge/host.ts';
import { decodeText, encodeText } from '../../host-bridge/timeline-file/encoding.ts';
import { openTimeline, type TimelineFileHost } from '../../host-bridge/timeline-file/host.ts';
import { composeSpans, splice } from '../../host-bridge/timeline-file/splice.ts';
import { placementOf } from './cuts.ts';
import { unsplice } from './unsplice.ts';
import { clip, file, rate, sequence, speed, track, transition, xmeml } from './xmeml.ts';

const SAMPLES = path.resolve(import.meta.dirname, '../samples/timelines');
let base = '';
let made = '';
let folder = '';
let output = '';
beforeAll(async () => {
	base = await mkdtemp(path.join(tmpdir(), 'pickup-host-'));
	made = path.join(base, 'gemacht – “take” & 1.mov');
	await writeFile(made, '');
});
beforeEach(async () => {
	folder = await mkdtemp(path.join(base, 'cut-'));
	output = path.join(folder, 'out');
	await mkdir(output);
});
afterAll(() => rm(base, { recursive: true, force: true }));

async function opened(content: string | Uint8Array, name = 'cut.xml'): Promise<TimelineFileHost> {
	const timeline = path.join(folder, name);
	await writeFile(timeline, content);
	return openTimeline(timeline);
}

/** A placement of the file that is there, at the sequence's own rate. */
async function madeFor(
	host: TimelineFileHost,
	start: number,
	end: number,
	change: Partial<Omit<Placement, 'clip'>> = {},
): Promise<Placement> {
	const { sequence: settings } = await host.cut();
	return placementOf({ start, end }, { ...change, clip: { path: made, rate: settings.rate } });
}

/** Saves and checks that without the spans the new bytes are the old ones. */
async function savedAndUndone(host: TimelineFileHost): Promise<string> {
	const saved = await host.save(output);
	const [before, after] = await Promise.all([readFile(host.path), readFile(saved.path)]);
	const { text, encoding } = decodeText(after);
	const undone = Buffer.from(encodeText(unsplice(text, saved.spans), encoding));
	expect(undone.equals(before)).toBe(true);
	expect(after.length).toBeGreaterThan(before.length);
	const again = await openTimeline(saved.path);
	expect(await again.cut()).toEqual(await host.cut());
	return text;
}

const twoClips = xmeml(
	sequence({
		duration: 100,
		video: [[clip(0, 50, { id: 'clipitem-1', name: 'é 🎬' }), clip(75, 100, { id: 'clipitem-2' })]],
		audio: [[clip(0, 60, { id: 'clipitem-8' })]],
	}),
);
const oneLine = twoClips.replaceAll(/\n\t*/g, '');
const latinText = (encoding: string) => twoClips.replace('UTF-8', encoding).replace(' 🎬', '');

/** The two clips in an encoding of one byte for each character; the first has that name, as bytes. */
function oneByteEach(encoding: string, name: string): Uint8Array {
	return Buffer.from(latinText(encoding).replace('é', name), 'latin1');
}

describe('whatever the bytes look like, filling a gap only adds to them', () => {
	const utf16 = twoClips.replace('UTF-8', 'UTF-16');
	test.each<[string, string | Uint8Array]>([
		['tabs and LF', twoClips],
		['CRLF', twoClips.replaceAll('\n', '\r\n')],
		['CR', twoClips.replaceAll('\n', '\r')],
		['spaces', twoClips.replaceAll('\t', '    ')],
		['no indentation', twoClips.replaceAll('\t', '')],
		['one line', oneLine],
		['one line after a declaration', oneLine.replace('?>', '?>\r\n')],
		['byte order mark', `\uFEFF${twoClips}`],
		['byte order mark and CRLF', `\uFEFF${twoClips.replaceAll('\n', '\r\n')}`],
		['UTF-16 LE', encodeText(`\uFEFF${utf16}`, 'utf-16le')],
		['UTF-16 BE', encodeText(`\uFEFF${utf16}`, 'utf-16be')],
		['UTF-16 LE without a mark', encodeText(utf16, 'utf-16le')],
		['UTF-16 BE without a mark', encodeText(utf16, 'utf-16be')],
		['ISO-8859-1', oneByteEach('iso-8859-1', '\xe9')],
		['KOI8-R', oneByteEach('KOI8-R', '\xd3\xdf')],
		['US-ASCII', oneByteEach('US-ASCII', 'e')],
		['ASCII that is UTF-8', Buffer.from(twoClips.replace('UTF-8', 'ascii'))],
		[
			'UTF-16 with the declaration of another',
			encodeText(`\uFEFF${latinText('ISO-8859-1')}`, 'utf-16le'),
		],
		['UTF-8 with the mark and another declaration', `\uFEFF${latinText('ISO-8859-1')}`],
		['no declaration', twoClips.replace(/<\?xml.*?\?>\n/, '')],
		['no line end at the end', twoClips.trimEnd()],
	])('%s', async (_, content) => {
		const host = await opened(content);
		const [report] = await host.place([await madeFor(host, 50, 75)]);
		expect(report).toMatchObject({ verified: true, videoTrack: 'V1', audioTrack: 'A2' });
		await savedAndUndone(host);
	});

	test.each([
		['ISO-8859-1', '\xe9', 'é'],
		['windows-1252', '\x91\xe9\x92 \x96 20 \x80', '‘é’ – 20 €'],
		['Windows-1251', '\xf1\xfa\xb8\xec\xea\xe0', 'съёмка'],
	])('names mean the same in %s, old ones and new ones', async (encoding, bytes, old) => {
		const host = await opened(oneByteEach(encoding, bytes));
		const name = 'Brücke 橋 🎬';
		await host.place([await madeFor(host, 50, 75, { name })]);
		expect(await savedAndUndone(host)).toContain('<name>Br&#252;cke &#27211; &#127916;</name>');
		const names = (await host.cut()).tracks[0]?.clips.map((each) => each.name);
		expect(names).toEqual([old, name, expect.any(String)]);
	});

	test('new lines look like the old ones', async () => {
		const host = await opened(twoClips.replaceAll('\n', '\r\n').replaceAll('\t', '  '));
		await host.place([await madeFor(host, 50, 75)]);
		const text = await savedAndUndone(host);
		expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
		expect(text).not.toContain('\t');
		expect(text).toContain(
			`\r\n${' '.repeat(10)}<clipitem id="clipitem-9">\r\n${' '.repeat(12)}<name>`,
		);
		const flat = await opened(oneLine, 'flat.xml');
		await flat.place([await madeFor(flat, 50, 75)]);
		expect(await savedAndUndone(flat)).not.toMatch(/[\r\n]/);
	});
});

describe('every gap of the samples can be filled', () => {
	test('premiere_example.xml, all gaps and open ends', async () => {
		const sample = path.join(SAMPLES, 'premiere_example.xml');
		const gaps = await (await openTimeline(sample)).gaps();
		expect(gaps).toHaveLength(10);
		for (const gap of gaps) {
			const host = await opened(await readFile(sample), `gap-${gap.row}.xml`);
			const end = gap.end ?? gap.start + 48;
			const [report] = await host.place([
				await madeFor(host, gap.start, end, { track: gap.track }),
			]);
			expect(report).toMatchObject({ verified: true, videoTrack: gap.track });
			await savedAndUndone(host);
		}
	});

	test('all of them one after the other, with takes above', async () => {
		const host = await opened(await readFile(path.join(SAMPLES, 'premiere_example.xml')));
		const placements: Placement[] = [];
		for (const gap of await host.gaps()) {
			const end = gap.end ?? gap.start + 48;
			placements.push(await madeFor(host, gap.start, end, { track: gap.track }));
			placements.push(await madeFor(host, gap.start, end, { track: gap.track, where: 'above' }));
		}
		const reports = await host.place(placements);
		expect(reports.every((report) => report.verified)).toBe(true);
		expect(
			(await host.gaps()).filter((gap) => gap.kind === 'gap' && /V[1-4]/.test(gap.track)),
		).toEqual([]);
		await savedAndUndone(host);
	});

	test('sample_just_track.xml has no track to fill, and says so', async () => {
		const host = await opened(await readFile(path.join(SAMPLES, 'sample_just_track.xml')));
		expect(await host.gaps()).toEqual([]);
		await expect(host.place([await madeFor(host, 0, 10)])).rejects.toMatchObject({
			code: 'bad-request',
			message: 'Expected a video track (none), got V1',
		});
	});
});

describe('places', () => {
	test('on an empty self-closed track, in a sequence without sound', async () => {
		const host = await opened(xmeml(sequence({ duration: 10, video: ['<track/>'], audio: null })));
		const [report] = await host.place([await madeFor(host, 0, 10)]);
		expect(report).toMatchObject({ verified: true, audioTrack: 'A1' });
		const text = await savedAndUndone(host);
		expect(text).toContain('<!--<track/>--><track>');
	});

	test('on a track with nothing but its switches', async () => {
		const host = await opened(xmeml(sequence({ video: [[]], audio: [[], []] })));
		const [report] = await host.place([await madeFor(host, 5, 10)]);
		expect(report).toMatchObject({ verified: true, audioTrack: 'A1' });
		const text = await savedAndUndone(host);
		expect(text.match(/<track>\s*<clipitem/g)).toHaveLength(3);
	});

	test('past the end, and then the sequence is longer', async () => {
		const host = await opened(twoClips);
		await host.place([await madeFor(host, 100, 130), await madeFor(host, 130, 150)]);
		expect((await host.cut()).sequence.duration).toBe(150);
		const text = await savedAndUndone(host);
		expect(text).toContain(
			'<!--<duration>100</duration>--><!--<duration>130</duration>--><duration>150</duration>',
		);
	});

	test('beside transitions to and from black', async () => {
		const items = [
			clip(10, -1, { out: 40 }),
			transition(40, 50, 'end-black'),
			transition(75, 80, 'start-black'),
			clip(-1, 100, { out: 25 }),
		];
		const host = await opened(xmeml(sequence({ video: [items] })));
		await host.place([await madeFor(host, 50, 75), await madeFor(host, 0, 10)]);
		const text = await savedAndUndone(host);
		const order = text.match(/<(?:clip|transition)item\b|<name>Made/g)?.slice(0, 8);
		expect(order?.join(' ').replaceAll('<clipitem <name>Made', 'new')).toBe(
			'new <clipitem <transitionitem new <transitionitem <clipitem',
		);
		const cut = await host.cut();
		expect(cut.tracks[0]?.clips.map((each) => each.range.start)).toEqual([0, 10, 50, 75]);
	});

	test('beside a transition whose middle is the edit', async () => {
		const items = [clip(0, -1, { out: 50 }), transition(40, 50, 'center'), clip(75, 100)];
		const host = await opened(xmeml(sequence({ video: [items] })));
		const [gap] = await host.gaps();
		expect(gap).toMatchObject({ start: 45, end: 75 });
		await host.place([await madeFor(host, 45, 75)]);
		await savedAndUndone(host);
	});

	test('each range of media at every rate', async () => {
		for (const [timebase, ntsc] of [
			[24, 'TRUE'],
			[30, 'TRUE'],
			[60, 'TRUE'],
			[24, 'FALSE'],
		] as const) {
			const host = await opened(
				xmeml(sequence({ rate: rate(timebase, ntsc), video: [[clip(0, 50), clip(75, 100)]] })),
				`${timebase}-${ntsc}.xml`,
			);
			const [report] = await host.place([await madeFor(host, 50, 75)]);
			expect(report?.verified).toBe(true);
			const text = await savedAndUndone(host);
			expect(text.match(new RegExp(`<timebase>${timebase}<`, 'g'))?.length).toBeGreaterThan(4);
		}
	});

	test('picture alone or sound alone', async () => {
		const host = await opened(twoClips);
		const [picture, sound] = await host.place([
			await madeFor(host, 50, 75, { sound: false }),
			await madeFor(host, 60, 75, { picture: false, where: 'above' }),
		]);
		expect(picture).toMatchObject({ videoTrack: 'V1', audioTrack: null });
		expect(sound).toMatchObject({ videoTrack: null, audioTrack: 'A2' });
		await savedAndUndone(host);
	});

	test('with links, channels and one description of the file', async () => {
		const host = await opened(twoClips);
		await host.place([await madeFor(host, 50, 75, { name: 'Rain & <fog>' })]);
		const text = await savedAndUndone(host);
		expect(text.match(/<file id="file-9">/g)).toHaveLength(1);
		expect(text.match(/<file id="file-9"\/>/g)).toHaveLength(2);
		expect(text.indexOf('<file id="file-9">')).toBeLessThan(text.indexOf('<file id="file-9"/>'));
		expect(text.match(/<linkclipref>clipitem-(?:9|10|11)<\/linkclipref>/g)).toHaveLength(9);
		expect(text.match(/<name>Rain &amp; &lt;fog&gt;<\/name>/g)).toHaveLength(3);
		expect(text).toMatch(/<sourcetrack>\s*<mediatype>audio<\/mediatype>\s*<trackindex>2</);
		expect(text).toMatch(/<outputchannelindex>2<\/outputchannelindex>\s*<\/track>\s*<\/audio>/);
		expect(text).toContain('%E2%80%93');
	});

	test('all of them or none', async () => {
		const host = await opened(twoClips);
		const before = await host.cut();
		const wrong = await madeFor(host, 40, 60);
		await expect(host.place([await madeFor(host, 50, 75), wrong])).rejects.toMatchObject({
			code: 'placement-conflict',
		});
		expect(await host.cut()).toEqual(before);
		expect((await host.save(output)).spans).toEqual([]);
	});

	test('nothing that is not there when read back', async () => {
		const host = await opened(twoClips);
		const placement = await madeFor(host, 50, 75);
		const missing = { ...placement, clip: { ...placement.clip, path: path.join(base, 'no.mov') } };
		await expect(host.place([missing])).rejects.toMatchObject({
			message: expect.stringContaining('is not'),
		});
	});
});

describe('sequences', () => {
	const several = xmeml(
		`<project><children>${sequence({ id: 's1', name: 'One', video: [[clip(0, 5), clip(9, 10)]] })}${sequence({ id: 's2', name: 'Two', video: [[clip(0, 50, { media: '<sequence id="s1"/>' }), clip(75, 100)]] })}</children></project>`,
	);

	test('by name, and the others stay as they are', async () => {
		await writeFile(path.join(folder, 'cut.xml'), several);
		const host = await openTimeline(path.join(folder, 'cut.xml'), { sequence: 'Two' });
		expect(host.sequences).toEqual(['One', 'Two']);
		await host.place([await madeFor(host, 50, 75)]);
		const saved = await host.save(output);
		expect(await (await openTimeline(saved.path)).gaps()).toHaveLength(2);
		const two = await openTimeline(saved.path, { sequence: 'Two' });
		expect(await two.gaps()).toHaveLength(1);
		await expect(openTimeline(host.path, { sequence: 'Three' })).rejects.toMatchObject({
			code: 'bad-request',
			message: expect.stringContaining('"One", "Two"'),
		});
	});

	test('the first of several is said to be, unless one was named', async () => {
		const file = path.join(folder, 'several.xml');
		await writeFile(file, several);
		const { notes } = await (await openTimeline(file)).cut();
		expect(notes).toContain('This is the first sequence of the file, “One”; there are also “Two”.');
		const named = await (await openTimeline(file, { sequence: 'One' })).cut();
		expect(named.notes?.join() ?? '').not.toContain('first sequence');
	});

	test('a name that two have says neither', async () => {
		const file = path.join(folder, 'alike.xml');
		await writeFile(file, several.replace('<name>Two<', '<name>One<'));
		await expect(openTimeline(file, { sequence: 'One' })).rejects.toMatchObject({
			code: 'bad-request',
			message: expect.stringContaining('"One", which 2 of this file have'),
		});
		expect((await openTimeline(file)).sequences).toEqual(['One', 'One']);
	});

	test('one that another holds may be filled too', async () => {
		const host = await opened(several);
		const [report] = await host.place([await madeFor(host, 6, 8)]);
		expect(report?.verified).toBe(true);
		await savedAndUndone(host);
	});
});

describe('saves', () => {
	test('never over the timeline itself, and over others only when told', async () => {
		const host = await opened(twoClips);
		await expect(host.save(folder, { overwrite: true })).rejects.toMatchObject({
			code: 'bad-request',
		});
		await symlink(host.path, path.join(output, 'cut.xml'));
		await expect(host.save(output, { overwrite: true })).rejects.toMatchObject({
			code: 'bad-request',
		});
		expect(await readFile(host.path, 'utf8')).toBe(twoClips);
		const named = await host.save(folder, { name: 'cut pickup.xml' });
		expect(named.path).toBe(path.join(folder, 'cut pickup.xml'));
		await writeFile(named.path, 'precious');
		await expect(host.save(folder, { name: 'cut pickup.xml' })).rejects.toMatchObject({
			code: 'bad-request',
			message: expect.stringContaining('there already'),
		});
		expect(await readFile(named.path, 'utf8')).toBe('precious');
		await host.save(folder, { name: 'cut pickup.xml', overwrite: true });
		expect(await readFile(named.path, 'utf8')).toBe(twoClips);
		expect((await readdir(folder)).sort()).toEqual(['cut pickup.xml', 'cut.xml', 'out']);
	});

	test.each([
		['a missing folder', 'nowhere', 'folder-missing'],
		['a file', 'cut.xml', 'folder-missing'],
		['a folder that takes no files', '/proc', 'folder-not-writable'],
	])('refuses %s', async (_, target, code) => {
		const host = await opened(twoClips);
		await expect(host.save(path.resolve(folder, target))).rejects.toMatchObject({ code });
		expect((await readdir(folder)).sort()).toEqual(['cut.xml', 'out']);
	});

	test('and says which media a copy in another folder does not find', async () => {
		await writeFile(path.join(folder, 'a.mov'), '');
		const video = [[clip(0, 50, { media: file('f', 'a.mov') }), clip(75, 100)]];
		const host = await opened(xmeml(sequence({ video })));
		expect(host.relativeMedia).toBe(true);
		expect((await host.save(output)).warnings).toEqual([expect.stringContaining('a.mov')]);
		expect((await host.save(folder, { name: 'new.xml' })).warnings).toEqual([]);
		const absolute = await opened(twoClips, 'absolute.xml');
		expect(absolute.relativeMedia).toBe(false);
	});
});

describe('refuses what it cannot read', () => {
	test.each<[string, string | Uint8Array, string, string]>([
		['another XML', '<fcpxml version="1.9"/>', 'timeline-unsupported', 'FCP 7 XML'],
		['nothing', '', 'timeline-unsupported', 'FCP 7 XML'],
		['Shift_JIS', twoClips.replace('UTF-8', 'Shift_JIS'), 'timeline-unsupported', 'Shift_JIS'],
		['an unknown one', twoClips.replace('UTF-8', 'x-none'), 'timeline-unsupported', 'x-none'],
		['broken UTF-8', Buffer.from(twoClips, 'latin1'), 'timeline-malformed', 'UTF-8'],
		[
			'half a UTF-16',
			encodeText(twoClips, 'utf-16le').slice(0, 1001),
			'timeline-malformed',
			'UTF-16',
		],
		[
			'a picture',
			Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]),
			'timeline-malformed',
			'UTF-8',
		],
		[
			'a size that no picture has',
			twoClips.replace('>640<', '>1<'),
			'timeline-malformed',
			'size.width',
		],
	])('%s', async (_, content, code, message) => {
		await expect(opened(content)).rejects.toMatchObject({
			code,
			message: expect.stringContaining(message),
		});
	});

	test('a file that is not there, and a folder', async () => {
		await expect(openTimeline(path.join(folder, 'no.xml'))).rejects.toMatchObject({
			code: 'bad-request',
			message: expect.stringContaining('does not exist'),
		});
		await expect(openTimeline(folder)).rejects.toMatchObject({ code: 'bad-request' });
	});
});

test('speed, tracks and nests survive an edit beside them', async () => {
	const nest = sequence({ id: 'n', name: 'Nest', video: [[clip(0, 100)]] });
	const host = await opened(
		xmeml(
			sequence({
				video: [[clip(0, 50, { more: speed({ speed: 200 }) }), clip(75, 100, { media: nest })]],
				audio: [
					track([clip(0, 50)], '<outputchannelindex>1</outputchannelindex>'),
					track([], '<outputchannelindex>2</outputchannelindex>'),
				],
			}),
		),
	);
	const before = await host.cut();
	await host.place([await madeFor(host, 50, 75)]);
	const after = await host.cut();
	expect(after.tracks[0]?.clips.filter((each) => each.name !== 'Made')).toEqual(
		before.tracks[0]?.clips,
	);
	await savedAndUndone(host);
});

test('spans of edits inside and around each other come out together', () => {
	const original = 'abcdef';
	const first = splice(original, [
		{ offset: 2, text: 'XX' },
		{ offset: 4, text: 'YY' },
	]);
	const second = splice(first.text, [
		{ offset: 0, text: '1' },
		{ offset: 2, text: '2' },
		{ offset: 3, text: '3' },
		{ offset: 8, text: '4' },
		{ offset: 10, text: '5' },
	]);
	expect(second.text).toBe('1ab2X3XcdYY4ef5');
	expect(unsplice(second.text, composeSpans(first.spans, second.spans))).toBe(original);
});
