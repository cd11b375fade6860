import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { countClip } from '../../inference-daemon/media/verify.ts';
import type { RequestOf } from '../../protocol/generation.ts';
import {
	connect,
	endAllDaemons,
	type Peer,
	requestFor,
	startDaemon,
	temporaryFolder,
} from './harness.ts';

let folder: string;
let file: string;
beforeAll(async () => {
	folder = await temporaryFolder();
	file = join(folder, 'style.safetensors');
	await writeFile(file, 'some weights');
});
afterAll(endAllDaemons);

const REFERENCE = { start: { num: 0, den: 1 }, strength: 1, attention: 1 };

/** Parts that not every engine takes, by their fields. */
function wishes(path: string) {
	return [
		['request.loras', 'request.loras.0.path', { loras: [{ path, strength: 1 }] }],
		['request.reference', 'request.reference.path', { reference: { path, ...REFERENCE } }],
		['request.length', null, { length: 'model' }],
	] as const;
}

const wishing = (wish: object, engine = 'fake'): RequestOf<'insert'> => ({
	...requestFor({ folder }),
	engine,
	...wish,
});

describe('An engine that does not take it', () => {
	let peer: Peer;
	beforeAll(async () => {
		peer = await connect(await startDaemon());
	});

	test.each([0, 1, 2])('refuses by the name of the field, before queueing (%i)', async (index) => {
		const [field, , wish] = wishes(file)[index]!;
		for (const engine of ['fake', 'inbetween']) {
			const request = wishing(wish, engine);
			const refused = { code: 'engine-cannot', field };
			expect(await peer.refusal('job.plan', { request })).toMatchObject(refused);
			expect(await peer.refusal('job.submit', { request, priority: 0 })).toMatchObject(refused);
		}
		expect((await peer.call('job.list', {})).jobs).toEqual([]);
	});

	test('is passed over by auto, which then says what the others lack', async () => {
		const [, , wish] = wishes(file)[0]!;
		const { code, message } = await peer.refusal('job.plan', { request: wishing(wish, 'auto') });
		expect(code).toBe('engine-unavailable');
		expect(message).toContain('LTX-2');
		const plain = await peer.call('job.plan', { request: wishing({}, 'auto') });
		expect(plain.plan.engine).toBe('fake');
	});

	test('minds no empty list', async () => {
		const { plan } = await peer.call('job.plan', {
			request: wishing({ loras: [], length: 'given' }),
		});
		expect(plan.frames).toBe(5);
	});
});

describe('An engine that takes it', () => {
	let peer: Peer;
	beforeAll(async () => {
		peer = await connect(await startDaemon({ env: { PICKUP_FAKE_TAKES: '1' } }));
	});

	test.each([0, 1])('has its files looked at before queueing (%i)', async (index) => {
		const [, path, missing] = wishes(join(folder, 'nowhere.safetensors'))[index]!;
		const refused = await peer.refusal('job.submit', { request: wishing(missing), priority: 0 });
		expect(refused).toMatchObject({ code: 'media-offline', field: path });
		const [, , there] = wishes(file)[index]!;
		const request = wishing(there, 'auto');
		await peer.call('job.submit', { request });
		const job = await peer.waitForJob(request.id, 'done', 'failed');
		expect(job).toMatchObject({ state: 'done', problem: null });
	});

	test('may make a clip of an open length shorter than it could be, but sound belongs to it', async () => {
		const request = wishing({ length: 'model' });
		await peer.call('job.submit', { request });
		const { clip, plan } = await peer.waitForJob(request.id, 'done', 'failed');
		expect(plan).toMatchObject({ frames: 5, openLength: true });
		expect(clip).toMatchObject({ frames: 4, samples: 4 * 1920 });
		expect(await countClip(clip!.path)).toEqual({ frames: 4, samples: 4 * 1920 });
	});

	test('may not do so where the length is given', async () => {
		const request = { ...wishing({}), settings: { ending: 'short' } };
		await peer.call('job.submit', { request });
		const { problem } = await peer.waitForJob(request.id, 'done', 'failed');
		expect(problem).toMatchObject({ code: 'engine-failed' });
	});
});
