import type { Graph, Shape, Value } from './graph.ts';
import { type Attribute, ELEMENT_TYPES, type ElementType } from './onnx.ts';

/**
 * The operators of a graph. Their nodes are named after a path. They check shapes: an error names the
 * path and both sides.
 */
export class Operators {
	readonly graph: Graph;
	/** Of the module whose nodes they are; '' is the whole network. */
	readonly path: string;

	constructor(graph: Graph, path = '') {
		this.graph = graph;
		this.path = path;
	}

	/** Numbers of our own; a plain number is a scalar. */
	constant(values: number | readonly number[] | Float32Array, shape?: Shape): Value {
		const data = typeof values === 'number' ? Float32Array.of(values) : Float32Array.from(values);
		const dimensions = shape ?? (typeof values === 'number' ? [] : [data.length]);
		return this.graph.constant(this.name('constant'), 'float32', dimensions, data);
	}

	integers(values: readonly number[], shape: Shape = [values.length]): Value {
		const data = BigInt64Array.from(values, BigInt);
		return this.graph.constant(this.name('integers'), 'int64', shape, data);
	}

	// Element by element; shapes are broadcast as NumPy does.

	add(a: Value, b: Value | number): Value {
		return this.#pair('Add', a, b);
	}

	sub(a: Value, b: Value | number): Value {
		return this.#pair('Sub', a, b);
	}

	mul(a: Value, b: Value | number): Value {
		return this.#pair('Mul', a, b);
	}

	div(a: Value, b: Value | number): Value {
		return this.#pair('Div', a, b);
	}

	max(a: Value, b: Value | number): Value {
		return this.#pair('Max', a, b);
	}

	/** One operator that keeps the shape: 'Sigmoid', 'Tanh', 'Exp', 'Log', 'Sqrt', 'Sin', 'Neg', 'Abs', 'Reciprocal'… */
	unary(op: string, x: Value, attributes: Readonly<Record<string, Attribute>> = {}): Value {
		return this.op(op, [x], x.shape, attributes);
	}

	silu(x: Value): Value {
		return this.mul(x, this.unary('Sigmoid', x));
	}

	/** GELU by its tanh approximation. */
	gelu(x: Value): Value {
		return this.unary('Gelu', x, { approximate: 'tanh' });
	}

	clip(x: Value, low: number, high: number): Value {
		return this.op('Clip', [x, this.constant(low), this.constant(high)], x.shape);
	}

	cast(x: Value, type: ElementType): Value {
		if (x.type === type) return x;
		const to = ELEMENT_TYPES[type];
		return this.graph.node(this.path, 'Cast', [x], [{ type, shape: x.shape }], { to })[0]!;
	}

	// Shapes.

	reshape(x: Value, shape: Shape): Value {
		if (size(x.shape) !== size(shape)) {
			throw this.mismatch(`a shape of ${size(x.shape)} elements`, `[${shape}] for [${x.shape}]`);
		}
		if (same(x.shape, shape)) return x;
		return this.op('Reshape', [x, this.integers(shape)], shape);
	}

	transpose(x: Value, order: readonly number[]): Value {
		if (
			[...order].sort((a, b) => a - b).some((axis, i) => axis !== i) ||
			order.length !== x.shape.length
		) {
			throw this.mismatch(`an order of ${x.shape.length} axes`, `[${order}]`);
		}
		const shape = order.map((axis) => x.shape[axis]!);
		return this.op('Transpose', [x], shape, { perm: order });
	}

	concat(values: readonly Value[], axis: number): Value {
		const [first] = values as readonly [Value];
		for (const other of values) {
			const fits =
				other.shape.length === first.shape.length &&
				other.shape.every((n, i) => i === axis || n === first.shape[i]);
			if (!fits) throw this.mismatch(`[${first.shape}] but for axis ${axis}`, `[${other.shape}]`);
		}
		const total = values.reduce((sum, value) => sum + value.shape[axis]!, 0);
		return this.op('Concat', values, resized(first.shape, axis, total), { axis });
	}

	/** Elements `from ≤ i < to` of an axis, every `step`-th. */
	slice(x: Value, axis: number, from: number, to: number, step = 1): Value {
		const length = x.shape[axis] ?? 0;
		if (from < 0 || to > length || to <= from) {
			throw this.mismatch(`a range in 0…${length} of axis ${axis}`, `${from}…${to}`);
		}
		const inputs = [from, to, axis, step].map((n) => this.integers([n]));
		return this.op('Slice', [x, ...inputs], resized(x.shape, axis, Math.ceil((to - from) / step)));
	}

	/** Parts of these lengths along an axis. */
	split(x: Value, axis: number, lengths: readonly number[]): Value[] {
		const total = lengths.reduce((sum, length) => sum + length, 0);
		if (total !== x.shape[axis]) throw this.mismatch(`parts of ${x.shape[axis]}`, `[${lengths}]`);
		const outputs = lengths.map((length) => ({
			type: x.type,
			shape: resized(x.shape, axis, length),
		}));
		const inputs = [x, this.integers(lengths)];
		return this.graph.node(this.path, 'Split', inputs, outputs, { axis });
	}

	expand(x: Value, shape: Shape): Value {
		const got = broadcast(x.shape, shape);
		if (got === null || !same(got, shape)) throw this.mismatch(`[${shape}]`, `[${x.shape}]`);
		return this.op('Expand', [x, this.integers(shape)], shape);
	}

	/** `before` and `after` per axis; mode 'constant' (zeros), 'edge' or 'reflect'. */
	pad(x: Value, before: readonly number[], after: readonly number[], mode = 'constant'): Value {
		if ([...before, ...after].every((n) => n === 0)) return x;
		const shape = x.shape.map((n, i) => n + before[i]! + after[i]!);
		return this.op('Pad', [x, this.integers([...before, ...after])], shape, { mode });
	}

	/** Rows of `table` [n, …] by number; `index` is int64. */
	gather(table: Value, index: Value): Value {
		const shape = [...index.shape, ...table.shape.slice(1)];
		return this.op('Gather', [table, index], shape, { axis: 0 });
	}

	// Sums and products.

	mean(x: Value, axes: readonly number[]): Value {
		return this.reduce('ReduceMean', x, axes);
	}

	/** 'ReduceSum', 'ReduceMax', 'ReduceMin', 'ReduceMean'; reduced axes stay with length 1. */
	reduce(op: string, x: Value, axes: readonly number[]): Value {
		const shape = x.shape.map((n, i) => (axes.includes(i) ? 1 : n));
		return this.op(op, [x, this.integers(axes)], shape, { keepdims: 1 });
	}

	matmul(a: Value, b: Value): Value {
		const [rows, inner] = a.shape.slice(-2);
		const [innerB, columns] = b.shape.slice(-2);
		const outer = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2));
		if (inner !== innerB || outer === null) {
			throw this.mismatch(`[${a.shape}] × […, ${inner}, n]`, `[${b.shape}]`);
		}
		return this.op('MatMul', [a, b], [...outer, rows!, columns!]);
	}

	softmax(x: Value, axis: number): Value {
		return this.unary('Softmax', x, { axis });
	}

	/** x / √(mean x² + epsilon) · scale over the last axis. */
	rmsNorm(x: Value, scale: Value | null, epsilon: number): Value {
		const width = x.shape.at(-1)!;
		const ones = scale ?? this.constant(new Float32Array(width).fill(1));
		if (!same(ones.shape, [width])) throw this.mismatch(`a scale of [${width}]`, `[${ones.shape}]`);
		return this.op('SimplifiedLayerNormalization', [x, ones], x.shape, {
			axis: -1,
			epsilon: { float: epsilon },
			stash_type: 1,
		});
	}

	/** Any other operator with one output. */
	op(
		op: string,
		inputs: readonly (Value | null)[],
		shape: Shape,
		attributes: Readonly<Record<string, Attribute>> = {},
		domain = '',
	): Value {
		const type = inputs.find((input) => input !== null)!.type;
		return this.graph.node(this.path, op, inputs, [{ type, shape }], attributes, domain)[0]!;
	}

	mismatch(expected: string, got: string): Error {
		return new RangeError(`${this.path || this.graph.name}: expected ${expected}, got ${got}`);
	}

	name(what: string): string {
		return this.path === '' ? what : `${this.path}/${what}`;
	}

	#pair(op: string, a: Value, b: Value | number): Value {
		const other = typeof b === 'number' ? this.constant(b) : b;
		const shape = broadcast(a.shape, other.shape);
		if (shape === null)
			throw this.mismatch(`a shape that goes with [${a.shape}]`, `[${other.shape}]`);
		return this.op(op, [a, other], shape);
	}
}

function size(shape: Shape): number {
	return shape.reduce((product, n) => product * n, 1);
}

function same(a: Shape, b: Shape): boolean {
	return a.length === b.length && a.every((n, i) => n === b[i]);
}

/** The shape that both take on together, as NumPy broadcasts; null where they cannot. */
function broadcast(a: Shape, b: Shape): Shape | null {
	const rank = Math.max(a.length, b.length);
	const shape: number[] = [];
	for (let i = 0; i < rank; i++) {
		const m = a[a.length - rank + i] ?? 1;
		const n = b[b.length - rank + i] ?? 1;
		if (m !== n && m !== 1 && n !== 1) return null;
		shape.push(m === 1 ? n : m);
	}
	return shape;
}

function resized(shape: Shape, axis: number, length: number): Shape {
	return shape.map((n, i) => (i === axis ? length : n));
}
