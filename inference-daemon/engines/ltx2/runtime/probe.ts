import { PickupError } from '../../../../protocol/errors.ts';
import { Graph, type Precision } from '../graph/graph.ts';
import { attention } from '../graph/layers.ts';
import { Scope } from '../graph/scope.ts';
import { Checkpoint } from '../weights/checkpoint.ts';
import { fallbacks } from './fallbacks.ts';
import { onnxRuntime, reasonOf, useLibraryOf } from './onnxruntime.ts';
import type { Provider } from './provider.ts';
import { Session } from './session.ts';

/** What a provider can do here. */
export type Finding = {
	/** In which matrices multiply and give what they give on the CPU; none where it does not work. */
	readonly precisions: readonly Precision[];
	/** Why float32 does not work; null where it does. */
	readonly reason: string | null;
};

/** Largest difference from the CPU, relative to the largest number. */
const LARGEST_ERROR: Readonly<Record<Precision, number>> = {
	float32: 1e-3,
	float16: 2e-2,
	bfloat16: 5e-2,
};

const TOKENS = 8;
const WIDTH = 64;

/**
 * Runs a small network with a provider, in each precision, and compares it with the CPU. A driver
 * may end the process or never answer: this belongs in a process of its own.
 */
export async function probe(provider: Provider): Promise<Finding> {
	try {
		useLibraryOf(provider);
		onnxRuntime();
	} catch (error) {
		return { precisions: [], reason: reasonOf(error) };
	}
	const expected = await output('float32', 'cpu');
	const reason = await problemOf(provider, 'float32', expected);
	if (reason !== null) return { precisions: [], reason };
	const precisions: Precision[] = ['float32'];
	for (const precision of ['float16', 'bfloat16'] as const) {
		if ((await problemOf(provider, precision, expected)) === null) precisions.push(precision);
	}
	return { precisions, reason };
}

async function problemOf(
	provider: Provider,
	precision: Precision,
	expected: Float32Array,
): Promise<string | null> {
	try {
		const error = apart(await output(precision, provider), expected);
		if (!(error <= LARGEST_ERROR[precision])) {
			return `it gives other numbers than the CPU: ${error.toPrecision(2)} apart`;
		}
		const elsewhere = await fallbacks(network(precision), provider);
		const leftOver = elsewhere.some(({ op }) => op === 'MatMul' || op === 'FusedMatMul');
		return leftOver ? 'it leaves matrices to the CPU' : null;
	} catch (error) {
		return reasonOf(error instanceof PickupError ? (error.cause ?? error) : error);
	}
}

/** A layer of a transformer: a matrix, attention, a norm and an activation. */
function network(precision: Precision): Graph {
	const graph = new Graph('probe', { precision });
	const m = new Scope(graph, new Checkpoint([]).root);
	const x = graph.input('x', [TOKENS, WIDTH]);
	const matrix = m.cast(m.constant(waves(WIDTH * WIDTH), [WIDTH, WIDTH]), precision);
	const y = m.cast(m.matmul(m.cast(x, precision), matrix), 'float32');
	const mixed = m.add(x, attention(m, y, x, x, { heads: 2 }));
	graph.output('y', m.gelu(m.rmsNorm(mixed, null, 1e-6)));
	return graph;
}

async function output(precision: Precision, provider: Provider): Promise<Float32Array> {
	const session = await Session.open(network(precision), { provider });
	try {
		const { y } = await session.run({ x: { data: waves(TOKENS * WIDTH), shape: [TOKENS, WIDTH] } });
		return y!.data as Float32Array;
	} finally {
		await session.release();
	}
}

function waves(length: number): Float32Array {
	return Float32Array.from({ length }, (_, i) => Math.sin(i * i));
}

function apart(a: Float32Array, b: Float32Array): number {
	const most = b.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
	return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i]!)), 0) / most;
}
