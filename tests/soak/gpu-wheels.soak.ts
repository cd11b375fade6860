import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { download } from '../../gpu/download.ts';
import { filesOf, type GpuList, gpuList } from '../../gpu/list.ts';
import { findWheel, indexAddress } from '../../gpu/package-index.ts';
import { wheelIn } from '../../gpu/wheel-in.ts';
import { unpack } from '../../gpu/zip.ts';
import type { Check } from '../../protocol/rpc.ts';
import { openWorkbench, run, type Workbench } from '../end-to-end/workbench.ts';
import { bundle, scratchFolder } from '../engines/ltx2/scratch.ts';
import { type FakeFunction, writeSharedLibrary } from '../fakes/shared-library.ts';
import { type Dll, readDll } from './pe.ts';

/** Real wheels, 2.4 GB of them, are kept here between runs. */
const WHEELS =
	process.env.PICKUP_WHEELS ??
	join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'pickup/wheels');

const CARD = 'NVIDIA GeForce RTX 4090';

async function fetchWheels({ packages }: GpuList): Promise<void> {
	await mkdir(WHEELS, { recursive: true });
	for (const each of packages) {
		if ((await wheelIn(WHEELS, each)) !== null) continue;
		await download(await findWheel(indexAddress(), each), join(WHEELS, each.wheel));
	}
}

describe('On Linux, from the real wheels', () => {
	const list = gpuList('linux-x64')!;
	let bench: Workbench;
	let drivers: string;
	let environment: NodeJS.ProcessEnv;

	beforeAll(async () => {
		await fetchWheels(list);
		bench = await openWorkbench();
		drivers = join(bench.folder, 'drivers');
		await mkdir(drivers);
		const smi = join(drivers, 'nvidia-smi');
		await writeFile(smi, `#!/bin/sh\necho '8.9, 580.95.05, 24564, 20000, ${CARD}'\n`);
		await chmod(smi, 0o755);
		environment = {
			PATH: `${drivers}${delimiter}${process.env.PATH}`,
			LD_LIBRARY_PATH: drivers,
			VK_ICD_FILENAMES: join(drivers, 'none.json'),
		};
		const args = ['setup', 'gpu', '--yes', '--from', WHEELS];
		const { code, stderr } = await bench.pickup(args, environment);
		expect(code, stderr).toBe(0);
	});
	afterAll(() => bench.close());

	/** What doctor says of CUDA with what the folder of drivers holds now. */
	async function cuda(): Promise<Check> {
		await bench.pickup(['daemon', 'stop'], environment);
		const { stdout } = await bench.pickup(['doctor', '--json'], environment);
		const { checks } = JSON.parse(stdout) as { checks: Check[] };
		return checks.find(({ name }) => name === 'provider cuda')!;
	}

	test('without NVIDIA’s driver its library is what is missing', async () => {
		expect(await cuda()).toMatchObject({
			found: expect.stringMatching(/^libcuda\.so\.1: cannot open shared object file/),
			action: expect.stringContaining('update the driver'),
		});
	});

	/** A driver that is there and finds no card. */
	async function noCard(): Promise<void> {
		const refusing = [
			'cuInit',
			'cuGetErrorString',
			'cuModuleGetFunction',
			'cuModuleLoadData',
			'cuModuleUnload',
			'cuTensorMapEncodeIm2col',
			'cuTensorMapEncodeTiled',
		].map((name): FakeFunction => ({ name, returns: NO_DEVICE }));
		await writeSharedLibrary(join(drivers, 'libcuda.so.1'), 'libcuda.so.1', [
			...refusing,
			{
				name: 'cuDriverGetVersion',
				writes: [{ argument: 0, value: 13_000n, bits: 32 }],
				returns: 0,
			},
			{
				name: 'cuGetProcAddress_v2',
				writes: [{ argument: 1, value: 'cuInit', bits: 64 }],
				returns: 0,
			},
		]);
	}
	const NO_DEVICE = 100;

	test('with a driver that finds no card all libraries load, and that is what doctor says', async () => {
		await noCard();
		expect(await cuda()).toMatchObject({
			found: 'CUDA failure 100: no CUDA-capable device is detected',
			action: expect.stringContaining('`nvidia-smi` says'),
		});
	});

	test('each library is loaded by its name; options are taken, and one that is none is named', async () => {
		await noCard();
		const folder = scratchFolder('cuda');
		const program = join(folder, 'program.mjs');
		await bundle(program, { contents: PROGRAM });
		const env = { ...process.env, ...environment, PICKUP_GPU: join(bench.state, 'gpu') };
		// Without a card its libraries crash as the process ends.
		const { stdout } = await run(process.execPath, [program], env);
		await rm(folder, { recursive: true });
		const said = JSON.parse(stdout.trim().split('\n').at(-1)!);
		expect(said.providers).toContain('CUDAExecutionProvider');
		expect(said.version).toBe('1.30.0');
		expect(said.refusals).toEqual(Object.keys(OPTIONS).map(() => null));
		expect(said.unknown).toContain('no_such_option');
		expect(said.wrong).toContain('gpu_mem_limit');
		for (const name of list.before) expect(said.maps).toContain(`/${name}`);
	});

	test.each(filesOf(list).map(({ name }) => name))('without %s doctor names it', async (name) => {
		const path = join(bench.state, 'gpu', list.folder, name);
		await rename(path, `${path}.away`);
		const { found, action } = await cuda();
		await rename(`${path}.away`, path);
		expect(found).toContain(`${list.folder}: ${name}`);
		expect(action).toContain('Run `pickup setup gpu`');
	});
});

/** What an engine may want to set. */
const OPTIONS = {
	gpu_mem_limit: '1073741824',
	arena_extend_strategy: 'kSameAsRequested',
	cudnn_conv_algo_search: 'HEURISTIC',
	do_copy_in_default_stream: '0',
	use_tf32: '0',
};

/** Loads the pair, and says what it finds. */
const PROGRAM = `
	import { readFileSync } from 'node:fs';
	import { onnxRuntime, useLibraryOf } from '../../../inference-daemon/engines/ltx2/runtime/onnxruntime.ts';

	useLibraryOf('cuda');
	const api = onnxRuntime();
	const options = api.CreateCUDAProviderOptions();
	const refusal = (key, value) => {
		try {
			api.UpdateCUDAProviderOptions(options, [key], [value], 1);
			return null;
		} catch (error) {
			return error.message;
		}
	};
	const taken = ${JSON.stringify(OPTIONS)};
	console.log(JSON.stringify({
		version: api.version,
		providers: api.providers,
		refusals: Object.entries(taken).map(([key, value]) => refusal(key, value)),
		unknown: refusal('no_such_option', '1'),
		wrong: refusal('gpu_mem_limit', 'much'),
		maps: readFileSync('/proc/self/maps', 'utf8'),
	}));
`;

describe('On Windows, in the real wheels', () => {
	const list = gpuList('win32-x64')!;
	const dlls = new Map<string, Dll>();
	const contents = new Map<string, Buffer>();

	beforeAll(async () => {
		await fetchWheels(list);
		const folder = await mkdtemp(join(tmpdir(), 'pickup-dlls-'));
		for (const { wheel, files } of list.packages) {
			await unpack(join(WHEELS, wheel), files, folder);
			for (const { path } of files) {
				const name = basename(path);
				const at = join(folder, name);
				dlls.set(name.toLowerCase(), await readDll(at));
				if (name.startsWith('onnxruntime')) contents.set(name, await readFile(at));
				await rm(at);
			}
		}
		await rm(folder, { recursive: true });
	});

	const SYSTEM =
		/^(api-ms-win-|kernel32|advapi32|bcrypt|ntdll|setupapi|shell32|dbghelp|dxgi|ole32|msvcp140|vcruntime140)/;

	test('ONNX Runtime is entered where we enter it, and its provider where it enters that', () => {
		expect(dlls.get('onnxruntime.dll')!.exports).toContain('OrtGetApiBase');
		expect(dlls.get('onnxruntime_providers_cuda.dll')!.exports).toContain('GetProvider');
		expect(contents.get('onnxruntime.dll')!.includes('1.30.0')).toBe(true);
	});

	test('what a DLL wants of another is there, and that one is loaded before it', () => {
		const order = [...list.before, list.runtime].map((name) => name.toLowerCase());
		let checked = 0;
		for (const [name, { imports }] of dlls) {
			for (const [from, functions] of imports) {
				if (SYSTEM.test(from)) continue;
				expect([...dlls.keys()], `${name} wants ${from}`).toContain(from);
				for (const each of functions) expect(dlls.get(from)!.exports, name).toContain(each);
				checked += functions.length;
				const [mine, other] = [order.indexOf(name), order.indexOf(from)];
				if (mine >= 0 && other >= 0) expect(other, `${name} after ${from}`).toBeLessThan(mine);
			}
		}
		expect(checked).toBeGreaterThan(100);
	});

	test('what the provider loads by name when it runs is among the files', () => {
		const provider = contents.get('onnxruntime_providers_cuda.dll')!;
		for (const name of ['cudnn64_9.dll', 'nvrtc64_130_0.dll', 'onnxruntime_providers_shared.dll']) {
			expect(provider.includes(name), name).toBe(true);
			expect(dlls.has(name), name).toBe(true);
		}
		for (const name of ['cudnnCreate', 'cudnnConvolutionForward', 'cudnnBackendExecute']) {
			expect(dlls.get('cudnn64_9.dll')!.exports).toContain(name);
		}
	});
});
