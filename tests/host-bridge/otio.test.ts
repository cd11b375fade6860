import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findGaps } from '../../host-bridge/gap.ts';
import { MediaFinder } from '../../host-bridge/timeline-file/media-path.ts';
import { otioFormat } from '../../host-bridge/timeline-file/otio/otio.ts';
import type { Cut } from '../../protocol/timeline.ts';
import { media, type Otio, pen } from './otio-timelines.ts';

const samples = path.resolve(import.meta.dirname, '../samples/timelines');
const p24 = pen(24);
let folder = '';

beforeAll(() => {
	folder = mkdtempSync(path.join(os.tmpdir(), 'pickup-otio-'));
	mkdirSync(path.join(folder, 'media'));
	for (const name of ['a', 'b', 'é ü']) writeFileSync(path.join(folder, `media/${name}.mov`), '');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function readAll(document: Otio | string): readonly Cut[] {
	const text = typeof document === 'string' ? document : JSON.stringify(document, null, 2);
	return otioFormat.read(text, new MediaFinder(folder)).map((sequence) => sequence.cut);
}

function read(document: Otio | string): Cut {
	return readAll(document)[0] as Cut;
}

function ranges(cut: Cut, track: string): readonly (readonly [string, number, number])[] {
	const clips = cut.tracks.find(({ name }) => name === track)?.clips ?? [];
	return clips.map(({ name, range }) => [name, range.start, range.end] as const);
}

function clips(cut: Cut) {
	return cut.tracks[0]?.clips ?? [];
}

function refusal(document: Otio | string): string {
	try {
		readAll(document);
	} catch (error) {
		return (error as Error).message;
	}
	return 'read';
}

test('reads the samples with the positions that OpenTimelineIO gives them', () => {
	const files = readdirSync(samples).filter((name) => name.endsWith('.otio'));
	expect(files).toHaveLength(4);
	for (const name of files) {
		const text = readFileSync(path.join(samples, name), 'utf8');
		expect(otioFormat.recognises(text)).toBe(true);
		expect(read(text).sequence).toMatchObject({ rate: { num: 24, den: 1 }, startFrame: 0 });
	}
	const many = read(readFileSync(path.join(samples, 'multiple_track.otio'), 'utf8'));
	expect(many.sequence.duration).toBe(19);
	expect(ranges(many, 'V1')).toEqual([
		['Clip-001', 0, 3],
		['Clip-002', 3, 9],
		['Clip-004', 13, 19],
	]);
	expect(ranges(many, 'V2')).toEqual([['Clip-003', 7, 16]]);
	expect(ranges(many, 'V3')).toEqual([['Clip-005', 7, 16]]);
	expect(findGaps(many).map(({ kind, track, start, end }) => [kind, track, start, end])).toEqual([
		['gap', 'V1', 9, 13],
		['open-tail', 'V1', 19, null],
		['open-head', 'V2', 0, 7],
		['open-tail', 'V2', 16, null],
		['open-head', 'V3', 0, 7],
		['open-tail', 'V3', 16, null],
	]);
	const nested = read(readFileSync(path.join(samples, 'nested_example.otio'), 'utf8'));
	expect(clips(nested)[1]).toMatchObject({
		name: 'Clip Inside A Stack 1',
		range: { start: 238, end: 269 },
		sourceIn: { num: 373, den: 24 },
	});
	expect(clips(nested)[3]?.source).toMatchObject({ kind: 'synthetic' });
	const dissolve = read(readFileSync(path.join(samples, 'transition.otio'), 'utf8'));
	expect(dissolve.tracks[0]?.transitions).toEqual([
		{ name: 'Transition', range: { start: 7, end: 12 } },
	]);
});

test('near-standard rates stand for exact ones, and clips of other rates keep their time', () => {
	const written: [number, number, number][] = [
		[23.976, 24000, 1001],
		[23.976023976023978, 24000, 1001],
		[23.98, 24000, 1001],
		[24, 24, 1],
		[25, 25, 1],
		[29.97, 30000, 1001],
		[59.94, 60000, 1001],
		[59.94005994005994, 60000, 1001],
		[12.5, 25, 2],
	];
	for (const [rate, num, den] of written) {
		const p = pen(rate);
		const track = p.track('Video', [p.clip('a', p.range(0, 100)), p.clip('b', p.range(0, 7))]);
		const cut = read(p.timeline([track]));
		expect(cut.sequence.rate).toEqual({ num, den });
		expect(ranges(cut, 'V1')).toEqual([
			['a', 0, 100],
			['b', 100, 107],
		]);
	}
	const mixed = p24.track('Video', [
		p24.clip('a', p24.range(0, 30, 30)),
		p24.gap(96_000, 48_000),
		p24.clip('b', p24.range(50, 25, 25)),
	]);
	const cut = read(p24.timeline([mixed]));
	expect(ranges(cut, 'V1')).toEqual([
		['a', 0, 24],
		['b', 72, 96],
	]);
	expect(clips(cut)[1]?.sourceIn).toEqual({ num: 2, den: 1 });
});

test('clips off the frame grid are rounded, and their source time says where they start', () => {
	const track = p24.track('Video', [
		p24.clip('a', p24.range(0, 10.4)),
		p24.clip('b', p24.range(24, 10.2)),
	]);
	const cut = read(p24.timeline([track]));
	expect(ranges(cut, 'V1')).toEqual([
		['a', 0, 10],
		['b', 10, 21],
	]);
	// The second begins 0.4 frames late: frame 10 shows what lies 0.4 frames before its source.
	expect(clips(cut)[1]?.sourceIn).toEqual({ num: 59, den: 60 });
});

test('the rate comes from the start time, from Premiere or from the first clip', () => {
	const track = p24.track('Audio', [p24.clip('a', p24.range(0, 96_000, 48_000))]);
	const film = p24.track('Video', [p24.clip('b', p24.range(0, 50, 25))]);
	const own = { global_start_time: null };
	expect(read(p24.timeline([track, film], own)).sequence.rate).toEqual({ num: 25, den: 1 });
	const noted = {
		VideoFrameRate: 30,
		AudioFrameRate: 44_100,
		VideoResolution: { width: 1280, height: 720 },
		PixelAspectRatio: { numerator: 4, denominator: 3 },
	};
	const premiere = p24.stack([film], { metadata: { PremierePro_OTIO: noted } });
	expect(read(p24.timeline([], { ...own, tracks: premiere })).sequence).toMatchObject({
		rate: { num: 30, den: 1 },
		size: { width: 1280, height: 720 },
		pixelAspect: { num: 4, den: 3 },
		sampleRate: 44_100,
	});
	const start = { global_start_time: p24.time(86_400) };
	expect(read(p24.timeline([film], start)).sequence).toMatchObject({
		rate: { num: 24, den: 1 },
		startFrame: 86_400,
		size: { width: 1920, height: 1080 },
	});
	expect(refusal(p24.timeline([track], own))).toMatch(/frame rate.*the top \(line 1\)/);
});

test('the picture size may come from bounds in pixels, not from an aspect ratio', () => {
	const bounds = (x: number, y: number) => ({
		OTIO_SCHEMA: 'Box2d.1',
		min: { OTIO_SCHEMA: 'V2d.1', x: 0, y: 0 },
		max: { OTIO_SCHEMA: 'V2d.1', x, y },
	});
	const size = (x: number, y: number) => {
		const own = media('media/a.mov', null, { available_image_bounds: bounds(x, y) });
		const track = p24.track('Video', [p24.clip('a', p24.range(0, 9), { media: own })]);
		return read(p24.timeline([track])).sequence.size;
	};
	expect(size(16, 9)).toEqual({ width: 1920, height: 1080 });
	expect(size(640, 360)).toEqual({ width: 640, height: 360 });
});

test('source time counts from the first frame of the media', () => {
	const own = media('media/a.mov', p24.range(86_400, 500));
	const whole = p24.clip('whole', null, { media: own });
	const part = p24.clip('part', p24.range(86_448, 24), { media: own });
	const cut = read(p24.timeline([p24.track('Video', [whole, part])]));
	expect(ranges(cut, 'V1')).toEqual([
		['whole', 0, 500],
		['part', 500, 524],
	]);
	expect(clips(cut).map((clip) => clip.sourceIn)).toEqual([
		{ num: 0, den: 1 },
		{ num: 2, den: 1 },
	]);
	const bare = p24.clip('bare', null, { media: media('media/a.mov') });
	expect(refusal(p24.timeline([p24.track('Video', [bare])]))).toMatch(
		/source_range.*tracks\.children\[0\]\.children\[0\] \(line \d+\)/,
	);
});

test('media is a file, offline or synthetic', () => {
	const sources = (own: Otio | null) => {
		const clip = p24.clip('x', p24.range(0, 24), { media: own });
		return clips(read(p24.timeline([p24.track('Video', [clip])])))[0]?.source;
	};
	const file = path.join(folder, 'media/a.mov');
	expect(sources(media('media/a.mov'))).toEqual({ kind: 'file', path: file });
	expect(sources(media(`file://${file}`))).toEqual({ kind: 'file', path: file });
	const accents = path.join(folder, 'media/é ü.mov');
	expect(sources(media('media/%C3%A9%20%C3%BC.mov'))).toEqual({ kind: 'file', path: accents });
	expect(sources(media('file:///C:/shots/a.mov'))).toMatchObject({ kind: 'offline' });
	expect(sources(media(null))).toMatchObject({ kind: 'offline' });
	const generator = { OTIO_SCHEMA: 'GeneratorReference.1', generator_kind: 'SMPTEBars' };
	expect(sources(generator)).toEqual({ kind: 'synthetic', what: 'Generator (SMPTEBars)' });
	const images = {
		OTIO_SCHEMA: 'ImageSequenceReference.1',
		name_prefix: 'x.',
		name_suffix: '.exr',
	};
	expect(sources(images)).toEqual({ kind: 'synthetic', what: 'Image sequence x.#.exr' });
	expect(sources({ OTIO_SCHEMA: 'Cloud.1' })).toMatchObject({ kind: 'synthetic' });
});

test('a clip may have several media of which one is active', () => {
	const several = {
		media_references: { DEFAULT_MEDIA: media('media/a.mov'), proxy: media('media/b.mov') },
		active_media_reference_key: 'proxy',
	};
	const track = p24.track('Video', [p24.clip('x', p24.range(0, 24), several)]);
	expect(clips(read(p24.timeline([track])))[0]?.source).toEqual({
		kind: 'file',
		path: path.join(folder, 'media/b.mov'),
	});
});

test('speed is that of a linear time warp; ramps are synthetic', () => {
	const warp = (time_scalar: number) => ({ OTIO_SCHEMA: 'LinearTimeWarp.1', time_scalar });
	const first = (...effects: Otio[]) => {
		const clip = p24.clip('a', p24.range(48, 24), { effects });
		return clips(read(p24.timeline([p24.track('Video', [clip])])))[0];
	};
	expect(first(warp(2))).toMatchObject({ speed: { num: 2, den: 1 }, sourceIn: { num: 2, den: 1 } });
	expect(first(warp(0.3333333333))?.speed).toEqual({ num: 1, den: 3 });
	// Backwards through frames 48…71: the last of them comes first.
	expect(first(warp(-1))).toMatchObject({
		speed: { num: -1, den: 1 },
		sourceIn: { num: 71, den: 24 },
	});
	expect(first({ OTIO_SCHEMA: 'FreezeFrame.1' })?.speed).toEqual({ num: 0, den: 1 });
	expect(first({ OTIO_SCHEMA: 'TimeEffect.1' })?.source.kind).toBe('synthetic');
	expect(first(warp(2), warp(2))?.source.kind).toBe('synthetic');
	expect(first({ OTIO_SCHEMA: 'Effect.1' }, warp(2))?.speed).toEqual({ num: 2, den: 1 });
	expect(first({ ...warp(2), enabled: false })?.speed).toEqual({ num: 1, den: 1 });
});

test('nested tracks and stacks are looked through, except where their layers overlap', () => {
	const inner = p24.track(
		'Video',
		[p24.clip('a', p24.range(0, 20)), p24.gap(10), p24.clip('b', p24.range(100, 20))],
		{ source_range: p24.range(10, 35) },
	);
	const sound = p24.track('Audio', [p24.clip('s', p24.range(0, 35))]);
	const stack = p24.stack([inner, sound], { name: 'scene', enabled: false });
	const cut = read(p24.timeline([p24.track('Video', [p24.gap(5), inner, stack])]));
	expect(ranges(cut, 'V1').map(([, start, end]) => [start, end])).toEqual([
		[5, 15],
		[15, 25],
		[25, 40],
		[40, 50],
		[50, 60],
		[60, 75],
	]);
	expect(clips(cut).map((clip) => clip.source.kind)).toEqual([
		...['file', 'synthetic', 'file'],
		...['file', 'synthetic', 'file'],
	]);
	expect(clips(cut)[0]?.sourceIn).toEqual({ num: 5, den: 12 });
	expect(clips(cut).map((clip) => clip.enabled)).toEqual([true, true, true, false, false, false]);
	const overlapping = p24.stack([inner, inner], { name: 'comp' });
	const one = read(p24.timeline([p24.track('Video', [overlapping])]));
	expect(clips(one)).toMatchObject([
		{ name: 'comp', range: { start: 0, end: 35 }, source: { kind: 'synthetic' } },
	]);
	const timeline = { ...p24.timeline([inner]), name: 'nested' };
	expect(ranges(read(p24.timeline([p24.track('Video', [timeline])])), 'V1')).toHaveLength(3);
});

test('a trimmed track or stack shows only its range, shifted to the start', () => {
	const children = [p24.clip('a', p24.range(0, 20)), p24.gap(10), p24.clip('b', p24.range(0, 20))];
	const trimmed = p24.track('Video', children, { source_range: p24.range(5, 30) });
	expect(ranges(read(p24.timeline([trimmed])), 'V1')).toEqual([
		['a', 0, 15],
		['b', 25, 30],
	]);
	const late = p24.track('Video', children, { source_range: p24.range(-10, 60) });
	expect(ranges(read(p24.timeline([late])), 'V1')).toEqual([
		['a', 10, 30],
		['b', 40, 60],
	]);
	const stack = p24.stack([trimmed], { source_range: p24.range(10, 18) });
	const cut = read(p24.timeline([], { tracks: stack }));
	expect(ranges(cut, 'V1')).toEqual([
		['a', 0, 5],
		['b', 15, 18],
	]);
	expect(clips(cut)[0]?.sourceIn).toEqual({ num: 5, den: 8 });
	expect(cut.sequence.duration).toBe(18);
});

test('collections hold several timelines; disabled clips and locked tracks say so', () => {
	const resolve = { metadata: { Resolve_OTIO: { Locked: true } } };
	const track = p24.track(
		'Video',
		[p24.clip('a', p24.range(0, 5), { enabled: false }), p24.clip('', p24.range(0, 5))],
		{ ...resolve, enabled: false },
	);
	const subtitles = p24.track('Video', [], { kind: 'Subtitle' });
	const one = p24.timeline([subtitles, track], { name: 'one' });
	const loose = p24.clip('x', p24.range(0, 5));
	const collection = {
		OTIO_SCHEMA: 'SerializableCollection.1',
		metadata: { odd: 'NaN' },
		children: [one, loose, p24.timeline([track], { name: 'two' })],
	};
	const cuts = readAll(collection);
	expect(cuts.map((cut) => cut.sequence.name)).toEqual(['one', 'two']);
	expect(cuts[0]?.tracks).toMatchObject([{ name: 'V1', enabled: false, locked: true }]);
	expect(clips(cuts[0] as Cut).map((clip) => [clip.name, clip.enabled])).toEqual([
		['a', false],
		['.mov', true],
	]);
	expect(refusal({ ...collection, children: [loose] })).toMatch(/Expected a timeline/);
});

test('numbers that only Python writes do not disturb what lies around them', () => {
	const clip = p24.clip('a', p24.range(0, 5), {
		metadata: { low: '@NaN', list: ['@-Infinity', '@Infinity', 'NaN', '-Infinity'] },
	});
	const text = JSON.stringify(p24.timeline([p24.track('Video', [clip])])).replaceAll(
		/"@([^"]+)"/g,
		'$1',
	);
	expect(text).toContain('"list":[-Infinity,Infinity,"NaN"');
	expect(ranges(read(`\uFEFF${text}`), 'V1')).toEqual([['a', 0, 5]]);
	expect(refusal(text.replace('"value":5', '"value":NaN'))).toMatch(
		/Expected a finite number at .*duration\.value \(line 1\), got NaN/,
	);
	expect(refusal(text.replace('"name":"a"', '"name":NaN'))).toMatch(
		/Expected a string at .*, got NaN/,
	);
});

test('errors name the path and the line', () => {
	const clip = (more: Otio) =>
		p24.timeline([p24.track('Video', [p24.clip('a', p24.range(0, 5), more)])]);
	const at = String.raw`tracks\.children\[0\]\.children\[0\]`;
	const cases: [Otio | string, RegExp][] = [
		['{"OTIO_SCHEMA": "Timeline.1",\n "tracks": 5}', /an object at tracks \(line 2\), got 5/],
		['{"OTIO_SCHEMA": "Timeline.1"}', /member "tracks" in the top \(line 1\), got none/],
		['{"OTIO_SCHEMA": "Timeline.1",\n}', /JSON, got property name expected on line 2/],
		['{"OTIO_SCHEMA": "Timeline.1", // no\n}', /JSON, got .*line 1/],
		['{"OTIO_SCHEMA": "Timeline.1"', /JSON, got close brace expected on line 1/],
		['{"OTIO_SCHEMA": "Timeline.7"}', /Timeline\.1 or older at OTIO_SCHEMA/],
		[`${'['.repeat(100_000)}${']'.repeat(100_000)}`, /levels of nesting/],
		[clip({ OTIO_SCHEMA: 'Clip.9' }), new RegExp(`Clip\\.2 or older at ${at}\\.OTIO_SCHEMA`)],
		[clip({ OTIO_SCHEMA: 'Widget.1' }), /a clip, gap, transition, track or stack at .*"Widget\.1"/],
		[
			clip({ OTIO_SCHEMA: 5 }),
			new RegExp(`a string at ${at}\\.OTIO_SCHEMA \\(line \\d+\\), got 5`),
		],
		[clip({ source_range: p24.range(0, -5) }), /not negative at .*\.duration\.value .* got -5/],
		[clip({ source_range: p24.range(0, 5, 0) }), /a rate above 0 .*rate \(line \d+\), got 0/],
		[clip({ source_range: p24.range(1e300, 5) }), /less than three years .*start_time\.value/],
		[clip({ source_range: {} }), new RegExp(`member "start_time" in ${at}\\.source_range`)],
		[clip({ source_range: [] }), new RegExp(`an object at ${at}\\.source_range .* got an array`)],
		[clip({ enabled: 'yes' }), /true or false at .*enabled \(line \d+\), got "yes"/],
		[clip({ effects: {} }), /an array at .*effects/],
		[p24.timeline([p24.transition(1, 1)]), /a track at tracks\.children\[0\]/],
	];
	for (const [document, message] of cases) expect(refusal(document)).toMatch(message);
});

test('kinds of tracks are read whatever their case, and a track that is left out says so', () => {
	const track = (kind: string, name: string) =>
		p24.track('Video', [p24.clip('a', p24.range(0, 5))], { kind, name });
	const cut = read(p24.timeline([track('video', ''), track('AUDIO', ''), track('Subtitle', 'DE')]));
	expect(cut.tracks.map(({ name, clips }) => [name, clips.length])).toEqual([
		['V1', 1],
		['A1', 1],
	]);
	expect(cut.notes).toEqual([
		'Track 3 "DE" is left out: it is of the kind "Subtitle", and Video and Audio are read',
	]);
});

test('a track whose range leaves none of its clips says so', () => {
	const track = p24.track('Video', [p24.clip('a', p24.range(0, 20))], {
		source_range: p24.range(50, 10),
	});
	const cut = read(p24.timeline([track]));
	expect(clips(cut)).toEqual([]);
	expect(cut.notes).toEqual(['V1 looks empty: its source_range leaves none of its clips']);
	expect(read(p24.timeline([p24.track('Video', [p24.gap(5)])])).notes).toBeUndefined();
});

test('what effects do to a picture is said by their names', () => {
	const effect = (more: Otio) => ({ OTIO_SCHEMA: 'Effect.1', ...more });
	const resolve = (parameters: readonly Otio[]) => ({
		metadata: { Resolve_OTIO: { 'Effect Name': 'Transform', Parameters: parameters } },
		effect_name: 'Resolve Effect',
	});
	const effects = [
		effect({ effect_name: 'flip' }),
		effect({ name: 'off', enabled: false }),
		effect(resolve([{ 'Parameter ID': 'transformationZoomX' }])),
		effect({ ...resolve([]), effect_name: 'untouched' }),
		{ OTIO_SCHEMA: 'LinearTimeWarp.1', time_scalar: 2, effect_name: 'twice' },
	];
	const clip = p24.clip('a', p24.range(0, 20), { effects });
	const cut = read(p24.timeline([p24.track('Video', [clip]), p24.track('Audio', [clip])]));
	const named = ['flip', 'Transform'];
	expect(cut.tracks.map((track) => track.clips[0]?.effects)).toEqual([named, named]);
});

describe('of a sound', () => {
	const resolve = (name: string, parameters: readonly Otio[], more: Otio = {}) => ({
		OTIO_SCHEMA: 'Effect.1',
		effect_name: 'Resolve Effect',
		metadata: { Resolve_OTIO: { 'Effect Name': name, Parameters: parameters, ...more } },
	});
	const volume = (decibels: number, keys: Readonly<Record<string, number>> = {}) => ({
		'Parameter ID': 'volume',
		'Parameter Value': decibels,
		'Key Frames': Object.fromEntries(
			Object.entries(keys).map(([frame, Value]) => [frame, { Value, 'Variant Type': 'Double' }]),
		),
	});
	const NAME = 'Fairlight Clip Volume and Fades';
	const heard = (effects: readonly Otio[], more: Otio = {}, track: Otio = {}) => {
		const clip = p24.clip('a', p24.range(0, 20), { effects, ...more });
		const items = [p24.gap(5), clip];
		return read(p24.timeline([p24.track('Audio', items, track)])).tracks[0]?.clips[0];
	};

	test('the level is read that Resolve writes', () => {
		const found = heard([resolve(NAME, [volume(-20)])]);
		expect(found?.sound).toEqual({ level: [{ frame: 5, gain: 0.1 }] });
		expect(found?.effects).toBeUndefined();
		const keyed = heard([resolve(NAME, [volume(0, { '0': -20, '10': 0 })])])?.sound?.level;
		expect(keyed?.[0]).toEqual({ frame: 5, gain: 0.1 });
		expect(keyed?.at(-1)).toEqual({ frame: 15, gain: 1 });
		expect(keyed?.find(({ frame }) => frame === 10)?.gain).toBeCloseTo(10 ** (-10 / 20));
		// Of a clip whose head a track trims away, keyframes count from where it would start.
		const trimmed = heard([resolve(NAME, [volume(-20)])], {}, { source_range: p24.range(10, 10) });
		expect(trimmed?.range).toEqual({ start: 0, end: 10 });
		expect(trimmed?.sound?.level).toEqual([{ frame: -5, gain: 0.1 }]);
		expect(heard([resolve(NAME, [])])?.sound).toBeUndefined();
		expect(heard([resolve(NAME, [volume(-20)], { Enabled: false })])?.sound).toBeUndefined();
	});

	test('what is not read of it is named', () => {
		const fade = { 'Parameter ID': 'fade in', 'Parameter Value': 12 };
		expect(heard([resolve(NAME, [volume(-20), fade])])).toMatchObject({
			sound: { level: [{ frame: 5, gain: 0.1 }] },
			effects: [NAME],
		});
		const premiere = (parameters: readonly Otio[]) => ({
			OTIO_SCHEMA: 'Effect.1',
			effect_name: 'Volume',
			metadata: {
				PremierePro_OTIO: { MatchName: 'Internal Volume Stereo', Parameters: parameters },
			},
		});
		const parameter = (value: Otio) => [{ DisplayName: 'Level', ID: 1, ...value }];
		expect(heard([premiere(parameter({ Keyframes: [] }))])?.effects).toBeUndefined();
		expect(heard([premiere(parameter({ StartValue: { Value: 0.05 } }))])?.effects).toEqual([
			'Volume',
		]);
	});

	test('the channels are read that Resolve writes', () => {
		const channels = (...list: readonly (readonly [number, number])[]) => ({
			metadata: {
				Resolve_OTIO: {
					Channels: list.map(([stream, channel]) => ({
						'Source Track ID': stream,
						'Source Channel ID': channel,
					})),
				},
			},
		});
		expect(heard([], channels([1, 0], [1, 1]))?.sound).toEqual({
			stream: { among: 'kind', index: 1 },
			channels: { left: [0], right: [1] },
		});
		expect(heard([], channels([0, 3]))?.sound?.channels).toEqual({ left: [3], right: [3] });
		expect(heard([], channels([0, 0], [1, 0]))?.sound).toBeUndefined();
	});
});
