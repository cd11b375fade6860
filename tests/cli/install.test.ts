import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { Machine } from '../../cli/install/machine.ts';
import { blenderPlaces, cepPlaces, resolvePlaces } from '../../cli/install/places.ts';
import { putInto, takeOut } from '../../cli/install/put.ts';
import { readReceipt } from '../../cli/install/receipt.ts';
import { temporaryFolder } from '../daemon/harness.ts';
import { openWorkbench } from '../end-to-end/workbench.ts';

const run = promisify(execFile);

/** Where programs keep what is theirs in a home, by system. */
const SYSTEMS = [
	{
		platform: 'win32',
		env: (home: string) => ({ APPDATA: join(home, 'Roaming'), PROGRAMDATA: join(home, 'All') }),
		blender: 'Roaming/Blender Foundation/Blender',
		resolve: 'Roaming/Blackmagic Design/DaVinci Resolve/Support',
		cep: 'Roaming/Adobe/CEP/extensions/pickup',
	},
	{
		platform: 'darwin',
		env: () => ({}),
		blender: 'Library/Application Support/Blender',
		resolve: 'Library/Application Support/Blackmagic Design/DaVinci Resolve',
		cep: 'Library/Application Support/Adobe/CEP/extensions/pickup',
	},
	{
		platform: 'linux',
		env: () => ({}),
		blender: '.config/blender',
		resolve: '.local/share/DaVinciResolve',
		cep: null,
	},
] as const;

const FILES = new Map([
	['__init__.py', Buffer.from('VERSION = 1\n')],
	['parts/deep/one.py', Buffer.from('one\n')],
	['icon.png', Buffer.from([137, 80, 78, 71])],
]);

describe.each(SYSTEMS)('On $platform', ({ platform, env, blender, resolve, cep }) => {
	async function home(): Promise<Machine> {
		const folder = await temporaryFolder();
		const state = join(folder, 'state');
		await mkdir(state);
		return { platform, home: folder, env: env(folder), state };
	}

	test('every version of Blender is found, newer ones by their extensions', async () => {
		const machine = await home();
		expect((await blenderPlaces(machine)).places).toEqual([]);
		const root = join(machine.home, blender);
		for (const name of ['2.93', '3.4', '4.1', '4.2', '5.0', 'cache'])
			await mkdir(join(root, name), { recursive: true });
		const { places, looked } = await blenderPlaces(machine);
		expect(looked).toEqual([root]);
		expect(places).toEqual([
			{ of: 'Blender 3.4', folder: join(root, '3.4/scripts/addons/pickup') },
			{ of: 'Blender 4.1', folder: join(root, '4.1/scripts/addons/pickup') },
			{ of: 'Blender 4.2', folder: join(root, '4.2/extensions/user_default/pickup') },
			{ of: 'Blender 5.0', folder: join(root, '5.0/extensions/user_default/pickup') },
		]);
	});

	test('Resolve’s scripts and Adobe’s extensions are where they belong', async () => {
		const machine = await home();
		expect((await resolvePlaces(machine, 'user')).places).toEqual([]);
		const root = join(machine.home, resolve);
		await mkdir(join(root, 'Fusion'), { recursive: true });
		const folder = join(root, 'Fusion/Scripts/Utility');
		expect((await resolvePlaces(machine, 'user')).places).toEqual([
			{ of: 'DaVinci Resolve', folder },
		]);
		const places = cep === null ? [] : [{ of: 'CEP', folder: join(machine.home, cep) }];
		expect(cepPlaces(machine, 'user').places).toEqual(places);
	});

	test('what was put there is taken out to the byte, compiled Python too', async () => {
		const machine = await home();
		const root = join(machine.home, blender, '4.2');
		await mkdir(join(root, 'extensions/user_default/other'), { recursive: true });
		await writeFile(join(root, 'extensions/user_default/other/mine.py'), 'mine');
		const before = await everything(join(machine.home, blender));
		const [place] = (await blenderPlaces(machine)).places;
		const put = { program: 'blender', version: '1', place: place!, files: FILES };
		await putInto(machine.state, put);
		expect(await readFile(join(place!.folder, 'parts/deep/one.py'), 'utf8')).toBe('one\n');
		await mkdir(join(place!.folder, '__pycache__'));
		await writeFile(join(place!.folder, '__pycache__/__init__.cpython-310.pyc'), 'compiled');
		// A newer Pickup has other files.
		const newer = new Map([['__init__.py', Buffer.from('VERSION = 2\n')]]);
		await putInto(machine.state, { ...put, version: '2', files: newer });
		expect(await readdir(place!.folder)).toEqual(['__init__.py']);
		const [receipt, ...others] = await readReceipt(machine.state);
		expect(others).toEqual([]);
		expect(receipt).toMatchObject({ program: 'blender', of: 'Blender 4.2', version: '2' });
		expect(await takeOut(machine.state, receipt!)).toEqual({ kept: [] });
		expect(await everything(join(machine.home, blender))).toEqual(before);
		expect(await readReceipt(machine.state)).toEqual([]);
	});

	test('nobody else’s file is overwritten, and what somebody has changed is left and told', async () => {
		const machine = await home();
		const root = join(machine.home, blender, '4.2');
		const folder = join(root, 'extensions/user_default/pickup');
		await mkdir(folder, { recursive: true });
		await writeFile(join(folder, 'icon.png'), 'theirs');
		const place = { of: 'Blender 4.2', folder };
		const put = { program: 'blender', version: '1', place, files: FILES };
		const before = await everything(machine.home);
		await expect(putInto(machine.state, put)).rejects.toMatchObject({ code: 'install-conflict' });
		expect(await everything(machine.home)).toEqual(before);
		await rm(join(folder, 'icon.png'));
		await putInto(machine.state, put);
		await writeFile(join(folder, 'parts/deep/one.py'), 'changed');
		const [receipt] = await readReceipt(machine.state);
		const kept = [join(folder, 'parts/deep/one.py')];
		expect(await takeOut(machine.state, receipt!)).toEqual({ kept });
		expect(await readdir(folder)).toEqual(['parts']);
	});
});

test('pickup install blender: Blender itself finds the add-on, and after uninstall nothing', async () => {
	const bench = await openWorkbench();
	const home = await temporaryFolder();
	const environment = { HOME: home, XDG_CONFIG_HOME: join(home, '.config') };
	try {
		const missing = await bench.pickup(['install', 'blender'], environment);
		expect(missing).toMatchObject({ code: 2 });
		expect(missing.stderr).toContain(join(home, '.config/blender'));
		expect(missing.stderr).toContain('--into');
		await mkdir(join(home, '.config/blender/3.4/scripts/addons'), { recursive: true });
		const before = await everything(join(home, '.config/blender'));
		const installed = await bench.pickup(['install', 'blender'], environment);
		expect(installed.code, installed.stderr).toBe(0);
		expect(installed.stdout).toContain('Blender 3.4: Pickup');
		const script =
			'import addon_utils; module = addon_utils.enable("pickup"); print("ENABLED", module.bl_info["name"])';
		const blender = await run('blender', ['-b', '--python-expr', script], {
			env: { ...process.env, ...environment, PICKUP_STATE: bench.state },
		});
		expect(blender.stdout).toContain('ENABLED Pickup');
		const gone = await bench.pickup(['uninstall', 'blender'], environment);
		expect(gone.code, gone.stderr).toBe(0);
		expect(await everything(join(home, '.config/blender'))).toEqual(before);
		const again = await bench.pickup(['uninstall', 'blender'], environment);
		expect(again).toMatchObject({ code: 0 });
		expect(again.stdout).toContain('was not put into Blender');
	} finally {
		await bench.close();
	}
});

test('pickup install resolve puts one script among those of Workspace › Scripts, and takes it out', async () => {
	const bench = await openWorkbench();
	const home = await temporaryFolder();
	try {
		const missing = await bench.pickup(['install', 'resolve'], { HOME: home });
		expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining('DaVinciResolve') });
		const resolve = join(home, '.local/share/DaVinciResolve');
		await mkdir(join(resolve, 'Fusion'), { recursive: true });
		const before = await everything(resolve);
		const installed = await bench.pickup(['install', 'resolve'], { HOME: home });
		expect(installed.code, installed.stderr).toBe(0);
		const script = join(resolve, 'Fusion/Scripts/Utility/Pickup.py');
		const built = join(import.meta.dirname, '../../dist/Pickup.py');
		expect(await readFile(script)).toEqual(await readFile(built));
		const gone = await bench.pickup(['uninstall', 'resolve'], { HOME: home });
		expect(gone.code, gone.stderr).toBe(0);
		expect(await everything(resolve)).toEqual(before);
		// A folder that a person names.
		const into = join(home, 'scripts');
		expect((await bench.pickup(['install', 'resolve', '--into', into], { HOME: home })).code).toBe(
			0,
		);
		expect(await readdir(into)).toEqual(['Pickup.py']);
	} finally {
		await bench.close();
	}
});

/** All files and folders under a folder, with what is in them. */
async function everything(folder: string): Promise<readonly (readonly [string, string])[]> {
	const entries = await readdir(folder, { recursive: true, withFileTypes: true });
	const all = entries.map(async (entry) => {
		const path = join(entry.parentPath, entry.name);
		return [path, entry.isFile() ? await readFile(path, 'base64') : ''] as const;
	});
	return (await Promise.all(all)).sort(([a], [b]) => a.localeCompare(b));
}
