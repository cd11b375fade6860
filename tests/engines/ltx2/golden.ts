import { join, resolve } from 'node:path';
import type { Graph } from '../../../inference-daemon/engines/ltx2/graph/graph.ts';
import type { Provider } from '../../../inference-daemon/engines/ltx2/runtime/provider.ts';
import { Session } from '../../../inference-daemon/engines/ltx2/runtime/session.ts';
import type { NdArray } from '../../../inference-daemon/engines/ltx2/runtime/values.ts';
import { Checkpoint } from '../../../inference-daemon/engines/ltx2/weights/checkpoint.ts';
import { useSwiftShader } from './swiftshader.ts';
import { readTensors } from './tensors.ts';

// Measurements read the cases too, on whatever adapter there is.
if (process.env.VITEST) useSwiftShader();

/** Numbers made once with the reference implementation; see tests/golden/networks/README.md. */
const FOLDER = resolve('tests/golden/networks');

/** Where every case must give the reference's numbers. */
export const PROVIDERS: readonly Provider[] = ['cpu', 'webgpu'];

export type Case = {
	/** in.*, mid.* and out.* by those names. */
	readonly tensors: Readonly<Record<string, NdArray & { readonly data: Float32Array }>>;
	readonly parameters: Readonly<Record<string, unknown>>;
};

export function goldenPath(network: string, file = 'weights.safetensors'): string {
	return join(FOLDER, network, file);
}

export function goldenWeights(network: string): Promise<Checkpoint> {
	return Checkpoint.open(goldenPath(network));
}

export async function goldenCase(network: string, name: string): Promise<Case> {
	const path = goldenPath(network, `case-${name}.safetensors`);
	const { tensors, metadata } = await readTensors(path);
	return {
		tensors: tensors as Case['tensors'],
		parameters: JSON.parse(metadata.case ?? '{}'),
	};
}

/** Opens, runs and releases. */
export async function runGraph(
	graph: Graph,
	inputs: Readonly<Record<string, NdArray>>,
	provider: Provider = 'cpu',
): Promise<Record<string, NdArray>> {
	const session = await Session.open(graph, { provider });
	try {
		return await session.run(inputs);
	} finally {
		await session.release();
	}
}

/** max |x − reference| / std(reference), the README's measure; shapes must agree but for axes of 1. */
export function errorOf(got: NdArray, reference: NdArray): number {
	const whole = (shape: readonly number[]) => shape.filter((n) => n !== 1);
	if (whole(got.shape).join() !== whole(reference.shape).join()) {
		throw new RangeError(`Expected numbers of [${reference.shape}], got [${got.shape}]`);
	}
	const [x, y] = [got.data as Float32Array, reference.data as Float32Array];
	const mean = y.reduce((sum, value) => sum + value, 0) / y.length;
	const variance = y.reduce((sum, value) => sum + (value - mean) ** 2, 0) / y.length;
	let most = 0;
	for (let i = 0; i < y.length; i++) {
		const apart = Math.abs(x[i]! - y[i]!);
		// A NaN compares as false with everything: it must not pass.
		most = apart <= most ? most : apart;
		if (Number.isNaN(apart)) return Number.NaN;
	}
	return most / (Math.sqrt(variance) || 1);
}
