import { Graph } from '../graph/graph.ts';
import { attention } from '../graph/layers.ts';
import { Scope } from '../graph/scope.ts';
import { Checkpoint } from '../weights/checkpoint.ts';
import { networksThread } from './networks-thread.ts';
import type { Output } from './orders.ts';

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

async function run(graph: Graph, provider: string): Promise<Float32Array> {
	const thread = networksThread();
	const settings = { executionProviders: [provider], logSeverityLevel: 4 } as const;
	const { session } = await thread.order({
		kind: 'open',
		graph: graph.encode(),
		provider,
		settings,
	});
	try {
		const data = Float32Array.from({ length: TOKENS * WIDTH }, (_, i) => 2 * Math.sin(i * i));
		const x = { type: 'float32', data, shape: [TOKENS, WIDTH] } as const;
		const given = await thread.order({
			kind: 'run',
			session,
			inputs: { x },
			outputs: 'come',
			isWatched: false,
		});
		const { y } = (given as { outputs: Record<string, Output> }).outputs;
		return (y as { data: Float32Array }).data;
	} finally {
		await thread.order({ kind: 'close', session });
	}
}
