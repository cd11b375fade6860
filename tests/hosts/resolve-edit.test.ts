import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { EditStep } from '../../protocol/hosts.ts';
import { until } from '../daemon/harness.ts';
import { type AgentDaemon, openAgentDaemon } from '../fakes/agent-daemon.ts';
import { endAllResolves, type Resolve, type ResolveModel, startResolve } from './resolve.ts';
import { film, item, makeShot, START } from './resolve-film.ts';

let folder: string;
/** 30 frames long. */
let clip: string;
let other: string;
let daemon: AgentDaemon;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'pickup resolve '));
	await makeShot(join(folder, 'shots.mov'), 8);
	clip = await makeShot(join(folder, 'clip.mov'), 1.25);
	other = await makeShot(join(folder, 'other.mov'), 1.25);
	daemon = await openAgentDaemon();
});
afterEach(() => endAllResolves());
afterAll(async () => {
	await daemon.close();
	await rm(folder, { recursive: true, force: true });
});

const RANGE = { start: 50, end: 80 };
const LEFT = item('left', 0, 50, { left: 24 });
const RIGHT = item('right', 80, 50);

async function open(changes: Partial<ResolveModel> = {}): Promise<Resolve> {
	const of = film(folder, [LEFT, RIGHT], changes);
	const resolve = await startResolve(of, { state: daemon.state, home: join(folder, 'home') });
	await until('the agent', () => daemon.host());
	return resolve;
}

function place(of: 'video' | 'audio', changes: object = {}): EditStep {
	const track = of === 'video' ? 'V1' : 'A1';
	return {
		kind: 'place',
		of,
		path: clip,
		name: 'she crosses',
		track,
		range: RANGE,
		enabled: true,
		draft: false,
		...changes,
	} as EditStep;
}

async function edit(steps: readonly EditStep[], operation: string = randomUUID()) {
	const where = await daemon.where();
	const { revision } = await daemon.ask('agent.cut', where);
	const params = { ...where, operation, revision, label: 'Pickup', steps: [...steps] };
	return daemon.ask('agent.edit', params);
}

/** `V1 50–80 she crosses`, with what is special about it. */
async function standing(resolve: Resolve): Promise<readonly string[]> {
	const { timelines, media } = await resolve.model();
	const count = { video: 0, audio: 0 };
	return timelines[0]!.tracks.flatMap(({ kind, items }) => {
		const track = `${kind === 'video' ? 'V' : 'A'}${++count[kind]}`;
		return items
			.map((each) => {
				const start = each.start - START;
				const file = media
					.find(({ id }) => id === each.media)
					?.path?.split('/')
					.at(-1);
				const off = each.enabled === false ? ' off' : '';
				const colour = each.colour ? ` ${each.colour}` : '';
				return `${track} ${start}–${start + each.duration} ${each.name}: ${file} from ${each.left}${off}${colour}`;
			})
			.sort();
	});
}

const BEFORE = [
	'V1 0–50 left: shots.mov from 24',
	'V1 80–130 right: shots.mov from undefined',
	'A1 0–50 sound: shots.mov from 12',
];
const PICTURE = 'V1 50–80 she crosses: clip.mov from 0';
const SOUND = 'A1 50–80 she crosses: clip.mov from 0';

async function expectPlaced(resolve: Resolve, ...more: readonly string[]): Promise<void> {
	expect(new Set(await standing(resolve))).toEqual(new Set([...BEFORE, PICTURE, SOUND, ...more]));
	expect(await resolve.beyond()).toEqual([]);
}

/** Nothing is left of an edit that was refused. */
async function expectUntouched(resolve: Resolve): Promise<void> {
	expect(await standing(resolve)).toEqual(BEFORE);
	expect(await resolve.beyond()).toEqual([]);
}

test('picture and sound are placed from the bin Pickup, and once only', async () => {
	const resolve = await open();
	const operation = randomUUID();
	const first = await edit([place('video', { draft: true }), place('audio')], operation);
	expect(first).toMatchObject({ again: false, stale: false });
	const { media, bins } = await resolve.model();
	expect(bins).toEqual(['Pickup']);
	expect(media.filter(({ path }) => path === clip)).toMatchObject([
		{ bin: 'Pickup', name: 'she crosses' },
	]);
	expect(await standing(resolve)).toContain(`${PICTURE} Apricot`);
	expect(await edit([place('video')], operation)).toMatchObject({ again: true });
	expect(await resolve.run('result = studio.current_bin')).toBe('');
});

test('what an earlier run of the script has done is known by the project', async () => {
	const resolve = await open();
	const operation = randomUUID();
	await edit([place('video')], operation);
	await resolve.run(
		'for each in studio.timelines[0]["tracks"]: each["items"] = [one for one in each["items"] if one["name"] != "she crosses"]',
	);
	const model = await resolve.model();
	await resolve.kill();
	await until('it to have gone', () => daemon.host() === null);
	const again = await startResolve(model, { state: daemon.state, home: join(folder, 'home') });
	await until('the agent', () => daemon.host());
	expect(await edit([place('video')], operation)).toMatchObject({ again: true });
	await expectUntouched(again);
});

test('a plan for another revision is stale', async () => {
	const resolve = await open();
	const where = await daemon.where();
	const { revision } = (await daemon.ask('agent.who', {})).state;
	await resolve.run('studio.timelines[0]["tracks"][0]["items"][1]["start"] += 5');
	const params = {
		...where,
		operation: randomUUID(),
		revision,
		label: '',
		steps: [place('video')],
	};
	expect(await daemon.ask('agent.edit', params)).toMatchObject({ stale: true });
});

test('a new track for sound takes two channels', async () => {
	const resolve = await open();
	await edit([
		{ kind: 'add-track', of: 'audio', as: 'A2' },
		place('audio', { track: 'A2', enabled: false }),
	]);
	expect(await standing(resolve)).toContain('A2 50–80 she crosses: clip.mov from 0 off');
	const tracks = (await resolve.model()).timelines[0]!.tracks;
	expect(tracks.at(-1)).toMatchObject({ kind: 'audio', subtype: 'stereo' });
});

test('a clip comes at the first try, so that nothing has to be taken out again', async () => {
	const resolve = await open({ faults: ['delete-nothing'] });
	await edit([place('video'), place('audio')]);
	await expectPlaced(resolve);
});

test.each([[[]], [['end-included']]])(
	'what comes without an answer, and so would not be saved, is placed again %j',
	async (more) => {
		const resolve = await open({ faults: ['append-unanswered-once', ...more] });
		await edit([place('video'), place('audio')]);
		await expectPlaced(resolve);
		const items = (await resolve.model()).timelines[0]!.tracks.flatMap((track) => track.items);
		expect(items.filter(({ unsaved }) => unsaved)).toEqual([]);
	},
);

describe('It gets there all the same', () => {
	test.each([
		['end-included'],
		['import-elsewhere'],
		['import-none'],
		['import-twice'],
		['lists-by-number'],
		['none-for-empty'],
		['frames-as-texts'],
		['delete-flaky'],
		['delete-needs-edit'],
		['localised'],
	])('with %s', async (fault) => {
		const page = fault === 'delete-needs-edit' ? 'fairlight' : 'edit';
		const resolve = await open({ faults: [fault], page });
		await edit([place('video'), place('audio')]);
		await expectPlaced(resolve);
		expect((await resolve.model()).page).toBe(page);
	});
});

describe('It says so and leaves nothing behind', () => {
	test.each([
		['append-nothing', [], 'placed nothing'],
		['append-none', [], 'placed nothing'],
		['append-unanswered', [], 'did not answer for what it placed'],
		['append-both', ['delete-takes-linked'], /: V1 at .*, A1 at /],
		['import-nothing', [], 'Resolve did not import'],
	])('with %s', async (fault, more, says) => {
		const resolve = await open({ faults: [fault, ...more] });
		await expect(edit([place('video'), place('audio')])).rejects.toThrow(says);
		await expectUntouched(resolve);
	});

	test('with a sound on another track than asked, and with a track that is not added', async () => {
		const resolve = await open({ faults: ['append-wrong-track'] });
		const steps: readonly EditStep[] = [
			{ kind: 'add-track', of: 'audio', as: 'A2' },
			place('audio', { track: 'A2' }),
		];
		await expect(edit(steps)).rejects.toThrow(/Expected the clip on A2 .*: A1 at/);
		await expectUntouched(resolve);
		expect((await resolve.model()).timelines[0]!.tracks).toHaveLength(2);
		await resolve.run('studio.faults = {"track-not-added"}');
		await expect(edit(steps)).rejects.toThrow('Resolve did not add the audio track');
		await resolve.run('studio.faults = {"track-in-front"}');
		await expect(edit(steps)).rejects.toThrow('in another place than last');
		expect((await resolve.model()).timelines[0]!.tracks).toHaveLength(2);
	});

	test('with a rate that Resolve does not tell truly', async () => {
		const [timeline] = film(folder, [LEFT, RIGHT]).timelines;
		const resolve = await open({
			timelines: [{ ...timeline!, rate: '23.976' }],
			lacking: ['Timeline.GetMediaPoolItem'],
			faults: ['rate-rounded'],
		});
		await expect(edit([place('video')])).rejects.toThrow('V1 at 86450–86479');
		await expectUntouched(resolve);
	});

	test('over somebody’s clip, on a locked track, and of a file that is gone', async () => {
		const resolve = await open();
		const over = { range: { start: 60, end: 90 } };
		await expect(edit([place('video', over)])).rejects.toThrow('right is there');
		await expect(edit([place('video', { path: '/gone.mov' })])).rejects.toThrow('/gone.mov');
		await resolve.run('studio.timelines[0]["tracks"][0]["locked"] = True');
		await expect(edit([place('video')])).rejects.toThrow('Track V1 is locked');
		await resolve.run('studio.timelines[0]["tracks"][0]["locked"] = False');
		await expectUntouched(resolve);
	});

	test('what cannot be taken out again, by name', async () => {
		await open({ lacking: ['Timeline.DeleteClips'], faults: ['end-included'] });
		const steps = [place('video'), place('audio', { range: { start: 40, end: 70 } })];
		await expect(edit(steps)).rejects.toThrow(
			/sound is there.*not taken back: Take out by hand: she crosses on V1/,
		);
		await expect(
			edit([{ kind: 'remove', item: { track: 'V1', range: RANGE, path: clip } }]),
		).rejects.toThrow('lets no script take a clip out');
	});
});

describe('What stands there', () => {
	const at = (track: string) => ({ track, range: RANGE, path: clip });
	const swap = (track: string, range = RANGE): EditStep => {
		const item = { ...at(track), range };
		return { kind: 'swap', item, path: other, name: 'take 2', draft: false };
	};

	async function placed(changes: Partial<ResolveModel> = {}): Promise<Resolve> {
		const resolve = await open(changes);
		await edit([place('video', { draft: true }), place('audio')]);
		return resolve;
	}

	test('gets other media, picture and sound at once, and loses the draft’s colour', async () => {
		const resolve = await placed();
		await resolve.run(
			'each = studio.timelines[0]["tracks"][0]["items"][-1]; each.update(start=each["start"] + 5, left=5, duration=20)',
		);
		await edit([swap('V1', { start: 55, end: 75 }), swap('A1')]);
		expect(await standing(resolve)).toEqual(
			expect.arrayContaining([
				'V1 55–75 take 2: other.mov from 5',
				'A1 50–80 take 2: other.mov from 0',
			]),
		);
		expect(await resolve.beyond()).toEqual([]);
	});

	test('keeps its media where those are used elsewhere too', async () => {
		const resolve = await placed();
		await edit([place('video', { range: { start: 140, end: 170 } })]);
		const before = await standing(resolve);
		await expect(edit([swap('V1'), swap('A1')])).rejects.toThrow('this one is used at V1 at');
		expect(await standing(resolve)).toEqual(before);
	});

	test('keeps its media where Resolve only says that it has replaced them', async () => {
		const resolve = await placed({ faults: ['replace-nothing'] });
		const before = await standing(resolve);
		await expect(edit([swap('V1'), swap('A1')])).rejects.toThrow(
			'did not give the clip other media',
		);
		expect(await standing(resolve)).toEqual(before);
	});

	test('is removed, and nothing else with it', async () => {
		const resolve = await placed({ faults: ['delete-takes-linked'] });
		await resolve.run(`
for track in studio.timelines[0]["tracks"]:
    for each in track["items"]: each["link"] = "together"`);
		await edit([{ kind: 'remove', item: at('V1') }]);
		expect(new Set(await standing(resolve))).toEqual(new Set([...BEFORE, SOUND]));
	});

	test('is put back where a later step fails', async () => {
		const resolve = await placed();
		const before = new Set(await standing(resolve));
		const steps: readonly EditStep[] = [
			{ kind: 'remove', item: at('V1') },
			place('video', { path: other, range: { start: 70, end: 100 } }),
		];
		await expect(edit(steps)).rejects.toThrow('right is there');
		expect(new Set(await standing(resolve))).toEqual(before);
	});

	test.each([
		['', 5],
		['', 10],
		['end-included', 5],
		['end-included', 10],
	])('and less than its file has is put back to the frame (%s, from %i)', async (fault, left) => {
		const resolve = await placed({ faults: ['append-over', fault] });
		// Its end is the file's, or comes before; the next clip follows at once.
		await resolve.run(
			`each = studio.timelines[0]["tracks"][0]["items"][-1]; each.update(start=each["start"] + 10, left=${left}, duration=20)`,
		);
		const before = new Set(await standing(resolve));
		const range = { start: 60, end: 80 };
		const steps: readonly EditStep[] = [
			{ kind: 'remove', item: { ...at('V1'), range } },
			place('video', { path: other, range: { start: 70, end: 100 } }),
		];
		await expect(edit(steps)).rejects.toThrow('right is there');
		expect(new Set(await standing(resolve))).toEqual(before);
	});

	test('is known by all that tells it, not by the place alone', async () => {
		await placed();
		const wrong = { ...at('V1'), path: other };
		await expect(edit([{ kind: 'remove', item: wrong }])).rejects.toThrow('it is not there');
	});
});

test('a file is kept in the bin', async () => {
	const resolve = await open();
	await edit([{ kind: 'bin', path: clip, name: 'for later' }]);
	expect((await resolve.model()).media.at(-1)).toMatchObject({ bin: 'Pickup', name: 'for later' });
	await expectUntouched(resolve);
});

describe('A frame', () => {
	test.each([
		['', 'edit'],
		['still-late', 'edit'],
		['still-in-pieces', 'edit'],
		['stills-need-color', 'edit'],
		['stills-need-color', 'color'],
	])('is written, and all is as before (%s, %s page)', async (fault, page) => {
		const resolve = await open({ faults: [fault], page });
		const path = join(folder, `${randomUUID()}.png`);
		const { size } = await daemon.ask('agent.frame', {
			...(await daemon.where()),
			frame: 60,
			path,
		});
		expect(size).toEqual({ width: 64, height: 36 });
		expect((await readFile(path)).subarray(1, 4).toString()).toBe('PNG');
		const { timelines, page: now } = await resolve.model();
		expect([timelines[0]!.playhead, now]).toEqual([START + 10, page]);
		expect(await resolve.beyond()).toEqual([]);
	});

	test('that Resolve does not write is told, and nothing is left', async () => {
		const resolve = await open({ faults: ['still-refused'] });
		const path = join(folder, 'never.png');
		const ask = async () =>
			daemon.ask('agent.frame', { ...(await daemon.where()), frame: 60, path });
		await expect(ask()).rejects.toThrow('Resolve did not write the frame');
		await resolve.run('studio.timelines[0]["playhead"] += 1');
		await until('the playhead', () => daemon.host()?.state.playhead === 11);
	});
});

test('the playhead is shown and moved', async () => {
	const resolve = await open();
	await daemon.ask('agent.show', { ...(await daemon.where()), frame: 75 });
	expect((await resolve.model()).timelines[0]!.playhead).toBe(START + 75);
	await until('the playhead', () => daemon.host()?.state.playhead === 75);
});

test('it says what this Resolve can', async () => {
	const resolve = await open({
		lacking: ['Timeline.AddTrack', 'Project.ExportCurrentFrameAsStill'],
	});
	const { agent, state } = daemon.host()!;
	expect(agent).toMatchObject({ program: 'DaVinci Resolve', version: '20.3.2.9' });
	expect(agent.can).toEqual({
		frame: false,
		addTracks: false,
		disable: true,
		swap: true,
		bin: true,
		undo: false,
		show: true,
		// Of a Resolve on Linux.
		codec: 'prores-422-hq',
	});
	expect(state.project).toMatchObject({ name: 'Film', path: null });
	expect(state.project?.mediaFolder).toContain(join('Videos', 'Pickup', 'Film '));
	await resolve.run('studio.project["rendering"] = True');
	await until('rendering', () => daemon.host()?.state.busy === 'rendering');
	await expect(edit([place('video')])).rejects.toThrow('Resolve is rendering');
});

test('a playhead that keeps moving plays', async () => {
	const resolve = await open();
	const step = 'studio.timelines[0]["playhead"] += 1';
	await until('that it plays', async () => {
		await resolve.run(step);
		return daemon.host()?.state.busy === 'playing';
	});
	await until('that it stands', () => daemon.host()?.state.busy === null);
});
