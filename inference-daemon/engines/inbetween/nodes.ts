import { type Motion, sampleGrid } from './scene.ts';

/** Pixels of luma between nodes, as the kernels have it. */
const NODE = 8;

/** The nodes that full-size maps have: one every 8 luma pixels and some beyond the far edges. */
export type Nodes = { readonly columns: number; readonly rows: number };

export function nodesFor(width: number, height: number): Nodes {
	const columns = Math.ceil(width / 16) * 2 + 1;
	return { columns: Math.ceil(columns / 4) * 4, rows: Math.ceil(height / 16) * 2 + 2 };
}

/** Motion at each node in full-size pixels (interleaved x, y); zeros where there is none. */
export function motionAtNodes(motion: Motion | null, nodes: Nodes, factor: number): Float32Array {
	const values = new Float32Array(nodes.columns * nodes.rows * 2);
	if (motion === null) return values;
	eachNode(nodes, (index, x, y) => {
		const at = [(x * NODE) / factor, (y * NODE) / factor] as const;
		const [u, v] = sampleGrid(motion.motion, motion.columns, motion.rows, ...at);
		values[index * 2] = u * factor;
		values[index * 2 + 1] = v * factor;
	});
	return values;
}

export function trustAtNodes(motion: Motion, nodes: Nodes, factor: number): Float32Array {
	const pairs = new Float32Array(motion.trust.length * 2);
	motion.trust.forEach((trust, index) => {
		pairs[index * 2] = trust;
	});
	const values = new Float32Array(nodes.columns * nodes.rows);
	eachNode(nodes, (index, x, y) => {
		const at = [(x * NODE) / factor, (y * NODE) / factor] as const;
		values[index] = sampleGrid(pairs, motion.columns, motion.rows, ...at)[0];
	});
	return values;
}

/** The values that stand where each node's motion leads. */
export function atTargets(values: Float32Array, motion: Float32Array, nodes: Nodes): Float32Array {
	const { columns, rows } = nodes;
	const result = new Float32Array(values.length);
	eachNode(nodes, (index, x, y) => {
		const tx = (x + motion[index * 2]! / NODE) * 4 + 4;
		const ty = (y + motion[index * 2 + 1]! / NODE) * 4 + 4;
		const [u, v] = sampleGrid(values, columns, rows, tx, ty);
		result[index * 2] = u;
		result[index * 2 + 1] = v;
	});
	return result;
}

function eachNode(nodes: Nodes, visit: (index: number, x: number, y: number) => void): void {
	for (let y = 0, index = 0; y < nodes.rows; y++) {
		for (let x = 0; x < nodes.columns; x++, index++) visit(index, x, y);
	}
}
