import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { editorChecks } from '../../cli/install/checks.ts';
import type { Machine } from '../../cli/install/machine.ts';
import { upiaProgram } from '../../cli/install/places.ts';
import { PROGRAMS } from '../../cli/install/programs.ts';
import { putInto } from '../../cli/install/put.ts';
import { temporaryFolder } from '../daemon/harness.ts';

/** What doctor says of editors in a home of its own, as each system has it. */

const SYSTEMS = {
	win32: {
		started: ['Roaming/Adobe/After Effects/25.1', 'Documents/Adobe/Premiere Pro/26.0'],
		logs: {
			'log of DaVinci Resolve':
				'Roaming/Blackmagic Design/DaVinci Resolve/Support/logs/davinci_resolve.log',
			'log of extensions': 'Temp/CEP12-PPRO.log',
		},
	},
	darwin: {
		started: ['Library/Preferences/Adobe/After Effects/25.1', 'Documents/Adobe/Premiere Pro/26.0'],
		logs: {
			'log of DaVinci Resolve':
				'Library/Application Support/Blackmagic Design/DaVinci Resolve/logs/davinci_resolve.log',
			'log of extensions': 'Library/Logs/CSXS/CEP12-PPRO.log',
		},
	},
	linux: {
		started: [],
		logs: {
			'log of DaVinci Resolve': '.local/share/DaVinciResolve/logs/davinci_resolve.log',
		},
	},
} as const;

type System = keyof typeof SYSTEMS;

/** What Windows' `reg` and macOS' `defaults` answer where a value is kept, by the version of CEP. */
const KEPT = {
	text: { win32: '    PlayerDebugMode    REG_SZ    1', darwin: '1' },
	nought: { win32: '    PlayerDebugMode    REG_SZ    0', darwin: '0' },
	number: { win32: '    PlayerDebugMode    REG_DWORD    0x1', darwin: '1' },
} as const;

async function machineOf(platform: System): Promise<Machine> {
	const home = await temporaryFolder();
	const state = join(home, 'state');
	const programs = join(home, 'programs');
	await mkdir(state);
	await mkdir(programs);
	const env = {
		APPDATA: join(home, 'Roaming'),
		TEMP: join(home, 'Temp'),
		CommonProgramFiles: join(home, 'Common'),
		PATH: [programs, process.env.PATH].join(delimiter),
	};
	return { platform, home, env, state };
}

/** Small programs that know of one version of CEP, and of no other. */
async function keep(machine: Machine, version: number, value: keyof typeof KEPT): Promise<void> {
	for (const [name, platform] of [
		['reg', 'win32'],
		['defaults', 'darwin'],
	] as const) {
		const says = `#!/bin/sh\ncase "$*" in *CSXS.${version}*PlayerDebugMode*) echo "${KEPT[value][platform]}" ;; *) exit 1 ;; esac\n`;
		await program(join(machine.home, 'programs', name), says);
	}
}

async function program(path: string, script: string): Promise<void> {
	await mkdir(dirname(path), { recursive: true });
	await writeFile(path, script);
	await chmod(path, 0o755);
}

async function start(machine: Machine): Promise<void> {
	for (const folder of SYSTEMS[machine.platform as System].started) {
		await mkdir(join(machine.home, folder), { recursive: true });
	}
}

async function found(machine: Machine) {
	return new Map((await editorChecks(machine, '1')).map((check) => [check.name, check]));
}

describe.each(Object.keys(SYSTEMS) as System[])('On %s', (platform) => {
	test('nothing is said of editors that were never started', async () => {
		const checks = await editorChecks(await machineOf(platform), '1');
		expect(checks.filter(({ name }) => !name.startsWith('log '))).toEqual([]);
	});

	test('logs are told where there are some', async () => {
		const machine = await machineOf(platform);
		expect([...(await found(machine)).keys()]).toEqual([]);
		await writeFile(join(machine.state, 'daemon.log'), '');
		const { logs } = SYSTEMS[platform];
		for (const path of Object.values(logs)) {
			await mkdir(join(machine.home, dirname(path)), { recursive: true });
			await writeFile(join(machine.home, path), '');
		}
		const checks = await found(machine);
		expect(checks.get('log of Pickup')?.found).toBe(join(machine.state, 'daemon.log'));
		for (const [name, path] of Object.entries(logs)) {
			expect(join(machine.home, path)).toContain(checks.get(name)!.found);
			expect(checks.get(name)).toMatchObject({ status: 'ok', action: null });
		}
	});

	if (platform === 'linux') return;

	test('it is said which versions were started, and whether debug mode is on', async () => {
		const machine = await machineOf(platform);
		await start(machine);
		const checks = await found(machine);
		expect(checks.get('After Effects')?.found).toBe('was started here, with settings of 25.1');
		expect(checks.get('Premiere Pro')?.found).toBe('was started here, with settings of 26.0');
		expect(checks.get('debug mode')).toMatchObject({ found: 'CEP 11: off; CEP 12: off' });
		await keep(machine, 12, 'text');
		const on = await found(machine);
		expect(on.get('debug mode')).toMatchObject({ status: 'ok', found: 'CEP 11: off; CEP 12: on' });
		await keep(machine, 11, 'nought');
		const off = await found(machine);
		expect(off.get('debug mode')).toMatchObject({ found: 'CEP 11: off; CEP 12: off' });
	});

	test('an extension is said to be signed or not, and whether it loads as it is', async () => {
		const machine = await machineOf(platform);
		await start(machine);
		const name = 'After Effects, as an extension';
		expect((await found(machine)).get(name)).toMatchObject({ status: 'missing' });
		const own = PROGRAMS.find((each) => each.name === 'after-effects')!;
		const [place] = (await own.find(machine, 'user')).places;
		const put = { program: own.name, version: '1', place: place! };
		const files = new Map([['CSXS/manifest.xml', Buffer.from('<ExtensionManifest/>')]]);
		await putInto(machine.state, { ...put, files });
		expect((await found(machine)).get(name)).toMatchObject({
			status: 'warning',
			found: `Pickup 1 in ${place!.folder}, not signed`,
			action: expect.stringContaining('does not load'),
		});
		await keep(machine, 12, 'text');
		expect((await found(machine)).get(name)).toMatchObject({ status: 'ok', action: null });
		const signature = ['META-INF/signatures.xml', Buffer.from('<signatures/>')] as const;
		await putInto(machine.state, { ...put, files: new Map([...files, signature]) });
		expect((await found(machine)).get(name)).toMatchObject({
			status: 'ok',
			found: `Pickup 1 in ${place!.folder}, signed`,
		});
	});
});

test('on Windows a number is said to be no debug mode', async () => {
	const machine = await machineOf('win32');
	await start(machine);
	await keep(machine, 12, 'number');
	expect((await found(machine)).get('debug mode')).toEqual({
		name: 'debug mode',
		status: 'warning',
		found: 'CEP 11: off; CEP 12: a number, which does not count',
		action: 'PlayerDebugMode has to be a text (REG_SZ) with “1”.',
	});
});

test('what Adobe’s installer says of the plugin is told, also that it could not be asked', async () => {
	const machine = await machineOf('win32');
	await start(machine);
	const said = async () => (await found(machine)).get('Premiere’s plugin');
	expect(await said()).toMatchObject({
		status: 'warning',
		found: expect.stringContaining('not at'),
	});
	const list = (text: string) => program(upiaProgram(machine)!, `#!/bin/sh\n${text}\n`);
	await list('echo "0 extensions installed"');
	expect(await said()).toMatchObject({
		status: 'missing',
		found: 'Adobe’s installer lists no Pickup',
	});
	await list('echo " Enabled   Pickup   0.1.0"');
	expect(await said()).toMatchObject({
		status: 'ok',
		found: 'Adobe’s installer lists Pickup 0.1.0',
	});
	await list('echo "status = -1"; exit 1');
	expect(await said()).toMatchObject({
		status: 'warning',
		found: 'Adobe’s installer: status = -1',
	});
});
