import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { isRunning } from '../../cli/processes.ts';
import { Journal } from '../../inference-daemon/jobs/journal.ts';
import {
	connect,
	descendants,
	endAllDaemons,
	requestFor,
	startDaemon,
	temporaryFolder,
} from '../daemon/harness.ts';
import { openWorkbench } from '../end-to-end/workbench.ts';

const bench = await openWorkbench();
afterAll(async () => {
	await endAllDaemons();
	await bench.close();
});

test('stop returns when the daemon has ended, with its engine, its journal and its port file', async () => {
	const daemon = await startDaemon({ state: bench.state });
	const peer = await connect(daemon);
	const request = requestFor({ folder: await temporaryFolder(), settings: { ending: 'deaf' } });
	await peer.call('job.submit', { request });
	await peer.waitForJob(request.id, 'running');
	const { stopped, pid } = await bench.pickupJson<{ stopped: boolean; pid: number }>([
		'daemon',
		'stop',
	]);
	expect({ stopped, pid }).toEqual({ stopped: true, pid: daemon.pid });
	expect(await isRunning(pid)).toBe(false);
	expect(descendants(daemon)).toEqual([]);
	expect(await readdir(bench.state)).not.toContain('daemon.json');
	const journal = new Journal(join(bench.state, 'jobs.db'), { eventsKept: 10 });
	expect(journal.job(request.id).state).toBe('queued');
	journal.close();
});
