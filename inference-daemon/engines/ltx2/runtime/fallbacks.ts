import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Graph } from '../graph/graph.ts';
import type { Provider } from './provider.ts';
import { Session } from './session.ts';
import { emptyArrays, type NdArray } from './values.ts';

/** An operator that ran on the CPU though another provider was asked for. */
export type Fallback = { readonly op: string; readonly node: string };

/**
 * Which nodes of a graph a provider leaves to the CPU, as a profile of one run tells. ONNX Runtime
 * itself says nothing about it. Without `inputs` the run gets zeros.
 */
export async function fallbacks(
	graph: Graph,
	provider: Provider,
	inputs: Readonly<Record<string, NdArray>> = emptyArrays(graph.inputs),
): Promise<readonly Fallback[]> {
	if (provider === 'cpu') return [];
	const folder = await mkdtemp(join(tmpdir(), 'pickup-profile-'));
	try {
		const session = await Session.open(graph, { provider, profile: join(folder, 'profile') });
		try {
			await session.run(inputs);
		} finally {
			await session.release();
		}
		const [file] = await readdir(folder);
		return fallbacksIn(await readFile(join(folder, file!), 'utf8'));
	} finally {
		await rm(folder, { recursive: true, force: true });
	}
}

type Event = {
	readonly cat: string;
	readonly name: string;
	readonly args: { readonly provider?: string; readonly op_name?: string };
};

const KERNEL = '_kernel_time';

function fallbacksIn(profile: string): Fallback[] {
	const events = JSON.parse(profile) as Event[];
	return events
		.filter(({ cat, name }) => cat === 'Node' && name.endsWith(KERNEL))
		.filter(({ args }) => args.provider === 'CPUExecutionProvider')
		.map(({ name, args }) => ({ op: args.op_name ?? '', node: name.slice(0, -KERNEL.length) }));
}
