import { Graph } from '../graph/graph.ts';
import { type Numbers, type Provider, Resident, Session } from './session.ts';

/** Numbers by a graph's names, some of them on a device. */
export type Values = Readonly<Record<string, Numbers | Resident>>;

/** Values that many runs take. */
export type Uploaded = {
	readonly values: Values;
	/** Gives their memory back; they are of no use afterwards. */
	release(): Promise<void>;
};

/**
 * Copies what is float32 among `inputs` to the provider's device once, instead of in each run. Only
 * WebGPU can keep it there; elsewhere, and for other types, values are the inputs themselves. A
 * session stays open until they are released, and with it WebGPU's device and compiled kernels,
 * which go with the last session. Throws PickupError `out-of-memory` or `engine-failed`.
 */
export async function upload(
	inputs: Readonly<Record<string, Numbers>>,
	provider: Provider,
): Promise<Uploaded> {
	const entries = Object.entries(inputs).filter(([, { data }]) => data instanceof Float32Array);
	if (provider !== 'webgpu' || entries.length === 0) {
		return { values: inputs, release: async () => {} };
	}
	const graph = new Graph('upload');
	for (const [name, { shape }] of entries) {
		graph.output(`device ${name}`, graph.input(name, shape));
	}
	const session = await Session.open(graph, { provider, keep: true });
	try {
		const kept = await session.forward(inputs);
		const moved = entries.map(([name]) => [name, kept[`device ${name}`]!]);
		return {
			values: { ...inputs, ...Object.fromEntries(moved) },
			release: () => session.release(),
		};
	} catch (error) {
		await session.release();
		throw error;
	}
}

/** Gives back what is on a device. */
export function releaseAll(values: Values): void {
	for (const value of Object.values(values)) {
		if (value instanceof Resident) value.release();
	}
}
