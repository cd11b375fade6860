import { Checkpoint } from '../weights/checkpoint.ts';
import type { Graph, Value } from './graph.ts';
import type { NodeSpec } from './onnx.ts';
import { Scope } from './scope.ts';

/** The largest number that float16 holds. */
export const LARGEST_HALF = 65_504;

/**
 * Makes everything that `half` holds in float16 an output of `whole`, the same graph built in
 * float32: what is rounded, what the operators give, and the scores inside attention. Processors
 * compute float16 in float32 and would hide what a GPU overflows. Gives the outputs' names.
 */
export function watchHalves(half: Graph, whole: Graph): string[] {
	const m = new Scope(whole, new Checkpoint([]).root);
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
function scores(m: Scope, { inputs, attributes }: NodeSpec): Value {
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
