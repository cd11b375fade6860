import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import type { Problem } from '../../protocol/errors.ts';
import { PICKUP, run as runProgram } from '../end-to-end/workbench.ts';
import {
	connect,
	crash,
	type Daemon,
	endAllDaemons,
	requestFor,
	startDaemon,
	stop,
	temporaryFolder,
	until,
} from './harness.ts';

const run = promisify(execFile);
afterAll(endAllDaemons);

/** A small disk, where one may be mounted. */
async function smallDisk(): Promise<string | null> {
	const folder = await temporaryFolder();
	return run('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'pickup-test', folder]).then(
		() => folder,
		() => null,
	);
}

test('A disk that is full when the daemon starts is said to be, by the command that starts it', async (context) => {
	const disk = await smallDisk();
	if (disk === null) return context.skip('no disk can be mounted here');
	try {
		await writeFile(join(disk, 'filler'), Buffer.alloc(4e6)).catch(() => {});
		const state = join(disk, 'state');
		const { code, stdout } = await runProgram(process.execPath, [PICKUP, 'jobs', '--json'], {
			...process.env,
			PICKUP_STATE: state,
		});
		expect(code).toBe(5);
		const { error } = JSON.parse(stdout) as { error: Problem };
		expect(error).toMatchObject({ code: 'disk-full', fault: 'machine', field: state });
		expect(error.message).toContain(state);
	} finally {
		await run('umount', [disk]);
	}
});

test('A full disk refuses no cancel, of a job that waits nor of one that runs', async (context) => {
	const disk = await smallDisk();
	if (disk === null) return context.skip('no disk can be mounted here');
	const daemons: Daemon[] = [];
	try {
		const daemon = await startDaemon({ state: join(disk, 'state') });
		daemons.push(daemon);
		const peer = await connect(daemon);
		const folder = await temporaryFolder();
		const runs = requestFor({ folder, settings: { ending: 'deaf' } });
		const waiting = Array.from({ length: 3 }, () => requestFor({ folder }));
		for (const request of [runs, ...waiting]) await peer.call('job.submit', { request });
		await peer.waitForJob(runs.id, 'running');
		const filler = join(disk, 'filler');
		await writeFile(filler, Buffer.alloc(4e6)).catch(() => {});
		// What the file has room for still goes in; then there is none.
		await until('the disk to be full', async () => {
			const { error } = await peer.ask('job.submit', { request: requestFor({ folder }) });
			return error?.data.code === 'disk-full';
		});
		for (const { id } of [...waiting, runs]) {
			const { job } = await peer.call('job.cancel', { jobId: id });
			expect(job.state).toBe('cancelled');
		}
		const { jobs } = await peer.call('job.list', { states: ['queued', 'running'] });
		for (const { id } of jobs) await peer.call('job.cancel', { jobId: id });
		expect((await peer.call('job.list', { states: ['queued', 'running'] })).jobs).toEqual([]);
		await rm(filler);
		const retried = await peer.call('job.retry', { jobId: waiting[0]!.id });
		expect(retried.job.state).toBe('queued');
		await peer.call('job.cancel', { jobId: waiting[0]!.id });
		await stop(daemon);
		const next = await startDaemon({ state: daemon.state });
		daemons.push(next);
		const after = await connect(next);
		for (const { id } of [...waiting, runs]) {
			expect((await after.call('job.get', { jobId: id })).job.state).toBe('cancelled');
		}
	} finally {
		for (const daemon of daemons) await crash(daemon);
		await run('umount', [disk]);
	}
});
