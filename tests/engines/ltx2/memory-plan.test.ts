import { expect, it, test } from 'vitest';
import { transformerConfig } from '../../../inference-daemon/engines/ltx2/networks/transformer-config.ts';
import {
	type MemoryPlan,
	planMemory,
	smaller,
	streamedBlocks,
} from '../../../inference-daemon/engines/ltx2/plan/memory.ts';
import {
	activationBytes,
	type MemoryDevice,
	type MemoryJob,
	stepOperations,
	usableMemory,
} from '../../../inference-daemon/engines/ltx2/plan/memory-need.ts';

const GIB = 2 ** 30;

/** 768 × 512 × 121 of the 19B. */
const JOB: MemoryJob = {
	config: transformerConfig({}),
	canMix: true,
	ends: 0.6e9,
	isPrepared: true,
	block: { bf16: 772e6, f32: 1544e6, int8: 434e6 },
	tokens: { video: 6144, audio: 126 },
	contextTokens: 1024,
	masked: false,
	passes: 1,
	encoderLayer: 0.52e9,
	vae: 1.7e9,
};

function card(gigabytes: number, more: Partial<MemoryDevice> = {}): MemoryDevice {
	return {
		provider: 'cuda',
		name: 'NVIDIA RTX',
		memory: gigabytes * GIB,
		free: 0.82 * gigabytes * GIB,
		largestBuffer: null,
		hasTimeLimit: true,
		speeds: null,
		machine: 64 * GIB,
		...more,
	};
}

test.each([
	['cuda', 8, '6.6 free: 3 of 48 blocks stay, the rest streams; 8-bit weights.'],
	['cuda', 12, '9.8 free: 10 of 48 blocks stay, the rest streams; 8-bit weights.'],
	['cuda', 16, '13.1 free: 18 of 48 blocks stay, the rest streams; 8-bit weights.'],
	['cuda', 24, '19.7 free: 33 of 48 blocks stay, the rest streams; 8-bit weights.'],
	['cuda', 48, '39 free: all 48 blocks stay; 8-bit weights.'],
	['cuda', 80, '66 free: all 48 blocks stay; 16-bit weights.'],
	['webgpu', 8, '6.6 free: 1 of 48 blocks stays, the rest streams; 8-bit weights.'],
	['webgpu', 12, '9.8 free: 8 of 48 blocks stay, the rest streams; 8-bit weights.'],
	['webgpu', 16, '13.1 free: 16 of 48 blocks stay, the rest streams; 8-bit weights.'],
	['webgpu', 24, '19.7 free: 31 of 48 blocks stay, the rest streams; 8-bit weights.'],
	['webgpu', 48, '39 free: all 48 blocks stay; 8-bit weights.'],
	['webgpu', 80, '66 free: all 48 blocks stay; 8-bit weights.'],
] as const)('%s with %i GB has a plan: %s', (provider, gigabytes, line) => {
	const device = card(gigabytes, { provider });
	const { bf16, ...others } = JOB.block;
	const job = provider === 'cuda' ? JOB : { ...JOB, block: others, ends: 1.2e9 };
	const plan = planMemory(device, job);
	expect(plan.line).toBe(`NVIDIA RTX, ${gigabytes} GB, ${line}`);
	expect(plan.fits).toBe(true);
	expect(plan.peak).toBeLessThanOrEqual(usableMemory(device));
	expect(plan.resident + plan.streamed).toBe(48);
	expect(streamedBlocks(plan)).toHaveLength(plan.streamed);
});

test.each([
	['cpu', 24, '24 GB: one of 48 blocks at a time; 8-bit weights.'],
	['cpu', 64, '64 GB: all 48 blocks stay; 8-bit weights.'],
	['cpu', 192, '192 GB: all 48 blocks stay; 32-bit weights.'],
] as const)('%s with %i GB says %s', (provider, gigabytes, line) => {
	const device = card(0, { provider, name: 'AMD Ryzen 9', machine: gigabytes * GIB });
	const plan = planMemory(device, { ...JOB, block: { f32: 1544e6, int8: 410e6 } });
	expect(plan.line).toBe(`AMD Ryzen 9, ${line}`);
});

test('a device that tells nothing counts as a small one', () => {
	const plan = planMemory(card(0, { name: null, memory: null, free: null }), JOB);
	expect(plan).toMatchObject({ resident: 0, slots: 1, fits: false });
	expect(plan.line).toBe(
		'Graphics device, memory unknown: none of 48 blocks stays, all stream; 8-bit weights. This may be too little.',
	);
});

test('the more exact weights are taken where computing hides their copies', () => {
	const job = { ...JOB, block: { bf16: 772e6, int8: 410e6 } };
	const slow = card(24, { speeds: { compute: 40e12, copy: 25e9 } });
	expect(planMemory(slow, job).format).toBe('bf16');
	expect(planMemory({ ...slow, machine: 16 * GIB }, job).format).toBe('int8');
	const quick = card(24, { speeds: { compute: 400e12, copy: 12e9 } });
	expect(planMemory(quick, job).format).toBe('int8');
});

test('weights in no form that the device multiplies are refused', () => {
	const job = { ...JOB, block: { bf16: 772e6 } };
	expect(() => planMemory(card(12, { provider: 'webgpu' }), job)).toThrow(
		'Expected weights for webgpu, got bf16',
	);
});

const LARGE = { ...JOB, tokens: { video: 24_576, audio: 126 } };

test('no dispatch is longer than a driver allows, and no buffer larger than the device gives', () => {
	const device = card(24, { provider: 'webgpu', largestBuffer: 2 * GIB });
	const { queryChunk, rowChunk, vaeTileFlops } = planMemory(device, LARGE);
	expect(4 * queryChunk * 24_576 * 4096).toBeLessThanOrEqual(1e12);
	expect(2 * rowChunk * 4096 * 16_384).toBeLessThanOrEqual(1e12);
	expect(vaeTileFlops).toBe(1e12);
	const free = planMemory({ ...device, hasTimeLimit: false }, LARGE);
	expect(free).toMatchObject({ queryChunk: 24_576, rowChunk: 24_576, vaeTileFlops: Infinity });
	const longest = { ...LARGE, tokens: { video: 32_640, audio: 126 } };
	const cut = planMemory({ ...device, hasTimeLimit: false }, longest);
	expect(4 * cut.rowChunk * 16_384).toBeLessThanOrEqual(2 * GIB);
	const masked = planMemory(card(48, { largestBuffer: 2 * GIB }), { ...LARGE, masked: true });
	expect(4 * 32 * masked.queryChunk * 24_576).toBeLessThanOrEqual(1e9);
	expect(masked.queryChunk % 8).toBe(0);
});

it.each([
	['a card with room for all', card(80), JOB],
	['a card that streams', card(12, { provider: 'webgpu' }), JOB],
	['a mask', card(24), { ...LARGE, masked: true }],
	['a model of two blocks', card(12), { ...JOB, config: { ...JOB.config, blocks: 2 } }],
	['a model of one block', card(12), { ...JOB, config: { ...JOB.config, blocks: 1 } }],
	['all or none', card(80), { ...JOB, canMix: false }],
	[
		'a processor',
		card(0, { provider: 'cpu', machine: 256 * GIB }),
		{ ...JOB, block: { f32: 1544e6, int8: 410e6 } },
	],
] as const)('smaller plans for %s take less each time, and end', (_, device, job) => {
	const plans: MemoryPlan[] = [planMemory(device, job)];
	for (let next = smaller(plans[0]!); next !== null; next = smaller(next)) {
		expect(next.peak).toBeLessThan(plans.at(-1)!.peak);
		expect(next.resident + next.streamed).toBe(job.config.blocks);
		expect(next.resident + next.slots).toBeGreaterThan(0);
		plans.push(next);
		expect(plans.length).toBeLessThan(30);
	}
	if (!job.canMix) expect(plans.slice(1).filter(({ resident }) => resident > 0)).toEqual([]);
});

test('blocks that stream lie evenly among those that stay', () => {
	expect(streamedBlocks({ resident: 5, streamed: 3 })).toEqual([2, 5, 7]);
	expect(streamedBlocks({ resident: 0, streamed: 3 })).toEqual([0, 1, 2]);
	expect(streamedBlocks({ resident: 3, streamed: 0 })).toEqual([]);
});

test('a step of the 19B is 198 · 10¹² operations, at twice the size 1,135', () => {
	expect(stepOperations(JOB) / 1e12).toBeCloseTo(198, -0.5);
	expect(stepOperations(LARGE) / 1e12).toBeCloseTo(1135, -1);
	expect(stepOperations({ ...JOB, passes: 4 })).toBe(4 * stepOperations(JOB));
});

test('what flows through a block grows with its tokens, with a mask by their square', () => {
	const bytes = (video: number, masked = false) =>
		activationBytes({ provider: 'cpu' }, { ...JOB, tokens: { video, audio: 0 }, masked }, video);
	// Measured in the first block of the 19B on the CPU: 224 MB.
	expect(bytes(1024)).toBeGreaterThan(224e6);
	expect(bytes(1024)).toBeLessThan(2 * 224e6);
	expect(bytes(2048)).toBe(2 * bytes(1024));
	expect(bytes(2048, true) - bytes(2048)).toBe(4 * (32 + 5) * 2048 ** 2);
});
