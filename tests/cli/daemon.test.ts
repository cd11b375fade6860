import { type ChildProcess, execFile, spawn } from 'node:child_process';
import {
	appendFile,
	chmod,
	chown,
	mkdir,
	readdir,
	readFile,
	readlink,
	realpath,
	rm,
	stat,
	symlink,
	truncate,
	writeFile,
} from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { isRunning } from '../../files/is-running.ts';
import { Journal } from '../../inference-daemon/jobs/journal.ts';
import type { Problem } from '../../protocol/errors.ts';
import { type PortFile, PROTOCOL_VERSION } from '../../protocol/rpc.ts';
import {
	connect,
	descendants,
	endAllDaemons,
	launchDaemon,
	readPortFile,
	requestFor,
	startDaemon,
	temporaryFolder,
	until,
} from '../daemon/harness.ts';
import {
	type Outcome,
	openWorkbench,
	pickupAsOther,
	type Workbench,
} from '../end-to-end/workbench.ts';

const benches: Workbench[] = [];
afterAll(async () => {
	await endAllDaemons();
	for (const bench of benches) await bench.close();
});

async function freshBench(): Promise<Workbench> {
	const bench = await openWorkbench();
	benches.push(bench);
	return bench;
}

function problemIn({ stdout }: Outcome): Problem {
	return (JSON.parse(stdout) as { error: Problem }).error;
}

/** A port file of a daemon that may be no more, or was never there. */
async function leavePortFile(bench: Workbench, content: Partial<PortFile>): Promise<void> {
	await mkdir(bench.state, { recursive: true, mode: 0o700 });
	const known = { token: 'a'.repeat(64), protocol: PROTOCOL_VERSION, version: '0.1.0' };
	await writeFile(join(bench.state, 'daemon.json'), JSON.stringify({ ...known, ...content }));
	// A folder without it is somebody else's.
	await writeFile(join(bench.state, 'jobs.db'), '');
}

/** A program that takes connections, remembers what it is told and answers with `said`. */
async function listen(said = ''): Promise<{ server: Server; port: number; heard: () => string }> {
	let heard = '';
	const server = createServer((socket) => {
		socket.on('error', () => {});
		socket.on('data', (data) => {
			heard += data;
			if (said !== '') socket.end(said);
		});
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	return { server, port: (server.address() as AddressInfo).port, heard: () => heard };
}

test('stop returns when the daemon has ended, with its engine, its journal and its port file', async () => {
	const bench = await freshBench();
	const daemon = await startDaemon({ state: bench.state });
	const peer = await connect(daemon);
	const request = requestFor({ folder: await temporaryFolder(), settings: { ending: 'deaf' } });
	await peer.call('job.submit', { request });
	await peer.waitForJob(request.id, 'running');
	const stopped = await bench.pickupJson<{ stopped: boolean; pid: number }>(['daemon', 'stop']);
	expect(stopped).toMatchObject({ stopped: true, pid: daemon.pid });
	expect(await isRunning(daemon.pid)).toBe(false);
	expect(descendants(daemon)).toEqual([]);
	expect(await readdir(bench.state)).not.toContain('daemon.json');
	const journal = new Journal(join(bench.state, 'jobs.db'), { eventsKept: 10 });
	expect(journal.job(request.id).state).toBe('queued');
	journal.close();
	const again = await bench.pickup(['daemon', 'stop', '--json']);
	expect(again.code).toBe(5);
	expect(problemIn(again).code).toBe('daemon-unreachable');
});

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
	'A daemon in the foreground ends with its command by %s',
	async (signal) => {
		const bench = await freshBench();
		let pid = 0;
		const command = bench.interrupted(['daemon'], () => false);
		await until('the daemon to listen', async () => {
			({ pid } = await readPortFile(bench.state).catch(() => ({ pid: 0 })));
			return pid > 0;
		});
		process.kill(Number(await parentOf(pid)), signal);
		expect((await command).code).toBe(0);
		expect(await isRunning(pid)).toBe(false);
	},
);

async function parentOf(pid: number): Promise<string | undefined> {
	const status = await readFile(`/proc/${pid}/status`, 'utf8');
	return /^PPid:\s*(\d+)/m.exec(status)?.[1];
}

test('A command that comes while the daemon is being stopped begins another', async () => {
	const bench = await freshBench();
	for (let round = 0; round < 4; round++) {
		expect((await bench.pickup(['jobs'])).code).toBe(0);
		const stopping = bench.pickup(['daemon', 'stop']);
		const commands = Array.from({ length: 3 }, () => bench.pickup(['jobs']));
		for (const { code, stderr } of await Promise.all(commands)) {
			expect(stderr).toBe('');
			expect(code).toBe(0);
		}
		await stopping;
	}
});

describe('A port file whose port is now somebody else’s', () => {
	test.each([
		['is silent', ''],
		['speaks HTTP', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi'],
		['says anything', '220 mail.example ESMTP\r\n'],
		['goes on for ever', `HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(100_000)}`],
	])('that %s: the token is not told, and another daemon starts', async (_what, said) => {
		const bench = await freshBench();
		const { server, port, heard } = await listen(said);
		// The number too has gone to another process: this one.
		await leavePortFile(bench, { port, pid: process.pid });
		const stop = await bench.pickup(['daemon', 'stop', '--json']);
		expect(problemIn(stop).code).toBe('daemon-unreachable');
		const { code, stdout } = await bench.pickup(['jobs']);
		expect({ code, stdout }).toEqual({ code: 0, stdout: 'There are no jobs.\n' });
		expect(heard()).toContain('/proof/');
		expect(heard()).not.toContain('a'.repeat(64));
		server.close();
	});
});

test.each(['daemon.json', 'daemon.log', 'daemon-start.log', 'jobs.db'])(
	'A pipe or a folder as %s in the state folder is refused at once by its name',
	async (name) => {
		const bench = await freshBench();
		await mkdir(bench.state, { recursive: true, mode: 0o700 });
		const path = join(bench.state, name);
		for (const make of [() => promisify(execFile)('mkfifo', [path]), () => mkdir(path)]) {
			await make();
			const outcome = await bench.pickup(['jobs', '--json']);
			expect(outcome.code).toBe(5);
			expect(problemIn(outcome).message).toContain(`${path}, which is no file`);
			await rm(path, { recursive: true });
		}
	},
);

test('A file as a folder of the state folder is refused by its name and kept', async () => {
	const bench = await freshBench();
	await mkdir(bench.state, { mode: 0o700 });
	for (const name of ['work', 'previews', 'cache']) {
		const path = join(bench.state, name);
		await writeFile(path, 'mine');
		const outcome = await bench.pickup(['jobs', '--json']);
		expect(outcome.code).toBe(5);
		expect(problemIn(outcome).message).toContain(`${path}, which is no folder`);
		expect(await readFile(path, 'utf8')).toBe('mine');
		await rm(path);
	}
});

test('Folders of the state folder that lost their rights get them back', async () => {
	const bench = await freshBench();
	await chmod(bench.folder, 0o777);
	const environment = { PICKUP_STATE: bench.state };
	expect((await pickupAsOther(['jobs'], environment)).code).toBe(0);
	expect((await pickupAsOther(['daemon', 'stop'], environment)).code).toBe(0);
	const { uid } = await stat(bench.state);
	// What a job that was killed has left.
	const left = join(bench.state, 'work', 'left');
	await mkdir(left);
	await chown(left, uid, uid);
	const folders = ['work', 'previews'].map((name) => join(bench.state, name));
	for (const folder of folders) await chmod(folder, 0o000);
	const { code, stderr } = await pickupAsOther(['jobs'], environment);
	expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
	for (const folder of folders) expect((await stat(folder)).mode & 0o777).toBe(0o700);
	expect((await pickupAsOther(['daemon', 'stop'], environment)).code).toBe(0);
});

test('Something as long as a film that stands as the port file is none', async () => {
	const bench = await freshBench();
	await mkdir(bench.state, { mode: 0o700 });
	const path = join(bench.state, 'daemon.json');
	await writeFile(path, '{"port":1}');
	// More than a text can hold, and no room on a disk.
	await truncate(path, 1e9);
	const stop = await bench.pickup(['daemon', 'stop', '--json']);
	expect(problemIn(stop).code).toBe('daemon-unreachable');
	expect((await bench.pickup(['jobs'])).code).toBe(0);
});

test('Programs and weights that are named from the working or the home folder are found there', async () => {
	const bench = await freshBench();
	const program = join(import.meta.dirname, '../../dist/pickup.mjs');
	for (const folder of ['.', '~']) {
		const child = promisify(execFile)(process.execPath, [program, 'doctor'], {
			cwd: bench.folder,
			env: {
				...process.env,
				HOME: bench.folder,
				PICKUP_STATE: `${folder}/state`,
				PICKUP_FFMPEG: `${folder}/ffmpeg`,
				PICKUP_MODEL: `${folder}/weights`,
			},
		});
		const { stdout } = await child;
		expect(stdout).toContain(`(${join(bench.folder, 'ffmpeg')})`);
		expect(stdout).toContain(`Put into ${join(bench.folder, 'weights')}`);
		expect((await bench.pickup(['daemon', 'stop'])).code).toBe(0);
	}
});

test('A daemon does not stay in the folder that it was started from, which may go', async () => {
	const bench = await freshBench();
	await bench.pickup(['jobs']);
	const { pid } = await readPortFile(bench.state);
	expect(await readlink(`/proc/${pid}/cwd`)).toBe(await realpath(bench.state));
});

describe('A daemon that is halted', () => {
	test('is given up after seconds, by its number, and can be stopped', async () => {
		const bench = await freshBench();
		const daemon = await startDaemon({ state: bench.state });
		process.kill(daemon.pid, 'SIGSTOP');
		const outcome = await bench.pickup(['jobs', '--json']);
		expect(outcome.code).toBe(5);
		expect(problemIn(outcome).message).toContain(`process ${daemon.pid}`);
		expect(await bench.pickupJson(['daemon', 'stop'])).toMatchObject({ pid: daemon.pid });
		expect(await daemon.ended).toBe(0);
	});
});

describe('A daemon of another version', () => {
	/** The daemon as it is built, but for the number of its protocol, at the end of another name. */
	async function startOther(bench: Workbench): Promise<PortFile & { child: ChildProcess }> {
		const program = join(import.meta.dirname, '../../dist/daemon.mjs');
		const text = await readFile(program, 'utf8');
		const other = text.replace(/\bPROTOCOL_VERSION = \d+/, 'PROTOCOL_VERSION = 99');
		expect(other).not.toBe(text);
		const path = `${program.slice(0, -4)}-of-another-version.mjs`;
		await writeFile(path, other);
		const child = spawn(process.execPath, [path, '--state', bench.state]);
		await new Promise((resolve) => child.stdout.once('data', resolve));
		await rm(path);
		return { ...(await readPortFile(bench.state)), child };
	}

	test('is named by every command, and stopped by the one that stops', async () => {
		const bench = await freshBench();
		const { child, pid } = await startOther(bench);
		const ended = new Promise((resolve) => child.on('exit', resolve));
		for (const args of [['jobs'], ['daemon', 'status'], ['models', 'inspect', 'x.safetensors']]) {
			const outcome = await bench.pickup([...args, '--json']);
			expect(outcome.code).toBe(5);
			expect(problemIn(outcome)).toMatchObject({ code: 'version-mismatch', fault: 'machine' });
			expect(problemIn(outcome).message).toContain(`process ${pid}`);
			expect(problemIn(outcome).action).toContain('pickup daemon stop');
		}
		expect(await bench.pickupJson(['daemon', 'stop'])).toMatchObject({ pid, stopped: true });
		expect(await ended).toBe(0);
		expect((await bench.pickup(['jobs'])).code).toBe(0);
	});

	test('says which process it is to whoever greets it', async () => {
		const daemon = await startDaemon();
		const other = { ...daemon, protocol: 99 };
		const socket = await connect(daemon);
		const { error } = await socket.ask('hello', {
			protocol: other.protocol,
			token: daemon.token,
			client: { name: 'test', version: '1' },
		});
		expect(error?.data).toMatchObject({ code: 'version-mismatch', fault: 'machine' });
		expect(error?.message).toContain(`process ${daemon.pid}`);
	});
});

test('A daemon that is killed while it starts is said to have been, by that signal', async () => {
	const bench = await freshBench();
	await mkdir(bench.state, { mode: 0o700 });
	// Whoever has the journal and no port file is about to end: another daemon waits for it.
	const journal = new Journal(join(bench.state, 'jobs.db'), { eventsKept: 10 });
	const outcome = bench.pickup(['jobs', '--json']);
	const starting = await until('a daemon to start', async () => {
		for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
			const args = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
			if (args.includes('daemon.mjs') && args.includes(bench.state)) return Number(pid);
		}
		return null;
	});
	process.kill(starting, 'SIGKILL');
	const { code } = await outcome;
	journal.close();
	expect(code).toBe(5);
	expect(problemIn(await outcome)).toMatchObject({ code: 'daemon-unreachable', fault: 'machine' });
	expect(problemIn(await outcome).message).toContain('SIGKILL');
});

describe('What the machine does not allow is not called a defect:', () => {
	test.each([
		['below a file', 'file/state'],
		['a file', 'file'],
		['that cannot be', `${'x'.repeat(300)}/state`],
		['where no folders are made', '/proc/pickup/state'],
	])('a state folder %s', async (_what, name) => {
		const bench = await freshBench();
		await writeFile(join(bench.folder, 'file'), 'x');
		const environment = { PICKUP_STATE: resolve(bench.folder, name) };
		const outcome = await bench.pickup(['jobs', '--json'], environment);
		expect(outcome.code).toBe(5);
		expect(problemIn(outcome).fault).toBe('machine');
		expect(problemIn(outcome).action).toContain('PICKUP_STATE');
		const doctor = await bench.pickup(['doctor'], environment);
		expect(doctor.code).toBe(5);
		expect(doctor.stdout).toMatch(/daemon +missing/);
		expect(doctor.stdout + doctor.stderr).not.toContain('defect');
		const inFront = await bench.pickup(['daemon'], environment);
		expect(inFront.code).toBe(5);
		expect(inFront.stderr).not.toMatch(/defect|at file:/);
	});

	test('a state folder that serves something else, which is left as it is', async () => {
		const bench = await freshBench();
		await mkdir(bench.state, { mode: 0o755 });
		await writeFile(join(bench.state, 'thesis.txt'), 'x');
		const other = join(bench.folder, 'other');
		await mkdir(other, { mode: 0o700 });
		await symlink(join(bench.state, 'thesis.txt'), join(other, 'jobs.db'));
		for (const [state, name] of [
			[bench.state, 'thesis.txt'],
			[other, 'jobs.db'],
		] as const) {
			const outcome = await bench.pickup(['jobs', '--json'], { PICKUP_STATE: state });
			expect(outcome.code).toBe(5);
			expect(problemIn(outcome)).toMatchObject({ code: 'folder-not-writable', fault: 'machine' });
			expect(problemIn(outcome).message).toContain(name);
			expect(problemIn(outcome).action).toContain('PICKUP_STATE');
			expect(await readdir(state)).toEqual([name]);
		}
		expect((await stat(bench.state)).mode & 0o777).toBe(0o755);
	});

	test('a user without a home folder, or with another’s state folder', async () => {
		const bench = await freshBench();
		await chmod(bench.folder, 0o755);
		await mkdir(bench.state, { mode: 0o555 });
		const others = [{ HOME: '/nonexistent' }, { PICKUP_STATE: bench.state }];
		// Whoever is no superuser is in the list of users, which says where the home folder is.
		for (const environment of process.getuid?.() === 0 ? [{}, ...others] : others) {
			const { code, stderr } = await pickupAsOther(['jobs'], environment);
			expect(stderr).toContain('PICKUP_STATE');
			expect(stderr).not.toContain('defect');
			expect(code).toBe(5);
		}
	});

	test.each([
		[0o000, 'jobs.db'],
		[0o400, 'jobs.db'],
		[0o000, 'jobs.db-wal'],
	])('a list of jobs of mode %o, %s', async (mode, name) => {
		const bench = await freshBench();
		await chmod(bench.folder, 0o777);
		const environment = { PICKUP_STATE: bench.state };
		expect((await pickupAsOther(['jobs'], environment)).code).toBe(0);
		expect((await pickupAsOther(['daemon', 'stop'], environment)).code).toBe(0);
		const path = join(bench.state, name);
		const { uid } = await stat(bench.state);
		await appendFile(path, '');
		await chown(path, uid, uid);
		await chmod(path, mode);
		const { code, stderr } = await pickupAsOther(['jobs'], environment);
		expect(stderr).toContain(path);
		expect(stderr).toContain('permission denied');
		expect(stderr).not.toContain('defect');
		expect(code).toBe(5);
	});

	test('a port that is taken', async () => {
		const { server, port } = await listen();
		const { daemon } = await launchDaemon({ args: ['--port', String(port)] });
		expect(await daemon.ended).toBe(1);
		expect(daemon.said()).toContain(`port ${port}`);
		expect(daemon.said()).not.toMatch(/defect|at file:/);
		server.close();
	});

	test('fewer open files than the daemon needs', async () => {
		const bench = await freshBench();
		const program = join(import.meta.dirname, '../../dist/daemon.mjs');
		const command = `ulimit -n 21; exec '${process.execPath}' '${program}' --state '${bench.state}'`;
		const child = spawn('sh', ['-c', command]);
		let said = '';
		child.stderr.setEncoding('utf8').on('data', (text: string) => {
			said += text;
		});
		expect(await new Promise((resolve) => child.on('close', resolve))).not.toBe(0);
		expect(said).not.toContain('defect');
	});
});

test('A state folder below the home folder, or beside where one is, is the same for command and daemon', async () => {
	const bench = await freshBench();
	const home = { HOME: bench.folder, PICKUP_STATE: '~/state' };
	const first = await bench.pickup(['doctor', '--json'], home);
	expect(first.code).toBe(0);
	const { pid } = await readPortFile(bench.state);
	const status = await bench.pickup(['daemon', 'status', '--json'], home);
	expect(JSON.parse(status.stdout)).toMatchObject({ pid, state: bench.state });
	const program = join(import.meta.dirname, '../../dist/pickup.mjs');
	const child = spawn(process.execPath, [program, 'daemon', 'stop'], {
		cwd: bench.folder,
		env: { ...process.env, PICKUP_STATE: 'state' },
	});
	expect(await new Promise((resolve) => child.on('exit', resolve))).toBe(0);
	expect(await isRunning(pid)).toBe(false);
	expect(await readdir(bench.folder)).toEqual(['state']);
});
