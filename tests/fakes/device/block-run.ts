import type { Precision } from '../../../inference-daemon/engines/ltx2/graph/graph.ts';
import type { ValueSpec } from '../../../inference-daemon/engines/ltx2/graph/onnx.ts';
import {
	blocksGraph,
	type TransformerSizes,
} from '../../../inference-daemon/engines/ltx2/networks/transformer.ts';
import type { TransformerConfig } from '../../../inference-daemon/engines/ltx2/networks/transformer-config.ts';
import { Checkpoint } from '../../../inference-daemon/engines/ltx2/weights/checkpoint.ts';
import { inChunks, type Node, type Nodes } from './in-chunks.ts';

/** What one dispatch computes, takes and gives back. Tensors are told by number. */
export type Dispatch = {
	readonly name: string;
	readonly operations: number;
	readonly takes: readonly { readonly tensor: number; readonly bytes: number }[];
	readonly frees: readonly number[];
};

/** A forward pass through one block, as a device sees it. */
export type BlockRun = {
	readonly dispatches: readonly Dispatch[];
	/** The tensors that it leaves: the streams after the block. */
	readonly results: readonly number[];
	/** Bytes of each stream between blocks. */
	readonly streams: readonly number[];
	/** Bytes of what all blocks and passes of a step take alike: tables of angles, the text, the bias. */
	readonly shared: readonly number[];
	/** Bytes of what each forward pass has of its own: rows of the timesteps. */
	readonly own: readonly number[];
	/** Shapes of the block's weights; matrices have two numbers. */
	readonly weights: readonly (readonly number[])[];
};

export type BlockOptions = {
	readonly config: TransformerConfig;
	readonly work: TransformerSizes;
	readonly precision: Precision;
	/** The CPU's take more while they run. */
	readonly kernels: 'cpu' | 'device';
	/** Where attention holds scores of all heads, for the queries that it is given. */
	readonly scores: 'never' | 'with a bias' | 'always';
	/** Whether each matrix is unpacked into 16 bits before it is multiplied. */
	readonly unpacks: boolean;
	/** Most queries of attention and most rows of the feed-forward layer in one go. */
	readonly queryChunk: number;
	readonly rowChunk: number;
};

/**
 * Reads the graph of a real block, node by node: a tensor is there from the node that makes it until
 * the last one that takes it; Reshape and Identity make none, and what is computed element by element
 * takes the place of an input that nothing else wants.
 */
export function blockRun(options: BlockOptions): BlockRun {
	const { config, work, precision } = options;
	const graph = blocksGraph({ weights: new Checkpoint([]).at(''), config, work, precision }, 0);
	const nodes = inChunks(graph, options);
	const { weights, made } = weightsAmong(nodes);
	const computing = nodes.list.filter(({ outputs }) => !made.has(outputs[0]!));
	const named = (pattern: RegExp) =>
		graph.inputs.filter(({ name }) => pattern.test(name)).map(bytesOf);
	const results = graph.outputs.map(({ name }) => name);
	return {
		...tensorsOf({ ...nodes, list: asRun(computing) }, results, options),
		streams: named(/\.hidden$/),
		shared: named(/cos$|sin$|\.context$|\.bias$|\.rows$/),
		own: named(/ada$|gate$/),
		weights,
	};
}

/** Of a checkpoint without files zeros stand for weights, some of them cast. */
function weightsAmong({ list, shapedOf }: Nodes) {
	const made = new Set<string>();
	const weights: (readonly number[])[] = [];
	for (const { op, inputs, outputs } of list) {
		if (op === 'Expand') weights.push(shapedOf(outputs[0]!)!.shape);
		if (op === 'Expand' || (op === 'Cast' && made.has(inputs[0]!))) made.add(outputs[0]!);
	}
	return { weights, made };
}

/**
 * The order in which ONNX Runtime runs nodes: from the outputs backwards, of several inputs the one
 * made last first (graph.cc, ReverseDFSFrom). What depends on no other work, as the rows that tokens
 * take of a table, so comes before everything else and waits.
 */
function asRun(list: readonly Node[]): readonly Node[] {
	const makers = new Map(list.flatMap(({ outputs }, at) => outputs.map((name) => [name, at])));
	const used = new Set(list.flatMap(({ inputs }) => inputs));
	const stack = list.flatMap((node, at) =>
		node.outputs.some((name) => used.has(name)) ? [] : [{ at, isDone: false }],
	);
	const seen = new Set<number>();
	const order: Node[] = [];
	for (let top = stack.pop(); top; top = stack.pop()) {
		const { at, isDone } = top;
		if (isDone) order.push(list[at]!);
		if (isDone || seen.has(at)) continue;
		seen.add(at);
		stack.push({ at, isDone: true });
		const before = list[at]!.inputs.flatMap((name) => makers.get(name) ?? []);
		for (const maker of [...new Set(before)].sort((a, b) => a - b)) {
			stack.push({ at: maker, isDone: false });
		}
	}
	return order;
}

const IN_PLACE = new Set(['Add', 'Sub', 'Mul', 'Div', 'Sigmoid']);
const SAME = new Set(['Reshape', 'Identity']);

function tensorsOf(
	{ list, shapedOf }: Nodes,
	results: readonly string[],
	options: BlockOptions,
): Pick<BlockRun, 'dispatches' | 'results'> {
	const places = new Map<string, number>();
	const sizes: number[] = [];
	const ends = endsOf(list);
	const steps: { name: string; operations: number; takes: number[]; scratch: number[] }[] = [];
	const frees: number[][] = [];
	const last = new Map<number, number>();
	const fresh = (bytes: number) => sizes.push(bytes) - 1;
	for (const node of list) {
		const { op, inputs, outputs } = node;
		const from = inputs.map((name) => places.get(name));
		if (SAME.has(op)) {
			if (from[0] !== undefined) places.set(outputs[0]!, from[0]);
			continue;
		}
		const at = steps.length;
		const takes: number[] = [];
		for (const output of outputs) {
			const bytes = bytesOf(shapedOf(output)!);
			const spare = from.find(
				(tensor) =>
					tensor !== undefined &&
					sizes[tensor] === bytes &&
					IN_PLACE.has(op) &&
					lastTaker(tensor, places, ends) <= list.indexOf(node),
			);
			const tensor = spare ?? fresh(bytes);
			if (spare === undefined) takes.push(tensor);
			places.set(output, tensor);
		}
		const scratch = scratchOf(node, shapedOf, options).map(fresh);
		steps.push({ name: node.name, operations: operationsOf(node, shapedOf), takes, scratch });
		frees.push([...scratch]);
		const touched = [...from, ...outputs.map((name) => places.get(name))];
		for (const tensor of touched) if (tensor !== undefined) last.set(tensor, at);
	}
	const kept = results.map((name) => places.get(name)!);
	for (const [tensor, at] of last) if (!kept.includes(tensor)) frees[at]!.push(tensor);
	const dispatches = steps.map(({ name, operations, takes, scratch }, at) => {
		const all = [...takes, ...scratch].map((tensor) => ({ tensor, bytes: sizes[tensor]! }));
		return { name, operations, takes: all, frees: frees[at]! };
	});
	return { dispatches, results: kept };
}

/** By which node each value is taken last. */
function endsOf(list: readonly Node[]): ReadonlyMap<string, number> {
	return new Map(list.flatMap(({ inputs }, at) => inputs.map((name) => [name, at] as const)));
}

function lastTaker(
	tensor: number,
	places: ReadonlyMap<string, number>,
	ends: ReadonlyMap<string, number>,
): number {
	const names = [...places].filter(([, place]) => place === tensor);
	return Math.max(...names.map(([name]) => ends.get(name) ?? 0));
}

function operationsOf({ op, inputs, outputs }: Node, shapedOf: Nodes['shapedOf']): number {
	const out = product(shapedOf(outputs[0]!)!.shape);
	if (op === 'Gemm') return 2 * out * shapedOf(inputs[0]!)!.shape[1]!;
	// Scores, and values by scores.
	return op === 'MultiHeadAttention' ? 4 * out * shapedOf(inputs[1]!)!.shape[1]! : 0;
}

/**
 * Bytes that a node takes while it runs: attention has its inputs once more, by heads, and on the CPU
 * its result; the CPU's GELU has a buffer of its own.
 */
function scratchOf(node: Node, shapedOf: Nodes['shapedOf'], options: BlockOptions): number[] {
	const { op, inputs, outputs, heads } = node;
	const bytes = (name: string) => bytesOf(shapedOf(name)!);
	const ofResult = options.kernels === 'cpu' ? [bytes(outputs[0]!)] : [];
	if (op === 'Gelu') return ofResult;
	if (op === 'Gemm' && options.unpacks) return [2 * product(shapedOf(inputs[1]!)!.shape)];
	if (op !== 'MultiHeadAttention') return [];
	const byHeads = [...inputs.slice(0, 3).map(bytes), ...ofResult];
	const hasBias = inputs.length > 5;
	const isWhole = options.scores === 'always' || (options.scores === 'with a bias' && hasBias);
	const [queries, keys] = inputs.map((name) => shapedOf(name)?.shape[1] ?? 0) as [number, number];
	return isWhole ? [...byHeads, 4 * heads * queries * keys] : byHeads;
}

const BYTES: Readonly<Record<string, number>> = {
	float32: 4,
	float16: 2,
	bfloat16: 2,
	int64: 8,
};

function bytesOf({ type, shape }: Pick<ValueSpec, 'type' | 'shape'>): number {
	return product(shape) * BYTES[type]!;
}

function product(shape: readonly number[]): number {
	return shape.reduce((all, n) => all * n, 1);
}
