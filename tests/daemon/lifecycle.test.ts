import { spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { chmod, chown, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { endOrphans, markOf } from '../../inference-daemon/jobs/processes.ts';
import {
	connect,
	crash,
	type Daemon,
	descendants,
	endAllDaemons,
	launchDaemon,
	partOf,
	readPortFile,
	requestFor,
	startDaemon,
	stop,
	temporaryFolder,
	until,
} from './harness.ts';

afterAll(endAllDaemons);

const permissions = (path: string) => statSync(path).mode & 0o777;

async function withRunningJob(settings: Record<string, string | number>) {
	const folder = await temporaryFolder();
	const daemon = await startDaemon();
	const peer = await connect(daemon);
	const log = join(daemon.state, 'notes.txt');
	const request = requestFor({ folder, frames: 500, settings: { ...settings, log } });
	await peer.call('job.submit', { request });
	await until('the engine to be at it', () => existsSync(log));
	return { folder, daemon, peer, request };
}

describe('The state folder', () => {
	test('is the owner’s alone, and the port file too', async () => {
		const state = join(await temporaryFolder(), 'a/b');
		await mkdir(state, { recursive: true });
		await chmod(state, 0o755);
		const daemon = await startDaemon({ state });
		expect(permissions(state)).toBe(0o700);
		for (const name of ['daemon.json', 'address.json', 'daemon.log']) {
			expect(permissions(join(state, name)), name).toBe(0o600);
		}
		expect(daemon.pid).toBe(daemon.child.pid);
		expect(await stop(daemon)).toBe(0);
		expect(await readdir(state)).not.toContain('daemon.json');
	});

	test('says to editors how a daemon is started, also when none runs', async () => {
		const daemon = await startDaemon();
		const path = join(daemon.state, 'program.json');
		await stop(daemon);
		expect(permissions(path)).toBe(0o600);
		const program = JSON.parse(await readFile(path, 'utf8'));
		const again = spawn(program.node, [program.daemon, '--state', daemon.state]);
		await until('a daemon to listen', () => existsSync(join(daemon.state, 'daemon.json')));
		expect((await readPortFile(daemon.state)).pid).toBe(again.pid);
		again.kill('SIGTERM');
		await new Promise((resolve) => again.on('close', resolve));
	});

	test('has one daemon at a time, whatever order they come in', async () => {
		const daemon = await startDaemon();
		const second = await launchDaemon({ state: daemon.state });
		expect(await second.listening).toBe(false);
		expect(await second.daemon.ended).toBe(3);
		expect(second.daemon.said()).toContain('Another daemon');
		expect(await readPortFile(daemon.state)).toMatchObject({ token: daemon.token });
		await (await connect(daemon)).close();
		await crash(daemon);

		const racers = await Promise.all(
			Array.from({ length: 4 }, () => launchDaemon({ state: daemon.state })),
		);
		const winners = await Promise.all(racers.map(({ listening }) => listening));
		expect(winners.filter((won) => won)).toHaveLength(1);
		const winner = racers[winners.indexOf(true)]?.daemon;
		const { pid } = await readPortFile(daemon.state);
		expect(pid).toBe(winner?.pid);
		expect(pid).not.toBe(daemon.pid);
	});

	test('goes from a daemon that is ending to one that has been started meanwhile', async () => {
		const { daemon, request } = await withRunningJob({ ending: 'deaf' });
		daemon.child.kill('SIGTERM');
		await until('the port file to go', () => !existsSync(join(daemon.state, 'daemon.json')));
		const next = await startDaemon({ state: daemon.state });
		expect(await daemon.ended).toBe(0);
		const peer = await connect(next);
		expect((await peer.waitForJob(request.id, 'running')).attempt).toBe(2);
		await stop(next);
	});

	test('that belongs to something else is not taken over', async () => {
		const state = await temporaryFolder();
		await writeFile(join(state, 'thesis.txt'), 'x');
		await chmod(state, 0o755);
		const { daemon, listening } = await launchDaemon({ state });
		expect(await listening).toBe(false);
		expect(await daemon.ended).toBe(2);
		expect(permissions(state)).toBe(0o755);
		expect(await readdir(state)).toEqual(['thesis.txt']);
	});

	test('that belongs to somebody else is refused, an administrator too', async (context) => {
		if (process.getuid?.() !== 0)
			return context.skip('only an administrator can give a folder away');
		const state = join(await temporaryFolder(), 'state');
		const first = await startDaemon({ state });
		await stop(first);
		for (const name of ['', 'jobs.db', 'cache']) {
			if (name === 'cache') await mkdir(join(state, name));
			await chown(join(state, name), 12_345, 12_345);
			const { daemon, listening } = await launchDaemon({ state });
			expect(await listening, name).toBe(false);
			expect(await daemon.ended).toBe(1);
			expect(daemon.said()).toMatch(/state folder of user 0 alone.*belongs to user 12345/);
			await chown(join(state, name), 0, 0);
		}
		await stop(await startDaemon({ state }));
	});

	test.each(['jobs.db', 'daemon.log', 'work', 'previews', 'cache', 'daemon.json'])(
		'with a link as its %s is refused, and what that leads to stays as it is',
		async (name) => {
			const home = await temporaryFolder();
			const state = join(home, 'state');
			await stop(await startDaemon({ state }));
			const other = join(home, 'other');
			await mkdir(other);
			await writeFile(join(other, 'precious'), 'x');
			await rm(join(state, name), { recursive: true, force: true });
			const isFile = name.includes('.');
			await symlink(isFile ? join(other, 'precious') : other, join(state, name));
			const { daemon, listening } = await launchDaemon({ state });
			expect(await listening).toBe(false);
			expect(await daemon.ended).toBe(1);
			expect(daemon.said()).toContain('which is a link');
			expect(await readdir(other)).toEqual(['precious']);
			expect(await readFile(join(other, 'precious'), 'utf8')).toBe('x');
		},
	);

	test('has its port file again where somebody deleted that', async () => {
		const daemon = await startDaemon();
		await rm(join(daemon.state, 'daemon.json'));
		const again = await until('a port file', () => readPortFile(daemon.state).catch(() => null));
		expect(again.pid).toBe(daemon.pid);
		await (await connect(again)).call('job.list', {});
		expect(await stop(daemon)).toBe(0);
		expect(await readdir(daemon.state)).not.toContain('daemon.json');
	});

	test('that is deleted under a daemon ends it, with a word', async () => {
		const daemon = await startDaemon();
		const peer = await connect(daemon);
		// It may be writing into it.
		await rm(daemon.state, { recursive: true, maxRetries: 100 });
		const request = requestFor({ folder: await temporaryFolder() });
		const answer = await peer.ask('job.submit', { request }).catch(() => null);
		expect(answer?.result).toBeUndefined();
		expect(await daemon.ended).toBe(1);
		expect(daemon.said()).toContain('is gone');
	});

	test('keeps a stale port file from nobody', async () => {
		const first = await startDaemon();
		await crash(first);
		expect(await readPortFile(first.state)).toMatchObject({ token: first.token });
		const second = await startDaemon({ state: first.state });
		expect(second.pid).not.toBe(first.pid);
		await stop(second);
	});

	test('is all that a daemon without jobs writes to', async () => {
		const home = await temporaryFolder();
		const state = join(home, 'state');
		const daemon = await startDaemon({ state, env: { HOME: home, TMPDIR: home } });
		await (await connect(daemon)).call('machine.check', {});
		await stop(daemon);
		expect(await readdir(home)).toEqual(['state']);
	});
});

test('A daemon that has nothing to do sleeps', async () => {
	const daemon = await startDaemon();
	const peer = await connect(daemon);
	await peer.call('machine.check', {});
	const before = wakes(daemon.pid);
	await new Promise((resolve) => setTimeout(resolve, 4000));
	expect(wakes(daemon.pid) - before).toBeLessThan(200);
	await stop(daemon);
});

/** How often the main thread of a process has begun to wait so far (Linux). */
function wakes(pid: number): number {
	const status = readFileSync(`/proc/${pid}/task/${pid}/status`, 'utf8');
	return Number(/^voluntary_ctxt_switches:\s+(\d+)$/m.exec(status)?.[1]);
}

test.each([[['--port', 'x']], [['--nonsense']], [['--port', '70000']]])(
	'Settings %j are refused',
	async (args) => {
		const { daemon } = await launchDaemon({ args });
		expect(await daemon.ended).toBe(2);
		expect(daemon.said()).toContain('Usage');
	},
);

test('An engine that cannot be loaded is left out, and the others are there', async () => {
	const daemon = await startDaemon({ env: { PICKUP_ENGINE_MODULE: '/nowhere/engine.mjs' } });
	const { engines } = await (await connect(daemon)).call('engine.list', {});
	expect(engines.map(({ name }) => name)).toContain('inbetween');
	expect(await readFile(join(daemon.state, 'daemon.log'), 'utf8')).toContain('/nowhere/engine.mjs');
	await stop(daemon);
});

describe('Stopping', () => {
	async function expectQueuedAgain(daemon: Daemon, id: string): Promise<void> {
		const again = await startDaemon({ state: daemon.state });
		const peer = await connect(again);
		const { events } = await peer.call('events.subscribe', { after: 0 });
		expect(events.map(({ kind }) => kind).filter((kind) => kind === 'requeued')).toHaveLength(1);
		const job = await peer.waitForJob(id, 'running');
		expect(job.attempt).toBe(2);
		expect((await peer.call('job.cancel', { jobId: id })).job.state).toBe('cancelled');
		await stop(again);
	}

	test.each(['SIGTERM', 'SIGINT', 'daemon.stop'])(
		'by %s queues the running job again and leaves no process or file',
		async (how) => {
			const { daemon, peer, request, folder } = await withRunningJob({ delay: 20 });
			await until('the encode', () => existsSync(partOf(folder, request.id)));
			if (how === 'daemon.stop') expect(await peer.call('daemon.stop', {})).toEqual({});
			else daemon.child.kill(how as NodeJS.Signals);
			expect(await daemon.ended).toBe(0);
			expect(await peer.closed).toBe(1001);
			expect(descendants(daemon)).toEqual([]);
			expect(await readdir(folder)).toEqual([]);
			await expectQueuedAgain(daemon, request.id);
		},
	);

	test('an engine that is deaf to it does not hold it up', async () => {
		const { daemon, request } = await withRunningJob({ ending: 'stuck' });
		expect(await stop(daemon)).toBe(0);
		expect(descendants(daemon)).toEqual([]);
		await expectQueuedAgain(daemon, request.id);
	});
});

describe('No process outlives a daemon that is killed', () => {
	test.each(['clip', 'stuck', 'child'])('when its engine is at “%s”', async (ending) => {
		const { daemon } = await withRunningJob({ ending, delay: 20 });
		if (ending === 'child') {
			await until('the child', () => descendants(daemon).length > 1);
		}
		await crash(daemon);
		await until('all to end', () => descendants(daemon).length === 0);
	});

	test('since the next one ends an engine that hangs, before it does anything else', async () => {
		const { daemon, request } = await withRunningJob({ delay: 20 });
		const hanging = await until('engine and ffmpeg', () => {
			const found = descendants(daemon);
			return found.length > 1 && found;
		});
		for (const pid of hanging) process.kill(pid, 'SIGSTOP');
		await crash(daemon);
		expect(descendants(daemon)).toEqual(hanging);
		const again = await startDaemon({ state: daemon.state });
		expect(descendants(daemon)).toEqual([]);
		const peer = await connect(again);
		expect((await peer.waitForJob(request.id, 'running')).attempt).toBe(2);
		await stop(again);
	});

	test('and only that one is ended, not another with its number', async () => {
		const sleeper = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
		const ended = new Promise((resolve) => sleeper.on('exit', (_code, signal) => resolve(signal)));
		const mark = await markOf(sleeper.pid ?? 0);
		if (!mark) throw new Error('expected a mark of a running process');
		await endOrphans({ ...mark, started: `${Number(mark.started) - 1}` });
		expect(await markOf(mark.pid)).toEqual(mark);
		await endOrphans(mark);
		expect(await ended).toBe('SIGKILL');
		expect(await markOf(mark.pid)).toBeNull();
	});
});

describe('After a crash', () => {
	test('a job that somebody was told is cancelled stays cancelled', async () => {
		const { daemon, peer, request, folder } = await withRunningJob({ ending: 'deaf' });
		const told = peer.ask('job.cancel', { jobId: request.id });
		told.catch(() => {});
		await peer.call('job.list', {});
		await crash(daemon);
		const again = await startDaemon({ state: daemon.state });
		const { job } = await (await connect(again)).call('job.get', { jobId: request.id });
		expect(job.state).toBe('cancelled');
		expect(await readdir(folder)).toEqual([]);
		await stop(again);
	});

	test('a job that brings the daemon down each time is not tried for ever', async () => {
		const { daemon, request } = await withRunningJob({ delay: 20 });
		await crash(daemon);
		for (let attempt = 2; attempt <= 3; attempt++) {
			const again = await startDaemon({ state: daemon.state });
			const peer = await connect(again);
			expect((await peer.waitForJob(request.id, 'running')).attempt).toBe(attempt);
			await crash(again);
		}
		const last = await startDaemon({ state: daemon.state });
		const peer = await connect(last);
		const { job } = await peer.call('job.get', { jobId: request.id });
		expect(job).toMatchObject({ state: 'failed', problem: { code: 'engine-died' } });
		expect((await peer.call('job.retry', { jobId: request.id })).job.state).toBe('queued');
		await stop(last);
	});
});

test('A journal of a later version is refused, and left as it is', async () => {
	const daemon = await startDaemon();
	await stop(daemon);
	const path = join(daemon.state, 'jobs.db');
	const { default: Database } = await import('libsql');
	const database = new Database(path);
	database.exec('PRAGMA user_version = 99');
	database.close();
	const before = await readFile(path);
	const { daemon: refused } = await launchDaemon({ state: daemon.state });
	expect(await refused.ended).toBe(1);
	expect(refused.said()).toContain('version 99');
	expect(await readFile(path)).toEqual(before);
});

test('The machine check answers for everything, also without ffmpeg', async () => {
	const daemon = await startDaemon({ env: { PICKUP_FFMPEG: '/nowhere/ffmpeg' } });
	const peer = await connect(daemon);
	const { checks } = await peer.call('machine.check', {});
	const ffmpeg = checks.find(({ name }) => name === 'ffmpeg');
	expect(ffmpeg).toMatchObject({ status: 'missing' });
	expect(ffmpeg?.action).toContain('ffmpeg');
	for (const name of ['computer', 'disk', 'engine fake', 'provider cpu', 'models']) {
		expect(checks.map((check) => check.name)).toContain(name);
	}
	expect(checks.find(({ name }) => name === 'provider cpu')?.found).toMatch(/^works on .*float32$/);
	const request = requestFor({ folder: await temporaryFolder() });
	await peer.call('job.submit', { request });
	const { problem } = await peer.waitForJob(request.id, 'failed');
	expect(problem?.code).toBe('ffmpeg-missing');
	await stop(daemon);
});
