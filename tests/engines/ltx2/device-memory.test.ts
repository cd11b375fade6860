import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, describe, expect, it, test } from 'vitest';
import { Graph } from '../../../inference-daemon/engines/ltx2/graph/graph.ts';
import { Scope } from '../../../inference-daemon/engines/ltx2/graph/scope.ts';
import { DeviceMemory } from '../../../inference-daemon/engines/ltx2/runtime/device-memory.ts';
import {
	isOutOfMemory,
	runtimeFailure,
} from '../../../inference-daemon/engines/ltx2/runtime/failures.ts';
import { liveSessions, onSessions } from '../../../inference-daemon/engines/ltx2/runtime/live.ts';
import type { Provider } from '../../../inference-daemon/engines/ltx2/runtime/provider.ts';
import { Session } from '../../../inference-daemon/engines/ltx2/runtime/session.ts';
import { Checkpoint } from '../../../inference-daemon/engines/ltx2/weights/checkpoint.ts';
import { PickupError } from '../../../protocol/errors.ts';
import { bundle, scratchFolder } from './scratch.ts';
import { useSwiftShader } from './swiftshader.ts';

useSwiftShader();

const folder = scratchFolder('memory');
afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(() => expect(liveSessions()).toEqual([]));

/** As people have reported them; the first and both of WebGPU's buffers come up below as well. */
const OUT_OF_MEMORY = [
	"Non-zero status code returned while running Mul node. Name:'Mul' Status Message: std::bad_alloc",
	'Exception during initialization: bad allocation',
	"Non-zero status code returned while running FusedConv node. Name:'Conv_3' Status Message: D:\\a\\_work\\1\\s\\onnxruntime\\core\\framework\\bfc_arena.cc:376 onnxruntime::BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer of size 643840",
	'/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_call.cc:114 onnxruntime::CudaCall CUDA failure 2: out of memory ; GPU=0 ; hostname=DESKTOP ; expr=cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);',
	'onnxruntime::CudaCall CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0 ; hostname=TOBI ; expr=cublasCreate(&cublas_handle_);',
	'CUDNN failure 4002: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED ; GPU=0',
	'WebGPU device error(2): Out of memory',
	'WebGPU validation failed. Buffer size (3185049600) exceeds the max buffer size limit (1073741824).',
	"/mnt/vss/_work/1/s/onnxruntime/core/providers/webgpu/buffer_manager.cc:543\nstatus == wgpu::MapAsyncStatus::Success was false.\nFailed to download data from buffer: Failed to execute 'mapAsync' on 'GPUBuffer':\n[Invalid Buffer (unlabeled)] is invalid due to a previous error.",
	'vkAllocateMemory failed with VK_ERROR_OUT_OF_DEVICE_MEMORY\n    at CheckVkOOMThenSuccessImpl',
	'D3D12 create committed resource failed with E_OUTOFMEMORY (0x8007000E)',
	'BucketizedBufferAllocator.cpp(122)\\onnxruntime_pybind11_state.pyd!00007FFA82D145C8: Exception(1) tid(4790) 8007000E Not enough memory resources are available to complete this operation.',
	'Espresso exception: "Memory error": Memory allocation error 12: 1448370000 bytes status=-4',
	'mmap: Cannot allocate memory',
];

const OTHER = [
	'Failed to get a WebGPU adapter: No supported adapters',
	'WebGPU validation failed. [Buffer (unlabeled)] used in submit while destroyed.',
	'Failed to load library libonnxruntime_providers_cuda.so with error: libcublasLt.so.12: cannot open shared object file: No such file or directory',
	'887A0006 The GPU will not respond to more commands, most likely because of an invalid command passed by the calling application.',
	'Fatal error: NoSuchOperator(-1) is not a registered function/op',
	'transformer block 3: expected x of [2,3], got [2,2]',
	'Invalid array length',
];

test.each(OUT_OF_MEMORY)('memory is missing: %s', (message) => {
	expect(isOutOfMemory(new Error(message))).toBe(true);
	const failure = runtimeFailure('Expected block 3 to run on webgpu', new Error(message));
	expect(failure.toProblem()).toMatchObject({
		code: 'out-of-memory',
		fault: 'machine',
		message: expect.stringMatching(/^Expected block 3 to run on webgpu, but memory ran out: ./),
		action: expect.stringMatching(/smaller size.*close other programs/),
	});
	expect(isOutOfMemory(failure)).toBe(true);
});

test.each(OTHER)('something else is wrong: %s', (message) => {
	expect(isOutOfMemory(new Error(message))).toBe(false);
	const { code } = runtimeFailure('Expected block 3 to run', new Error(message));
	expect(code).toBe('engine-failed');
});

test('a failure that has a code keeps it', () => {
	const known = new PickupError('bad-weights', 'Expected finite weights, out of memory');
	expect(runtimeFailure('Expected more', known)).toBe(known);
	expect(isOutOfMemory(known)).toBe(false);
});

test.each([2 ** 45, 2 ** 52])('JavaScript has no %d bytes', (bytes) => {
	for (const take of [() => new ArrayBuffer(bytes), () => new Float32Array(bytes / 4)]) {
		let thrown: unknown = null;
		try {
			take();
		} catch (error) {
			thrown = error;
		}
		expect(thrown).toBeInstanceOf(RangeError);
		expect(isOutOfMemory(thrown)).toBe(true);
	}
});

/** x [n, 1] · y [1, n]: n² numbers inside, one at the end. */
function square(n: number): Graph {
	const graph = new Graph(`square of ${n}`);
	const m = new Scope(graph, new Checkpoint([]).root);
	const product = m.mul(graph.input('x', [n, 1]), graph.input('y', [1, n]));
	graph.output('z', m.mean(product, [0, 1]));
	return graph;
}

async function meanOf(n: number, provider: Provider): Promise<number> {
	const session = await Session.open(square(n), { provider });
	try {
		const data = new Float32Array(n).fill(2);
		const { z } = await session.run({ x: { data, shape: [n, 1] }, y: { data, shape: [1, n] } });
		return z!.data[0] as number;
	} finally {
		await session.release();
	}
}

describe('Memory runs out', () => {
	it('on a graphics device, which goes on with smaller work', async () => {
		const kept = await Session.open(square(1), { provider: 'webgpu' });
		try {
			for (const n of [40_000, 20_000]) {
				await expect(meanOf(n, 'webgpu')).rejects.toMatchObject({
					code: 'out-of-memory',
					message: expect.stringMatching(
						new RegExp(
							`^Expected square of ${n} to run on webgpu, but memory ran out: .*(size|Buffer)`,
						),
					),
				});
				expect(await meanOf(100, 'webgpu')).toBe(4);
			}
		} finally {
			await kept.release();
		}
		expect(await meanOf(100, 'webgpu')).toBe(4);
	});

	it.runIf(process.platform === 'linux')(
		'in a process that may not have more, which goes on with smaller work',
		async () => {
			const said = await limited(
				6_000_000,
				`
				const found = [];
				for (const n of [100, 40_000, 100]) {
					const graph = new Graph('square of ' + n);
					const m = new Scope(graph, new Checkpoint([]).root);
					const product = m.mul(graph.input('x', [n, 1]), graph.input('y', [1, n]));
					graph.output('z', m.mean(product, [0, 1]));
					const session = await Session.open(graph);
					const data = new Float32Array(n).fill(2);
					const run = session.run({ x: { data, shape: [n, 1] }, y: { data, shape: [1, n] } });
					found.push(await run.then(({ z }) => z.data[0], ({ code, message }) => [code, message]));
					await session.release();
				}
				console.log(JSON.stringify([found, liveSessions()]));
			`,
			);
			const expected = expect.stringMatching(
				/^Expected square of 40000 to run on cpu, but memory ran out: .*std::bad_alloc/,
			);
			expect(said).toEqual([[4, ['out-of-memory', expected], 4], []]);
		},
	);
});

/** What a process says as JSON that may have so many kilobytes of addresses. */
async function limited(kilobytes: number, source: string): Promise<unknown> {
	const ltx2 = '../../../inference-daemon/engines/ltx2';
	const contents = `
		import { Graph } from '${ltx2}/graph/graph.ts';
		import { Scope } from '${ltx2}/graph/scope.ts';
		import { liveSessions } from '${ltx2}/runtime/live.ts';
		import { Session } from '${ltx2}/runtime/session.ts';
		import { Checkpoint } from '${ltx2}/weights/checkpoint.ts';
		${source}
	`;
	const outfile = join(folder, 'limited.mjs');
	await bundle(outfile, { contents });
	const command = `ulimit -v ${kilobytes} && exec "$0" --max-old-space-size=256 "$1"`;
	const { stdout } = await promisify(execFile)('sh', ['-c', command, process.execPath, outfile]);
	return JSON.parse(stdout);
}

describe('Open sessions', () => {
	it('are told by name, from when they open until they are gone', async () => {
		const told: string[] = [];
		const stop = onSessions((names) => told.push(names.join(' + ')));
		const first = await Session.open(square(2));
		const second = await Session.open(square(3));
		expect(liveSessions()).toEqual(['square of 2', 'square of 3']);
		await first.release();
		await second.release();
		stop();
		await (await Session.open(square(4))).release();
		const both = 'square of 2 + square of 3';
		expect(told).toEqual(['square of 2', both, 'square of 3', '']);
	});

	it('are not those that could not open', async () => {
		const graph = new Graph('nonsense');
		const m = new Scope(graph, new Checkpoint([]).root);
		graph.output('y', m.op('NoSuchOperator', [graph.input('x', [1])], [1]));
		await expect(Session.open(graph)).rejects.toMatchObject({ code: 'engine-failed' });
		expect(liveSessions()).toEqual([]);
	});

	it('outlive memory of their device, whose values are of no use afterwards', async () => {
		const graph = new Graph('kept');
		graph.output('y', graph.input('x', [2]));
		const x = { data: Float32Array.of(1, 2), shape: [2] };
		const memory = await DeviceMemory.open('webgpu');
		const held = await memory.hold({ x });
		const session = await Session.open(graph, { provider: 'webgpu' });
		expect((await session.run(held)).y!.data).toEqual(x.data);
		await memory.release();
		await expect(session.run(held)).rejects.toThrow('released before this use');
		expect((await session.run({ x })).y!.data).toEqual(x.data);
		await session.release();
	});
});
