import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
	connect,
	endAllDaemons,
	requestFor,
	startDaemon,
	temporaryFolder,
	until,
} from '../daemon/harness.ts';
import { endAllBlenders, startBlender } from './blender.ts';

let folder: string;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'pickup blender '));
});
afterAll(async () => {
	await endAllBlenders();
	await endAllDaemons();
	await rm(folder, { recursive: true, force: true });
});

test('A job stands while Blender renders, and goes on when that has ended, or Blender itself', async () => {
	const daemon = await startDaemon({ env: { PICKUP_SETTLE: '0' } });
	const home = join(folder, 'home');
	const blender = await startBlender('window', { state: daemon.state, home });
	const peer = await connect(daemon);
	await peer.call('events.subscribe', { after: 0 });
	await until('Blender', async () => (await peer.call('host.watch', {})).hosts[0]);
	const settings = { delay: 20 };
	const request = requestFor({ folder: await temporaryFolder(), frames: 400, settings });
	await peer.call('job.submit', { request });
	const heard = (kind: string, times: number) =>
		until(
			`${kind}, ${times} times`,
			() => peer.events.filter((one) => one.kind === kind)[times - 1],
		);
	await heard('progress', 1);

	const output = JSON.stringify(join(folder, 'frames', 'f'));
	await blender.run(`
scene = bpy.context.scene
scene.render.filepath, scene.frame_end = ${output}, 100
scene.render.resolution_percentage = 25
scene.render.engine = 'BLENDER_WORKBENCH'
scene.sequence_editor_create().sequences.new_effect('c', 'COLOR', 1, 1, frame_end=1000)`);
	await blender.run('bpy.ops.render.render(animation=True)');
	const paused = await heard('paused', 1);
	expect(paused).toMatchObject({ pause: { program: 'Blender', busy: 'rendering' } });
	await heard('resumed', 1);
	await heard('progress', 2);

	await blender.run('scene.frame_end = 1000');
	const rendering = blender.run('bpy.ops.render.render(animation=True)');
	await heard('paused', 2);
	await Promise.all([blender.kill(), expect(rendering).rejects.toThrow('Blender has ended')]);
	await heard('resumed', 2);
	await peer.waitForJob(request.id, 'done');
});
