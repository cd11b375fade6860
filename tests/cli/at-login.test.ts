import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseXml } from '@rgrove/parse-xml';
import { afterEach, describe, expect, test } from 'vitest';
import { notAtLogin, startAtLogin, startsAtLogin } from '../../cli/install/at-login.ts';
import type { Machine } from '../../cli/install/machine.ts';
import { temporaryFolder, until } from '../daemon/harness.ts';
import { openWorkbench, type Workbench } from '../end-to-end/workbench.ts';

const run = promisify(execFile);
const ODD = '/opt/50 % of $HOME/"quoted" & <more>/daemon.mjs';
const START = {
	node: '/usr/bin/node',
	daemon: ODD,
	pickup: '/opt/pickup.mjs',
	state: '/home/a b/state',
	model: '/models/ltx2',
};
const OPTIONS = ['--state', START.state, '--model', START.model];
const ON_WINDOWS = {
	node: 'C:\\Program Files\\node.exe',
	daemon: 'C:\\daemon.mjs',
	pickup: 'C:\\pickup.mjs',
	state: 'D:\\state of pickup',
	model: 'D:\\ltx2',
};

async function machine(platform: NodeJS.Platform): Promise<Machine> {
	const home = await temporaryFolder();
	return { platform, home, env: {}, state: join(home, 'state') };
}

test('on macOS a launchd agent says it, with every argument as it is', async () => {
	const mac = await machine('darwin');
	expect(await startsAtLogin(mac)).toBe(false);
	const path = await startAtLogin(mac, START);
	expect(path).toBe(join(mac.home, 'Library/LaunchAgents/pickup.daemon.plist'));
	const text = parseXml(await readFile(path, 'utf8'))
		.text.split('\n')
		.map((line) => line.trim());
	expect(text.filter((line) => line !== '')).toEqual([
		...['Label', 'pickup.daemon', 'ProgramArguments'],
		...[START.node, ODD, ...OPTIONS, 'RunAtLoad'],
	]);
	expect(await startsAtLogin(mac)).toBe(true);
	expect(await notAtLogin(mac)).toBe(true);
	expect(await startsAtLogin(mac)).toBe(false);
	expect(await notAtLogin(mac)).toBe(false);
});

test('on Linux a unit of the person’s own systemd says it, and is switched on', async () => {
	const linux = await machine('linux');
	const path = await startAtLogin(linux, START);
	const folder = join(linux.home, '.config/systemd/user');
	expect(path).toBe(join(folder, 'pickup.service'));
	expect(await readlink(join(folder, 'default.target.wants/pickup.service'))).toBe(path);
	expect((await readFile(path, 'utf8')).split('\n')).toContain(
		'ExecStart="/usr/bin/node" "/opt/50 %% of $$HOME/\\"quoted\\" & <more>/daemon.mjs" "--state" "/home/a b/state" "--model" "/models/ltx2"',
	);
	// Once more is the same.
	await startAtLogin(linux, START);
	expect(await startsAtLogin(linux)).toBe(true);
	expect(await notAtLogin(linux)).toBe(true);
	expect(await startsAtLogin(linux)).toBe(false);
});

describe('on Windows', () => {
	const path = process.env.PATH;
	afterEach(() => {
		process.env.PATH = path;
	});

	test('the Run key says it', async () => {
		const windows = await machine('win32');
		const bin = await temporaryFolder();
		await writeFile(join(bin, 'reg'), REG);
		await chmod(join(bin, 'reg'), 0o755);
		process.env.PATH = `${bin}:${path}`;
		expect(await startsAtLogin(windows)).toBe(false);
		await startAtLogin(windows, ON_WINDOWS);
		expect(await readFile(join(bin, 'Pickup'), 'utf8')).toBe(
			'"C:\\Program Files\\node.exe" C:\\pickup.mjs daemon start --state "D:\\state of pickup" --model D:\\ltx2',
		);
		const tooLong = { ...ON_WINDOWS, model: `D:\\${'weights\\'.repeat(30)}` };
		await expect(startAtLogin(windows, tooLong)).rejects.toThrow('at most 260 characters');
		await startAtLogin(windows, { ...ON_WINDOWS, model: undefined });
		expect(await readFile(join(bin, 'Pickup'), 'utf8')).not.toContain('model');
		expect(await startsAtLogin(windows)).toBe(true);
		expect(await notAtLogin(windows)).toBe(true);
		expect(await startsAtLogin(windows)).toBe(false);
	});
});

/** A registry of one key: its values are files beside this program. */
const REG = `#!/bin/sh
here=$(dirname "$0")
case $1 in
	add) printf %s "$9" > "$here/$4" ;;
	query) test -f "$here/$4" ;;
	delete) rm "$here/$4" ;;
esac
`;

describe('pickup daemon', () => {
	const benches: Workbench[] = [];
	afterEach(async () => {
		for (const bench of benches.splice(0)) await bench.close();
	});

	test('--at-login on, and what the unit says starts the daemon of this state folder', async () => {
		const bench = await openWorkbench();
		benches.push(bench);
		const home = await temporaryFolder();
		const environment = { HOME: home, XDG_CONFIG_HOME: '' };
		const on = await bench.pickup(['daemon', '--at-login', 'on'], environment);
		expect(on.code, on.stderr).toBe(0);
		const unit = join(home, '.config/systemd/user/pickup.service');
		expect(on.stdout).toContain(unit);
		const [, command] = /^ExecStart=(.*)$/m.exec(await readFile(unit, 'utf8'))!;
		await mkdir(bench.state, { recursive: true });
		const daemon = run('sh', ['-c', `exec ${command}`]);
		await until('the daemon', async () => {
			return (await bench.pickup(['daemon', 'status'])).code === 0;
		});
		expect((await bench.pickup(['daemon', 'stop'])).code).toBe(0);
		await daemon;
		const off = await bench.pickup(['daemon', '--at-login', 'off'], environment);
		expect(off).toMatchObject({ code: 0, stdout: expect.stringContaining('no more') });
		const wrong = await bench.pickup(['daemon', '--at-login', 'maybe'], environment);
		expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('on or off') });
	});

	test('start takes the state folder and the model that are named, as at login on Windows', async () => {
		const bench = await openWorkbench();
		benches.push(bench);
		const state = join(bench.folder, 'another state');
		const named = ['--state', state, '--model', 'weights'];
		type Started = { pid: number; state: string };
		const started = await bench.pickupJson<Started>(['daemon', 'start', ...named]);
		expect(started.state).toBe(state);
		const line = (await readFile(`/proc/${started.pid}/cmdline`, 'utf8')).split('\0');
		expect(line).toEqual(expect.arrayContaining([state, join(process.cwd(), 'weights')]));
		const stopped = await bench.pickupJson<Started>(['daemon', 'stop', '--state', state]);
		expect(stopped.pid).toBe(started.pid);
	});

	test('start leaves one running, and says which', async () => {
		const bench = await openWorkbench();
		benches.push(bench);
		const first = await bench.pickupJson<{ pid: number }>(['daemon', 'start']);
		const second = await bench.pickupJson<{ pid: number }>(['daemon', 'start']);
		expect(second.pid).toBe(first.pid);
	});
});
