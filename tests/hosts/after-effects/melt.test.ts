import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { EditStep } from '../../../protocol/hosts.ts';
import { endAllDaemons, temporaryFolder } from '../../daemon/harness.ts';
import { mltOf } from '../../fakes/after-effects/mlt.ts';
import {
	addComp,
	addFootage,
	type CompModel,
	layerModel,
} from '../../fakes/after-effects/model.ts';
import { makeShot, render, runs, toneLevel } from '../../host-bridge/mlt-render.ts';
import { type Running, startAfterEffects } from './stage.ts';

let folder: string;
let running: Running;
let comp: number;
const file = (name: string) => join(folder, `${name}.mov`);
const RANGE = { start: 50, end: 75 };

beforeAll(async () => {
	folder = await temporaryFolder();
	await makeShot(file('left'), 'red', 440, 50, '25');
	await makeShot(file('right'), 'blue', 880, 50, '25');
	await makeShot(file('made'), 'lime', 1760, 25, '25');
	await makeShot(file('other'), 'white', 1320, 25, '25');
});
afterAll(endAllDaemons);
beforeEach(async () => {
	running = await startAfterEffects();
	const { model } = running.program;
	const source = (name: string) => addFootage(model, { file: file(name), name, duration: 2 }).id;
	const made = addComp(model, { duration: 5, time: 1 });
	made.layers = [
		layerModel(model, { name: 'right', source: source('right'), inPoint: 3, outPoint: 5 }),
		layerModel(model, { name: 'left', source: source('left'), inPoint: 0, outPoint: 2 }),
	];
	model.activeItem = made.id;
	comp = made.id;
	return () => running.close();
});

async function edit(steps: readonly EditStep[]): Promise<void> {
	const { project, sequence } = await running.port.state();
	const where = { project: project!.id, sequence: sequence!.id };
	await running.port.cut(where);
	await running.port.edit(where, { operation: randomUUID(), label: 'Pickup', steps });
}

/** What melt makes of the composition as the simulator has it. */
async function rendered() {
	const { model } = running.program;
	const found = model.items.find(({ id }) => id === comp) as CompModel;
	const path = join(folder, `${randomUUID()}.mlt`);
	await writeFile(path, mltOf(model, found));
	return render(path, 124);
}

function place(name: string, tracks: readonly [video: string, audio: string]): EditStep[] {
	const shared = { path: file(name), name, range: RANGE, enabled: true, draft: false };
	return [
		{ kind: 'place', of: 'video', track: tracks[0], ...shared },
		{ kind: 'place', of: 'audio', track: tracks[1], ...shared },
	];
}

test('what is placed is seen and heard in the gap, and nowhere else', async () => {
	await edit(place('made', ['V1', 'A1']));
	const { colours, sound } = await rendered();
	expect(runs(colours)).toBe('R×50 G×25 B×50');
	expect(toneLevel(sound, 1760, RANGE, 25)).toBeGreaterThan(-30);
	expect(toneLevel(sound, 1760, { start: 0, end: 50 }, 25)).toBeLessThan(-50);
	expect(toneLevel(sound, 440, { start: 0, end: 50 }, 25)).toBeGreaterThan(-30);
});

test('another take takes its place, and one above covers it', async () => {
	await edit(place('made', ['V1', 'A1']));
	const item = (track: string) => ({ track, range: RANGE, path: file('made') });
	const other = { path: file('other'), name: 'other', draft: false };
	await edit([
		{ kind: 'swap', item: item('V1'), ...other },
		{ kind: 'swap', item: item('A1'), ...other },
	]);
	const swapped = await rendered();
	expect(new Set(swapped.colours.slice(50, 75)).size).toBe(1);
	expect(swapped.colours[60]).not.toMatch(/^[GK]$/);
	expect(toneLevel(swapped.sound, 1320, RANGE, 25)).toBeGreaterThan(-30);
	await edit([{ kind: 'add-track', of: 'video', as: 'V2' }, ...place('made', ['V2', 'A2'])]);
	expect(runs((await rendered()).colours)).toBe('R×50 G×25 B×50');
});

test('what is taken out is not seen and not heard', async () => {
	await edit(place('made', ['V1', 'A1']));
	const item = (track: string) => ({ track, range: RANGE, path: file('made') });
	await edit([{ kind: 'remove', item: item('V1') }]);
	const heard = await rendered();
	expect(runs(heard.colours)).toBe('R×50 K×25 B×50');
	expect(toneLevel(heard.sound, 1760, RANGE, 25)).toBeGreaterThan(-30);
	await edit([{ kind: 'remove', item: item('A1') }]);
	const { sound } = await rendered();
	expect(toneLevel(sound, 1760, RANGE, 25)).toBeLessThan(-50);
});
