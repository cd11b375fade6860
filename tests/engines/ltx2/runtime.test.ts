import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it, test } from 'vitest';
import { Graph } from '../../../inference-daemon/engines/ltx2/graph/graph.ts';
import { linear } from '../../../inference-daemon/engines/ltx2/graph/layers.ts';
import { Scope } from '../../../inference-daemon/engines/ltx2/graph/scope.ts';
import { DeviceMemory } from '../../../inference-daemon/engines/ltx2/runtime/device-memory.ts';
import { fallbacks } from '../../../inference-daemon/engines/ltx2/runtime/fallbacks.ts';
import {
	Session,
	type SessionOptions,
} from '../../../inference-daemon/engines/ltx2/runtime/session.ts';
import {
	type DeviceValue,
	emptyArray,
} from '../../../inference-daemon/engines/ltx2/runtime/values.ts';
import { Checkpoint } from '../../../inference-daemon/engines/ltx2/weights/checkpoint.ts';
import { PROVIDERS, runGraph } from './golden.ts';
import { bundle, scratchFolder } from './scratch.ts';
import { writeWeights } from './sparse.ts';

const folder = mkdtempSync(join(tmpdir(), 'pickup-runtime-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

type Stored = 'F32' | 'F16' | 'BF16' | 'F8_E4M3';
type Bits = Float32Array | Uint16Array | Uint8Array;

/** The checkpoint of a file with one tensor. */
async function fileWith(name: string, type: Stored, shape: readonly number[], { buffer }: Bits) {
	const path = join(folder, `${Math.random()}.safetensors`);
	await writeWeights(path, { [name]: [type, shape] }, {}, { [name]: new Uint8Array(buffer) });
	return Checkpoint.open(path);
}

/** The upper halves of float32, which is what bfloat16 is. */
function bfloat16(values: Iterable<number>): Uint16Array {
	const bits = new Uint32Array(Float32Array.from(values).buffer);
	return Uint16Array.from(bits, (value) => value >>> 16);
}

const WIDTH = 16;

/** One linear layer, called as a transformer's would be. */
async function layer(data: Bits, type: Stored = 'BF16'): Promise<Graph> {
	const name = 'transformer_blocks.3.attn1.to_q.weight';
	const checkpoint = await fileWith(name, type, [WIDTH, WIDTH], data);
	const graph = new Graph('transformer block 3');
	const m = new Scope(graph, checkpoint.at('transformer_blocks.3.attn1'));
	const x = graph.input('x', [4, WIDTH]);
	graph.output('y', linear(m.at('to_q'), x, WIDTH, { bias: false }));
	checkpoint.check();
	return graph;
}

const values = Array.from({ length: WIDTH * WIDTH }, (_, i) => Math.sin(i) / 4);
const x = { data: Float32Array.from({ length: 4 * WIDTH }, (_, i) => Math.cos(i)), shape: [4, 16] };

const COPIES = { cpu: 'as bytes', webgpu: 'directly', cuda: 'by runs' } as const;
/** WebGPU has none of it. */
const ON_CPU = { cpu: ['bfloat16', 'float8e4m3'], webgpu: [], cuda: [] } as const;

describe.each(PROVIDERS)('on %s', (provider) => {
	it('gives the same numbers through sessions whose outputs stay on the device', async () => {
		const graph = await layer(bfloat16(values));
		let expected = x.data as Float32Array;
		const session = await Session.open(graph, { provider });
		const memory = await DeviceMemory.open(provider);
		const rooms = [await memory.room(graph.outputs), await memory.room(graph.outputs)];
		let { x: kept } = await memory.hold({ x });
		for (let i = 0; i < 4; i++) {
			expected = (await runGraph(graph, { x: { ...x, data: expected } })).y!.data as Float32Array;
			kept = (await session.run({ x: kept! }, { into: rooms[i % 2]! })).y!;
		}
		const { data, shape } = await (kept as DeviceValue).read();
		expect(shape).toEqual([4, WIDTH]);
		expect(apart(data as Float32Array, expected)).toBeLessThan(1e-6);
		const direct = await session.run({ x: kept! });
		expect(direct.y!.shape).toEqual([4, WIDTH]);
		await memory.release();
		await expect(session.run({ x: kept! })).rejects.toThrow('released before');
		await session.release();
	});

	it.each([COPIES[provider], 'by runs'] as const)(
		'keeps what is written %s, of the types that weights have',
		async (copies) => {
			const memory = await DeviceMemory.open(provider, copies);
			for (const type of ['float32', 'uint8', ...ON_CPU[provider]] as const) {
				const spec = { name: 'w', type, shape: [3, 8] };
				const { w } = await memory.room([spec]);
				for (const step of [1, 7]) {
					const from = emptyArray(spec);
					for (let i = 0; i < from.data.length; i++) from.data[i] = (step * i) % 251;
					await memory.write(w!, from);
					expect((await w!.read()).data).toEqual(from.data);
				}
			}
			await memory.release();
		},
	);

	it.each([
		['NaN', 'BF16', bfloat16, Number.NaN],
		['infinity', 'BF16', bfloat16, Number.POSITIVE_INFINITY],
		['NaN', 'F32', (all: number[]) => Float32Array.from(all), Number.NaN],
	] as const)('names the tensor with one %s in %s', async (_, type, store, bad) => {
		const graph = await layer(store(values.with(137, bad)), type);
		const failure = runGraph(graph, { x }, provider);
		await expect(failure).rejects.toMatchObject({
			code: 'bad-weights',
			field: 'transformer_blocks.3.attn1.to_q.weight',
			message: expect.stringMatching(/transformer block 3.*element 137 of transformer_blocks\.3/),
		});
	});

	it('blames numbers that overflow on neither weights nor inputs', async () => {
		const graph = await layer(bfloat16(values.map(() => 3e38)));
		const ones = { data: new Float32Array(4 * WIDTH).fill(1), shape: [4, WIDTH] };
		await expect(runGraph(graph, { x: ones }, provider)).rejects.toMatchObject({
			code: 'engine-failed',
			message: expect.stringContaining('inputs and weights are finite'),
		});
	});

	it('blames inputs that are not finite', async () => {
		const graph = await layer(bfloat16(values));
		const wrong = { ...x, data: x.data.with(5, Number.NaN) };
		await expect(runGraph(graph, { x: wrong }, provider)).rejects.toMatchObject({
			code: 'engine-failed',
			message:
				'Expected finite inputs of transformer block 3, but element 5 of x is NaN or infinite',
		});
	});
});

test.each([
	['F16', Uint16Array.of(0x3c00, 0xfbff, 0x7c01, 0x3c00), 2],
	['F16', Uint16Array.of(0x3c00, 0xfc00, 0x7c01, 0x3c00), 1],
	['F8_E4M3', Uint8Array.of(0x7e, 0xfe, 0x00, 0xff), 3],
] as const)('a %s tensor is searched by its bits', async (type, data, index) => {
	const checkpoint = await fileWith('w', type, [4], data);
	const graph = new Graph('bits');
	graph.output('y', new Scope(graph, checkpoint.root).param('w', [4]));
	await expect(runGraph(graph, {})).rejects.toThrow(`element ${index} of w`);
});

test('a large tensor is searched to its end', async () => {
	const data = new Uint16Array(5_000_003);
	data[5_000_002] = 0x7fc0;
	const checkpoint = await fileWith('w', 'BF16', [data.length], data);
	const graph = new Graph('large');
	graph.output('y', new Scope(graph, checkpoint.root).param('w', [data.length]));
	await expect(runGraph(graph, {})).rejects.toThrow('element 5000002 of w');
});

test('inputs that are missing or misshapen are told by graph and name', async () => {
	const graph = new Graph('adder');
	const a = graph.input('a', [2, 3]);
	graph.output('y', new Scope(graph, new Checkpoint([]).root).add(a, 1));
	const session = await Session.open(graph);
	await expect(session.run({})).rejects.toThrow('adder: expected a of [2,3], got none');
	const narrow = { data: new Float32Array(4), shape: [2, 2] };
	await expect(session.run({ a: narrow })).rejects.toThrow('expected a of [2,3], got [2,2]');
	await session.release();
});

test('a graph that no provider can open is named, with the reason', async () => {
	const graph = new Graph('nonsense');
	const m = new Scope(graph, new Checkpoint([]).root);
	graph.output('y', m.op('NoSuchOperator', [graph.input('x', [1])], [1]));
	await expect(Session.open(graph)).rejects.toMatchObject({
		code: 'engine-failed',
		message: expect.stringMatching(/^Expected nonsense to open on cpu: .*NoSuchOperator/),
	});
});

describe('What fell back to the CPU', () => {
	function graphWith(op: string | null): Graph {
		const graph = new Graph('determinant');
		const m = new Scope(graph, new Checkpoint([]).root);
		const x = graph.input('x', [4, 4]);
		const y = m.matmul(x, x);
		graph.output('y', op === null ? y : m.at('middle').op(op, [y], []));
		return graph;
	}

	it('is the operator that WebGPU lacks', async () => {
		expect(await fallbacks(graphWith('Det'), 'webgpu')).toEqual([
			{ op: 'Det', node: 'middle/Det' },
		]);
	});

	it('is nothing where WebGPU has every operator', async () => {
		expect(await fallbacks(graphWith(null), 'webgpu')).toEqual([]);
	});

	it('can be kept on the device with the rest', async () => {
		const graph = graphWith('Det');
		const x = { data: Float32Array.from({ length: 16 }, (_, i) => Math.sin(i * i)), shape: [4, 4] };
		const session = await Session.open(graph, { provider: 'webgpu' });
		const memory = await DeviceMemory.open('webgpu');
		const { y } = await session.run({ x }, { into: await memory.room(graph.outputs) });
		const expected = await runGraph(graph, { x });
		expect((await (y as DeviceValue).read()).data[0]).toBeCloseTo(expected.y!.data[0] as number, 5);
		await memory.release();
		await session.release();
	});
});

describe('Memory', () => {
	const SIDE = 4096;

	async function large(): Promise<Graph> {
		const data = new Uint16Array(SIDE * SIDE).fill(bfloat16([0.001])[0]!);
		const checkpoint = await fileWith('w.weight', 'BF16', [SIDE, SIDE], data);
		const graph = new Graph('large');
		const m = new Scope(graph, checkpoint.root);
		const rows = graph.input('x', [1, SIDE]);
		let y = linear(m.at('w'), rows, SIDE, { bias: false });
		for (let i = 0; i < 3; i++) y = linear(m.at('w'), y, SIDE, { bias: false });
		graph.output('y', y);
		return graph;
	}

	/** Megabytes of memory of its own that this process has more after than before. */
	async function growth(options: SessionOptions): Promise<[opened: number, afterRun: number]> {
		const graph = await large();
		const rows = { data: new Float32Array(SIDE).fill(1), shape: [1, SIDE] };
		const start = anonymous();
		const session = await Session.open(graph, options);
		const opened = anonymous() - start;
		const { y } = await session.run({ x: rows });
		expect(y!.data[0]).toBeGreaterThan(0);
		const afterRun = anonymous() - start;
		await session.release();
		return [opened, afterRun];
	}

	/** 32 MB of bfloat16 are 64 MB of float32. */
	it('holds no weights that are mapped, before or after a run', async () => {
		await growth({ weights: 'mapped' });
		const [opened, afterRun] = await growth({ weights: 'mapped' });
		expect(opened).toBeLessThan(20);
		expect(afterRun).toBeLessThan(30);
		const [folded] = await growth({ weights: 'folded' });
		expect(folded).toBeGreaterThan(55);
	});

	it('on a device is given back when it is released', async () => {
		const size = 4 * 1024 * 1024;
		const numbers = { data: new Float32Array(size), shape: [size] };
		const kept = await DeviceMemory.open('webgpu');
		const sizes: number[] = [];
		for (let i = 0; i < 12; i++) {
			const memory = await DeviceMemory.open('webgpu');
			await memory.hold({ x: numbers });
			await memory.release();
			sizes.push(status('VmSize'));
		}
		await kept.release();
		// Each is 16 MB.
		expect(sizes.at(-1)! - sizes[2]!).toBeLessThan(40);
	});
});

test('the library is loaded by the first session and leaves nothing behind', async () => {
	const home = await mkdtemp(join(tmpdir(), 'pickup-home-'));
	const runtime = '../../../inference-daemon/engines/ltx2/runtime/session.ts';
	const graph = '../../../inference-daemon/engines/ltx2/graph/graph.ts';
	const contents = `
		import { Session } from '${runtime}';
		import { Graph } from '${graph}';
		const loaded = () =>
			process.report.getReport().sharedObjects.some((path) => path.includes('onnxruntime'));
		const before = loaded();
		const graph = new Graph('nothing');
		graph.output('y', graph.input('x', [1]));
		await (await Session.open(graph)).release();
		console.log(JSON.stringify([before, loaded()]));
	`;
	const scratch = scratchFolder('library');
	const program = join(scratch, 'program.mjs');
	await bundle(program, { contents });
	const { ORT_DISABLE_TELEMETRY: _, ...environment } = process.env;
	const { stdout } = await promisify(execFile)(process.execPath, [program], {
		env: { ...environment, HOME: home, TMPDIR: home },
	});
	await rm(scratch, { recursive: true });
	expect(JSON.parse(stdout)).toEqual([false, true]);
	expect(await readdir(home)).toEqual([]);
	await rm(home, { recursive: true });
});

function anonymous(): number {
	return status('RssAnon');
}

/** From Linux: megabytes. */
function status(field: string): number {
	const found = new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8'));
	return Number(found![1]) / 1024;
}

function apart(a: Float32Array, b: Float32Array): number {
	expect(a.length).toBe(b.length);
	const largest = Math.max(...b.map(Math.abs));
	const differences = [...a].map((value, i) => Math.abs(value - b[i]!));
	expect(differences.every(Number.isFinite)).toBe(true);
	return Math.max(...differences) / largest;
}
