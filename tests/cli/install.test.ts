import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseXml } from '@rgrove/parse-xml';
import { beforeAll, describe, expect, test } from 'vitest';
import { extensionFor } from '../../cli/install/cep.ts';
import { editorChecks } from '../../cli/install/checks.ts';
import type { Machine } from '../../cli/install/machine.ts';
import { blenderPlaces, cepPlaces, resolvePlaces } from '../../cli/install/places.ts';
import { PROGRAMS } from '../../cli/install/programs.ts';
import { putInto, takeOut } from '../../cli/install/put.ts';
import { readReceipt } from '../../cli/install/receipt.ts';
import { buildCep } from '../../scripts/build-cep.mjs';
import { temporaryFolder } from '../daemon/harness.ts';
import { openWorkbench } from '../end-to-end/workbench.ts';
import { SIGNER } from '../fakes/zxp-sign.ts';

const run = promisify(execFile);

/** Where programs keep what is theirs in a home, by system. */
const SYSTEMS = [
	{
		platform: 'win32',
		env: (home: string) => ({ APPDATA: join(home, 'Roaming'), PROGRAMDATA: join(home, 'All') }),
		blender: 'Roaming/Blender Foundation/Blender',
		resolve: 'Roaming/Blackmagic Design/DaVinci Resolve/Support',
		cep: 'Roaming/Adobe/CEP/extensions',
		settings: 'Roaming/Adobe/After Effects/25.1',
	},
	{
		platform: 'darwin',
		env: () => ({}),
		blender: 'Library/Application Support/Blender',
		resolve: 'Library/Application Support/Blackmagic Design/DaVinci Resolve',
		cep: 'Library/Application Support/Adobe/CEP/extensions',
		settings: 'Library/Preferences/Adobe/After Effects/25.1',
	},
	{
		platform: 'linux',
		env: () => ({}),
		blender: '.config/blender',
		resolve: '.local/share/DaVinciResolve',
		cep: null,
		settings: null,
	},
] as const;

const FILES = new Map([
	['__init__.py', Buffer.from('VERSION = 1\n')],
	['parts/deep/one.py', Buffer.from('one\n')],
	['icon.png', Buffer.from([137, 80, 78, 71])],
]);

let extension: Uint8Array;
beforeAll(async () => {
	const folder = join(await temporaryFolder(), 'cep');
	await buildCep({ folder });
	extension = await readFile(`${folder}.zip`);
});

function programNamed(name: string) {
	return PROGRAMS.find((program) => program.name === name)!;
}

describe.each(SYSTEMS)('On $platform', ({ platform, env, blender, resolve, cep, settings }) => {
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
		// Who looks for it in a free 21.1 is told why it is not there.
		expect(await editorChecks(machine, '1')).toContainEqual(
			expect.objectContaining({
				name: 'DaVinci Resolve',
				status: 'missing',
				action: expect.stringContaining('up to 21.0'),
			}),
		);
		const of = 'After Effects, as an extension';
		const own =
			cep === null ? [] : [{ of, folder: join(machine.home, cep, 'pickup-after-effects') }];
		expect(cepPlaces(machine, 'user', 'after-effects', of).places).toEqual(own);
	});

	test('an extension is there for one editor alone, and taken out to the byte', async () => {
		const machine = await home();
		for (const [name, host, other] of [
			['after-effects', 'AEFT', 'PPRO'],
			['premiere-cep', 'PPRO', 'AEFT'],
		] as const) {
			const program = programNamed(name);
			const { places } = await program.find(machine, 'user');
			const place = places[0] ?? { of: program.title, folder: join(machine.home, 'into', name) };
			const before = await everything(machine.home);
			const files = extensionFor(host, extension);
			await putInto(machine.state, { program: name, version: '1', place, files });
			const manifest = await readFile(join(place.folder, 'CSXS/manifest.xml'), 'utf8');
			expect(manifest).toContain(`<Host Name="${host}"`);
			expect(manifest).toContain(`<DispatchInfo Host="${host}">`);
			expect(parseXml(manifest).root?.attributes.ExtensionBundleId).toBe(
				`pickup.${host.toLowerCase()}`,
			);
			expect(manifest).not.toContain(other);
			expect(manifest).not.toContain('"pickup.panel');
			const puts = await readReceipt(machine.state);
			expect(await takeOut(machine.state, puts.at(-1)!)).toEqual({ kept: [] });
			const after = await everything(machine.home);
			const rest = (all: typeof after) => all.filter(([path]) => !path.startsWith(machine.state));
			expect(rest(after)).toEqual(rest(before));
		}
	});

	test('an editor that was never started here is not said to lack Pickup', async () => {
		const machine = await home();
		const lacking = async () => {
			const checks = await editorChecks(machine, '1');
			return checks.filter(({ status }) => status === 'missing').map(({ name }) => name);
		};
		expect(await lacking()).toEqual([]);
		if (settings === null) return;
		await mkdir(join(machine.home, settings), { recursive: true });
		expect(await lacking()).toEqual(['After Effects, as an extension']);
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
		expect(installed.stdout).toContain('up to 21.0');
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

test('where Adobe’s program for it is, an extension is signed on the spot; else it is said what that means', async () => {
	const bench = await openWorkbench();
	const home = await temporaryFolder();
	const into = join(home, 'extensions/pickup');
	const install = (environment: Record<string, string>) =>
		bench.pickup(['install', 'after-effects', '--into', into], { HOME: home, ...environment });
	try {
		const elsewhere = await bench.pickup(['install', 'after-effects'], { HOME: home });
		expect(elsewhere).toMatchObject({ code: 2, stderr: expect.stringContaining('--into') });
		const before = await everything(home);
		const unsigned = await install({});
		expect(unsigned.code, unsigned.stderr).toBe(0);
		expect(unsigned.stdout).toContain('PlayerDebugMode');
		expect(await readdir(into)).not.toContain('META-INF');
		const machine = { platform: 'linux', home, env: {}, state: bench.state } as const;
		const said = async () => (await editorChecks(machine, '0.1.0')).map(({ found }) => found);
		expect(await said()).toContain(`Pickup 0.1.0 in ${into}, not signed`);
		const signer = join(await temporaryFolder(), 'ZXPSignCmd');
		await writeFile(signer, SIGNER, { mode: 0o600 });
		const signed = await install({ PICKUP_ZXPSIGNCMD: signer });
		expect(signed.code, signed.stderr).toBe(0);
		expect(signed.stdout).not.toContain('PlayerDebugMode');
		expect(await readdir(into)).toContain('META-INF');
		expect(await said()).toContain(`Pickup 0.1.0 in ${into}, signed`);
		await writeFile(signer, '#!/bin/sh\necho "no certificate today"; exit 3\n');
		const refused = await install({ PICKUP_ZXPSIGNCMD: signer });
		expect(refused.stderr).toContain('no certificate today');
		expect(await readdir(into)).toContain('META-INF');
		const gone = await bench.pickup(['uninstall', 'after-effects'], { HOME: home });
		expect(gone.code, gone.stderr).toBe(0);
		expect(await everything(home)).toEqual(before);
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
