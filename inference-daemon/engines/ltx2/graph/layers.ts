import { INT8_BLOCK } from '../weights/int8.ts';
import type { Value } from './graph.ts';
import type { Operators } from './operators.ts';
import type { Scope } from './scope.ts';

/** x · Wᵀ + b over the last axis; `m` holds `weight` [width, in] and, unless told not, `bias` [width]. */
export function linear(m: Scope, x: Value, width: number, options: { bias?: boolean } = {}): Value {
	const inner = x.shape.at(-1)!;
	const rows = x.shape.slice(0, -1).reduce((product, n) => product * n, 1);
	const flat = m.cast(m.reshape(x, [rows, inner]), m.graph.precision);
	const hasBias = options.bias ?? true;
	const multiply = m.graph.weightInputs === 'int8' ? timesInt8 : timesMatrix;
	const y = addLoras(m, flat, multiply(m, flat, width, hasBias));
	return m.reshape(y, [...x.shape.slice(0, -1), width]);
}

function timesMatrix(m: Scope, x: Value, width: number, hasBias: boolean): Value {
	const [rows, inner] = x.shape as [number, number];
	const weight = m.matrix('weight', [width, inner]);
	const bias = hasBias ? [m.matrix('bias', [width])] : [];
	const product = m.op('Gemm', [x, weight, ...bias], [rows, width], { transB: 1 });
	return m.cast(product, 'float32');
}

/**
 * x · Wᵀ for x of two axes and a W so large that only so many equal parts of it should be there at once as
 * numbers, each after the other.
 */
export function linearInParts(m: Scope, x: Value, width: number, parts: number): Value {
	const [rows, inner] = x.shape as [number, number];
	const each = width / parts;
	if (!Number.isInteger(each)) throw m.mismatch(`a multiple of ${parts} columns`, String(width));
	const flat = m.cast(x, m.graph.precision);
	const products = Array.from({ length: parts }, (_, i) => {
		const weight = m.matrixRows('weight', [width, inner], i * each, (i + 1) * each);
		return m.op('Gemm', [flat, weight], [rows, each], { transB: 1 });
	});
	return addLoras(m, flat, m.cast(m.concat(products, 1), 'float32'));
}

function timesInt8(m: Scope, x: Value, width: number, hasBias: boolean): Value {
	const [rows, inner] = x.shape as [number, number];
	const { data, scales } = m.int8('weight', [width, inner]);
	const inputs = [x, data, m.cast(scales, x.type)];
	const attributes = { K: inner, N: width, bits: 8, block_size: INT8_BLOCK };
	const product = m.op('MatMulNBits', inputs, [rows, width], attributes, 'com.microsoft');
	const y = m.cast(product, 'float32');
	return hasBias ? m.add(y, m.param('bias', [width])) : y;
}

/** y + Σ strength · (x · Aᵀ) · Bᵀ: what LoRAs add to y = x · Wᵀ, for x and y of two axes. */
function addLoras(m: Scope, x: Value, y: Value): Value {
	const [rows, width] = y.shape as [number, number];
	let sum = y;
	const type = m.graph.precision;
	for (const [i, { a, b, strength }] of m.weights.lowRanks('weight').entries()) {
		const down = m.lowRank(a, `lora ${i} down`, type);
		const up = m.lowRank(b, `lora ${i} up`, type);
		const low = m.op('Gemm', [x, down], [rows, a.shape[0]!], { transB: 1 });
		const change = m.op('Gemm', [low, up], [rows, width], { transB: 1 });
		sum = m.add(sum, m.mul(m.cast(change, 'float32'), strength));
	}
	return sum;
}

export type AttentionOptions = {
	readonly heads: number;
	/** Added to the scores, [1 or heads, queries, keys]. */
	readonly bias?: Value | null;
	/** Default 1 / √(width of a head). */
	readonly scale?: number;
};

/** softmax(q · kᵀ · scale + bias) · v for q, k, v [tokens, heads · width]. */
export function attention(
	m: Scope,
	q: Value,
	k: Value,
	v: Value,
	options: AttentionOptions,
): Value {
	const { heads, bias = null, scale } = options;
	const [queries, width] = q.shape as [number, number];
	const [keys] = k.shape as [number];
	if (k.shape[1] !== width || v.shape[0] !== keys || width % heads !== 0) {
		throw m.mismatch(
			`keys and values of width ${width} in ${heads} heads`,
			`[${k.shape}] and [${v.shape}]`,
		);
	}
	const type = m.graph.precision;
	const [bq, bk, bv] = [q, k, v].map((x) => m.cast(m.reshape(x, [1, ...x.shape]), type));
	const attributes = {
		num_heads: heads,
		...(scale === undefined ? {} : { scale: { float: scale } }),
	};
	const inner = v.shape[1]!;
	const part = (from: number, to: number): Value => {
		const own = to - from === queries ? bq! : m.slice(bq!, 1, from, to);
		const seen = bias && (to - from === queries ? bias : m.slice(bias, 1, from, to));
		const mask = seen && m.cast(m.reshape(seen, [1, ...seen.shape]), type);
		const inputs = mask ? [own, bk!, bv!, null, null, mask] : [own, bk!, bv!];
		const shape = [1, to - from, inner];
		const out = m.op('MultiHeadAttention', inputs, shape, attributes, 'com.microsoft');
		return m.reshape(m.cast(out, 'float32'), [to - from, inner]);
	};
	return inChunks(m, queries, m.graph.queryChunk, part);
}

/** `part` of rows `from ≤ i < to`, at most so many at a time, one after the other along the first axis. */
export function inChunks(
	m: Operators,
	rows: number,
	most: number,
	part: (from: number, to: number) => Value,
): Value {
	if (rows <= most) return part(0, rows);
	const starts = Array.from({ length: Math.ceil(rows / most) }, (_, i) => i * most);
	return m.concat(
		starts.map((from) => part(from, Math.min(rows, from + most))),
		0,
	);
}

/** A rotary table: cos and sin, each [tokens, heads or 1, half the width of a head]. */
export type Rotary = { readonly cos: Value; readonly sin: Value };

/** Turns pairs (i, i + half) of each head of x [tokens, heads · width] by the table's angles. */
export function rotate(m: Scope, x: Value, { cos, sin }: Rotary, heads: number): Value {
	const [tokens, inner] = x.shape as [number, number];
	const half = inner / heads / 2;
	const [a, b] = m.split(m.reshape(x, [tokens, heads, 2 * half]), 2, [half, half]) as [
		Value,
		Value,
	];
	const first = m.sub(m.mul(a, cos), m.mul(b, sin));
	const second = m.add(m.mul(b, cos), m.mul(a, sin));
	return m.reshape(m.concat([first, second], 2), [tokens, inner]);
}

export type ConvOptions = {
	/** Per spatial axis; default 1. */
	readonly stride?: readonly number[];
	readonly dilation?: readonly number[];
	/** Before and after, per spatial axis; default 0. */
	readonly pads?: readonly number[];
	readonly groups?: number;
	readonly bias?: boolean;
};

/** Convolution of x [n, in, …] with `weight` [out, in / groups, …kernel] and `bias` [out]. */
export function conv(
	m: Scope,
	x: Value,
	out: number,
	kernel: readonly number[],
	options: ConvOptions = {},
): Value {
	const rank = kernel.length;
	const ones = new Array<number>(rank).fill(1);
	const { stride = ones, dilation = ones, groups = 1 } = options;
	const pads = options.pads ?? new Array<number>(2 * rank).fill(0);
	const [batch, channels] = x.shape as [number, number];
	if (x.shape.length !== rank + 2) throw m.mismatch(`${rank + 2} axes`, `[${x.shape}]`);
	const weight = m.matrix('weight', [out, channels / groups, ...kernel]);
	const bias = (options.bias ?? true) ? m.matrix('bias', [out]) : null;
	const spatial = kernel.map((size, i) => {
		const length = x.shape[i + 2]! + pads[i]! + pads[i + rank]!;
		return Math.floor((length - dilation[i]! * (size - 1) - 1) / stride[i]!) + 1;
	});
	if (spatial.some((n) => n < 1))
		throw m.mismatch(`at least a kernel of [${kernel}]`, `[${x.shape}]`);
	const inputs = [m.cast(x, weight.type), weight, bias].filter((input) => input !== null);
	const y = m.op('Conv', inputs, [batch, out, ...spatial], {
		kernel_shape: kernel,
		strides: stride,
		dilations: dilation,
		pads,
		group: groups,
	});
	return m.cast(y, 'float32');
}
