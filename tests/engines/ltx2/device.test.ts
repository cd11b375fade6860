import { createHash } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, test, vi } from 'vitest';
import type { Model } from '../../../inference-daemon/engines/ltx2/model/open-model.ts';
import { TRANSFORMER } from '../../../inference-daemon/engines/ltx2/networks/transformer.ts';
import {
	memoryPlanFor,
	vaeLimits,
} from '../../../inference-daemon/engines/ltx2/plan/memory-of-job.ts';
import {
	chooseDevice,
	type DeviceOptions,
} from '../../../inference-daemon/engines/ltx2/runtime/device.ts';
import { bundle, PROBE, scratchFolder } from './scratch.ts';
import { swiftShader } from './swiftshader.ts';

const base = scratchFolder('device');
const program = join(base, 'provider-probe.mjs');
const path = process.env.PATH;
let folder = '';

beforeAll(() => bundle(program, PROBE));
beforeEach(() => {
	folder = mkdtempSync(join(base, 'cache-'));
});
afterEach(() => {
	process.env.PATH = path;
	vi.useRealTimers();
});
afterAll(() => rm(base, { recursive: true, force: true }));

/** What a driver would do, per provider; told to a program that also counts how often it is asked. */
type Behaviour = Readonly<
	Record<string, { name?: string; precisions?: string[]; reason?: string; does?: string }>
>;

async function probeThat(behaviour: Behaviour): Promise<string> {
	const file = join(folder, 'fake-probe.mjs');
	await writeFile(
		file,
		`import { appendFileSync } from 'node:fs';
		const provider = process.argv[2];
		appendFileSync(${JSON.stringify(join(folder, 'asked'))}, provider + '\\n');
		const { name, precisions = [], reason = null, does } = (${JSON.stringify(behaviour)})[provider] ??
			{ reason: 'no such device' };
		if (name) process.stderr.write('INFO: Using "' + name + '" with driver: "any.so"\\n');
		if (does) await eval(does);
		console.log(JSON.stringify({ precisions, reason }));`,
	);
	return file;
}

const asked = async () =>
	(await readFile(join(folder, 'asked'), 'utf8').catch(() => '')).trim().split('\n').join(' ');

const choose = (options: Partial<DeviceOptions>) =>
	chooseDevice({ wanted: 'auto', program, folder: join(folder, 'kept'), ...options });

const CARD = { name: 'NVIDIA GeForce RTX 4090', precisions: ['float32', 'float16'] };
const DEVICE = {
	provider: 'webgpu',
	precision: 'float32',
	name: CARD.name,
	memory: null,
	free: null,
	note: null,
};
/** As `auto` takes it: the driver for CUDA finds nothing. */
const INSTEAD = {
	...DEVICE,
	note: expect.stringMatching(/RTX 4090, but CUDA does not work .* Run `pickup setup gpu`/),
};
const CPU = { provider: 'cpu', precision: 'float32', memory: expect.any(Number) };

describe('With the drivers of this machine', () => {
	it('takes the CPU rather than a graphics device that the processor stands for', async () => {
		process.env.VK_ICD_FILENAMES = swiftShader();
		const device = await choose({});
		expect(device).toMatchObject(CPU);
		expect(device.memory).toBeGreaterThan(0);
		expect(device.memory).toBeLessThanOrEqual(totalmem());
	});

	it('takes that one when it is named', async () => {
		process.env.VK_ICD_FILENAMES = swiftShader();
		expect(await choose({ wanted: 'webgpu' })).toEqual({
			provider: 'webgpu',
			precision: 'float32',
			memory: null,
			free: null,
			note: null,
			name: expect.stringContaining('SwiftShader'),
		});
	});

	it('refuses a named provider that finds no device, with the reason', async () => {
		process.env.VK_ICD_FILENAMES = join(folder, 'none.json');
		const failure = choose({ wanted: 'webgpu' });
		await expect(failure).rejects.toMatchObject({
			code: 'engine-unavailable',
			field: 'settings.provider',
			message: expect.stringContaining('Failed to get a WebGPU adapter'),
		});
	});
});

describe('On Linux with a driver that', () => {
	it('works, takes the better one, and tries once for all jobs of a day', async () => {
		const fake = await probeThat({ cuda: { reason: 'no library' }, webgpu: CARD });
		for (let i = 0; i < 3; i++) expect(await choose({ program: fake })).toEqual(INSTEAD);
		expect(await choose({ program: fake, wanted: 'webgpu' })).toEqual(DEVICE);
		expect(await asked()).toBe('cuda webgpu');
		vi.useFakeTimers({ now: Date.now() + 25 * 3_600_000, toFake: ['Date'] });
		expect(await choose({ program: fake })).toEqual(INSTEAD);
		expect(await asked()).toBe('cuda webgpu cuda webgpu');
	});

	it('works for CUDA, takes it before WebGPU, with the memory that nvidia-smi tells', async () => {
		const tools = join(folder, 'tools');
		await mkdir(tools);
		await writeFile(
			join(tools, 'nvidia-smi'),
			`#!/bin/sh\necho "8.9, 580.95.05, 24564, 20000, ${CARD.name}"\n`,
		);
		await chmod(join(tools, 'nvidia-smi'), 0o755);
		process.env.PATH = `${tools}${delimiter}${path}`;
		const cuda = { precisions: ['float32', 'float16', 'bfloat16'] };
		const program = await probeThat({ cuda, webgpu: CARD });
		expect(await choose({ program })).toEqual({
			provider: 'cuda',
			precision: 'bfloat16',
			name: CARD.name,
			memory: 24_564 * 1024 ** 2,
			free: 20_000 * 1024 ** 2,
			note: null,
		});
		expect(await asked()).toBe('cuda');
		expect(await choose({ program, wanted: 'webgpu' })).toMatchObject({
			memory: 24_564 * 1024 ** 2,
		});
	});

	it.each([
		'llvmpipe (LLVM 15.0.6, 256 bits)',
		'SwiftShader Device (Subzero)',
		'Microsoft Basic Render Driver',
	])('is %s, takes the CPU', async (name) => {
		const program = await probeThat({ webgpu: { ...CARD, name } });
		expect(await choose({ program })).toMatchObject(CPU);
		expect(await choose({ program, wanted: 'webgpu' })).toMatchObject({ name });
	});

	it('crashes, takes the CPU; named, it is tried again each time', async () => {
		const program = await probeThat({ webgpu: { does: 'process.abort()' } });
		expect(await choose({ program })).toMatchObject(CPU);
		for (let i = 0; i < 2; i++) {
			await expect(choose({ program, wanted: 'webgpu' })).rejects.toThrow(
				/webgpu to work here, but it does not: its driver ended the process by SIGABRT/,
			);
		}
		expect(await choose({ program })).toMatchObject(CPU);
		expect(await asked()).toBe('cuda webgpu webgpu webgpu');
	});

	it('hangs, stops at once when the job is cancelled and remembers nothing', async () => {
		const program = await probeThat({
			cuda: { does: 'new Promise(() => setInterval(() => {}, 9))' },
		});
		const reason = new Error('cancelled');
		const controller = new AbortController();
		const choice = choose({ program, signal: controller.signal });
		await vi.waitFor(async () => expect(await asked()).toBe('cuda'), 600_000);
		controller.abort(reason);
		await expect(choice).rejects.toBe(reason);
		await expect(readdir(join(folder, 'kept'))).rejects.toThrow('ENOENT');
		await expect(choose({ program, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
	});
});

describe('What is kept', () => {
	const keptFile = async () => {
		const [name] = await readdir(join(folder, 'kept'));
		return join(folder, 'kept', name!);
	};

	it.each([
		['is cut off', (text: string) => text.slice(0, -9)],
		['is empty', () => ''],
		['is something else', () => '{"sha256":1,"value":"all"}'],
		['is changed', (text: string) => text.replace('"webgpu"', '"abacus"')],
	])('is found out again where it %s', async (_, change) => {
		const program = await probeThat({ webgpu: CARD });
		await choose({ program });
		const file = await keptFile();
		await writeFile(file, change(await readFile(file, 'utf8')));
		expect(await choose({ program })).toEqual(INSTEAD);
		expect(await asked()).toBe('cuda webgpu cuda webgpu');
	});

	it.each([
		['has a provider that is none', (text: string) => text.replaceAll('webgpu', 'abacus')],
		['is from the future', (text: string) => text.replace(/"at":1/g, '"at":9')],
		['is not a list', () => '{}'],
	])('is found out again where it %s', async (_, change) => {
		const program = await probeThat({ webgpu: CARD });
		await choose({ program });
		const file = await keptFile();
		const changed = change(JSON.stringify(JSON.parse(await readFile(file, 'utf8')).value));
		const sha256 = createHash('sha256').update(changed).digest('hex');
		await writeFile(file, JSON.stringify({ sha256, value: JSON.parse(changed) }));
		expect(await choose({ program })).toEqual(INSTEAD);
		expect(await asked()).toBe('cuda webgpu cuda webgpu');
	});

	it('is found out again when drivers, or the program that tries them, are others', async () => {
		const program = await probeThat({ webgpu: CARD });
		await choose({ program });
		process.env.VK_DRIVER_FILES = '/other.json';
		await choose({ program });
		delete process.env.VK_DRIVER_FILES;
		await utimes(program, 1, 1);
		await choose({ program });
		expect(await asked()).toBe('cuda webgpu cuda webgpu cuda webgpu');
	});

	it('may be nothing: a folder that cannot be made is no failure', async () => {
		const program = await probeThat({ webgpu: CARD });
		expect(await choose({ program, folder: join(program, 'inside-a-file') })).toEqual(INSTEAD);
	});
});

describe('A name', () => {
	it('of the CPU needs no trying', async () => {
		expect(await choose({ wanted: 'cpu', program: '/nowhere.mjs' })).toMatchObject(CPU);
	});

	it.each([
		['dml', 'bad-request', /auto or one of cpu, webgpu, cuda, got dml/],
		['abacus', 'bad-request', /auto or one of cpu, webgpu, cuda, got abacus/],
	])('%s is refused', async (wanted, code, message) => {
		const failure = choose({ wanted: wanted as 'cuda' });
		await expect(failure).rejects.toMatchObject({
			code,
			field: 'settings.provider',
			message: expect.stringMatching(message),
		});
	});
});

const GB = 1e9;
const TINY = 1e6;
const LARGE = 19e9;

/** A model whose transformer has so many numbers, all in its blocks, and its decoder so many. */
function modelOf(transformer: number, decoder: number): Model {
	const shape = [1, transformer / 48];
	const block = { type: 'BF16', shape, bytes: 2 * shape[1]! };
	return {
		checkpoint: {
			config: {},
			prepared: null,
			tensors: new Map([[`${TRANSFORMER}.transformer_blocks.0.attn1.to_q.weight`, block]]),
		},
		description: { files: [{ parts: [{ part: 'video decoder', parameters: decoder }] }] },
	} as unknown as Model;
}

test.each([
	['cpu', 'float32', null, TINY, 24, 'f32', 48],
	['cpu', 'float32', null, LARGE, 24, 'f32', 0],
	['cpu', 'float32', null, LARGE, 192, 'f32', 48],
	['webgpu', 'float32', 12, LARGE, 64, 'int8', 16],
	['webgpu', 'float32', 64, LARGE, 64, 'int8', 48],
	['webgpu', 'float32', 128, LARGE, 64, 'f32', 48],
	['webgpu', 'float32', null, LARGE, 512, 'int8', 2],
	['webgpu', 'float32', null, TINY, 16, 'f32', 48],
	['cuda', 'bfloat16', 80, LARGE, 128, 'bf16', 48],
	['cuda', 'bfloat16', 12, LARGE, 128, 'int8', 16],
] as const)(
	'%s in %s with %s GB, %s parameters, a machine of %s GB: %s, %i blocks stay',
	(provider, precision, memory, parameters, machine, format, resident) => {
		const free = null;
		const device = { provider, precision, name: null, memory: memory && memory * GB, free };
		const planFor = (video: number) => {
			const size = { tokens: { video, audio: 26 }, masked: false, passes: 1 };
			return memoryPlanFor(device, modelOf(parameters, 0), size, machine * GB);
		};
		expect(planFor(1024)).toMatchObject({ format, resident });
		expect(planFor(1e6)).toMatchObject({ resident: 0, fits: false });
	},
);

test.each([
	['cpu', null, null, 24, 6, Infinity],
	['cpu', null, null, 512, 8 * 1.073741824, Infinity],
	['webgpu', 24, null, 64, 8 * 1.073741824, 1e12],
	['webgpu', 8, null, 64, 4.6, 1e12],
	['webgpu', 8, 5, 64, 2.72, 1e12],
	['webgpu', 8, 1, 64, 0.268435456, 1e12],
] as const)(
	'%s with %s GB, %s free, beside %s GB: tiles of %s GB, dispatches of %s operations',
	(provider, memory, free, machine, tile, dispatch) => {
		const [has, left] = [memory && memory * GB, free && free * GB];
		const device = { provider, precision: 'float32', name: null, memory: has, free: left } as const;
		const limits = vaeLimits(device, modelOf(LARGE, 0.2e9), machine * GB);
		expect(limits.memory / GB).toBeCloseTo(tile, 5);
		expect(limits.dispatch).toBe(dispatch);
	},
);
