import { readdir } from 'node:fs/promises';

import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { endAllDaemons, temporaryFolder } from '../daemon/harness.ts';
import { addComp, addFootage, layerModel } from '../fakes/after-effects/model.ts';
import { type Running, startAfterEffects } from '../hosts/after-effects/stage.ts';

let running: Running;

beforeEach(async () => {
	running = await startAfterEffects();
});
afterEach(async () => {
	vi.unstubAllEnvs();
	await running.close();
});
afterAll(endAllDaemons);

/** Whatever a name may have in it, and the numbers that a script reads it by. */
const NAME = 'a "b" \\ c\n\u2028\u2029 日本 😀 \' </script> \u0000';

function openComp(): number {
	const { model } = running.program;
	const comp = addComp(model, { name: NAME });
	const film = addFootage(model, { file: '/films/ü\u2028.mov', name: NAME });
	comp.layers = [layerModel(model, { source: film.id, inPoint: 0, outPoint: 1 / 3 })];
	return comp.id;
}

describe.each([[false], [true]])('Where callbacks stay empty: %s', (emptyAnswers) => {
	beforeEach(() => {
		running.program.faults.emptyAnswers = emptyAnswers;
	});

	test('what a script gives back arrives as it is', async () => {
		const id = openComp();
		const comp = await running.script.call('comp', { id });
		expect(comp).toMatchObject({
			name: NAME,
			layers: [{ path: '/films/ü\u2028.mov', out: 1 / 3 }],
		});
		expect(await running.script.call('comp', { id: 99 })).toBeNull();
		expect(running.script.way).toBe(emptyAnswers ? 'file' : 'callback');
	});

	test('what a script refuses is an error that says so', async () => {
		const refused = running.script.call('show', { id: 99, time: 0 });
		await expect(refused).rejects.toMatchObject({ code: 'host-refused' });
		const frame = running.script.call('frame', { comp: 99, time: 0, path: '/x' });
		await expect(frame).rejects.toMatchObject({ code: 'no-such-host' });
		const none = running.script.call('nothing' as 'about', {});
		await expect(none).rejects.toMatchObject({ code: 'no-such-method' });
	});

	test('no file of an answer is left', async () => {
		const folder = await temporaryFolder();
		vi.stubEnv('TMPDIR', folder);
		await running.script.call('about', {});
		expect(await readdir(folder)).toHaveLength(emptyAnswers ? 1 : 0);
		await running.script.end();
		expect(await readdir(folder)).toEqual([]);
	});
});

test('an answer that stays empty once is asked for again', async () => {
	await running.script.call('about', {});
	running.program.faults.emptyAnswers = 'once';
	expect(await running.script.call('about', {})).toEqual({ version: '26.0x52' });
});

test('where neither way is open, it is said what to do', async () => {
	Object.assign(running.program.faults, { emptyAnswers: true, filesOff: true });
	await expect(running.script.call('about', {})).rejects.toMatchObject({
		code: 'host-refused',
		message: 'After Effects runs scripts, and none of their answers arrive',
	});
});

test('while a dialog is open After Effects is busy with it, and then as it is', async () => {
	const { program, port } = running;
	program.model.activeItem = openComp();
	const before = await port.state();
	expect(before.busy).toBeNull();
	const close = program.openDialog();
	expect(await port.state()).toEqual({ ...before, busy: 'dialog' });
	close();
	expect(await port.state()).toEqual(before);
});
