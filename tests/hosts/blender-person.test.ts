import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { run } from '../../demo/ffmpeg.ts';
import { until } from '../daemon/harness.ts';
import { makeNumberedShot } from '../end-to-end/numbered.ts';
import { type AgentDaemon, openAgentDaemon } from '../fakes/agent-daemon.ts';
import { type Blender, endAllBlenders, startBlender } from './blender.ts';

const root = join(import.meta.dirname, '../..');

let folder: string;
let daemon: AgentDaemon;
let blender: Blender;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'pickup blender '));
	const tone = { hertz: 440, level: 0.3 };
	await makeNumberedShot(join(folder, 'shot.mov'), { num: 24, den: 1 }, 0, 100, tone);
	const pack = "import { packBlender } from './scripts/pack-blender.mjs'; packBlender('.')";
	await run(process.execPath, ['--input-type=module', '-e', pack]);
	daemon = await openAgentDaemon();
	// What opens the panel instead of a browser leaves its address.
	const browser = join(folder, 'browser.sh');
	await writeFile(browser, `#!/bin/sh\nprintf %s "$1" > '${join(folder, 'opened')}'\n`);
	await chmod(browser, 0o755);
	blender = await startBlender('window', {
		state: daemon.state,
		home: join(folder, 'home'),
		zip: join(root, 'dist/pickup-blender.zip'),
		env: { BROWSER: browser },
	});
	await blender.run(`media = ${text(folder)}`);
});
beforeEach(() => blender.run('fresh()'));
afterAll(async () => {
	await endAllBlenders();
	await daemon.close();
	await rm(folder, { recursive: true, force: true });
});

/** What the agent tells of itself, once that is so. */
function told<T>(what: string, look: (state: State) => T | false | null | undefined) {
	return until(what, () => {
		const state = daemon.host()?.state;
		return state && look(state);
	});
}
type State = NonNullable<ReturnType<AgentDaemon['host']>>['state'];

describe('The agent tells by itself', () => {
	test('where the playhead is and what is selected', async () => {
		await blender.run(`
movie('a', 1, 11, 'shot', (11, 51))
movie('b', 2, 21, 'shot', (21, 71))
for each in strips(): each.select = False`);
		await told('nothing selected', ({ selection, project }) => project && selection === null);
		await blender.run("strips()['a'].select = strips()['b'].select = True\nscene.frame_set(41)");
		await told('both', ({ selection, playhead }) => selection?.end === 70 && playhead === 40);
		const { selection, revision } = daemon.host()?.state ?? expect.unreachable();
		expect(selection).toEqual({ start: 10, end: 70 });
		await blender.run("scene.frame_set(5)\nstrips()['b'].select = False");
		await told('the move', ({ playhead }) => playhead === 4);
		// Neither changes the cut.
		expect(daemon.host()?.state.revision).toBe(revision);
	});

	test.each([
		['a trim', "strips()['a'].frame_final_end = 40"],
		['a move to another channel', "strips()['a'].channel = 3"],
		['a strip switched off', "strips()['a'].mute = True"],
		['a channel switched off', 'scene.sequence_editor.channels[1].mute = True'],
		['another file', "strips()['a'].filepath = '/tmp/other.mov'"],
		['a new name', "strips()['a'].name = 'b'"],
		['a scaled picture', "strips()['a'].transform.scale_x = 2"],
		['another frame rate', 'scene.render.fps = 30'],
		['a strip that goes', "strips().remove(strips()['a'])"],
		['an undo', 'bpy.ops.ed.undo()'],
	])('that the cut has changed by %s', async (_what, change) => {
		await blender.run(`
bpy.ops.ed.undo_push(message='Empty')
movie('a', 1, 11, 'shot', (11, 51))
bpy.ops.ed.undo_push(message='One strip')`);
		const { revision } = await daemon.ask('agent.cut', await daemon.where());
		await blender.run(change);
		await told(change, (state) => state.revision > revision);
	});

	test('when the person plays, renders or chooses a file: clips wait', async () => {
		await blender.run("movie('a', 1, 1, 'shot')\nscene.frame_end = 100");
		await told('nothing to wait for', ({ busy, project }) => project && busy === null);
		await blender.run(inWindow('bpy.ops.screen.animation_play()'));
		await told('playing', ({ busy }) => busy === 'playing');
		await blender.run(inWindow('bpy.ops.screen.animation_cancel()'));
		await told('the end of playing', ({ busy }) => busy === null);

		const output = join(folder, 'frames', 'f');
		// Long enough for the agent, which looks several times a second, on a machine that is busy.
		await blender.run(`scene.render.filepath = ${text(output)}\nscene.frame_end = 2000`);
		await blender.run(inWindow("bpy.ops.render.render('INVOKE_DEFAULT', animation=True)"));
		await told('rendering', ({ busy }) => busy === 'rendering');
		await told('the end of rendering', ({ busy }) => busy === null);

		await blender.run('scene.frame_end = 400');
		const script = blender.run('bpy.ops.render.render(animation=True)');
		await told('a render that a script waits for', ({ busy }) => busy === 'rendering');
		await script;
		await told('its end', ({ busy }) => busy === null);

		await blender.run(inWindow("bpy.ops.wm.save_as_mainfile('INVOKE_DEFAULT')"));
		await told('choosing a file', ({ busy }) => busy === 'dialog');
	});
});

describe('The project and the sequence are known', () => {
	test('by the same ids when they are renamed, saved elsewhere and opened again', async () => {
		const unsaved = await daemon.where();
		await blender.run("scene.name = 'The film'");
		expect(await daemon.where()).toEqual(unsaved);
		const [first, second] = [join(folder, 'film.blend'), join(folder, 'film 2.blend')];
		await blender.run(`bpy.ops.wm.save_as_mainfile(filepath=${text(first)})`);
		await blender.run(`bpy.ops.wm.save_as_mainfile(filepath=${text(second)})`);
		expect(await daemon.where()).toEqual(unsaved);
		await told('the new name', ({ project }) => project?.path === second);
		await blender.run('fresh()');
		expect((await daemon.where()).project).not.toBe(unsaved.project);
		for (const path of [second, first]) {
			await blender.run(`bpy.ops.wm.open_mainfile(filepath=${text(path)})`);
			expect(await daemon.where()).toEqual(unsaved);
		}
	});

	test('and being looked at neither changes a file nor makes an undo step', async () => {
		const path = join(folder, 'untouched.blend');
		// Saved by a Blender without Pickup, as far as the file tells.
		await blender.run(`
for key in list(scene.keys()):
    if key.startswith('pickup'): del scene[key]
bpy.ops.wm.save_as_mainfile(filepath=${text(path)})
bpy.ops.wm.open_mainfile(filepath=${text(path)})`);
		const where = await daemon.where();
		await daemon.ask('agent.cut', where);
		expect(await blender.run('result = bpy.data.is_dirty')).toBe(false);
		await blender.run(`bpy.ops.wm.open_mainfile(filepath=${text(path)})`);
		expect(await daemon.where()).toEqual(where);
	});

	test('of a copied scene as another one', async () => {
		const { sequence, project } = await daemon.where();
		await blender.run(`
copy = scene.copy()
bpy.context.window_manager.windows[0].scene = copy`);
		const copied = await daemon.where();
		expect(copied.project).toBe(project);
		expect(copied.sequence).not.toBe(sequence);
		// The one behind is asked for by its id, whichever the window shows.
		await blender.run("scene = bpy.data.scenes['Scene']\nmovie('a', 1, 1, 'shot')");
		expect((await daemon.ask('agent.cut', { project, sequence })).cut.tracks).toHaveLength(1);
		expect((await daemon.ask('agent.cut', copied)).cut.tracks).toHaveLength(0);
	});
});

describe('The sidebar', () => {
	const brief = {
		gap: 'V1 frame 51, 30 frames',
		prompt: 'she crosses the bridge, wind, and far away a train that nobody hears',
		refusal: null,
		job: null,
		said: 'The last clip is on V1.',
	};
	const draw = `${inWindow("bpy.ops.wm.call_panel(name='PICKUP_PT_sidebar')")}
bpy.ops.wm.redraw_timer(type='DRAW_WIN_SWAP', iterations=1)`;

	test('has a button that fills, one that cancels and one that opens the panel', async () => {
		daemon.tell('brief', brief);
		const can = 'result = [bpy.ops.pickup.fill.poll(), bpy.ops.pickup.cancel.poll()]';
		await until('a gap to fill', async () => (await blender.run<boolean[]>(can))[0]);
		await blender.run(draw);
		await blender.run('bpy.ops.pickup.fill()');
		await until('the press', () => daemon.calls().some(({ method }) => method === 'host.fill'));

		const job = { id: 'b2a', text: 'Denoising', progress: 0.4 };
		daemon.tell('brief', { ...brief, refusal: 'There is no gap here', job });
		await until('a job to cancel', async () => (await blender.run<boolean[]>(can))[1]);
		expect(await blender.run(can)).toEqual([false, true]);
		await blender.run(draw);
		await blender.run('bpy.ops.pickup.cancel()');
		const cancel = { method: 'job.cancel', params: { jobId: 'b2a' } };
		await until('the press', () => daemon.calls().find(({ method }) => method === cancel.method));
		expect(daemon.calls()).toContainEqual(cancel);

		await blender.run('bpy.ops.pickup.open_panel()');
		const opened = await until('a browser', () =>
			readFile(join(folder, 'opened'), 'utf8').catch(() => null),
		);
		const { port, token } = JSON.parse(await readFile(join(daemon.state, 'daemon.json'), 'utf8'));
		const id = daemon.host()?.agent.id;
		expect(opened).toBe(`http://127.0.0.1:${port}/panel/#token=${token}&host=${id}`);
		expect(blender.said()).not.toContain('Traceback');
	});

	test('says that nothing is connected, and is as before once it is again', async () => {
		const times = daemon.registered();
		daemon.drop();
		await until('another connection', () => daemon.registered() > times && daemon.host());
		await blender.run(draw);
		expect(blender.said()).not.toContain('Traceback');
	});
});

test('The add-on can be switched off and on again', async () => {
	const id = daemon.host()?.agent.id;
	await blender.run("bpy.ops.preferences.addon_disable(module='pickup')");
	await until('it to be gone', () => daemon.host() === null);
	await blender.run("bpy.ops.preferences.addon_enable(module='pickup')");
	await until('it to be there', () => daemon.host());
	expect(daemon.host()?.agent.id).not.toBe(id);
	expect(blender.said()).not.toContain('Traceback');
});

/** Python that runs as if the person did it in the sequencer. */
function inWindow(code: string): string {
	return `
window = bpy.context.window_manager.windows[0]
area = next(each for each in window.screen.areas if each.type == 'SEQUENCE_EDITOR')
region = next(each for each in area.regions if each.type == 'WINDOW')
with bpy.context.temp_override(window=window, area=area, region=region):
    ${code}`;
}

/** As Python writes it too. */
function text(value: string): string {
	return JSON.stringify(value);
}
