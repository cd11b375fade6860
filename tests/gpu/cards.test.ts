import { execFile } from 'node:child_process';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundle, scratchFolder } from '../engines/ltx2/scratch.ts';
import { type FakeFunction, textAt, writeSharedLibrary } from '../fakes/shared-library.ts';

const folder = scratchFolder('cards');
const program = join(folder, 'cards.mjs');
const programs = join(folder, 'programs');

beforeAll(async () => {
	await mkdir(programs);
	const contents = `
		import { nvidiaCards } from '../../../gpu/cards.ts';
		console.log(JSON.stringify(await nvidiaCards()));
	`;
	await bundle(program, { contents });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What another process finds, which looks for programs and libraries in our folder first. */
async function found(): Promise<unknown> {
	const env = { ...process.env, PATH: `${programs}:${process.env.PATH}`, LD_LIBRARY_PATH: folder };
	const { stdout } = await promisify(execFile)(process.execPath, [program], { env });
	return JSON.parse(stdout);
}

const CARD = {
	name: 'NVIDIA GeForce RTX 4070 Laptop GPU',
	memory: 8_585_740_288,
	free: 8_000_000_000,
	driver: '580.95.05',
	compute: 8.9,
};

/** The driver's library for managing cards, as far as it is asked. */
const NVML: readonly FakeFunction[] = [
	{ name: 'nvmlInit_v2', returns: 0 },
	{ name: 'nvmlShutdown', returns: 0 },
	{
		name: 'nvmlDeviceGetCount_v2',
		writes: [{ argument: 0, value: 1n, bits: 32 }],
		returns: 0,
	},
	{
		name: 'nvmlDeviceGetHandleByIndex_v2',
		writes: [{ argument: 1, value: 0x1234n, bits: 64 }],
		returns: 0,
	},
	{ name: 'nvmlDeviceGetName', writes: textAt(1, CARD.name), returns: 0 },
	{ name: 'nvmlSystemGetDriverVersion', writes: textAt(0, CARD.driver), returns: 0 },
	{
		name: 'nvmlDeviceGetMemoryInfo',
		writes: [CARD.memory, CARD.free, CARD.memory - CARD.free].map((bytes, i) => ({
			argument: 1,
			offset: 8 * i,
			value: BigInt(bytes),
			bits: 64,
		})),
		returns: 0,
	},
	{
		name: 'nvmlDeviceGetCudaComputeCapability',
		writes: [
			{ argument: 1, value: 8n, bits: 32 },
			{ argument: 2, value: 9n, bits: 32 },
		],
		returns: 0,
	},
];

const library = () => join(folder, 'libnvidia-ml.so.1');

test('without a driver there is no card', async () => {
	expect(await found()).toEqual([]);
});

test('where nvidia-smi is not on the path, the driver’s own library is asked', async () => {
	await writeSharedLibrary(library(), 'libnvidia-ml.so.1', NVML);
	expect(await found()).toEqual([CARD]);
});

test('a card that shares the processor’s memory has none that its library tells', async () => {
	const others = NVML.filter(({ name }) => name !== 'nvmlDeviceGetMemoryInfo');
	const shares = [...others, { name: 'nvmlDeviceGetMemoryInfo', returns: 3 }];
	await writeSharedLibrary(library(), 'libnvidia-ml.so.1', shares);
	expect(await found()).toEqual([{ ...CARD, memory: null, free: null }]);
});

test.each([
	'nvmlInit_v2',
	'nvmlDeviceGetCount_v2',
	'nvmlDeviceGetHandleByIndex_v2',
	'nvmlDeviceGetName',
	'nvmlSystemGetDriverVersion',
])('a library without %s, or that refuses it, has no card', async (name) => {
	const others = NVML.filter((each) => each.name !== name);
	await writeSharedLibrary(library(), 'libnvidia-ml.so.1', others);
	expect(await found()).toEqual([]);
	await writeSharedLibrary(library(), 'libnvidia-ml.so.1', [...others, { name, returns: 999 }]);
	expect(await found()).toEqual([]);
});

test('an old nvidia-smi, which knows no compute capability, is asked again without', async () => {
	await rm(library());
	const path = join(programs, 'nvidia-smi');
	await writeFile(
		path,
		`#!/bin/sh
		case "$*" in
			*compute_cap*) echo 'Field "compute_cap" is not a valid field to query.'; exit 2;;
			*) echo '470.82.01, 8192, 7900, NVIDIA GeForce GTX 1080';;
		esac`,
	);
	await chmod(path, 0o755);
	expect(await found()).toEqual([
		{
			name: 'NVIDIA GeForce GTX 1080',
			memory: 8 * 2 ** 30,
			free: 7900 * 2 ** 20,
			driver: '470.82.01',
			compute: null,
		},
	]);
});

test('several cards come in the driver’s order', async () => {
	const path = join(programs, 'nvidia-smi');
	await writeFile(
		path,
		`#!/bin/sh
		echo '9.0, 580.95.05, 143771, 143000, NVIDIA H200'
		echo '8.6, 580.95.05, 24576, 100, NVIDIA RTX A5000, as somebody calls it'`,
	);
	await chmod(path, 0o755);
	expect(await found()).toMatchObject([
		{ name: 'NVIDIA H200', compute: 9 },
		{ name: 'NVIDIA RTX A5000, as somebody calls it', free: 100 * 2 ** 20 },
	]);
});
