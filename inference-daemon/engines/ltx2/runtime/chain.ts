import type { Graph } from '../graph/graph.ts';
import type { ValueSpec } from '../graph/onnx.ts';
import { runtimeFailure } from './failures.ts';
import { sessionOpens } from './live.ts';
import { networksThread } from './networks-thread.ts';
import { CHAIN, type Fed, type Link } from './orders.ts';
import { feed, type NdArray, type Resident, residentsOf, type Values } from './resident.ts';
import { expected, isProven, openingOf, type Provider, type Session } from './session.ts';

/** A graph in its session; null: in one for this run, which casts its weights as it goes on. */
export type ChainLink = { readonly graph: Graph; readonly session: Session | null };

export type ChainOptions = {
	readonly provider: Provider;
	/** Outputs by these names are known by others to the links behind. */
	readonly renamed?: Readonly<Record<string, string>>;
	/** Whether the last link's outputs come, or all values that are known in the end stay. */
	readonly outputs: 'come' | 'stay';
	readonly signal?: AbortSignal | undefined;
	/** Told of each link that has begun, from 0, though not at once. */
	readonly onLink?: (index: number) => void;
};

/**
 * Runs one graph after the other for a single message to the networks' thread, where each would take
 * one otherwise. What a link gives is known to those behind it; what was known by its name before is let
 * go. Values that stay are the caller's to release. Each graph has to have given finite numbers before,
 * since nobody looks here. Throws RangeError, PickupError `engine-failed` or `out-of-memory` that names
 * the graph or, before the next one, the signal's reason.
 */
export async function runChain(
	links: readonly ChainLink[],
	inputs: Values,
	options: ChainOptions,
): Promise<Values> {
	const { provider, renamed = {}, outputs, signal, onLink = () => {} } = options;
	signal?.throwIfAborted();
	const { fed, moved, last } = feedChain(links, inputs, renamed);
	const orders = await Promise.all(links.map((link) => linkOf(link, provider)));
	const thread = links[0]!.session?.place.thread ?? networksThread();
	const state = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
	const linkAt = () => Atomics.load(state, CHAIN.link);
	const progress = follow(links, linkAt, onLink);
	const onAbort = () => Atomics.store(state, CHAIN.stop, 1);
	signal?.addEventListener('abort', onAbort);
	try {
		const order = { kind: 'chain', links: orders, inputs: fed, renamed, outputs, state } as const;
		const { outputs: given } = await thread.order(order, moved).catch((error: unknown) => {
			const { graph } = links[linkAt()]!;
			throw runtimeFailure(`Expected ${graph.name} to run on ${provider}`, error);
		});
		if (given === null) throw signal!.reason;
		if (outputs === 'come') return given as Record<string, NdArray>;
		const staying = Object.entries(given).map(([name, output]) => {
			const among = last.get(name)?.session?.place.among ?? null;
			return residentsOf({ [name]: output }, thread, among);
		});
		return Object.assign({}, ...staying) as Record<string, Resident>;
	} finally {
		signal?.removeEventListener('abort', onAbort);
		progress.end();
	}
}

/** Milliseconds. A block takes 20 on a fast GPU and seconds on a CPU. */
const LOOK_EVERY = 100;

/** Looks every now and then how far a chain is, which costs its thread nothing. */
function follow(
	links: readonly ChainLink[],
	linkAt: () => number,
	onLink: (index: number) => void,
) {
	let seen = -1;
	let gone = () => {};
	const look = () => {
		const at = linkAt();
		if (at === seen) return;
		while (seen < at) onLink(++seen);
		gone();
		const { session, graph } = links[at]!;
		gone = session === null ? sessionOpens(graph.name) : () => {};
	};
	look();
	const timer = setInterval(look, LOOK_EVERY);
	return {
		end() {
			clearInterval(timer);
			look();
			gone();
		},
	};
}

/** What has to come from outside, and which link is the last to give what is known by a name. */
function feedChain(
	links: readonly ChainLink[],
	inputs: Values,
	renamed: Readonly<Record<string, string>>,
) {
	const fed: Record<string, Fed> = {};
	const moved: ArrayBuffer[] = [];
	const last = new Map<string, ChainLink>();
	const known = new Map<string, ValueSpec>();
	for (const link of links) {
		const { graph } = link;
		if (!isProven(graph)) throw new RangeError(`Expected ${graph.name} to have been run before`);
		for (const input of graph.inputs) {
			const { name } = input;
			const made = known.get(name);
			if (made) expected(graph, input, made);
			else {
				const given = expected(graph, input, inputs[name]);
				fed[name] ??= feed(input, given, moved);
			}
		}
		for (const output of graph.outputs) {
			const name = renamed[output.name] ?? output.name;
			known.set(name, output);
			last.set(name, link);
		}
	}
	return { fed, moved, last };
}

async function linkOf({ graph, session }: ChainLink, provider: Provider): Promise<Link> {
	const takes = graph.inputs.map(({ name }) => name);
	if (session !== null) return { takes, session: session.place.session };
	return { takes, ...(await openingOf(graph, { provider, weights: 'mapped' })) };
}
