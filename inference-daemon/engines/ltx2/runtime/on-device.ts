import { Graph } from '../graph/graph.ts';
import { type NdArray, Resident, type Values } from './resident.ts';
import { type Provider, Session } from './session.ts';

type Inputs = Readonly<Record<string, NdArray>>;

/** Values that many runs take. */
export type Uploaded = {
	readonly values: Values;
	/** Gives their memory back; they are of no use afterwards. */
	release(): Promise<void>;
};

/**
 * Brings what is float32 among `inputs` to where runs find it, once instead of in each run: to
 * WebGPU's device, and for other providers to the networks' thread. For other types, values are the
 * inputs themselves. Throws PickupError `out-of-memory` or `engine-failed`.
 */
export async function upload(inputs: Inputs, provider: Provider): Promise<Uploaded> {
	const entries = Object.entries(inputs).filter(([, { data }]) => data instanceof Float32Array);
	if (provider !== 'webgpu' || entries.length === 0) return handOver(inputs, entries);
	const graph = new Graph('upload');
	for (const [name, { shape }] of entries) {
		graph.output(`device ${name}`, graph.input(name, shape));
	}
	const { values, release } = await computed(graph, Object.fromEntries(entries), provider);
	const moved = entries.map(([name]) => [name, values[`device ${name}`]!]);
	return { values: { ...inputs, ...Object.fromEntries(moved) }, release };
}

/**
 * What a graph without weights gives, where runs find it. On WebGPU a session stays open until it is
 * released, and with it the device and compiled kernels, which go with the last session. Throws
 * PickupError `out-of-memory` or `engine-failed`.
 */
export async function computed(
	graph: Graph,
	inputs: Inputs,
	provider: Provider,
): Promise<Uploaded> {
	if (provider !== 'webgpu') {
		const values = await Session.onceForward(graph, inputs, { provider });
		return { values, release: async () => releaseAll(values) };
	}
	const session = await Session.open(graph, { provider, keep: true });
	try {
		const values = await session.forward(inputs);
		return { values, release: () => session.release() };
	} catch (error) {
		await session.release();
		throw error;
	}
}

async function handOver(inputs: Inputs, entries: readonly [string, NdArray][]): Promise<Uploaded> {
	const values: Record<string, NdArray | Resident> = { ...inputs };
	const release = async () => releaseAll(values);
	try {
		for (const [name, value] of entries) values[name] = await Resident.of(value);
		return { values, release };
	} catch (error) {
		await release();
		throw error;
	}
}

/** Gives back what is in the networks' thread or on a device. */
export function releaseAll(values: Values): void {
	for (const value of Object.values(values)) {
		if (value instanceof Resident) value.release();
	}
}
