import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { run } from '../../../demo/ffmpeg.ts';
import type { EditStep } from '../../../protocol/hosts.ts';
import { endAllDaemons, temporaryFolder } from '../../daemon/harness.ts';
import {
	addComp,
	addFootage,
	type CompModel,
	type FootageModel,
	type LayerModel,
	layerModel,
} from '../../fakes/after-effects/model.ts';
import { type Running, startAfterEffects } from './stage.ts';

let folder: string;
let take1: string;
let take2: string;
let running: Running;
let comp: CompModel;

beforeAll(async () => {
	folder = join(await temporaryFolder(), 'Ünïcode “quotes” \u2028');
	await mkdir(folder);
	take1 = await shoot('take 1', '160x96');
	take2 = await shoot('take 2', '80x48');
});
afterAll(endAllDaemons);
beforeEach(async () => {
	running = await startAfterEffects();
	const { model } = running.program;
	comp = addComp(model, { name: 'Main', time: 0.4 });
	const film = addFootage(model, { name: 'film.mov', file: '/films/film.mov' });
	const layer = (name: string, more: Partial<LayerModel> & { inPoint: number; outPoint: number }) =>
		layerModel(model, { name, source: film.id, ...more });
	comp.layers = [
		layer('title', { type: 'text', source: null, inPoint: 0, outPoint: 10 }),
		layer('right', { inPoint: 3, outPoint: 5 }),
		layer('left', { inPoint: 0, outPoint: 2 }),
	];
	model.activeItem = comp.id;
});
afterEach(() => running.close());

/** 25 frames with sound. */
async function shoot(name: string, size: string): Promise<string> {
	const path = join(folder, `${name}.mov`);
	const picture = ['-f', 'lavfi', '-i', `color=gray:s=${size}:r=25:d=1`];
	const sound = ['-f', 'lavfi', '-i', 'anullsrc=cl=stereo:r=48000:d=1'];
	const codecs = ['-c:v', 'libx264', '-pix_fmt', 'yuv444p', '-c:a', 'pcm_s16le', '-shortest'];
	await run('ffmpeg', ['-y', '-loglevel', 'error', ...picture, ...sound, ...codecs, path]);
	return path;
}

const RANGE = { start: 50, end: 75 };

function placeSteps(
	path: string,
	more: { draft?: boolean; video?: string; audio?: string } = {},
): EditStep[] {
	const { draft = false, video = 'V1', audio = 'A1' } = more;
	const shared = { path, name: 'she crosses', range: RANGE, enabled: true, draft };
	return [
		{ kind: 'place', of: 'video', track: video, ...shared },
		{ kind: 'place', of: 'audio', track: audio, ...shared },
	];
}

async function edit(steps: readonly EditStep[], operation = randomUUID()): Promise<string> {
	const { port } = running;
	const where = await open();
	await port.cut(where);
	await port.edit(where, { operation, label: 'Pickup: she crosses', steps });
	return operation;
}

async function open() {
	const { project, sequence } = await running.port.state();
	return { project: project!.id, sequence: sequence!.id };
}

async function tracks(): Promise<readonly string[]> {
	const cut = await running.port.cut(await open());
	return cut.tracks.flatMap(({ name, clips }) =>
		clips.map((each) => `${name} ${each.name} ${each.range.start}–${each.range.end}`),
	);
}

const layers = () =>
	(running.program.model.items.find(({ id }) => id === comp.id) as CompModel).layers;
const stack = () => layers().map(({ name }) => name);
const placed = () => layers().find(({ name }) => name === 'she crosses')!;
const itemNames = () => running.program.model.items.map(({ name }) => name);

test('picture and sound are one layer beside its neighbours, below the title, and one step to undo', async () => {
	const before = structuredClone(running.program.model);
	await edit(placeSteps(take1));
	expect(stack()).toEqual(['title', 'right', 'she crosses', 'left']);
	expect(placed()).toMatchObject({
		startTime: 2,
		inPoint: 2,
		outPoint: 3,
		enabled: true,
		audioEnabled: true,
		comment: 'Pickup on V1 and A1',
	});
	expect(await tracks()).toEqual([
		...['V1 left 0–50', 'V1 she crosses 50–75', 'V1 right 75–125'],
		...['A1 left 0–50', 'A1 she crosses 50–75', 'A1 right 75–125'],
	]);
	expect(itemNames()).toEqual(['Main', 'film.mov', 'she crosses', 'Pickup']);
	expect(running.program.undoLabels).toEqual(['Pickup: she crosses']);
	running.program.undo();
	expect(running.program.model.items).toEqual(before.items);
});

test('where layers are created by a preference changes nothing', async () => {
	running.program.faults.layersAtStart = true;
	await edit(placeSteps(take1));
	expect(placed()).toMatchObject({ startTime: 2, inPoint: 2, outPoint: 3 });
});

test('a track that is added is above all pictures and below what is drawn over them', async () => {
	const steps: EditStep[] = [
		{ kind: 'add-track', of: 'video', as: 'V2' },
		...placeSteps(take1, { video: 'V2', audio: 'A2' }).map((step) => ({
			...step,
			range: { start: 10, end: 35 },
		})),
	] as EditStep[];
	await edit(steps);
	expect(stack()).toEqual(['title', 'right', 'she crosses', 'left']);
	expect(await tracks()).toContain('V2 she crosses 10–35');
	expect(await tracks()).toContain('A2 she crosses 10–35');
});

test('it stays on the track that it was put on, also where nothing is below', async () => {
	await edit(placeSteps(take1, { video: 'V3', audio: 'A4' }));
	expect(await tracks()).toContain('V3 she crosses 50–75');
	expect(await tracks()).toContain('A4 she crosses 50–75');
	expect(await tracks()).toContain('V1 right 75–125');
});

test('a matte is not parted from the layer below it', async () => {
	const left = layers()[2]!;
	left.matte = 'has';
	const matte = layerModel(running.program.model, {
		name: 'matte',
		type: 'shape',
		inPoint: 0,
		outPoint: 2,
		matte: 'is',
		enabled: false,
	});
	layers().splice(2, 0, matte);
	await edit(placeSteps(take1));
	expect(stack()).toEqual(['title', 'right', 'she crosses', 'matte', 'left']);
});

test('layers that lie across are said, and nothing is done', async () => {
	const { model } = running.program;
	const film = model.items.find(({ name }) => name === 'film.mov')!.id;
	// Wanted between the two, of which the one that would be below is above in the stack.
	layers().unshift(
		layerModel(model, { name: 'low', source: film, inPoint: 2, outPoint: 2.4 }),
		layerModel(model, {
			name: 'high',
			source: film,
			inPoint: 2.6,
			outPoint: 3,
			comment: 'Pickup on V3 and A3',
		}),
	);
	await expect(edit(placeSteps(take1, { video: 'V2', audio: 'A2' }))).rejects.toMatchObject({
		code: 'placement-conflict',
	});
	expect(running.program.undoLabels).toEqual([]);
});

test('other media keep trims, keyframes, effects and the size that they are seen in; the colour of drafts goes', async () => {
	await edit(placeSteps(take1, { draft: true }));
	Object.assign(placed(), {
		inPoint: 2.2,
		outPoint: 2.8,
		scaleKeys: [
			[50, 50, 100],
			[100, 80, 100],
		],
		effects: [{ name: 'Glow', enabled: true }],
	});
	expect(placed().label).toBe(11);
	const swap: EditStep = {
		kind: 'swap',
		item: { track: 'V1', range: { start: 55, end: 70 }, path: take1 },
		path: take2,
		name: 'finished',
		draft: false,
	};
	const sound = { ...swap, item: { ...swap.item, track: 'A1' } };
	await edit([swap, sound]);
	const layer = layers().find(({ name }) => name === 'finished')!;
	const source = running.program.model.items.find(({ id }) => id === layer.source) as FootageModel;
	expect(source).toMatchObject({ file: take2, name: 'finished' });
	expect(layer.anchor).toEqual([source.width / 2, source.height / 2]);
	expect(layer).toMatchObject({
		startTime: 2,
		inPoint: 2.2,
		outPoint: 2.8,
		label: 3,
		effects: [{ name: 'Glow', enabled: true }],
		scaleKeys: [
			[100, 100, 100],
			[200, 160, 100],
		],
	});
	running.program.undo();
	expect(placed()).toMatchObject({
		label: 11,
		scaleKeys: [
			[50, 50, 100],
			[100, 80, 100],
		],
	});
});

test('of a layer its picture can be taken out, and its sound stays; then that goes too', async () => {
	await edit(placeSteps(take1));
	const item = (track: string) => ({ track, range: RANGE, path: take1 });
	await edit([{ kind: 'remove', item: item('V1') }]);
	expect(await tracks()).not.toContain('V1 she crosses 50–75');
	expect(await tracks()).toContain('A1 she crosses 50–75');
	await edit([{ kind: 'remove', item: item('A1') }]);
	expect(stack()).toEqual(['title', 'right', 'left']);
});

test('sound alone is a layer that is not seen', async () => {
	await edit(placeSteps(take1, { audio: 'A2' }).slice(1));
	expect(placed()).toMatchObject({ enabled: false, audioEnabled: true });
	expect((await tracks()).filter((each) => each.includes('crosses'))).toEqual([
		'A2 she crosses 50–75',
	]);
});

test('a locked layer is left alone', async () => {
	await edit(placeSteps(take1));
	placed().locked = true;
	const item = { track: 'V1', range: RANGE, path: take1 };
	await expect(edit([{ kind: 'remove', item }])).rejects.toMatchObject({
		code: 'placement-conflict',
		message: expect.stringContaining('locked'),
	});
	expect(stack()).toContain('she crosses');
});

test('an operation is known by the project and, where that was undone, by this run', async () => {
	const operation = await edit(placeSteps(take1));
	const where = await open();
	expect(await running.port.carries(where, operation)).toBe(true);
	expect(await running.port.carries(where, randomUUID())).toBe(false);
	const saved = structuredClone(running.program.model);
	running.program.undo();
	expect(await running.port.carries(where, operation)).toBe(true);
	await running.close();
	// After Effects is started again with the saved project: it is the same one, and knows.
	running = await startAfterEffects();
	running.program.open({ ...saved, path: '/projects/another name.aep' });
	const again = await open();
	expect(again).toEqual(where);
	expect(await running.port.carries(again, operation)).toBe(true);
});

test('all or nothing: what was done goes back where a later step cannot be done', async () => {
	const before = JSON.stringify(layers());
	const gone = join(folder, 'gone.mov');
	const steps: EditStep[] = [...placeSteps(take1), { kind: 'bin', path: gone, name: 'gone' }];
	await expect(edit(steps)).rejects.toMatchObject({ code: 'media-offline' });
	expect(JSON.stringify(layers())).toBe(before);
	expect(itemNames()).not.toContain('she crosses');
});

test.each([
	// The file is as long as is wanted: there is nothing to be missed.
	['outPoint', null],
	['startTime', /After Effects put it from/],
	['moveBefore', /at place 3 of the layers/],
	['add', /After Effects made no layer/],
] as const)('a %s that reports success and does nothing is noticed', async (ignores, says) => {
	running.program.faults.ignores = ignores;
	const before = JSON.stringify(layers());
	const wish = edit(placeSteps(take1));
	if (says === null) {
		await wish;
		return;
	}
	await expect(wish).rejects.toMatchObject({
		code: 'host-refused',
		message: expect.stringMatching(says),
	});
	running.program.faults.ignores = null;
	expect(JSON.stringify(layers())).toBe(before);
});

test('what After Effects cannot import is said, and leaves nothing', async () => {
	running.program.faults.importFails = true;
	await expect(edit(placeSteps(take1))).rejects.toMatchObject({
		code: 'host-refused',
		message: expect.stringContaining('could not parse'),
	});
	const text = join(folder, 'text.txt');
	await expect(edit([{ kind: 'bin', path: text, name: 'x' }])).rejects.toMatchObject({
		code: 'media-offline',
	});
	expect(stack()).toEqual(['title', 'right', 'left']);
});

test('a clip for the bin is footage in the folder, once', async () => {
	await edit([{ kind: 'bin', path: take1, name: 'kept' }]);
	await edit([{ kind: 'bin', path: take1, name: 'kept' }]);
	expect(itemNames()).toEqual(['Main', 'film.mov', 'kept', 'Pickup']);
	expect(stack()).toEqual(['title', 'right', 'left']);
});
