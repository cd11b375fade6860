import type { Graph, Precision } from '../../../inference-daemon/engines/ltx2/graph/graph.ts';
import { LARGEST_HALF, watchHalves } from '../../../inference-daemon/engines/ltx2/graph/range.ts';
import type { NdArray } from '../../../inference-daemon/engines/ltx2/runtime/resident.ts';
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
