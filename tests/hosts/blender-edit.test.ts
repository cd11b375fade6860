import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AgentParams } from '../../protocol/hosts.ts';
import type { FrameRange } from '../../protocol/time.ts';
import type { ClipSpan, Cut } from '../../protocol/timeline.ts';
import { makeNumberedShot, readNumber } from '../end-to-end/numbered.ts';
import { bytesOf } from '../end-to-end/workbench.ts';
import { type AgentDaemon, openAgentDaemon } from '../fakes/agent-daemon.ts';
import { type Blender, endAllBlenders, startBlender, type Which } from './blender.ts';

type Step = AgentParams<'agent.edit'>['steps'][number];

const RATE = { num: 24, den: 1 };
const GAP = { start: 50, end: 80 };

let folder: string;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'pickup blender '));
	const tone = { hertz: 440, level: 0.3 };
	await makeNumberedShot(file('shots'), RATE, 0, 200, tone);
	await makeNumberedShot(file('first'), RATE, 500, 30, tone);
	await makeNumberedShot(file('second'), RATE, 600, 30, tone);
	await writeFile(file('broken'), 'no film');
});
afterAll(async () => {
	await endAllBlenders();
	await rm(folder, { recursive: true, force: true });
});

function file(name: string): string {
	return join(folder, `${name}.mov`);
}

function place(of: 'video' | 'audio', track: string, name = 'first', more = {}): Step {
	const common = { range: GAP, enabled: true, draft: false };
	return { kind: 'place', of, path: file(name), name, track, ...common, ...more };
}

function item(track: string, name: string, range: FrameRange = GAP) {
	return { track, range, path: file(name) };
}

describe.each<Which>(['window', 'module'])('An edit in Blender (%s)', (which) => {
	let daemon: AgentDaemon;
	let blender: Blender;
	beforeAll(async () => {
		daemon = await openAgentDaemon();
		await start();
	});
	afterAll(async () => {
		await blender.kill();
		await daemon.close();
	});
	beforeEach(() => blender.run(TWO_SHOTS));

	async function start(): Promise<void> {
		blender = await startBlender(which, { state: daemon.state, home: join(folder, which) });
		await blender.run(`media = ${text(folder)}`);
	}

	async function edit(steps: readonly Step[], operation = randomUUID()) {
		const label = 'Pickup: first';
		const where = await daemon.where();
		const { revision } = await daemon.ask('agent.cut', where);
		return daemon.ask('agent.edit', {
			...where,
			operation,
			revision,
			label,
			steps: [...steps],
		});
	}

	async function cut(): Promise<Cut> {
		return (await daemon.ask('agent.cut', await daemon.where())).cut;
	}

	async function standing(): Promise<readonly string[]> {
		return (await cut()).tracks.flatMap(({ clips }) => clips.map(inWords));
	}

	async function rendered(frame: number): Promise<number> {
		const path = join(folder, `grab-${which}.png`);
		await rm(path, { force: true });
		await daemon.ask('agent.frame', { ...(await daemon.where()), frame, path });
		const grey = ['-v', 'error', '-i', path, '-pix_fmt', 'gray', '-f', 'rawvideo', '-'];
		return readNumber(await bytesOf('ffmpeg', grey));
	}

	const before = ['V1 left 0–50', 'V1 right 80–130', 'A2 left.001 0–50', 'A2 right.001 80–130'];

	test('places picture and sound, to the frame, and what is rendered shows them', async () => {
		const { again } = await edit([place('video', 'V1'), place('audio', 'A2')]);
		expect(again).toBe(false);
		expect(await standing()).toEqual([
			'V1 left 0–50',
			'V1 first 50–80',
			'V1 right 80–130',
			'A2 left.001 0–50',
			'A2 first.001 50–80',
			'A2 right.001 80–130',
		]);
		const frames = [49, 50, 65, 79, 80];
		const seen: number[] = [];
		for (const frame of frames) seen.push(await rendered(frame));
		expect(seen).toEqual([49, 500, 515, 529, 100]);
	});

	test('puts a clip on a new channel above all others, off and coloured as a draft', async () => {
		await blender.run("effect('above', 'ADJUSTMENT', 6, 1, 20)");
		await edit([
			{ kind: 'add-track', of: 'video', as: 'picture' },
			{ kind: 'add-track', of: 'audio', as: 'sound' },
			place('video', 'picture', 'first', { enabled: false, draft: true }),
			place('audio', 'sound', 'first', { enabled: false }),
		]);
		expect(await standing()).toContain('V7 first 50–80 off');
		expect(await standing()).toContain('A8 first.001 50–80 off');
		const colours = "result = [strips()['first'].color_tag, strips()['first.001'].color_tag]";
		expect(await blender.run(colours)).toEqual(['COLOR_05', 'NONE']);
		expect(await rendered(60)).toBe(0);
	});

	test('fills the frame with a clip of another size', async () => {
		await blender.run('scene.render.resolution_x, scene.render.resolution_y = 320, 192');
		await edit([place('video', 'V1')]);
		const scale = "result = strips()['first'].transform.scale_x";
		expect(await blender.run(scale)).toBe(2);
		expect((await cut()).tracks[0]?.clips[1]?.effects).toBeUndefined();
	});

	test('that was done is not done again, also after saving, closing and opening', async () => {
		const operation = randomUUID();
		await edit([place('video', 'V1')], operation);
		const once = await standing();
		expect(await edit([place('video', 'V1')], operation)).toMatchObject({ again: true });
		const path = join(folder, `${which}-saved.blend`);
		await blender.run(`bpy.ops.wm.save_as_mainfile(filepath=${text(path)})`);
		const where = await daemon.where();
		await blender.kill();
		await start();
		await blender.run(`bpy.ops.wm.open_mainfile(filepath=${text(path)})\nuse(bpy.data.scenes[0])`);
		expect(await daemon.where()).toEqual(where);
		expect(await edit([place('video', 'V1')], operation)).toMatchObject({ again: true });
		expect(await standing()).toEqual(once);
	});

	test('that a crash took away unsaved can be done again', async () => {
		const operation = randomUUID();
		const path = join(folder, `${which}-unsaved.blend`);
		await blender.run(`bpy.ops.wm.save_as_mainfile(filepath=${text(path)})`);
		const where = await daemon.where();
		await edit([place('video', 'V1')], operation);
		await blender.kill();
		await start();
		await blender.run(`bpy.ops.wm.open_mainfile(filepath=${text(path)})\nuse(bpy.data.scenes[0])`);
		expect(await daemon.where()).toEqual(where);
		expect(await standing()).toEqual(before);
		expect(await edit([place('video', 'V1')], operation)).toMatchObject({ again: false });
		expect(await standing()).toContain('V1 first 50–80');
	});

	test('of which one step cannot be done leaves nothing behind', async () => {
		await edit([place('video', 'V1')]);
		await blender.run("result = [setattr(s, 'color_tag', 'COLOR_01') for s in strips()] and None");
		const everything = `result = sorted([s.name, s.channel, s.frame_final_start, s.frame_final_end,
    s.mute, s.color_tag, getattr(s, 'filepath', '')] for s in strips())`;
		const there = await blender.run(everything);
		const impossible: readonly (readonly [Step, string])[] = [
			[place('audio', 'A2', 'broken'), 'media-unreadable'],
			[place('video', 'V9', 'broken'), 'media-unreadable'],
			[place('audio', 'A2', 'gone'), 'media-offline'],
			[place('video', 'V1'), 'placement-conflict'],
			[place('video', 'A3'), 'bad-request'],
			[place('video', 'picture'), 'bad-request'],
			[{ kind: 'remove', item: item('V1', 'shots') }, 'placement-conflict'],
			[{ kind: 'bin', path: file('first'), name: 'first' }, 'host-refused'],
		];
		for (const [step, code] of impossible) {
			const refused = edit([
				{ kind: 'remove', item: item('V1', 'shots', { start: 0, end: 50 }) },
				{ kind: 'swap', item: item('V1', 'first'), path: file('second'), name: 'x', draft: true },
				place('video', 'V5'),
				step,
			]);
			const answer = await refused.then(
				() => 'done',
				(error) => error.code,
			);
			expect(answer, JSON.stringify(step)).toBe(code);
			expect(await blender.run(everything), JSON.stringify(step)).toEqual(there);
		}
	});

	test('gives a clip other media and keeps what the person did to it', async () => {
		await edit([
			place('video', 'V1', 'first', { draft: true }),
			place('audio', 'A2', 'first', { draft: true }),
		]);
		const trimmed = { start: 55, end: 70 };
		await blender.run(`
for name in ('first', 'first.001'):
    strips()[name].frame_final_start, strips()[name].frame_final_end = 56, 71
    strips()[name].channel += 3
strips()['first'].blend_alpha = 0.5
strips()['first'].keyframe_insert('blend_alpha', frame=60)
strips()['first.001'].volume = 0.25`);
		const name = 'second';
		await edit([
			{ kind: 'swap', item: item('V4', 'first', trimmed), path: file(name), name, draft: false },
			{ kind: 'swap', item: item('A5', 'first', trimmed), path: file(name), name, draft: false },
		]);
		expect(await standing()).toEqual([
			'V1 left 0–50',
			'V1 right 80–130',
			'V4 second 55–70',
			'A2 left.001 0–50',
			'A2 right.001 80–130',
			'A5 second.001 55–70',
		]);
		const kept = await blender.run(`
from pickup.sequencer import animation_of
found = strips()['second']
result = [found.frame_start, found.color_tag, list(animation_of(scene)['second']), strips()['second.001'].volume,
    strips()['second.001'].color_tag]`);
		expect(kept).toEqual([51, 'NONE', ['blend_alpha'], 0.25, 'NONE']);
		await blender.run(
			"strips()['second'].animation_offset_start = 0\nscene.animation_data_clear()\nfound.blend_alpha = 1",
		);
		expect(await rendered(55)).toBe(605);
		// Others that play the same sound go on playing it.
		expect((await cut()).tracks[2]?.clips[0]?.source).toMatchObject({ path: file('shots') });
	});

	test('removes what it is asked to and nothing else', async () => {
		await edit([place('video', 'V1'), place('audio', 'A2')]);
		await edit([
			{ kind: 'remove', item: item('V1', 'first') },
			{ kind: 'remove', item: item('A2', 'first') },
			place('video', 'V1', 'second'),
			{ kind: 'add-track', of: 'video', as: 'above' },
			place('video', 'above', 'second'),
		]);
		expect(await standing()).toEqual([
			'V1 left 0–50',
			'V1 second 50–80',
			'V1 right 80–130',
			'V3 second.001 50–80',
			...before.slice(2),
		]);
		await edit([
			{ kind: 'remove', item: item('V1', 'second') },
			{ kind: 'remove', item: item('V3', 'second') },
		]);
		expect(await standing()).toEqual(before);
	});

	test('leaves alone what is locked or what the person has built upon', async () => {
		await edit([place('video', 'V1')]);
		const remove: Step = { kind: 'remove', item: item('V1', 'first') };
		await blender.run("effect('glow', 'GLOW', 4, 51, 81, strips()['first'])");
		await expect(edit([remove])).rejects.toThrow('first is used by glow');
		await blender.run("strips().remove(strips()['glow'])\nstrips()['first'].lock = True");
		await expect(edit([remove])).rejects.toThrow('first is locked');
		await blender.run(
			"strips()['first'].lock = False\nscene.sequence_editor.channels[1].lock = True",
		);
		await expect(edit([remove])).rejects.toThrow('Channel 1 is locked');
	});

	test('that was planned before the person changed something is not done', async () => {
		const where = await daemon.where();
		const { revision } = await daemon.ask('agent.cut', where);
		await blender.run("strips()['right'].frame_final_start = 80");
		const operation = randomUUID();
		const planned = { ...where, operation, label: 'x', steps: [place('video', 'V1')] };
		const answer = await daemon.ask('agent.edit', { ...planned, revision });
		expect(answer).toMatchObject({ stale: true, again: false });
		expect(answer.revision).toBeGreaterThan(revision);
		expect(await standing()).toEqual(['V1 left 0–50', 'V1 right 79–130', ...before.slice(2)]);
		// It was not done, so that it can be, once it is planned anew.
		const again = [place('video', 'V5')];
		await daemon.ask('agent.edit', { ...planned, steps: again, revision: answer.revision });
		expect(await standing()).toContain('V5 first 50–80');
	});

	test('is refused for a sequence that is not open', async () => {
		const elsewhere = { ...(await daemon.where()), project: randomUUID() };
		const asked = {
			...elsewhere,
			operation: randomUUID(),
			revision: 0,
			label: 'x',
			steps: [place('video', 'V1')],
		};
		await expect(daemon.ask('agent.edit', asked)).rejects.toMatchObject({ code: 'no-such-host' });
		await expect(daemon.ask('agent.cut', elsewhere)).rejects.toMatchObject({
			code: 'no-such-host',
		});
	});

	test('raises the revision, and so does what the person does', async () => {
		const revision = async () => (await daemon.ask('agent.cut', await daemon.where())).revision;
		const first = await revision();
		expect(await revision()).toBe(first);
		const edited = await edit([place('video', 'V1')]);
		expect(edited.revision).toBeGreaterThan(first);
		expect(await revision()).toBe(edited.revision);
		await blender.run("strips()['first'].mute = True");
		expect(await revision()).toBeGreaterThan(edited.revision);
	});

	// Without a window there is nobody who undoes.
	if (which === 'window') {
		test('is undone by the person as one step, and stays undone', async () => {
			await blender.run("bpy.ops.ed.undo_push(message='Two shots')");
			const operation = randomUUID();
			const steps = [place('video', 'V1'), place('audio', 'A2')];
			await edit(steps, operation);
			const placed = await standing();
			await blender.run("bpy.ops.ed.undo()\nuse(bpy.data.scenes['Scene'])");
			expect(await standing()).toEqual(before);
			expect(await edit(steps, operation)).toMatchObject({ again: true });
			expect(await standing()).toEqual(before);
			await blender.run("bpy.ops.ed.redo()\nuse(bpy.data.scenes['Scene'])");
			expect(await standing()).toEqual(placed);
		});
	}
});

/** Frames 0–50 and 80–130 of the sequence, with sound, and a gap between them. */
const TWO_SHOTS = `
fresh()
movie('left', 1, 1, 'shots', (1, 51))
sound('left.001', 2, 1, 'shots', (1, 51))
movie('right', 1, -19, 'shots', (81, 131))
sound('right.001', 2, -19, 'shots', (81, 131))`;

function inWords({ track, name, range, enabled }: ClipSpan): string {
	return `${track} ${name} ${range.start}–${range.end}${enabled ? '' : ' off'}`;
}

/** As Python writes it too. */
function text(value: string): string {
	return JSON.stringify(value);
}
