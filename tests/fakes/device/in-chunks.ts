import type { Graph } from '../../../inference-daemon/engines/ltx2/graph/graph.ts';
import type { ElementType } from '../../../inference-daemon/engines/ltx2/graph/onnx.ts';

export type Node = {
	readonly op: string;
	readonly name: string;
	readonly inputs: readonly string[];
	readonly outputs: readonly string[];
	/** Of attention. */
	readonly heads: number;
};

type Shaped = { readonly type: ElementType; readonly shape: readonly number[] };

export type Nodes = {
	readonly list: readonly Node[];
	readonly shapedOf: (name: string) => Shaped | null;
};

export type Chunks = { readonly queryChunk: number; readonly rowChunk: number };

/**
 * The nodes of a block's graph, with attention and the feed-forward layer cut along their tokens:
 * what goes in is sliced, each part goes through all of them, and what comes out is put together.
 */
export function inChunks(graph: Graph, { queryChunk, rowChunk }: Chunks): Nodes {
	const changed = new Map<string, Shaped>();
	const shapedOf = (name: string) => changed.get(name) ?? graph.find(name);
	const list: Node[] = [];
	const nodes = graph.nodes.map(({ op, name, inputs, outputs, attributes }): Node => {
		return { op, name, inputs, outputs, heads: Number(attributes.num_heads ?? 0) };
	});
	const cut = (group: readonly Node[], axis: number, most: number) => {
		const [into, out] = [group[0]!.inputs[0]!, group.at(-1)!.outputs[0]!];
		const rows = shapedOf(into)!.shape[axis]!;
		const count = Math.ceil(rows / most);
		if (count === 1) return list.push(...group);
		const parts: string[] = [];
		for (let i = 0; i < count; i++) {
			const size = Math.min(most, rows - i * most);
			const part = (name: string) => {
				const { type, shape } = shapedOf(name)!;
				const own = shape.map((n, at) => (n === rows && at === shape.indexOf(rows) ? size : n));
				changed.set(`${name} part ${i}`, { type, shape: own });
				return `${name} part ${i}`;
			};
			const renamed = new Map<string, string>();
			const slice = (name: string) => {
				renamed.set(name, part(name));
				const outputs = [renamed.get(name)!];
				list.push({ op: 'Slice', name: `${name} slice`, inputs: [name], outputs, heads: 0 });
			};
			slice(into);
			// A bias has a row for each query.
			for (const { op, inputs } of group) {
				if (op === 'MultiHeadAttention' && inputs[5]) slice(inputs[5]);
			}
			for (const node of group) {
				const inputs = node.inputs.map((name) => renamed.get(name) ?? name);
				const outputs = node.outputs.map((name) => {
					renamed.set(name, part(name));
					return renamed.get(name)!;
				});
				list.push({ ...node, name: `${node.name} part ${i}`, inputs, outputs });
			}
			parts.push(renamed.get(out)!);
		}
		return list.push({
			op: 'Concat',
			name: `${out} whole`,
			inputs: parts,
			outputs: [out],
			heads: 0,
		});
	};
	for (let at = 0; at < nodes.length; at++) {
		const node = nodes[at]!;
		if (node.op === 'MultiHeadAttention') {
			cut([node], 1, queryChunk);
			continue;
		}
		if (!isFeedForward(node) || isWeight(node)) {
			list.push(node);
			continue;
		}
		const end = nodes.findLastIndex((other) => streamOf(other) === streamOf(node));
		const group = nodes.slice(at, end + 1);
		list.push(...group.filter(isWeight));
		cut(
			group.filter((one) => !isWeight(one)),
			0,
			rowChunk,
		);
		at = end;
	}
	return { list, shapedOf };
}

function isFeedForward({ name }: Node): boolean {
	return streamOf({ name }) !== null;
}

/** Which feed-forward layer a node is of. */
function streamOf({ name }: Pick<Node, 'name'>): string | null {
	return /(\w*ff)\.net\./.exec(name)?.[1] ?? null;
}

/** Zeros that stand for weights, and their casts. */
function isWeight({ op, inputs, outputs, name }: Node): boolean {
	return (
		op === 'Expand' ||
		(op === 'Cast' && /Expand/.test(inputs[0]!) && outputs.length === 1) ||
		/weight/.test(name)
	);
}
