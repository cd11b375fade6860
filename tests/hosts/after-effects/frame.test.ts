import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { wholePng } from '../../../host-bridge/cep/whole-png.ts';
import { endAllDaemons, temporaryFolder } from '../../daemon/harness.ts';
import { addComp, type CompModel } from '../../fakes/after-effects/model.ts';
import { type Running, startAfterEffects } from './stage.ts';

let running: Running;
let comp: CompModel;
let where: { project: string; sequence: string };

beforeEach(async () => {
	running = await startAfterEffects();
	comp = addComp(running.program.model, { resolutionFactor: [2, 2] });
	running.program.model.activeItem = comp.id;
	const { project, sequence } = await running.port.state();
	where = { project: project!.id, sequence: sequence!.id };
});
afterEach(() => running.close());
afterAll(endAllDaemons);

const factor = () =>
	(running.program.model.items.find(({ id }) => id === comp.id) as CompModel).resolutionFactor;

test.each([[true], [false]])(
	'frames come whole and full size, and the viewer is as it was (in pieces: %s)',
	async (pieces) => {
		running.program.faults.framesInPieces = pieces;
		const folder = await temporaryFolder();
		const frames = [0, 7, 124].map((frame) =>
			running.port.frame(where, frame, join(folder, `${frame}.png`)),
		);
		for (const size of await Promise.all(frames)) expect(size).toEqual({ width: 160, height: 90 });
		expect(factor()).toEqual([2, 2]);
	},
);

test('where scripts may not write files, it is said what to switch on', async () => {
	running.program.faults.filesOff = true;
	const path = join(await temporaryFolder(), 'a.png');
	await expect(running.port.frame(where, 0, path)).rejects.toMatchObject({
		code: 'host-refused',
		message: 'After Effects does not let scripts write files',
	});
	expect(factor()).toEqual([2, 2]);
});

test('a picture that never comes, or never whole, is said and not left there', async () => {
	const path = join(await temporaryFolder(), 'b.png');
	const awaited = {
		program: 'After Effects',
		path,
		written: [path],
		wanted: { width: 160, height: 90 },
		patience: 100,
	};
	await expect(wholePng(awaited)).rejects.toMatchObject({ code: 'host-refused' });
	await writeFile(path, Buffer.from('89504e470d0a1a0a'.padEnd(200, '0'), 'hex'));
	await expect(wholePng(awaited)).rejects.toMatchObject({ code: 'host-refused' });
	await writeFile(path, '', { flag: 'wx' });
});
