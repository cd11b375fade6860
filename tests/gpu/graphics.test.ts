import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { graphicsDevices } from '../../gpu/graphics.ts';
import { graphicsMemory } from '../../inference-daemon/engines/ltx2/runtime/providers.ts';
import { PICKUP, run } from '../end-to-end/workbench.ts';
import { bundle, scratchFolder } from '../engines/ltx2/scratch.ts';
import { swiftShader } from '../engines/ltx2/swiftshader.ts';
import {
	type FakeFunction,
	textAt,
	type Write,
	writeSharedLibrary,
} from '../fakes/shared-library.ts';

const folder = scratchFolder('graphics');
const program = join(folder, 'vulkan-probe.mjs');

beforeAll(() => bundle(program, { entry: 'gpu/vulkan-process.ts' }));
afterEach(() => {
	delete process.env.VK_ICD_FILENAMES;
	delete process.env.LD_LIBRARY_PATH;
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('a real driver is asked: Chromium’s, which the processor stands for', async () => {
	process.env.VK_ICD_FILENAMES = swiftShader();
	const [device, ...others] = await graphicsDevices(program);
	expect(others).toEqual([]);
	expect(device).toEqual({
		name: expect.stringContaining('SwiftShader'),
		kind: 'processor',
		memory: expect.any(Number),
		free: null,
		driver: expect.stringContaining('SwiftShader'),
	});
	expect(device!.memory).toBeGreaterThanOrEqual(2 ** 30);
	// It is no memory of a card's.
	expect(await graphicsMemory(device!.name)).toEqual({ memory: null, free: null });
});

test('without a driver there is no device', async () => {
	process.env.VK_ICD_FILENAMES = join(folder, 'none.json');
	expect(await graphicsDevices(program)).toEqual([]);
});

const GIB = 2 ** 30;
const number = (offset: number, value: number, bits: Write['bits'] = 64): Write => ({
	argument: 1,
	offset,
	value: BigInt(value),
	bits,
});

/** As a driver with a card of 16 GiB, of which 12 can be had, and 256 MiB that the processor sees. */
const VULKAN: readonly FakeFunction[] = [
	{ name: 'vkCreateInstance', writes: [{ argument: 2, value: 1n, bits: 64 }], returns: 0 },
	{ name: 'vkDestroyInstance', returns: 0 },
	{
		name: 'vkEnumeratePhysicalDevices',
		writes: [
			{ argument: 1, value: 1n, bits: 32 },
			{ argument: 2, value: 2n, bits: 64 },
		],
		returns: 0,
	},
	{
		name: 'vkGetPhysicalDeviceProperties2',
		writes: [
			number(32, 2, 32),
			...textAt(1, 'AMD Radeon RX 7800 XT (RADV NAVI32)', 36),
			...textAt(1, 'radv', 1024 + 20),
			...textAt(1, 'Mesa 24.2.1', 1024 + 276),
		],
		returns: 0,
	},
	{
		name: 'vkGetPhysicalDeviceMemoryProperties2',
		// Three heaps: sizes and whether they are the device's; then what can be had of each.
		writes: [
			number(276, 3, 32),
			...[number(280, 32 * GIB), number(288, 0, 32)],
			...[number(296, 16 * GIB), number(304, 1, 32)],
			...[number(312, GIB / 4), number(320, 1, 32)],
			...[30 * GIB, 12 * GIB, GIB / 8].map((free, i) => number(1040 + 8 * i, free)),
		],
		returns: 0,
	},
];

test('of a card’s own memory it is known how much can be had; setup says so, and fetches nothing', async () => {
	await writeSharedLibrary(join(folder, 'libvulkan.so.1'), 'libvulkan.so.1', VULKAN);
	process.env.LD_LIBRARY_PATH = folder;
	const card = {
		name: 'AMD Radeon RX 7800 XT (RADV NAVI32)',
		kind: 'own',
		memory: 16 * GIB,
		free: 12 * GIB,
		driver: 'radv Mesa 24.2.1',
	};
	expect(await graphicsDevices(program)).toEqual([card]);
	expect(await graphicsMemory(card.name)).toEqual({ memory: card.memory, free: card.free });
	const { code, stdout } = await run(process.execPath, [PICKUP, 'setup', 'gpu'], process.env);
	expect(code).toBe(0);
	const told = `${card.name}, 16.0 GB of memory, 12.0 GB free, driver radv Mesa 24.2.1\n`;
	expect(stdout).toContain(told);
	expect(stdout).toContain('WebGPU uses other cards as they are');
});

test('a driver that refuses has no device', async () => {
	const refusing = VULKAN.map((each) =>
		each.name === 'vkCreateInstance' ? { name: each.name, returns: -9 } : each,
	);
	await writeSharedLibrary(join(folder, 'libvulkan.so.1'), 'libvulkan.so.1', refusing);
	process.env.LD_LIBRARY_PATH = folder;
	expect(await graphicsDevices(program)).toEqual([]);
});
