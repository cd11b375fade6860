import type {
	Graph,
	Precision,
	Value,
} from '../../../inference-daemon/engines/ltx2/graph/graph.ts';
import type { NodeSpec } from '../../../inference-daemon/engines/ltx2/graph/onnx.ts';
import { Operators } from '../../../inference-daemon/engines/ltx2/graph/operators.ts';
import type { NdArray } from '../../../inference-daemon/engines/ltx2/runtime/values.ts';
import { runGraph } from './golden.ts';

/** How far each value goes that a graph holds in float16 where it multiplies in that; NaN counts as infinite. */
export async function halfRange(
	build: (precision: Precision) => Graph,
	inputs: Readonly<Record<string, NdArray>>,
): Promise<ReadonlyMap<string, number>> {
	const whole = build('float32');
	const names = watchHalves(build('float16'), whole);
	const given = Object.fromEntries(whole.inputs.map(({ name }) => [name, inputs[name]!]));
	const found = await runGraph(whole, given);
	return new Map(names.map((name) => [name, largest(found[name]!.data as Float32Array)]));
}

export function overflows(range: ReadonlyMap<string, number>): string[] {
	return [...range].filter(([, most]) => most > LARGEST_HALF).map(([name]) => name);
}

function largest(data: Float32Array): number {
	let most = 0;
	for (const value of data) {
		if (Number.isNaN(value)) return Number.POSITIVE_INFINITY;
		most = Math.max(most, Math.abs(value));
	}
	return most;
}

/** The largest number that float16 holds. */
const LARGEST_HALF = 65_504;

/**
 * Makes everything that `half` holds in float16 an output of `whole`, the same graph built in
 * float32: what is rounded, what the operators give, and the scores inside attention. Processors
 * compute float16 in float32 and would hide what a GPU overflows. Gives the outputs' names.
 */
function watchHalves(half: Graph, whole: Graph): string[] {
	const m = new Operators(whole);
	const watched = new Map<string, Value>();
	for (const name of halves(half)) watched.set(name, find(whole, name));
	for (const node of whole.nodes.filter(({ op }) => op === 'MultiHeadAttention')) {
		watched.set(`${node.name}:scores`, scores(m, node));
	}
	return [...watched].map(([name, value]) => {
		const output = `range/${name}`;
		whole.output(output, m.cast(value, 'float32'));
		return output;
	});
}

/** Names of the float16 values; of one that is another one rounded, that one's. */
function halves(graph: Graph): ReadonlySet<string> {
	const makers = new Map<string, NodeSpec>();
	for (const node of graph.nodes) for (const name of node.outputs) makers.set(name, node);
	const source = (name: string): string => {
		const maker = makers.get(name);
		return maker?.op === 'Cast' ? source(maker.inputs[0]!) : name;
	};
	const names = [...makers.keys()].filter((name) => graph.find(name)?.type === 'float16');
	return new Set(names.map(source));
}

/** q · kᵀ · scale, [heads, queries, keys]. */
function scores(m: Operators, { inputs, attributes }: NodeSpec): Value {
	const heads = attributes.num_heads as number;
	const [q, k] = inputs.slice(0, 2).map((name) => {
		const value = find(m.graph, name);
		const [, tokens, width] = value.shape as [number, number, number];
		const parts = m.reshape(value, [tokens, heads, width / heads]);
		return { parts, width: width / heads };
	}) as [{ parts: Value; width: number }, { parts: Value; width: number }];
	const product = m.matmul(m.transpose(q.parts, [1, 0, 2]), m.transpose(k.parts, [1, 2, 0]));
	const scale = attributes.scale as { float: number } | undefined;
	return m.mul(product, scale?.float ?? 1 / Math.sqrt(q.width));
}

function find(graph: Graph, name: string): Value {
	const value = graph.find(name);
	if (value === null) throw new RangeError(`${graph.name}: expected ${name} in both precisions`);
	return value;
}
