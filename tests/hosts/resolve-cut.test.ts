import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Cut } from '../../protocol/timeline.ts';
import { until } from '../daemon/harness.ts';
import { type AgentDaemon, openAgentDaemon } from '../fakes/agent-daemon.ts';
import {
	endAllResolves,
	type Resolve,
	type ResolveItem,
	type ResolveModel,
	startResolve,
} from './resolve.ts';
import { film, item, makeShot, START } from './resolve-film.ts';

let folder: string;
let shots: string;
let daemon: AgentDaemon;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'pickup resolve '));
	shots = join(folder, 'shots.mov');
	await makeShot(shots, 8);
	daemon = await openAgentDaemon();
});
afterEach(() => endAllResolves());
afterAll(async () => {
	await daemon.close();
	await rm(folder, { recursive: true, force: true });
});

function model(items: readonly ResolveItem[], changes: Partial<ResolveModel> = {}) {
	return film(folder, items, changes);
}

async function open(of: ResolveModel): Promise<Resolve> {
	const resolve = await startResolve(of, { state: daemon.state, home: join(folder, 'home') });
	await until('the agent', () => daemon.host());
	return resolve;
}

async function cutOf(of: ResolveModel): Promise<Cut> {
	const resolve = await open(of);
	const { cut } = await daemon.ask('agent.cut', await daemon.where());
	expect(await resolve.beyond()).toEqual([]);
	return cut;
}

test('it reads tracks, clips and where they play from', async () => {
	const cut = await cutOf(model([item('left', 0, 50, { left: 24 }), item('right', 75, 50)]));
	expect(cut.sequence).toEqual({
		name: 'Reel 1',
		rate: { num: 24, den: 1 },
		size: { width: 64, height: 36 },
		pixelAspect: { num: 1, den: 1 },
		duration: 125,
		startFrame: START,
		dropFrame: false,
		sampleRate: 48_000,
	});
	expect(cut.tracks).toMatchObject([
		{
			kind: 'video',
			index: 0,
			name: 'V1',
			enabled: true,
			locked: false,
			clips: [
				{
					name: 'left',
					track: 'V1',
					range: { start: 0, end: 50 },
					source: { kind: 'file', path: shots },
					sourceIn: { num: 1, den: 1 },
					speed: { num: 1, den: 1 },
					enabled: true,
				},
				{ name: 'right', range: { start: 75, end: 125 }, sourceIn: { num: 0, den: 1 } },
			],
		},
		{ kind: 'audio', name: 'A1', clips: [{ name: 'sound', sourceIn: { num: 1, den: 2 } }] },
	]);
});

test.each([
	['23.976', 24_000, 1001, false],
	['24', 24, 1, false],
	['25', 25, 1, false],
	['29.97', 30_000, 1001, false],
	['29.97 DF', 30_000, 1001, true],
	['47.952', 48_000, 1001, false],
	['50', 50, 1, false],
	['59.94', 60_000, 1001, false],
	['59.94 DF', 60_000, 1001, true],
	['119.88', 120_000, 1001, false],
])('a timeline at %s', async (rate, num, den, dropFrame) => {
	const nominal = Math.round(num / den);
	// 10:00:00:00, or where frames are dropped the same hour.
	const start = 36_000 * nominal - (dropFrame ? (600 * 9 * (nominal / 15)) / 5 : 0);
	const of = model([]);
	const [timeline] = of.timelines;
	const playhead = start + 1800;
	const resolve = await open({ ...of, timelines: [{ ...timeline!, rate, start, playhead }] });
	for (const faults of [[], ['rate-as-number'], ['rate-rounded', 'frames-as-texts']]) {
		await resolve.run(`studio.faults = set(${JSON.stringify(faults)})`);
		const { sequence } = (await daemon.ask('agent.cut', await daemon.where())).cut;
		expect(sequence).toMatchObject({ rate: { num, den }, startFrame: start, dropFrame });
		const { state } = await daemon.ask('agent.who', {});
		expect(state.playhead).toBe(1800);
	}
});

describe('A clip', () => {
	const first = (cut: Cut) => cut.tracks[0]!.clips[0];

	test.each<readonly [string, Partial<ResolveItem>, unknown]>([
		[
			'twice as fast',
			{ speed: 200, left: 24 },
			{ speed: { num: 2, den: 1 }, sourceIn: { num: 1, den: 1 } },
		],
		[
			'that stands still',
			{ speed: 0, left: 24 },
			{ speed: { num: 0, den: 1 }, sourceIn: { num: 1, den: 1 } },
		],
		[
			'backwards',
			{ speed: -100 },
			{ source: { kind: 'synthetic', what: 'clip that plays backwards' } },
		],
		['switched off', { enabled: false }, { enabled: false }],
		[
			'that is a title',
			{ media: null, type: 'generator', name: 'Text+' },
			{ source: { kind: 'synthetic', what: 'Text+' } },
		],
		[
			'with a choice of takes',
			{ takes: 2 },
			{ source: { kind: 'synthetic', what: 'clip with a choice of takes' } },
		],
		['scaled and moved', { properties: { ZoomX: 1.5, Pan: 20 } }, { effects: ['moved', 'scaled'] }],
		['graded', { nodes: 2 }, { effects: ['graded'] }],
		['with a Fusion composition', { comps: 1 }, { effects: ['Fusion composition'] }],
	])('%s', async (_what, more, expected) => {
		expect(first(await cutOf(model([item('clip', 0, 20, more)])))).toMatchObject(
			expected as object,
		);
	});

	test.each([
		['Compound', 'compound'],
		['Timeline', 'timeline'],
		['Multicam', 'multicam'],
	])('of the media pool that is no file: %s', async (type, what) => {
		const of = model([item('clip', 0, 20)]);
		const media = of.media.map(({ path: _path, ...each }) => ({ ...each, type }));
		expect(first(await cutOf({ ...of, media }))).toMatchObject({
			source: { kind: 'synthetic', what },
		});
	});

	test('whose file is gone, and one that is an image sequence', async () => {
		const of = model([item('clip', 0, 20)]);
		const at = (path: string) => of.media.map((each) => ({ ...each, path }));
		expect(first(await cutOf({ ...of, media: at('/gone/a.mov') }))).toMatchObject({
			source: { kind: 'offline', path: '/gone/a.mov' },
		});
		await endAllResolves();
		expect(first(await cutOf({ ...of, media: at('/gone/a_[001-100].dpx') }))).toMatchObject({
			source: { kind: 'synthetic', what: 'image sequence' },
		});
	});

	test('at another rate than the timeline, known to within a frame', async () => {
		const of = model([item('clip', 0, 24, { left: 50 })]);
		const media = of.media.map((each) => ({ ...each, fps: '25' }));
		expect(first(await cutOf({ ...of, media }))).toMatchObject({
			sourceIn: { num: 2, den: 1 },
			effects: ['first frame that is known to within a frame'],
		});
	});

	test('whose speed an older Resolve tells by its ends, or not at all', async () => {
		const lacking = ['TimelineItem.GetSpeed', 'TimelineItem.GetType'];
		const clips = [item('plain', 0, 20, { left: 12 }), item('fast', 20, 20, { speed: 200 })];
		const told = await cutOf(model(clips, { lacking, faults: ['source-start-off'] }));
		const expected = [
			{ sourceIn: { num: 1, den: 2 }, speed: { num: 1, den: 1 } },
			{ source: { kind: 'synthetic' } },
		];
		expect(told.tracks[0]?.clips).toMatchObject(expected);
		await endAllResolves();
		const source = ['GetSourceStartFrame', 'GetSourceEndFrame'].map(
			(name) => `TimelineItem.${name}`,
		);
		const older = await cutOf(model(clips, { lacking: [...lacking, ...source] }));
		expect(older.tracks[0]?.clips).toMatchObject(expected);
	});

	test('in a Resolve that speaks Japanese', async () => {
		const cut = await cutOf(model([item('clip', 0, 20)], { faults: ['localised'] }));
		expect(first(cut)).toMatchObject({ source: { kind: 'file', path: shots } });
	});
});

test('transitions are none of the clips, in any version', async () => {
	const items = [
		item('left', 0, 50),
		{ ...item('Cross Dissolve', 45, 10), media: null, type: 'transition' },
		item('right', 50, 20),
	];
	for (const lacking of [[], ['TimelineItem.GetType']]) {
		const [track] = (await cutOf(model(items, { lacking }))).tracks;
		expect(track?.clips.map(({ name }) => name)).toEqual(['left', 'right']);
		expect(track?.transitions).toEqual([{ name: 'Cross Dissolve', range: { start: 45, end: 55 } }]);
		await endAllResolves();
	}
});

test('tracks that are locked, switched off or for one channel', async () => {
	const of = model([]);
	const tracks = [
		{ kind: 'video' as const, items: [], locked: true },
		{ kind: 'video' as const, items: [], enabled: false },
		{ kind: 'audio' as const, items: [], subtype: 'mono' },
	];
	const cut = await cutOf({ ...of, timelines: [{ ...of.timelines[0]!, tracks }] });
	expect(cut.tracks).toMatchObject([
		{ name: 'V1', locked: true, enabled: true },
		{ name: 'V2', locked: false, enabled: false },
		{ name: 'A1', taken: [{ start: 0 }] },
	]);
});

test.each(['none-for-empty', 'lists-by-number', 'frames-as-floats', 'frames-as-texts'])(
	'nothing changes with %s',
	async (fault) => {
		const items = [item('left', 0, 50, { left: 24 }), item('right', 75, 50)];
		const plain = await cutOf(model(items));
		await endAllResolves();
		expect(await cutOf(model(items, { faults: [fault] }))).toEqual(plain);
	},
);

describe.each(['throws', 'silent'])('Where Resolve is asked of an item and it %s', (how) => {
	const odd = (...names: readonly string[]) => item('odd', 60, 20, { [how]: names });

	test.each([
		['GetMediaPoolItem', 'odd'],
		['GetSpeed', null],
		['GetClipEnabled', null],
		['GetProperty', null],
		['GetNodeGraph', null],
	])('by %s it keeps its time, and the others are read', async (name, synthetic) => {
		const [track] = (await cutOf(model([item('left', 0, 50), odd(name)]))).tracks;
		const file = { kind: 'file', path: shots };
		expect(track).toMatchObject({
			clips: [
				{ name: 'left', range: { start: 0, end: 50 }, source: file },
				{
					range: { start: 60, end: 80 },
					source: synthetic ? { kind: 'synthetic', what: synthetic } : file,
				},
			],
		});
		expect(track?.taken).toBeUndefined();
	});

	test('by its media, it is no file’s', async () => {
		const of = model([item('left', 0, 50), { ...odd(), media: 'multicam' }]);
		const multicam = { ...of.media[0]!, id: 'multicam', [how]: ['GetClipProperty', 'GetName'] };
		const [track] = (await cutOf({ ...of, media: [...of.media, multicam] })).tracks;
		expect(track?.clips.map(({ source }) => source)).toEqual([
			{ kind: 'file', path: shots },
			{ kind: 'synthetic', what: 'clip without a file of its own' },
		]);
	});

	test('by where it stands, its track is not used, and that is said', async () => {
		const lost = { ...odd('GetStart', 'GetEnd'), selected: true };
		const cut = await cutOf(model([item('left', 0, 50, { selected: true }), lost]));
		const [v1, a1] = cut.tracks;
		expect(v1).toMatchObject({ clips: [{ name: 'left' }], taken: [{ start: 0, end: 1 << 24 }] });
		expect(a1?.taken).toBeUndefined();
		expect(cut.notes).toEqual([
			'V1 has an item that Resolve does not place: nothing is placed on it.',
		]);
		expect((await daemon.ask('agent.who', {})).state.selection).toEqual({ start: 0, end: 50 });
	});
});
