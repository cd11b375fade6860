import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openWorkbench } from '../end-to-end/workbench.ts';
import { swiftShader } from '../engines/ltx2/swiftshader.ts';

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
