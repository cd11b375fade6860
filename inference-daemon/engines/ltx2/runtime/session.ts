import type { InferenceSession } from 'onnxruntime-node';
import { PickupError } from '../../../../protocol/errors.ts';
import type { Graph } from '../graph/graph.ts';
import type { ValueSpec } from '../graph/onnx.ts';
import { runtimeFailure } from './failures.ts';
import { checkWeights } from './finite.ts';
import { attentionForCpu } from './flash-attention.ts';
import { sessionOpens } from './live.ts';
import { type NetworksThread, networksThread } from './networks-thread.ts';
import type { Fed, Given, Opening, Wrong } from './orders.ts';
import {
	feed,
	type NdArray,
	type Outputs,
	type Resident,
	residentsOf,
	type Values,
} from './resident.ts';

/** Where a graph can run: processors, then WebGPU (any GPU), NVIDIA, Windows and Apple. */
export type Provider = 'cpu' | 'webgpu' | 'cuda' | 'dml' | 'coreml';

export type SessionOptions = {
	readonly provider?: Provider;
	/**
	 * `mapped`: weights stay pages of their file and are cast in every run, one after the other.
	 * `folded`: they are cast once while the session opens and take memory of their own; runs are
	 * faster, and a GPU gets them only once.
	 */
	readonly weights?: 'mapped' | 'folded';
	/** Outputs stay on the device for the next session, where the provider can do that. */
	readonly keep?: boolean;
	/** A profile of all runs is written to a file whose path starts so. */
	readonly profile?: string;
};

type Place = {
	readonly session: number;
	readonly thread: NetworksThread;
	readonly among: Set<Resident>;
};

/** Graphs that have given finite numbers: their weights are not looked at again. */
const proven = new WeakSet<Graph>();

export function isProven(graph: Graph): boolean {
	return graph.tensors.length === 0 || proven.has(graph);
}

/**
 * A graph that is ready to run, in the networks' thread, so that runs hold nothing else up. It takes
 * memory until it is released.
 */
export class Session {
	readonly #id: number;
	readonly #thread: NetworksThread;
	readonly #graph: Graph;
	readonly #provider: Provider;
	readonly #gone: () => void;
	readonly #kept = new Set<Resident>();

	private constructor(
		id: number,
		thread: NetworksThread,
		graph: Graph,
		provider: Provider,
		gone: () => void,
	) {
		this.#id = id;
		this.#thread = thread;
		this.#graph = graph;
		this.#provider = provider;
		this.#gone = gone;
	}

	/** Throws PickupError `engine-failed` or `out-of-memory` that names the graph. */
	static async open(graph: Graph, options: SessionOptions = {}): Promise<Session> {
		const { provider = 'cpu' } = options;
		checkTypes(graph);
		const gone = sessionOpens(graph.name);
		try {
			const opening = await openingOf(graph, options);
			const thread = networksThread();
			const { session } = await thread.order({ kind: 'open', ...opening });
			return new Session(session, thread, graph, provider, gone);
		} catch (error) {
			gone();
			throw openFailure(graph, provider, error);
		}
	}

	/** Opens, runs and releases in one message. Throws as `open` and `run` do. */
	static async once(
		graph: Graph,
		inputs: Values,
		options: SessionOptions = {},
	): Promise<Record<string, NdArray>> {
		return (await runOnce(graph, inputs, options, 'come')) as Record<string, NdArray>;
	}

	/** As `once`, but outputs stay in the networks' thread; the caller releases them. */
	static async onceForward(
		graph: Graph,
		inputs: Values,
		options: SessionOptions = {},
	): Promise<Record<string, Resident>> {
		const thread = networksThread();
		return residentsOf(await runOnce(graph, inputs, { ...options, keep: false }, 'stay'), thread);
	}

	/**
	 * Inputs and outputs by the graph's names. Throws PickupError `engine-failed` or `out-of-memory`.
	 * The first run of a graph that gives NaN or infinity throws `bad-weights` that names the tensor,
	 * or else `engine-failed`.
	 */
	async run(inputs: Values): Promise<Record<string, NdArray>> {
		return (await this.#run(inputs, 'come')) as Record<string, NdArray>;
	}

	/**
	 * As `run`, but outputs stay where they are; the caller releases them. Those on a device go with
	 * the session at the latest: ONNX Runtime would end the process over one that outlives it.
	 */
	async forward(inputs: Values): Promise<Record<string, Resident>> {
		return residentsOf(await this.#run(inputs, 'stay'), this.#thread, this.#kept);
	}

	/** For a chain: where it is open, and where values of its device stand. */
	get place(): Place {
		return { session: this.#id, thread: this.#thread, among: this.#kept };
	}

	/** Ends profiling too; its file is whole afterwards. */
	async release(): Promise<void> {
		for (const resident of this.#kept) resident.release();
		try {
			if (!this.#thread.isOver) await this.#thread.order({ kind: 'close', session: this.#id });
		} finally {
			this.#gone();
		}
	}

	async #run(inputs: Values, outputs: 'come' | 'stay'): Promise<Outputs> {
		const session = this.#id;
		const attempt = { what: 'run', provider: this.#provider };
		return runBy(this.#graph, inputs, attempt, (fed, moved) =>
			this.#thread.order({ kind: 'run', session, outputs, ...fed }, moved),
		);
	}
}

async function runOnce(
	graph: Graph,
	inputs: Values,
	options: SessionOptions,
	outputs: 'come' | 'stay',
): Promise<Outputs> {
	checkTypes(graph);
	const gone = sessionOpens(graph.name);
	try {
		const opening = await openingOf(graph, options);
		const { provider = 'cpu' } = options;
		const attempt = { what: 'open and run', provider };
		return await runBy(graph, inputs, attempt, (fed, moved) =>
			networksThread().order({ kind: 'once', outputs, ...opening, ...fed }, moved),
		);
	} finally {
		gone();
	}
}

function checkTypes(graph: Graph): void {
	for (const { name, type } of [...graph.inputs, ...graph.outputs]) {
		if (type !== 'bfloat16') continue;
		throw new RangeError(`${graph.name}: ${name} cannot be bfloat16 outside; use float32`);
	}
}

/** What the networks' thread opens it by. Throws as `open` does. */
export async function openingOf(graph: Graph, options: SessionOptions): Promise<Opening> {
	const { provider = 'cpu' } = options;
	try {
		const onCpu = provider === 'webgpu' ? await attentionForCpu(graph) : [];
		return { graph: graph.encode(), provider, settings: settings(graph, options, onCpu) };
	} catch (error) {
		throw openFailure(graph, provider, error);
	}
}

function openFailure({ name }: Graph, provider: Provider, error: unknown): PickupError {
	return runtimeFailure(`Expected ${name} to open on ${provider}`, error);
}

type Feed = {
	readonly inputs: Readonly<Record<string, Fed>>;
	/** Whether to look for NaN and infinity. */
	readonly isWatched: boolean;
};

type Attempt = { readonly what: string; readonly provider: Provider };

async function runBy(
	graph: Graph,
	inputs: Values,
	{ what, provider }: Attempt,
	order: (feed: Feed, moved: ArrayBuffer[]) => Promise<Given['run']>,
): Promise<Outputs> {
	const fed: Record<string, Fed> = {};
	const moved: ArrayBuffer[] = [];
	for (const input of graph.inputs) {
		fed[input.name] = feed(input, expected(graph, input, inputs[input.name]), moved);
	}
	const isWatched = !isProven(graph);
	const given = await order({ inputs: fed, isWatched }, moved).catch((error: unknown) => {
		throw runtimeFailure(`Expected ${graph.name} to ${what} on ${provider}`, error);
	});
	if ('wrong' in given) return blame(graph, provider, given);
	if (isWatched) proven.add(graph);
	return given.outputs;
}

/** Throws RangeError where an input is missing or has another shape. */
export function expected<T extends { readonly shape: readonly number[] }>(
	{ name: graph }: Graph,
	{ name, shape }: ValueSpec,
	given: T | undefined,
): T {
	if (!given) throw new RangeError(`${graph}: expected input ${name}, got none`);
	if (given.shape.length !== shape.length || given.shape.some((n, i) => n !== shape[i])) {
		throw new RangeError(`${graph}: expected ${name} of [${shape}], got [${given.shape}]`);
	}
	return given;
}

async function blame(
	graph: Graph,
	provider: Provider,
	{ wrong, wrongInput }: { readonly wrong: Wrong; readonly wrongInput: Wrong | null },
): Promise<never> {
	const told = ({ name, index }: Wrong) => `element ${index} of ${name} is NaN or infinite`;
	const { name, precision } = graph;
	if (wrongInput !== null) {
		throw new PickupError(
			'engine-failed',
			`Expected finite inputs of ${name}, but ${told(wrongInput)}`,
		);
	}
	await checkWeights(graph);
	throw new PickupError(
		'engine-failed',
		`Expected ${name} to give finite numbers on ${provider}, but ${told(wrong)}; its inputs and weights are finite, so ${precision} has overflowed inside`,
	);
}

function settings(
	graph: Graph,
	options: SessionOptions,
	forceCpuNodeNames: readonly string[],
): InferenceSession.SessionOptions {
	const { provider = 'cpu', weights = 'folded', keep = false, profile } = options;
	const { folder } = graph;
	return {
		executionProviders: [
			forceCpuNodeNames.length > 0 ? { name: 'webgpu', forceCpuNodeNames } : provider,
		],
		graphOptimizationLevel: 'all',
		logSeverityLevel: 4,
		// An arena would keep the most that a run has ever needed, and cast all weights at once.
		enableCpuMemArena: false,
		...(keep && provider === 'webgpu' ? { preferredOutputLocation: 'gpu-buffer' } : {}),
		...(profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: profile }),
		extra: {
			...(folder === null
				? {}
				: { session: { model_external_initializers_file_folder_path: folder } }),
			...(weights === 'mapped'
				? { optimization: { disable_specified_optimizers: 'ConstantFolding' } }
				: {}),
		},
	};
}
