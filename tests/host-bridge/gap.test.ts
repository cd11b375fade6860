import { describe, expect, test } from 'vitest';
import { clipAt, contextFor, findGaps, selectGap } from '../../host-bridge/gap.ts';
import { PickupError } from '../../protocol/errors.ts';
import { timelineContextSchema } from '../../protocol/timeline.ts';
import { cutOf } from './cuts.ts';

function errorOf(work: () => unknown): PickupError {
	try {
		work();
	} catch (error) {
		if (error instanceof PickupError) return error;
		throw error;
	}
	throw new Error('Expected a PickupError');
}

describe('findGaps', () => {
	test.each([
		[
			'between two clips',
			[
				[
					[0, 50],
					[75, 100],
				],
			],
			['gap V1 50–75', 'open-tail V1 100–'],
		],
		[
			'clips that touch',
			[
				[
					[0, 50],
					[50, 100],
				],
			],
			['open-tail V1 100–'],
		],
		['time before the first clip', [[[10, 50]]], ['open-head V1 0–10', 'open-tail V1 50–']],
		[
			'tracks bottom up, then time',
			[
				[
					[5, 6],
					[9, 10],
				],
				[
					[0, 4],
					[8, 9],
				],
			],
			['open-head V1 0–5', 'gap V1 6–9', 'open-tail V1 10–', 'gap V2 4–8', 'open-tail V2 9–'],
		],
		['an empty track beside a filled one', [[], [[0, 4]]], ['open-tail V2 4–']],
		['only empty tracks', [[], []], ['open-tail V1 0–']],
		['no track at all', [], []],
		[
			'one frame',
			[
				[
					[0, 4],
					[5, 6],
				],
			],
			['gap V1 4–5', 'open-tail V1 6–'],
		],
	] as const)('%s', (_, video, expected) => {
		const gaps = findGaps(cutOf({ video }));
		expect(gaps.map((g) => `${g.kind} ${g.track} ${g.start}–${g.end ?? ''}`)).toEqual(expected);
		expect(gaps.map((gap) => gap.row)).toEqual(gaps.map((_, index) => index + 1));
	});

	test('a disabled clip takes its time and is the neighbour', () => {
		const gaps = findGaps(
			cutOf({
				video: [
					[
						[0, 4],
						[6, 8, { enabled: false }],
						[10, 12],
					],
				],
			}),
		);
		expect(gaps.map((gap) => [gap.start, gap.end])).toEqual([
			[4, 6],
			[8, 10],
			[12, null],
		]);
		expect(gaps[0]?.right?.name).toBe('V1.2');
		expect(gaps[1]?.left?.name).toBe('V1.2');
	});

	test('timecode starts where the sequence does and drops frames where it does', () => {
		const rate = { num: 30_000, den: 1001 };
		const video = [
			[
				[0, 1800],
				[1802, 1900],
			],
		] as const;
		const drop = { rate, startFrame: 107_892, dropFrame: true, video };
		expect(findGaps(cutOf(drop))[0]?.timecode).toBe('01:01:00;02');
		const nonDrop = { ...drop, startFrame: 108_000, dropFrame: false };
		expect(findGaps(cutOf(nonDrop))[0]?.timecode).toBe('01:01:00:00');
	});
});

describe('selectGap', () => {
	const cut = cutOf({
		startFrame: 90_000,
		video: [
			[
				[0, 50],
				[75, 100],
			],
			[[10, 20]],
		],
	});
	const gaps = findGaps(cut);

	test.each([
		['1', 'V1', 50],
		[' 2 ', 'V1', 100],
		['V1@01:00:02:00', 'V1', 50],
		['v1@01:00:02:24', 'V1', 50],
		['V1@01:00:04:00', 'V1', 100],
		['V1@09:00:00:00', 'V1', 100],
		['V2@01:00:00:09', 'V2', 0],
	])('%s', (selector, track, start) => {
		expect(selectGap(cut, gaps, selector)).toMatchObject({ track, start });
	});

	test.each([
		['0'],
		['9'],
		['V1@01:00:01:24'],
		['V1@01:00:03:00'],
		['V3@01:00:02:00'],
		['V1@01:00:02:25'],
		['V1@2s'],
		['V1'],
		['-1'],
		[''],
	])('"%s" is none and the error lists what there is', (selector) => {
		const error = errorOf(() => selectGap(cut, gaps, selector));
		expect(error.code).toBe('no-such-gap');
		expect(error.message).toContain('1 (V1@01:00:02:00), 2 (V1@01:00:04:00)');
	});

	test('a drop-frame cut counts with or without the semicolon', () => {
		const video = [
			[
				[0, 1800],
				[1802, 1900],
			],
		] as const;
		const drop = cutOf({ rate: { num: 30_000, den: 1001 }, dropFrame: true, video });
		for (const selector of ['V1@00:01:00;02', 'V1@00:01:00:02', 'V1@00:01:00;03']) {
			expect(selectGap(drop, findGaps(drop), selector).start).toBe(1800);
		}
		const skipped = errorOf(() => selectGap(drop, findGaps(drop), 'V1@00:01:00;00'));
		expect(skipped.message).toContain('skips');
	});
});

describe('contextFor', () => {
	test('the clips that touch the range are the neighbours, and no others', () => {
		const cut = cutOf({
			video: [
				[
					[0, 50],
					[75, 100],
				],
			],
		});
		const whole = contextFor(cut, 'V1', { start: 50, end: 75 });
		expect([whole.left?.name, whole.right?.name]).toEqual(['V1.1', 'V1.2']);
		expect(timelineContextSchema.parse(whole)).toEqual(whole);
		const part = contextFor(cut, 'v1', { start: 51, end: 74 });
		expect([part.left, part.right, part.track]).toEqual([null, null, 'V1']);
	});

	test('a disabled neighbour is there and says so, and its time may be filled', () => {
		const cut = cutOf({
			video: [
				[
					[0, 50, { enabled: false }],
					[75, 100],
				],
			],
		});
		expect(contextFor(cut, 'V1', { start: 50, end: 75 }).left?.enabled).toBe(false);
		expect(contextFor(cut, 'V1', { start: 10, end: 75 }).right?.name).toBe('V1.2');
	});

	test('transitions at the edges are counted in frames', () => {
		const transitions = [
			{ name: 'Dissolve', range: { start: 0, end: 5 } },
			{ name: 'Fade', range: { start: 38, end: 50 } },
			{ name: 'Fade', range: { start: 75, end: 84 } },
		];
		const cut = cutOf({
			video: [
				{
					clips: [
						[0, 50],
						[75, 100],
					],
					transitions,
				},
			],
		});
		const context = contextFor(cut, 'V1', { start: 50, end: 75 });
		expect([context.left?.transition, context.right?.transition]).toEqual([12, 9]);
		expect(contextFor(cut, 'V1', { start: 50, end: 70 }).right).toBeNull();
	});

	test('inside a clip, its own frames stand on both sides', () => {
		const sourceIn = { num: 4, den: 1 };
		const cut = cutOf({ video: [[[0, 100, { sourceIn, speed: { num: 2, den: 1 } }]]] });
		const range = { start: 25, end: 50 };
		expect(errorOf(() => contextFor(cut, 'V1', range)).code).toBe('placement-conflict');
		const context = contextFor(cut, 'V1', range, { allowOverlap: true });
		expect(context.left).toMatchObject({ range: { start: 0, end: 25 }, sourceIn });
		// 4 s, and 50 frames of 1/25 s at twice the speed.
		expect(context.right).toMatchObject({
			range: { start: 50, end: 100 },
			sourceIn: { num: 8, den: 1 },
		});
	});

	test('sound that leads, lags or lies within 10 s belongs to it; other sound does not', () => {
		const off = { clips: [[400, 500]], enabled: false } as const;
		const cut = cutOf({
			video: [
				[
					[0, 500],
					[575, 1000],
				],
			],
			audio: [
				[
					[0, 520],
					[560, 1000, { enabled: false }],
				],
				[
					[0, 250],
					[825, 900],
				],
				[
					[249, 251],
					[800, 824],
				],
				off,
			],
		});
		const { sound } = contextFor(cut, 'V1', { start: 500, end: 575 });
		expect(sound.map((clip) => clip.name)).toEqual(['A1.1', 'A3.1', 'A3.2']);
	});

	test('two channels of one file are one sound', () => {
		const source = { source: { kind: 'file', path: '/media/a.wav' } } as const;
		const cut = cutOf({
			video: [[[0, 50]]],
			audio: [[[0, 50, source]], [[0, 50, source]], [[0, 49, source]]],
		});
		expect(contextFor(cut, 'V1', { start: 50, end: 60 }).sound).toHaveLength(2);
	});

	test('two streams, or two channels that are named, of one file are two sounds', () => {
		const source = { kind: 'file', path: '/media/a.mov' } as const;
		const nth = (index: number) => ({ stream: { among: 'kind', index } }) as const;
		const channels = { left: [0], right: [0] };
		const clips = [nth(0), nth(0), nth(1), { channels }, { channels }];
		const cut = cutOf({
			video: [[[0, 50]]],
			audio: clips.map((sound) => [[0, 50, { source, sound }]]),
		});
		const { sound } = contextFor(cut, 'V1', { start: 50, end: 60 });
		expect(sound.map(({ track }) => track)).toEqual(['A1', 'A3', 'A4', 'A5']);
	});

	test('level, streams and effects come along, the level with the points that matter', () => {
		const point = (frame: number) => ({ frame, gain: frame / 1000 });
		const level = [0, 100, 200, 300, 900, 950].map(point);
		const picture = { pictureStream: { among: 'all', index: 2 }, effects: ['Crop'] } as const;
		const cut = cutOf({
			video: [[[0, 500, picture]]],
			audio: [[[0, 1000, { sound: { level } }]]],
		});
		const context = contextFor(cut, 'V1', { start: 500, end: 600 });
		expect(context.left).toMatchObject(picture);
		expect(context.sound[0]?.sound?.level).toEqual([200, 300, 900].map(point));
		expect(timelineContextSchema.parse(context)).toEqual(context);
	});

	test('of too many sounds the nearest are kept', () => {
		const clips = Array.from({ length: 300 }, (_, at) => [at, at + 1] as const);
		const { sound } = contextFor(
			cutOf({ rate: { num: 60, den: 1 }, video: [[[0, 300]]], audio: [clips] }),
			'V1',
			{ start: 300, end: 310 },
		);
		expect(sound).toHaveLength(256);
		expect(sound[0]?.name).toBe('A1.300');
	});

	test.each([
		[{ start: 5, end: 5 }, 'V1', 'too-short'],
		[{ start: 5, end: 4 }, 'V1', 'too-short'],
		[{ start: -1, end: 4 }, 'V1', 'bad-request'],
		[{ start: 0.5, end: 4 }, 'V1', 'bad-request'],
		[{ start: 60, end: 61 }, 'A1', 'bad-request'],
		[{ start: 60, end: 61 }, 'V7', 'bad-request'],
		[{ start: 49, end: 61 }, 'V1', 'placement-conflict'],
	])('refuses %j on %s: %s', (range, track, code) => {
		const cut = cutOf({ video: [[[0, 50]]], audio: [[]] });
		expect(errorOf(() => contextFor(cut, track, range)).code).toBe(code);
	});
});

test('clipAt finds the clip on a frame, with the end exclusive', () => {
	const cut = cutOf({
		video: [
			[
				[0, 50],
				[50, 60, { enabled: false }],
			],
		],
	});
	expect(clipAt(cut, 'V1', 49)?.name).toBe('V1.1');
	expect(clipAt(cut, 'V1', 50)?.name).toBe('V1.2');
	expect(clipAt(cut, 'V1', 60)).toBeNull();
	expect(clipAt(cut, 'V2', 0)).toBeNull();
});
