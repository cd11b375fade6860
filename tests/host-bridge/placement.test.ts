import { expect, test } from 'vitest';
import { checkPlacement, planPlacement } from '../../host-bridge/placement.ts';
import type { Cut } from '../../protocol/timeline.ts';
import { cutOf, placementOf } from './cuts.ts';

const gap = { start: 50, end: 75 };
const picture = [
	[0, 50],
	[75, 100],
] as const;

function names(cut: Cut, change = {}): readonly unknown[] {
	const plan = planPlacement(cut, placementOf(gap, change));
	return [plan.video, plan.audio, plan.audioRight].map(
		(choice) => choice && `${choice.kind} ${choice.name}`,
	);
}

test.each([
	[
		'the gap’s own track and the first free audio track',
		[
			[[0, 60]],
			[
				[0, 50],
				[75, 80],
			],
		],
		'existing A2',
	],
	['a new track where each has sound in the range', [[[0, 51]], [[74, 80]]], 'new A3'],
	['a new track where there is none', [], 'new A1'],
	['past locked tracks', [{ clips: [], locked: true }, []], 'existing A2'],
] as const)('sound goes on %s', (_, audio, expected) => {
	expect(names(cutOf({ video: [picture], audio }))).toEqual(['existing V1', expected, undefined]);
});

test.each([
	['the first free pair', [[[0, 60]], [[0, 60]], [], []], 'existing A3', 'existing A4'],
	['a pair of which both are free', [[], [[60, 70]], [], []], 'existing A3', 'existing A4'],
	['a new pair', [[[0, 60]], []], 'new A3', 'new A4'],
	['a new pair in a cut without sound', [], 'new A1', 'new A2'],
] as const)('where tracks hold one channel, stereo takes %s', (_, audio, left, right) => {
	const pairs = audio.map((clips, index) =>
		index % 2 === 0 ? { clips, rightChannel: `A${index + 2}` } : clips,
	);
	const cut = cutOf({ splitStereo: true, video: [picture], audio: pairs });
	expect(names(cut)).toEqual(['existing V1', left, right]);
});

test('picture or sound can be left out, and a take goes above', () => {
	const cut = cutOf({ video: [picture, [[0, 200]]], audio: [[]] });
	expect(names(cut, { sound: false })).toEqual(['existing V1', null, undefined]);
	expect(names(cut, { picture: false })).toEqual([null, 'existing A1', undefined]);
	expect(names(cut, { where: 'above' })).toEqual(['new V3', 'existing A1', undefined]);
	expect(names(cut, { clip: { samples: 0 } })).toEqual(['existing V1', null, undefined]);
});

test.each([
	['a clip in the way', { range: { start: 49, end: 75 } }, 'placement-conflict'],
	['a disabled clip in the way', { range: { start: 100, end: 101 } }, 'placement-conflict'],
	['a locked track', { track: 'V2', range: gap }, 'placement-conflict'],
	['an unknown track', { track: 'V3', range: gap }, 'bad-request'],
	['a clip of another length', { range: gap, clip: { frames: 24 } }, 'bad-request'],
	['a clip at another rate', { range: gap, clip: { rate: { num: 24, den: 1 } } }, 'bad-request'],
] as const)('refuses %s', (_, { range, ...change }, code) => {
	const video = [
		[...picture, [100, 110, { enabled: false }]],
		{ clips: [], locked: true },
	] as const;
	expect(() => planPlacement(cutOf({ video }), placementOf(range, change))).toThrowError(
		expect.objectContaining({ code }),
	);
});

test('the check accepts the planned cut and nothing else', () => {
	const before = cutOf({ video: [picture], audio: [[]] });
	const placement = placementOf(gap);
	const plan = planPlacement(before, placement);
	const made = { name: 'Made', source: { kind: 'file', path: '/media/made.mov' } } as const;
	const right = { name: 'V1.2' };
	const after = (
		video: Parameters<typeof cutOf>[0]['video'],
		audio = [[[50, 75, made]]] as const,
	) => checkPlacement(before, cutOf({ video: video ?? [], audio }), placement, plan);

	const good = after([
		[
			[0, 50],
			[50, 75, made],
			[75, 100, right],
		],
	]);
	expect(good).toMatchObject({ verified: true, videoTrack: 'V1', audioTrack: 'A1', range: gap });
	expect(good.expected).toBe('V1 + A1 00:00:02:00–00:00:03:00');
	const wrong = [
		after([
			[
				[0, 50],
				[75, 100, right],
			],
		]),
		after([
			[
				[0, 50],
				[50, 74, made],
				[75, 100, right],
			],
		]),
		after([
			[
				[0, 50],
				[51, 75, made],
				[75, 100, right],
			],
		]),
		after([
			[
				[0, 50],
				[50, 75],
				[75, 100, right],
			],
		]),
		after([
			[
				[0, 50],
				[50, 75, made],
				[76, 101, right],
			],
		]),
		after([
			[
				[50, 75, made],
				[75, 100, right],
			],
		]),
		after(
			[
				[
					[0, 50],
					[50, 75, made],
					[75, 100, right],
				],
			],
			[[]] as never,
		),
	];
	expect(wrong.map((report) => report.verified)).toEqual(wrong.map(() => false));
	expect(wrong.every((report) => report.actual !== report.expected)).toBe(true);
});
