import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { beforeEach, expect, test } from 'vitest';
import { installCcx, listedCcx, removeCcx } from '../../cli/install/adobe.ts';
import type { Machine } from '../../cli/install/machine.ts';
import { upiaProgram } from '../../cli/install/places.ts';
import { temporaryFolder } from '../daemon/harness.ts';

/** An installer whose plugins are lines of a file; `broken` says yes and does nothing. */
const INSTALLER = `#!/bin/sh
here=$(dirname "$0")
touch "$here/plugins"
case $1 in
	/install)
		echo "$2" >> "$here/asked"
		test -f "$2" || { echo "Failed to install, status = -1"; exit 1; }
		test -f "$here/broken" || echo "Enabled  Pickup  0.1.0" >> "$here/plugins" ;;
	/remove) grep -v "  $2  " "$here/plugins" > "$here/rest"; mv "$here/rest" "$here/plugins" ;;
	/list) echo "1 extension installed for Premiere Pro"; cat "$here/plugins" ;;
esac
`;

const program = join(import.meta.dirname, '../../dist/pickup.mjs');
const run = promisify(execFile);

/** Makes Node say that it runs on Windows. */
const ON_WINDOWS = [
	'--import',
	"data:text/javascript,Object.defineProperty(process, 'platform', { value: 'win32' })",
];

let machine: Machine;
let ccx: string;
let opened: string[];
const open = async (path: string) => void opened.push(path);

beforeEach(async () => {
	const home = await temporaryFolder();
	machine = { platform: 'win32', home, env: { CommonProgramFiles: home }, state: home };
	ccx = join(home, 'Pickup.ccx');
	await writeFile(ccx, 'zip');
	opened = [];
});

async function putInstaller(): Promise<string> {
	const path = upiaProgram(machine)!;
	await mkdir(dirname(path), { recursive: true });
	await writeFile(path, INSTALLER);
	await chmod(path, 0o755);
	return dirname(path);
}

test('Adobe’s installer gets it, is asked whether it is there, and takes it out again', async () => {
	await putInstaller();
	expect(await listedCcx(machine)).toEqual({ kind: 'not-listed' });
	expect(await removeCcx(machine)).toBe(false);
	expect(await installCcx(machine, ccx, open)).toBe('adobe');
	expect(await listedCcx(machine)).toEqual({ kind: 'listed', version: '0.1.0' });
	expect(await removeCcx(machine)).toBe(true);
	expect(await listedCcx(machine)).toEqual({ kind: 'not-listed' });
	expect(opened).toEqual([]);
});

test('what the installer says is told, also where it says yes and has done nothing', async () => {
	const folder = await putInstaller();
	await expect(installCcx(machine, join(folder, 'gone.ccx'), open)).rejects.toMatchObject({
		code: 'system-refused',
		message: expect.stringContaining('Failed to install, status = -1'),
	});
	await writeFile(join(folder, 'broken'), '');
	await expect(installCcx(machine, ccx, open)).rejects.toMatchObject({
		message: expect.stringContaining('does not list it'),
	});
	expect(await readFile(join(folder, 'plugins'), 'utf8')).toBe('');
});

test('without it the file is opened, and on a system without Premiere that is said', async () => {
	expect(await installCcx(machine, ccx, open)).toBe('opened');
	expect(opened).toEqual([ccx]);
	expect(await listedCcx(machine)).toMatchObject({ kind: 'no-installer' });
	await expect(installCcx({ ...machine, platform: 'linux' }, ccx, open)).rejects.toMatchObject({
		code: 'editor-not-found',
	});
});

test('the command hands over the plugin that lists addresses, or with --any-port the one that does not', async () => {
	const folder = await putInstaller();
	const install = (...args: string[]) =>
		run(process.execPath, [...ON_WINDOWS, program, 'install', ...args], {
			env: { ...process.env, CommonProgramFiles: machine.home, PICKUP_STATE: machine.state },
		});
	await install('premiere');
	await install('premiere', '--any-port');
	const asked = (await readFile(join(folder, 'asked'), 'utf8')).trim().split('\n');
	expect(asked.map((path) => basename(path))).toEqual(['premiere-uxp.ccx', 'premiere-uxp-all.ccx']);
	await expect(install('blender', '--any-port')).rejects.toMatchObject({
		code: 2,
		stderr: expect.stringContaining('--any-port is of premiere alone'),
	});
});
