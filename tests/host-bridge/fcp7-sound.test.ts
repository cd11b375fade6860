import { describe, expect, test } from 'vitest';
import { contextFor } from '../../host-bridge/gap.ts';
import { fcp7XmlFormat } from '../../host-bridge/timeline-file/fcp7/fcp7.ts';
import { MediaFinder } from '../../host-bridge/timeline-file/media-path.ts';
import type { ClipSpan, Cut } from '../../protocol/timeline.ts';
import { type ClipParts, clip, rate, sequence, track, xmeml } from './xmeml.ts';

function cutOf(text: string): Cut {
	const [found] = fcp7XmlFormat.read(text, new MediaFinder('/nowhere'));
	if (!found) throw new Error('No sequence');
	return found.cut;
}

/** The sound beside a gap after frame 50. */
function heard(audio: readonly (readonly string[] | string)[]): readonly ClipSpan[] {
	const text = xmeml(sequence({ video: [[clip(0, 50, { id: 'v' })]], audio }));
	return contextFor(cutOf(text), 'V1', { start: 50, end: 75 }).sound;
}

const sides = (audio: readonly (readonly string[] | string)[]) =>
	heard(audio).map(({ sound }) => sound?.channels);

function channel(index: number, parts: ClipParts = {}): string {
	const more = `<sourcetrack><mediatype>audio</mediatype><trackindex>${index}</trackindex></sourcetrack>${parts.more ?? ''}`;
	return clip(0, 50, { media: '<file id="f"/>', ...parts, more });
}

function filter(id: string, parameters: string, more = ''): string {
	return `<filter>${more}<effect><name>${id} by name</name><effectid>${id}</effectid><mediatype>${id === 'audiolevels' ? 'audio' : 'video'}</mediatype>${parameters}</effect></filter>`;
}

function parameter(id: string, value: string, keys: readonly (readonly [number, number])[] = []) {
	const all = keys.map(
		([when, gain]) => `<keyframe><when>${when}</when><value>${gain}</value></keyframe>`,
	);
	return `<parameter><parameterid>${id}</parameterid><value>${value}</value>${all.join('')}</parameter>`;
}

const levels = (value: string, keys?: readonly (readonly [number, number])[]) =>
	filter('audiolevels', parameter('level', value, keys));

describe('which channels of its file a clip plays, and on which side', () => {
	const exploded = (index: number, count: number, items: readonly string[]) =>
		track(items).replace(
			'<track>',
			`<track currentExplodedTrackIndex="${index}" totalExplodedTrackCount="${count}">`,
		);
	test('a stereo pair is left and right', () => {
		const pair = [
			{ left: [0], right: [] },
			{ left: [], right: [1] },
		];
		expect(sides([[channel(1)], [channel(2)]])).toEqual(pair);
		expect(sides([exploded(0, 2, [channel(1)]), exploded(1, 2, [channel(2)])])).toEqual(pair);
	});
	test('two pairs in a row are two pairs', () => {
		expect(sides([[channel(1)], [channel(2)], [channel(3)], [channel(4)]])).toEqual([
			{ left: [0], right: [] },
			{ left: [], right: [1] },
			{ left: [2], right: [] },
			{ left: [], right: [3] },
		]);
	});
	test('one microphone alone is in the middle, and the other one is not heard', () => {
		expect(sides([[channel(2)]])).toEqual([{ left: [1], right: [1] }]);
		expect(sides([[channel(1, { enabled: 'FALSE' })], [channel(2)]])).toEqual([
			{ left: [], right: [1] },
		]);
	});
	test('mono tracks of Premiere are in the middle, those of a 5.1 where they belong', () => {
		const mono = [exploded(0, 1, [channel(1)]), exploded(0, 1, [channel(2)])];
		expect(sides(mono)).toEqual([
			{ left: [0], right: [0] },
			{ left: [1], right: [1] },
		]);
		const surround = [1, 2, 3, 4, 5, 6].map((each) => exploded(each - 1, 6, [channel(each)]));
		expect(sides(surround).map((each) => each && [each.left.length, each.right.length])).toEqual([
			...[
				[1, 0],
				[0, 1],
				[1, 1],
			],
			...[
				[1, 1],
				[1, 0],
				[0, 1],
			],
		]);
	});
	test('where nothing is said of channels two tracks are one sound', () => {
		const plain = clip(0, 50, { media: '<file id="f"/>' });
		expect(sides([[plain], [plain]])).toEqual([undefined]);
	});
});

describe('Audio Levels', () => {
	const level = (more: string, parts: ClipParts = {}) =>
		heard([[clip(10, 50, { ...parts, more })]])[0]?.sound?.level;
	test('one value is a level that does not change', () => {
		expect(level(levels('0.5'))).toEqual([{ frame: 10, gain: 0.5 }]);
		expect(level(levels('0'))).toEqual([{ frame: 10, gain: 0 }]);
		expect(level(levels('1e-03'))).toEqual([{ frame: 10, gain: 0.001 }]);
		expect(level(levels('1'))).toBeUndefined();
	});
	test('keyframes count frames of the media, at the clip’s own rate', () => {
		const keys = [
			[100, 0],
			[120, 1],
		] as const;
		expect(level(levels('1', keys), { in: 100 })).toEqual([
			{ frame: 10, gain: 0 },
			{ frame: 30, gain: 1 },
		]);
		expect(level(levels('1', keys), { in: 100, rate: rate(50), out: 180 })).toEqual([
			{ frame: 10, gain: 0 },
			{ frame: 20, gain: 1 },
		]);
	});
	test('two of them multiply, and one that is switched off does nothing', () => {
		expect(level(levels('0.5') + levels('0.5'))).toEqual([{ frame: 10, gain: 0.25 }]);
		const off = levels('0.5').replace('<filter>', '<filter><enabled>FALSE</enabled>');
		expect(level(off)).toBeUndefined();
	});
	test('a nested sequence has its own and those of its clips', () => {
		const inner = sequence({
			id: 'inner',
			video: [],
			audio: [[clip(0, 80, { id: 'deep', more: levels('0.5') })]],
		});
		const nest = clip(20, 50, { in: 10, media: inner, more: levels('0.5') });
		expect(heard([[nest]])[0]?.sound?.level?.map(({ gain }) => gain)).toEqual([0.25, 0.25]);
		expect(heard([[nest]])[0]?.effects).toBeUndefined();
	});
});

test('what is not read of a sound is said: its effects, and the channels of a nested sequence', () => {
	const reverb = filter('reverb', '').replace('video', 'audio');
	const pan = filter('audiopan', parameter('pan', '-1')).replace('video', 'audio');
	const [single] = heard([[channel(1, { more: reverb + pan + levels('0.5') })]]);
	expect(single?.effects).toEqual(['reverb by name', 'panned to the left']);
	const inner = sequence({ id: 'inner', video: [], audio: [[channel(1, { more: reverb })]] });
	const [nested] = heard([[clip(0, 50, { media: inner })]]);
	const choice = 'the choice of channels in its nested sequence';
	expect(nested?.effects).toEqual(['reverb by name', choice]);
});

test.each(['0,1', '-inf', ''])('a level of “%s” is said not to be read', (value) => {
	const [single] = heard([[channel(1, { more: levels(value) })]]);
	expect(single?.effects).toEqual(['audiolevels by name']);
	expect(single?.sound?.level).toBeUndefined();
});

test('a pan is said where it does not put a channel on its own side', () => {
	const pan = (value: string) => ({
		more: filter('audiopan', parameter('pan', value)).replace('video', 'audio'),
	});
	const effects = (...values: readonly string[]) =>
		heard(values.map((value, index) => [channel(index + 1, pan(value))])).map(
			(clip) => clip.effects,
		);
	expect(effects('-1', '1')).toEqual([undefined, undefined]);
	expect(effects('0', '0')).toEqual([undefined, undefined]);
	expect(effects('1', '-1')).toEqual([['panned to the right'], ['panned to the left']]);
	expect(effects('0.3', '1')).toEqual([['panned'], undefined]);
	expect(effects('0')).toEqual([undefined]);
	expect(effects('-1')).toEqual([['panned to the left']]);
});

/** The effects of the clip before the gap. */
function effectsOn(parts: ClipParts) {
	const text = xmeml(sequence({ video: [[clip(0, 50, parts)]] }));
	return contextFor(cutOf(text), 'V1', { start: 50, end: 75 }).left?.effects;
}

test('every parameter that is not as editors make it is said, whatever its name', () => {
	const place = (id: string, x: number, y: number) =>
		parameter(id, `<horiz>${x}</horiz><vert>${y}</vert>`);
	const corners = place('ulcorner', -0.5, -0.5) + place('lrcorner', 0.5, 0.5);
	const plain = [
		filter('basic', place('center', 0, 0) + place('centerOffset', 0, 0)),
		filter('deformation', corners + parameter('aspect', '0')),
		filter('crop', parameter('edgefeather', '0') + parameter('any', 'FALSE')),
	];
	expect(effectsOn({ more: plain.join('') })).toBeUndefined();
	const says = (more: string) => effectsOn({ more });
	expect(says(filter('basic', place('centerOffset', 0.1, 0)))).toEqual(['moved']);
	expect(says(filter('basic', parameter('scale', '1,5')))).toEqual(['scaled']);
	expect(says(filter('deformation', place('ulcorner', -0.4, -0.5)))).toEqual(['distorted']);
	expect(says(filter('Crop', parameter('edgefeather', '5')))).toEqual(['cropped']);
	expect(says('<compositemode>Normal</compositemode>')).toBeUndefined();
	expect(says('<compositemode>screen</compositemode>')).toEqual(['composite mode screen']);
});

test('what is done to a still and to a nested sequence is said as well', () => {
	const more = filter('basic', parameter('scale', '150'));
	expect(effectsOn({ media: 'file:///media/a.png', more })).toEqual(['scaled']);
	const inside = filter('basic', parameter('rotation', '5'));
	const inner = sequence({ id: 'inner', video: [[clip(0, 80, { id: 'deep', more: inside })]] });
	expect(effectsOn({ media: inner, more })).toEqual(['rotated', 'scaled']);
});

test.each(['timeremap', 'TimeRemap', 'Time Remap'])('%s is a change of speed', (id) => {
	const more = filter(id, parameter('Speed', '200'));
	const [half] = cutOf(xmeml(sequence({ video: [[clip(0, 50, { more })]] }))).tracks.flatMap(
		({ clips }) => clips,
	);
	expect(half?.speed).toEqual({ num: 2, den: 1 });
	expect(half?.effects).toBeUndefined();
});

test('what effects do to a picture is said where they do something', () => {
	const more = [
		filter('basic', parameter('scale', '100') + parameter('rotation', '0')),
		filter('crop', parameter('left', '12.5') + parameter('right', '0')),
		filter('opacity', parameter('opacity', '100', [[0, 0]])),
		filter('Lumetri', ''),
	];
	const [off] = [filter('Blur', '', '<enabled>FALSE</enabled>')];
	const text = xmeml(
		sequence({
			video: [[clip(0, 50, { more: more.join('') }), clip(75, 90, { more: `${more[0]}${off}` })]],
		}),
	);
	const { left, right } = contextFor(cutOf(text), 'V1', { start: 50, end: 75 });
	expect(left?.effects).toEqual(['cropped', 'opacity', 'Lumetri by name']);
	expect(right?.effects).toBeUndefined();
});
