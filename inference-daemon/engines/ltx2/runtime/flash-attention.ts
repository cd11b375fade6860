import { Graph } from '../graph/graph.ts';
import { attention } from '../graph/layers.ts';
import { Scope } from '../graph/scope.ts';
import { Checkpoint } from '../weights/checkpoint.ts';
import { inTurn } from './onnxruntime.ts';
import { OpenGraph } from './open-graph.ts';
import type { Provider } from './provider.ts';

/**
 * The nodes that WebGPU has to leave to the CPU on this machine. ONNX Runtime's attention for 32
 * and more tokens expects subgroups of 8 or more; where the adapter's are smaller (SwiftShader has
 * 4) it gives wrong numbers and no error. So it is tried once and compared with the CPU.
 */
export async function attentionForCpu(graph: Graph): Promise<readonly string[]> {
	const nodes = graph.nodes.filter(({ op }) => op === 'MultiHeadAttention');
	if (nodes.length === 0) return [];
	tried ??= works();
	return (await tried) ? [] : nodes.map(({ name }) => name);
}

let tried: Promise<boolean> | null = null;

const TOKENS = 64;
const WIDTH = 8;

async function works(): Promise<boolean> {
	const graph = new Graph('attention');
	const x = graph.input('x', [TOKENS, WIDTH]);
	const m = new Scope(graph, new Checkpoint([]).root);
	graph.output('y', attention(m, x, x, x, { heads: 1 }));
	const [cpu, gpu] = await Promise.all([run(graph, 'cpu'), run(graph, 'webgpu')]);
	return cpu.every((value, i) => Math.abs(value - gpu[i]!) < 1e-3);
}

async function run(graph: Graph, provider: Provider): Promise<Float32Array> {
	const x = Float32Array.from({ length: TOKENS * WIDTH }, (_, i) => 2 * Math.sin(i * i));
	const y = new Float32Array(x.length);
	const shape = [TOKENS, WIDTH];
	await inTurn(provider, async () => {
		const open = await OpenGraph.open(graph, provider);
		try {
			await open.run({ x: { data: x, shape } }, { y: { data: y, shape } });
		} finally {
			open.release();
		}
	});
	return y;
}
