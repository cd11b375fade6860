import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openEditor } from '../fakes/editor.ts';
import { cutWithGap } from '../hosts/film.ts';
import {
	connect,
	type Daemon,
	descendants,
	endAllDaemons,
	engineOf,
	requestFor,
	startDaemon,
	stop,
	temporaryFolder,
	until,
} from './harness.ts';

afterAll(endAllDaemons);

const HOUR = '3600000';

/** Has a job made; gives the process that made it. */
async function made(daemon: Daemon): Promise<number> {
	const peer = await connect(daemon);
	const folder = await temporaryFolder();
	const awaits = join(folder, 'go');
	const request = requestFor({ folder, frames: 3, settings: { awaits } });
	await peer.call('job.submit', { request });
	const engine = await until('its engine', () => engineOf(daemon));
	await writeFile(awaits, '');
	await peer.waitForJob(request.id, 'done');
	await peer.close();
	return engine;
}

const gone = (daemon: Daemon) =>
	until('the engine to be gone', () => descendants(daemon).length === 0);

test('the next job is made by the process of the last one', async () => {
	const daemon = await startDaemon({ env: { PICKUP_KEEP_WARM: HOUR } });
	const first = await made(daemon);
	expect(engineOf(daemon)).toBe(first);
	expect(await made(daemon)).toBe(first);
	await stop(daemon);
	expect(descendants(daemon)).toEqual([]);
});

test.each([
	['has had nothing to do for as long as it is kept', { PICKUP_KEEP_WARM: '1' }],
	['is kept, and others need the memory', { PICKUP_KEEP_WARM: HOUR, PICKUP_LEAST_FREE: `${1e15}` }],
])('an engine that %s gives all of its memory back; the next job gets another', async (_, env) => {
	const daemon = await startDaemon({ env });
	const first = await made(daemon);
	await gone(daemon);
	expect(await made(daemon)).not.toBe(first);
	await gone(daemon);
});

test('an engine that is kept gives its memory back to an editor that renders, not to one that plays', async () => {
	const daemon = await startDaemon({ env: { PICKUP_KEEP_WARM: HOUR, PICKUP_SETTLE: '0' } });
	const editor = await openEditor(daemon, cutWithGap());
	const first = await made(daemon);
	await editor.change({ busy: 'playing' });
	await editor.change({ busy: null });
	expect(await made(daemon)).toBe(first);
	await editor.change({ busy: 'rendering' });
	await gone(daemon);
	await editor.change({ busy: null });
	expect(await made(daemon)).not.toBe(first);
});
