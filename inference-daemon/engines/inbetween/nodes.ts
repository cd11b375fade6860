import { type Motion, sampleGrid } from './motion.ts';

/** Places `unit` luma pixels apart, from the upper left corner to beyond the far edges. */
export type Nodes = { readonly unit: number; readonly columns: number; readonly rows: number };

/** The map that the kernels warp by. */
export function mapFor(width: number, height: number): Nodes {
	const columns = Math.ceil(width / 16) * 2 + 1;
	return { unit: 8, columns: Math.ceil(columns / 4) * 4, rows: Math.ceil(height / 16) * 2 + 2 };
}

/** Where motion is worked out: as fine as the map, but no more than about 180 across. */
export function nodesFor(width: number, height: number): Nodes {
	const map = mapFor(width, height);
	let unit = map.unit;
	while (Math.max(width, height) / unit > 180) unit *= 2;
	if (unit === map.unit) return map;
	const columns = Math.ceil((map.columns * map.unit) / unit) + 1;
	const rows = Math.ceil((map.rows * map.unit) / unit) + 1;
	return { unit, columns: Math.ceil(columns / 4) * 4, rows };
}

/** Motion at each node in full-size pixels (interleaved x, y); zeros where there is none. */
export function motionAtNodes(motion: Motion | null, nodes: Nodes): Float32Array {
	const values = new Float32Array(nodes.columns * nodes.rows * 2);
	if (motion === null) return values;
	const { factor } = motion;
	eachNode(nodes, (index, x, y) => {
		const at = [(x * nodes.unit) / factor, (y * nodes.unit) / factor] as const;
		const [u, v] = sampleGrid(motion.motion, motion.columns, motion.rows, ...at);
		values[index * 2] = u * factor;
		values[index * 2 + 1] = v * factor;
	});
	return values;
}

export function trustAtNodes(motion: Motion, nodes: Nodes): Float32Array {
	const { factor } = motion;
	const pairs = new Float32Array(motion.trust.length * 2);
	motion.trust.forEach((trust, index) => {
		pairs[index * 2] = trust;
	});
	const values = new Float32Array(nodes.columns * nodes.rows);
	eachNode(nodes, (index, x, y) => {
		const at = [(x * nodes.unit) / factor, (y * nodes.unit) / factor] as const;
		values[index] = sampleGrid(pairs, motion.columns, motion.rows, ...at)[0];
	});
	return values;
}

/** The values that stand where each node's motion leads. */
export function atTargets(values: Float32Array, motion: Float32Array, nodes: Nodes): Float32Array {
	const { columns, rows } = nodes;
	const result = new Float32Array(values.length);
	eachNode(nodes, (index, x, y) => {
		const tx = (x + motion[index * 2]! / nodes.unit) * 4 + 4;
		const ty = (y + motion[index * 2 + 1]! / nodes.unit) * 4 + 4;
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
