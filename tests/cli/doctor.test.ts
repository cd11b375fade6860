import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readPortFile, temporaryFolder, until } from '../daemon/harness.ts';
import { openWorkbench } from '../end-to-end/workbench.ts';
import { swiftShader } from '../engines/ltx2/swiftshader.ts';
import { openEditor } from '../fakes/editor.ts';
import { cutWithGap } from '../hosts/film.ts';

type Checks = { checks: { name: string; status: string; found: string; action: string | null }[] };

/** What the built command says with that Vulkan driver. */
async function doctor(driver: string) {
	const bench = await openWorkbench();
	try {
		const environment = { VK_ICD_FILENAMES: driver };
		const { code, stdout } = await bench.pickup(['doctor', '--json'], environment);
		expect(code).toBe(0);
		const text = await bench.pickup(['doctor'], environment);
		const { checks } = JSON.parse(stdout) as Checks;
		return {
			text: text.stdout,
			find: (wanted: string) => checks.find(({ name }) => name === wanted),
		};
	} finally {
		await bench.close();
	}
}

test('doctor names the adapter on which WebGPU gives what the CPU gives', async () => {
	const { text, find } = await doctor(swiftShader());
	expect(find('provider webgpu')).toMatchObject({
		status: 'ok',
		found: expect.stringMatching(/^works on SwiftShader .*, matrices in float32$/),
		action: null,
	});
	expect(find('provider cpu')).toMatchObject({ status: 'ok' });
	expect(text).toContain('SwiftShader');
});

test('doctor says why WebGPU does not work where there is no adapter', async () => {
	const { text, find } = await doctor(join(import.meta.dirname, 'no-driver.json'));
	expect(find('provider webgpu')).toEqual({
		name: 'provider webgpu',
		status: 'warning',
		found: 'Failed to get a WebGPU adapter: No supported adapters',
		action: expect.stringContaining('Install a graphics driver'),
	});
	expect(find('provider cpu')).toMatchObject({ status: 'ok' });
	expect(text).toContain('No supported adapters');
});

test('doctor says which editors have Pickup, and when one was connected; its report names nobody and no film', async () => {
	const bench = await openWorkbench();
	const home = await temporaryFolder();
	const environment = { HOME: home, XDG_CONFIG_HOME: '' };
	const doctor = async () => {
		const { stdout } = await bench.pickup(['doctor', '--json'], environment);
		return (JSON.parse(stdout) as Checks).checks;
	};
	try {
		await mkdir(join(home, '.config/blender/3.4'), { recursive: true });
		expect(await doctor()).toContainEqual({
			name: 'Blender 3.4',
			status: 'missing',
			found: 'Pickup is not in it',
			action: 'Run `pickup install blender`.',
		});
		await bench.pickup(['install', 'blender'], environment);
		const folder = join(home, '.config/blender/3.4/scripts/addons/pickup');
		expect(await doctor()).toContainEqual({
			name: 'Blender 3.4',
			status: 'ok',
			found: `Pickup 0.1.0 in ${folder}`,
			action: null,
		});
		await rm(join(folder, 'agent.py'));
		expect(await doctor()).toContainEqual(
			expect.objectContaining({
				name: 'Blender 3.4',
				status: 'warning',
				found: expect.stringContaining('agent.py is gone'),
			}),
		);
		const editor = await openEditor(await readPortFile(bench.state), cutWithGap('/films/a.mov'), {
			program: 'Blender',
			path: '/films/secret.blend',
		});
		const connection = async () =>
			(await doctor()).find(({ name }) => name === 'connection Blender')?.found;
		await until('the connection', async () => (await connection())?.endsWith('connected now'));
		await editor.quit();
		await until('its end', async () => /connected last at 20/.test((await connection()) ?? ''));
		const path = join(home, 'report.txt');
		const { code } = await bench.pickup(['doctor', '--report', path], environment);
		expect(code).toBe(0);
		const report = await readFile(path, 'utf8');
		expect(report).toContain('Pickup 0.1.0');
		expect(report).toContain('~/.config/blender/3.4');
		expect(report).not.toContain(home);
		expect(report).not.toMatch(/films|secret/);
		const again = await bench.pickup(['doctor', '--report', path], environment);
		expect(again.code).toBe(2);
	} finally {
		await bench.close();
	}
});
