import fc from 'fast-check';
import { expect, it } from 'vitest';
import { transformerConfig } from '../../../inference-daemon/engines/ltx2/networks/transformer-config.ts';
import {
	type MemoryPlan,
	planMemory,
	smaller,
	streamedBlocks,
} from '../../../inference-daemon/engines/ltx2/plan/memory.ts';
import {
	type Format,
	type MemoryDevice,
	type MemoryJob,
	usableMemory,
} from '../../../inference-daemon/engines/ltx2/plan/memory-need.ts';
import { isOutOfMemory } from '../../../inference-daemon/engines/ltx2/runtime/failures.ts';
import { BlockStream } from '../../../inference-daemon/engines/ltx2/runtime/stream-blocks.ts';
import { PickupError } from '../../../protocol/errors.ts';
import { type BlockRun, blockRun } from '../../fakes/device/block-run.ts';
import { Clock } from '../../fakes/device/clock.ts';
import { SimulatedDevice } from '../../fakes/device/device.ts';
import { ArenaMemory, LazyMemory } from '../../fakes/device/memory.ts';
import { AGAIN, tries } from '../../tries.ts';

const CONFIG = transformerConfig({});
const GIB = 2 ** 30;
const STEPS = 2;

/** Bytes of the tensors in which so many numbers stand, of a matrix or of anything else. */
const BYTES: Readonly<Record<Format, (numbers: number, isMatrix: boolean) => readonly number[]>> = {
	f32: (n) => [4 * n],
	bf16: (n) => [2 * n],
	f16: (n) => [2 * n],
	fp8: (n, isMatrix) => [isMatrix ? n : 2 * n],
	int8: (n, isMatrix) => (isMatrix ? [n, n / 8] : [4 * n]),
};

type Machine = {
	readonly device: MemoryDevice;
	/** Bytes that there really are for us. */
	readonly capacity: number;
	readonly compute: number;
	readonly copy: number;
	readonly answersEarly: boolean;
};

type Shot = Pick<MemoryJob, 'tokens' | 'masked' | 'passes'>;

const SMALL = { video: 6144, audio: 126 };

function jobOf(device: MemoryDevice, shot: Shot): MemoryJob {
	const formats: readonly Format[] =
		device.provider === 'cuda' ? ['bf16', 'fp8', 'int8'] : ['f32', 'int8'];
	const shapes = simulated(device, shot, {
		queryChunk: 1e9,
		rowChunk: 1e9,
		format: 'int8',
	}).weights;
	const block = formats.map((format) => {
		const sizes = shapes.flatMap((shape) => BYTES[format](product(shape), shape.length > 1));
		return [format, sizes.reduce((all, bytes) => all + bytes, 0)] as const;
	});
	return {
		...shot,
		config: CONFIG,
		canMix: true,
		ends: 0,
		isPrepared: true,
		block: Object.fromEntries(block),
		contextTokens: 1024,
		encoderLayer: 0.52e9,
		vae: 1.7e9,
	};
}

function simulated(
	{ provider }: MemoryDevice,
	{ tokens, masked }: Shot,
	plan: Pick<MemoryPlan, 'queryChunk' | 'rowChunk' | 'format'>,
): BlockRun {
	const size = (count: number) => ({ tokens: count, timesteps: 2, contextTokens: 1024 });
	return blockRun({
		...plan,
		config: CONFIG,
		work: { video: { ...size(tokens.video), masked }, audio: size(tokens.audio) },
		precision: provider === 'cuda' ? 'bfloat16' : 'float32',
		kernels: 'device',
		scores: provider === 'webgpu' ? 'never' : 'with a bias',
		unpacks: provider !== 'webgpu' && (plan.format === 'int8' || plan.format === 'fp8'),
	});
}

type Failure = { readonly at: 'upload' | 'run'; readonly count: number; readonly reason: string };

/** Goes through all steps as a job does, from where it has come to after memory has run out. */
async function denoise(machine: Machine, shot: Shot, failure: Failure | null = null) {
	const { device, capacity, compute, copy, answersEarly } = machine;
	const job = jobOf(device, shot);
	const first = planMemory(device, job);
	const plans = [first];
	const lost: string[] = [];
	let done = 0;
	let fails = failure;
	let seconds = 0;
	let peak = 0;
	const work = async (plan: MemoryPlan) => {
		const clock = new Clock();
		const Memory = device.provider === 'webgpu' ? LazyMemory : ArenaMemory;
		const memory = new Memory(capacity);
		const simulation = new SimulatedDevice({
			clock,
			memory,
			compute,
			copy,
			answersEarly,
			overlaps: device.provider !== 'webgpu',
			timeLimit: device.hasTimeLimit ? 2 : Number.POSITIVE_INFINITY,
			run: simulated(device, shot, plan),
			passes: shot.passes,
			bytesOf: BYTES[plan.format],
			fails,
		});
		fails = null;
		const { slots } = plan;
		const blocks = CONFIG.blocks;
		const stream = new BlockStream(simulation, { blocks, streamed: streamedBlocks(plan), slots });
		try {
			while (done < STEPS) {
				const before = simulation.ran.length;
				const from = simulation.computedAt;
				await clock.through(stream.pass(new AbortController().signal));
				seconds = simulation.computedAt - from;
				const order = simulation.ran.slice(before);
				if (order.some((block, i) => block !== i) || order.length !== blocks) {
					lost.push(`step ${done}: ${order.join()}`);
				}
				done += 1;
			}
		} finally {
			await stream.release();
			peak = memory.peak;
			if (!simulation.isReleased || simulation.active > 0) lost.push('memory');
		}
	};
	let error: unknown = null;
	for (let plan: MemoryPlan | null = first; plan !== null; ) {
		error = await work(plan).then(
			() => null,
			(thrown: unknown) => thrown,
		);
		plan = isOutOfMemory(error) ? smaller(plan) : null;
		if (plan !== null) plans.push(plan);
	}
	return { plans, done, lost, seconds, peak, error, job };
}

function product(shape: readonly number[]): number {
	return shape.reduce((all, n) => all * n, 1);
}

/** The shortest time of a step: computing and copying beside each other, or one after the other. */
function boundOf(machine: Machine, plan: MemoryPlan, run: BlockRun): number {
	const operations = run.dispatches.reduce((sum, one) => sum + one.operations, 0);
	const computing = (CONFIG.blocks * plan.job.passes * operations) / machine.compute;
	const copying = (plan.streamed * plan.job.block[plan.format]!) / machine.copy;
	const overlaps = plan.device.provider !== 'webgpu' && plan.slots > 1;
	return overlaps ? Math.max(computing, copying) : computing + copying;
}

const machines = fc
	.record({
		provider: fc.constantFrom('cuda', 'webgpu'),
		gigabytes: fc.constantFrom(8, 12, 16, 24, 48, 80),
		free: fc.option(fc.double({ min: 0.5, max: 0.98, noNaN: true }), { nil: null }),
		tera: fc.double({ min: 1, max: 400, noNaN: true }),
		copy: fc.double({ min: 4e9, max: 5e10, noNaN: true }),
		largest: fc.constantFrom(null, 2 * GIB, 4 * GIB),
		drives: fc.boolean(),
		isKnown: fc.boolean(),
		machine: fc.constantFrom(16, 32, 64, 128),
		answersEarly: fc.boolean(),
	})
	.map((m): Machine => {
		const [memory, compute] = [m.gigabytes * GIB, m.tera * 1e12];
		return {
			device: {
				provider: m.provider,
				name: null,
				memory,
				free: m.free === null ? null : m.free * memory,
				largestBuffer: m.largest,
				hasTimeLimit: m.drives || m.provider === 'webgpu',
				speeds: m.isKnown ? { compute, copy: m.copy } : null,
				machine: m.machine * GIB,
			},
			capacity: (m.free ?? 0.85) * memory,
			compute,
			copy: m.copy,
			answersEarly: m.answersEarly,
		};
	});

const shots = fc.record({
	tokens: fc.record({
		video: fc.integer({ min: 64, max: 24_576 }),
		audio: fc.integer({ min: 8, max: 500 }),
	}),
	masked: fc.boolean(),
	passes: fc.integer({ min: 1, max: 4 }),
});

const failures = fc.option(
	fc.record({
		at: fc.constantFrom('upload' as const, 'run' as const),
		count: fc.integer({ min: 0, max: 2 * CONFIG.blocks }),
		reason: fc.constantFrom(
			'CUDA failure 2: out of memory',
			'887A0006 The GPU will not respond to more commands',
		),
	}),
	{ nil: null },
);

it(`random machines and jobs stay within memory and lose nothing (${AGAIN})`, async () => {
	const property = fc.asyncProperty(machines, shots, failures, async (machine, shot, failure) => {
		const { plans, done, lost, seconds, peak, error } = await denoise(machine, shot, failure);
		const [plan] = plans as [MemoryPlan];
		expect(lost).toEqual([]);
		expect(peak).toBeLessThanOrEqual(machine.capacity);
		if (plan.fits) expect(plan.peak).toBeLessThanOrEqual(usableMemory(machine.device));
		for (const [i, next] of plans.slice(1).entries()) {
			expect(next.peak).toBeLessThan(plans[i]!.peak);
		}
		// What fits runs as it was planned, unless something else goes wrong.
		if (plan.fits && failure === null)
			expect([error, plans.length, done]).toEqual([null, 1, STEPS]);
		if (error === null) {
			expect(done).toBe(STEPS);
			if (plans.length > 1) return;
			const run = simulated(machine.device, shot, plan);
			expect(seconds).toBeLessThan(1.15 * boundOf(machine, plan, run));
			return;
		}
		expect(error).toBeInstanceOf(PickupError);
		const { code } = error as PickupError;
		if (code === 'engine-failed') expect(failure?.reason).toMatch('887A0006');
		else expect([code, plan.fits && failure === null]).toEqual(['out-of-memory', false]);
	});
	const seed = Number(AGAIN.split('=')[1]);
	await fc.assert(property, { numRuns: tries(200, 2000), seed, endOnFailure: true });
});

const [T, GB] = [1e12, 1e9];

/** What a step takes at the least by arithmetic alone: 198 · 10¹² operations, or the copies. */
it.each([
	['RTX 4090, Linux', 'cuda', 24, 80 * T, 25 * GB, 44],
	['RTX 3060 12 GB, Windows', 'webgpu', 12, 4 * T, 25 * GB, 18],
	['RTX 4060 8 GB laptop', 'webgpu', 8, 5 * T, 25 * GB, 10],
	['M3 36 GB', 'webgpu', 27, 3 * T, 100 * GB, 48],
	['H200', 'cuda', 141, 450 * T, 50 * GB, 48],
] as const)('%s reaches its bound', async (name, provider, gigabytes, compute, copy, resident) => {
	const memory = gigabytes * GIB;
	const speeds = { compute, copy };
	const device: MemoryDevice = {
		provider,
		name,
		memory,
		free: null,
		largestBuffer: provider === 'webgpu' ? 2 * GIB : null,
		hasTimeLimit: provider === 'webgpu',
		speeds,
		machine: 64 * GIB,
	};
	const machine = { device, capacity: 0.85 * memory, compute, copy, answersEarly: true };
	const shot = { tokens: SMALL, masked: false, passes: 1 };
	const { seconds, plans, error } = await denoise(machine, shot);
	const bound = Math.max((198 * T) / compute, ((48 - resident) * 0.41 * GB) / copy);
	expect([error, plans.length]).toEqual([null, 1]);
	expect(seconds).toBeLessThan(1.15 * bound);
	expect(seconds).toBeGreaterThan(0.99 * bound);
});
