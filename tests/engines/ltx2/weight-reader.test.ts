import { mkdtemp, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Graph } from '../../../inference-daemon/engines/ltx2/graph/graph.ts';
import { Scope } from '../../../inference-daemon/engines/ltx2/graph/scope.ts';
import { Checkpoint } from '../../../inference-daemon/engines/ltx2/weights/checkpoint.ts';
import { halfValue } from '../../../inference-daemon/engines/ltx2/weights/floats.ts';
import { dequantise } from '../../../inference-daemon/engines/ltx2/weights/int8.ts';
import {
	isScale,
	type Stored,
	type StoredInt8,
	shapeOf,
} from '../../../inference-daemon/engines/ltx2/weights/quantise.ts';
import {
	type WeightFormat,
	weightArrays,
} from '../../../inference-daemon/engines/ltx2/weights/weight-arrays.ts';
import { WeightReader } from '../../../inference-daemon/engines/ltx2/weights/weight-reader.ts';
import { errorOf, goldenPath, runGraph } from './golden.ts';
import { type Entries, writeWeights } from './sparse.ts';

let folder: string;
const reader = new WeightReader(2);
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'pickup weight reader '));
});
afterAll(async () => {
	await reader.close();
	await rm(folder, { recursive: true });
});

let count = 0;
async function fileWith(entries: Entries, data: Readonly<Record<string, NodeJS.TypedArray>>) {
	const path = join(folder, `${count++}.safetensors`);
	const bytes = Object.entries(data).map(([name, { buffer, byteOffset, byteLength }]) => [
		name,
		new Uint8Array(buffer, byteOffset, byteLength),
	]);
	await writeWeights(path, entries, {}, Object.fromEntries(bytes));
	return Checkpoint.open(path);
}

function storedOf(checkpoint: Checkpoint, name: string): Stored {
	return checkpoint.take(name, checkpoint.shape(name)!)!;
}

async function read(stored: Stored | StoredInt8, format: WeightFormat) {
	const arrays = weightArrays(stored, format);
	await reader.read(stored, format, arrays);
	return arrays as { data: Float32Array; scales: Float32Array };
}

/** From 0 to 1, the same ones for a seed (Numerical Recipes, "ranqd1"). */
function randoms(seed: number): () => number {
	let state = seed;
	return () => {
		state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
		return state / 2 ** 32;
	};
}

/** About as weights are spread. */
function normals(length: number, seed: number): Float32Array {
	const random = randoms(seed);
	return Float32Array.from(
		{ length },
		() => 0.02 * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
	);
}

/** Every matrix in a checkpoint, as ONNX Runtime makes it out of the file. */
async function byGraph(checkpoint: Checkpoint, names: readonly string[]) {
	const graph = new Graph('weights');
	for (const name of names) {
		const scope = new Scope(graph, checkpoint.root);
		const value = scope.param(name, checkpoint.shape(name)!);
		graph.output(`${name} whole`, value);
		graph.output(`${name} half`, scope.cast(value, 'float16'));
		graph.output(`${name} bfloat`, scope.cast(scope.cast(value, 'bfloat16'), 'float32'));
	}
	checkpoint.check();
	return runGraph(graph, {});
}

async function expectSame(checkpoint: Checkpoint, names: readonly string[]): Promise<void> {
	const expected = await byGraph(checkpoint, names);
	for (const name of names) {
		const stored = storedOf(checkpoint, name);
		const { data } = await read(stored, 'float32');
		expectSameBits(data, expected[`${name} whole`]!.data);
		const half = await read(stored, 'float16');
		expectSameBits(half.data, expected[`${name} half`]!.data);
		const bfloat = await read(stored, 'bfloat16');
		const bits = Uint32Array.from(bfloat.data, (one) => one << 16);
		expectSameBits(new Float32Array(bits.buffer), expected[`${name} bfloat`]!.data);
	}
}

/** Millions of them, for which a matcher would take minutes. */
function expectSameBits(got: NodeJS.TypedArray, expected: NodeJS.TypedArray): void {
	const [a, b] = [got, expected].map(({ buffer, byteOffset, byteLength }) =>
		Buffer.from(buffer, byteOffset, byteLength),
	);
	expect(got.constructor).toBe(expected.constructor);
	expect(got.length).toBe(expected.length);
	if (a!.equals(b!)) return;
	const place = got.findIndex((one: number | bigint, i: number) => !Object.is(one, expected[i]));
	expect({ place, value: got[place] }).toEqual({ place, value: expected[place] });
}

describe('numbers are those that graphs make', () => {
	it.each(['quant-fp8', 'quant-nvfp4'])('of every matrix in %s', async (network) => {
		const checkpoint = await Checkpoint.open(goldenPath(network));
		const names = [...checkpoint.names()].filter((name) => !isScale(name));
		const kinds = new Set(names.map((name) => storedOf(checkpoint, name).kind));
		expect(kinds).toContain(network.slice('quant-'.length));
		await expectSame(checkpoint, names);
	});

	it('of four bits whose input is multiplied first, over several tiles and parts', async () => {
		const random = randoms(3);
		const [rows, columns] = [1300, 4096];
		const bytes = (length: number, most: number) =>
			Uint8Array.from({ length }, () => Math.floor(random() * most));
		const checkpoint = await fileWith(
			{
				'a.weight': ['U8', [rows, columns / 2]],
				'a.weight_scale': ['F8_E4M3', [1408, columns / 16]],
				'a.weight_scale_2': ['F32', []],
				'a.pre_quant_scale': ['BF16', [columns]],
			},
			{
				'a.weight': bytes((rows * columns) / 2, 256),
				'a.weight_scale': bytes((1408 * columns) / 16, 0x50),
				'a.weight_scale_2': Float32Array.of(0.0123),
				'a.pre_quant_scale': Uint16Array.from({ length: columns }, (_, i) => 0x3f00 + (i % 200)),
			},
		);
		await expectSame(checkpoint, ['a.weight']);
	});

	it('of eight bits with a scale for each row', async () => {
		const random = randoms(4);
		const checkpoint = await fileWith(
			{ 'a.weight': ['F8_E4M3', [70, 33]], 'a.scale_weight': ['BF16', [70, 1]] },
			{
				'a.weight': Uint8Array.from({ length: 70 * 33 }, () => Math.floor(random() * 127)),
				'a.scale_weight': Uint16Array.from({ length: 70 }, (_, i) => 0x3e00 + i),
			},
		);
		await expectSame(checkpoint, ['a.weight']);
	});

	it.each([
		['F16', 16, 0x7c00],
		['BF16', 16, 0x7f80],
		['F8_E4M3', 8, 0x7f],
	] as const)('of every finite code of %s', async (type, bits, exponent) => {
		const codes = Array.from({ length: 1 << bits }, (_, code) => code);
		const finite = codes.filter((code) => (code & exponent) !== exponent);
		// What float16 cannot hold is refused.
		const fit = type === 'BF16' ? finite.filter((code) => (code & 0x7fff) < 0x477f) : finite;
		const data = bits === 8 ? Uint8Array.from(fit) : Uint16Array.from(fit);
		await expectSame(await fileWith({ w: [type, [fit.length]] }, { w: data }), ['w']);
	});

	it('of float32 around every limit of the others, and of any number of axes', async () => {
		const limits = [2 ** -14, 2 ** -24, 2 ** -25, 2 ** -126, 1, 1 + 2 ** -11, 65_504, 2 ** -149];
		const around = limits.flatMap((limit) =>
			[1, 1.0001, 0.9999, 1.5, 0.25, -1, -1.00001].map((times) => Math.min(limit * times, 65_519)),
		);
		const spread = normals(3 * 5 * 7 * 9, 6);
		const checkpoint = await fileWith(
			{
				a: ['F32', [around.length]],
				b: ['F32', [3, 5, 7, 9]],
				c: ['F32', []],
				d: ['F32', [1, 4_500_000]],
			},
			{ a: Float32Array.from(around), b: spread, c: Float32Array.of(-0.3) },
		);
		await expectSame(checkpoint, ['a', 'b', 'c', 'd']);
	});
});

describe('int8', () => {
	const [rows, columns] = [700, 1000];

	it.each([1, 3e-3, 1e-4, 1e-6, 1e5])(
		'is off by half a scale at most, weights times %d',
		async (times) => {
			const weights = normals(rows * columns, 1).map((one) => one * times);
			// A block of zeros, and one whose largest number stands alone.
			weights.fill(0, 0, 32);
			weights.fill(0, 32, 64);
			weights[40] = -times;
			const checkpoint = await fileWith({ w: ['F32', [rows, columns]] }, { w: weights });
			const { data, scales } = await read(storedOf(checkpoint, 'w'), 'int8');
			const found = new Float32Array(weights.length);
			dequantise(data as unknown as Uint8Array, scales, columns, found);
			const across = Math.ceil(columns / 32);
			const wrong = weights.findIndex((weight, i) => {
				const scale = scales[Math.floor(i / columns) * across + Math.floor((i % columns) / 32)]!;
				return !(Math.abs(weight - found[i]!) <= (scale / 2) * (1 + 1e-6));
			});
			expect(wrong).toBe(-1);
			expect([scales[0], found[5]]).toEqual([0, 0]);
			const halves = await read(
				storedOf(await fileWith({ s: ['F32', [scales.length]] }, { s: scales }), 's'),
				'float16',
			);
			expect(Float32Array.from(halves.data, halfValue)).toEqual(new Float32Array(scales));
			const codes = data as unknown as Uint8Array;
			expect(codes.includes(0)).toBe(false);
			// 1000 columns end 8 into a block.
			expect([...codes.subarray(31 * 32 + 8, 32 * 32)]).toEqual(Array(24).fill(128));
		},
	);

	it('multiplies in MatMulNBits as the numbers that it stands for', async () => {
		const checkpoint = await fileWith(
			{ w: ['F32', [rows, columns]] },
			{ w: normals(rows * columns, 2) },
		);
		const { data, scales } = await read(storedOf(checkpoint, 'w'), 'int8');
		const found = new Float32Array(rows * columns);
		dequantise(data as unknown as Uint8Array, scales, columns, found);
		const across = Math.ceil(columns / 32);
		const graph = new Graph('product');
		const m = new Scope(graph, checkpoint.root);
		const x = graph.input('x', [5, columns]);
		const [product] = graph.node(
			'product',
			'MatMulNBits',
			[x, graph.input('data', [rows, across, 32], 'uint8'), graph.input('scales', [rows * across])],
			[{ type: 'float32', shape: [5, rows] }],
			{ K: columns, N: rows, bits: 8, block_size: 32 },
			'com.microsoft',
		);
		graph.output('y', product!);
		const plain = m.op('Gemm', [x, graph.input('w', [rows, columns])], [5, rows], { transB: 1 });
		graph.output('expected', plain);
		const { y, expected } = await runGraph(graph, {
			x: { data: normals(5 * columns, 9), shape: [5, columns] },
			data: { data, shape: [rows, across, 32] },
			scales: { data: scales, shape: [rows * across] },
			w: { data: found, shape: [rows, columns] },
		});
		expect(errorOf(y!, expected!)).toBeLessThan(2e-6);
	});

	it('that is prepared is read as it is, and as the numbers that it stands for', async () => {
		const weights = await fileWith(
			{ w: ['F32', [rows, columns]] },
			{ w: normals(rows * columns, 2) },
		);
		const { data, scales } = await read(storedOf(weights, 'w'), 'int8');
		const halves = await read(
			storedOf(await fileWith({ s: ['F32', [scales.length]] }, { s: scales }), 's'),
			'float16',
		);
		const across = Math.ceil(columns / 32);
		const file = await fileWith(
			{ data: ['U8', [rows, across, 32]], scales: ['F16', [rows, across]] },
			{ data: Uint8Array.from(data), scales: Uint16Array.from(halves.data) },
		);
		const stored: StoredInt8 = {
			kind: 'int8',
			tensor: file.find('data')!,
			scales: file.find('scales')!,
			shape: [rows, columns],
		};
		expect(shapeOf(stored)).toEqual([rows, columns]);
		const again = await read(stored, 'int8');
		expectSameBits(again.data, data);
		expectSameBits(again.scales, scales);
		const found = new Float32Array(rows * columns);
		dequantise(data as unknown as Uint8Array, scales, columns, found);
		expectSameBits((await read(stored, 'float32')).data, found);
	});
});

describe('what cannot be read', () => {
	it.each([
		[Number.NaN, 'float32', 'NaN or infinite'],
		[Number.POSITIVE_INFINITY, 'int8', 'NaN or infinite'],
		[Number.NaN, 'int8', 'NaN or infinite'],
		[-9e6, 'int8', '-9000000, beyond'],
		[Number.NEGATIVE_INFINITY, 'bfloat16', 'NaN or infinite'],
		[70_000, 'float16', '70000, beyond 65504'],
	] as const)('%d for %s is told by its place', async (value, format, why) => {
		const numbers = normals(100 * 70, 1);
		numbers[70 * 41 + 13] = value;
		const type = format === 'float32' ? 'BF16' : 'F32';
		const data =
			type === 'F32'
				? numbers
				: Uint16Array.from(new Uint32Array(numbers.buffer), (one) => one >>> 16);
		const checkpoint = await fileWith({ 'a.weight': [type, [100, 70]] }, { 'a.weight': data });
		const failure = read(storedOf(checkpoint, 'a.weight'), format);
		await expect(failure).rejects.toMatchObject({
			code: 'bad-weights',
			field: 'a.weight',
			message: `Expected finite weights, but element ${70 * 41 + 13} of a.weight in ${checkpoint.files[0]!.path} is ${why}${why.endsWith('beyond') ? ' 8323071' : ''}`,
		});
	});

	it('is told where the file was cut meanwhile, and where it went', async () => {
		const checkpoint = await fileWith({ w: ['F32', [3000, 4000]] }, {});
		const stored = storedOf(checkpoint, 'w');
		await truncate(stored.tensor.path, 20_000_000);
		for (const format of ['float32', 'int8'] as const) {
			await expect(read(stored, format)).rejects.toMatchObject({
				code: 'bad-weights',
				message: expect.stringContaining('all of w, got 20000000 bytes'),
			});
		}
		await rm(stored.tensor.path);
		await expect(read(stored, 'int8')).rejects.toThrow(/ENOENT.*safetensors/);
	});

	it('whole numbers are no weights', async () => {
		const checkpoint = await fileWith({ w: ['I32', [4]] }, {});
		const failure = read(storedOf(checkpoint, 'w'), 'float32');
		await expect(failure).rejects.toThrow('floats in w, got I32');
	});

	it('arrays of another size, type or memory are refused', async () => {
		const checkpoint = await fileWith({ w: ['F32', [4, 40]] }, {});
		const stored = storedOf(checkpoint, 'w');
		const { data, scales } = weightArrays(stored, 'int8');
		const wrong = [
			{ data },
			{ data: data.subarray(1), scales: scales! },
			{ data: new Uint8Array(data.length), scales: scales! },
			{ data: new Uint16Array(new SharedArrayBuffer(2 * data.length)), scales: scales! },
		];
		for (const into of wrong) {
			await expect(reader.read(stored, 'int8', into)).rejects.toThrow(RangeError);
		}
	});
});

describe('threads', () => {
	it('share tensors that are read at once', async () => {
		const names = Array.from({ length: 12 }, (_, i) => `w${i}`);
		const weights = names.map((_, i) => normals(300 * 64, i + 1));
		const checkpoint = await fileWith(
			Object.fromEntries(names.map((name) => [name, ['F32', [300, 64]] as const])),
			Object.fromEntries(names.map((name, i) => [name, weights[i]!])),
		);
		const all = names.map((name) => read(storedOf(checkpoint, name), 'float32'));
		expect((await Promise.all(all)).map(({ data }) => data)).toEqual(weights);
	});

	it('stop where they are told to, and go on with the next tensor', async () => {
		const checkpoint = await fileWith({ big: ['F32', [6000, 8192]], w: ['F32', [3]] }, {});
		const big = storedOf(checkpoint, 'big');
		const arrays = weightArrays(big, 'int8');
		const stop = new AbortController();
		const reading = reader.read(big, 'int8', arrays, stop.signal);
		stop.abort(new Error('enough'));
		await expect(reading).rejects.toThrow('enough');
		const last = arrays.data.at(-1);
		expect(last).toBe(0);
		expect((await read(storedOf(checkpoint, 'w'), 'float32')).data).toEqual(new Float32Array(3));
		await expect(reader.read(big, 'int8', arrays, stop.signal)).rejects.toThrow('enough');
	});

	it('end with their reader, and so does what they read', async () => {
		const checkpoint = await fileWith({ big: ['F32', [6000, 8192]] }, {});
		const big = storedOf(checkpoint, 'big');
		const own = new WeightReader(1);
		const reading = own.read(big, 'int8', weightArrays(big, 'int8'));
		const closing = own.close();
		await expect(reading).rejects.toThrow('Reading big ended before all was read');
		await closing;
		await expect(own.read(big, 'int8', weightArrays(big, 'int8'))).rejects.toThrow('big ended');
	});
});
