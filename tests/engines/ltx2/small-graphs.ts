import { readFileSync } from 'node:fs';
import { Graph } from '../../../inference-daemon/engines/ltx2/graph/graph.ts';
import { Scope } from '../../../inference-daemon/engines/ltx2/graph/scope.ts';
import { Checkpoint } from '../../../inference-daemon/engines/ltx2/weights/checkpoint.ts';

/** x [side, side] to y: x times itself, so many times over. */
export function power(side: number, times: number, name = 'power'): Graph {
	const graph = new Graph(name);
	const m = new Scope(graph, new Checkpoint([]).root);
	const x = graph.input('x', [side, side]);
	let y = x;
	for (let i = 0; i < times; i++) y = m.matmul(y, x);
	graph.output('y', y);
	return graph;
}

/** From Linux: megabytes of memory of its own. */
export function anonymous(): number {
	const status = readFileSync('/proc/self/status', 'utf8');
	return Number(/RssAnon:\s+(\d+)/.exec(status)![1]) / 1024;
}
