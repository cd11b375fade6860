import { PickupError } from '../../../../protocol/errors.ts';
import type { Graph } from '../graph/graph.ts';
import type { ValueSpec } from '../graph/onnx.ts';
import { runtimeFailure } from './failures.ts';
import { checkWeights, firstWrong } from './finite.ts';
import { attentionForCpu } from './flash-attention.ts';
import { sessionOpens } from './live.ts';
import { inTurn } from './onnxruntime.ts';
import { OpenGraph, type Settings } from './open-graph.ts';
import type { Provider } from './provider.ts';
import { canBeTold, DeviceValue, emptyArrays, type NdArray, type Values } from './values.ts';

export type SessionOptions = Omit<Settings, 'onCpu'> & { readonly provider?: Provider };

export type RunOptions = {
	/** Ends the run before its next node. */
	readonly signal?: AbortSignal | undefined;
	/** Where outputs are written; default new arrays. */
	readonly into?: Values;
	/** Whether numbers are looked at; default: those of a graph's first run. */
	readonly isWatched?: boolean;
};

/**
 * A graph that is ready to run. Runs hold nothing else up; those of one provider are done in their turn.
 * It takes memory until it is released.
 */
export class Session {
	readonly #graph: Graph;
	readonly #provider: Provider;
	readonly #open: OpenGraph;
	readonly #gone: () => void;

	private constructor(graph: Graph, provider: Provider, open: OpenGraph, gone: () => void) {
		this.#graph = graph;
		this.#provider = provider;
		this.#open = open;
		this.#gone = gone;
	}

	/** Throws PickupError `engine-failed` or `out-of-memory` that names the graph. */
	static async open(graph: Graph, options: SessionOptions = {}): Promise<Session> {
		const { provider = 'cpu', weights, profile } = options;
		checkTypes(graph);
		const gone = sessionOpens(graph.name);
		try {
			const onCpu = provider === 'webgpu' ? await attentionForCpu(graph) : [];
			const opening = () => OpenGraph.open(graph, provider, { weights, profile, onCpu });
			return new Session(graph, provider, await inTurn(provider, opening), gone);
		} catch (error) {
			gone();
			throw runtimeFailure(`Expected ${graph.name} to open on ${provider}`, error);
		}
	}

	/** Opens, runs and releases. Throws as those do. */
	static async once(
		graph: Graph,
		inputs: Values,
		options?: SessionOptions & Omit<RunOptions, 'into'>,
	): Promise<Record<string, NdArray>>;
	static async once(
		graph: Graph,
		inputs: Values,
		options: SessionOptions & RunOptions,
	): Promise<Values>;
	static async once(
		graph: Graph,
		inputs: Values,
		options: SessionOptions & RunOptions = {},
	): Promise<Values> {
		const session = await Session.open(graph, options);
		try {
			return await session.run(inputs, options);
		} finally {
			await session.release();
		}
	}

	/** For memory of its device. */
	get handle() {
		return this.#open.handle;
	}

	/**
	 * Inputs and outputs by the graph's names; the arrays of inputs have to stay as they are until then.
	 * Throws the signal's reason, PickupError `engine-failed` or `out-of-memory`, RangeError where an
	 * input is missing or has another shape. The first run of a graph that gives NaN or infinity throws
	 * `bad-weights` that names the tensor, or else `engine-failed`.
	 */
	async run(inputs: Values, options?: Omit<RunOptions, 'into'>): Promise<Record<string, NdArray>>;
	async run(inputs: Values, options: RunOptions): Promise<Values>;
	async run(inputs: Values, { signal, into, isWatched }: RunOptions = {}): Promise<Values> {
		checkShapes(this.#graph, this.#graph.inputs, inputs);
		const outputs = into ?? emptyArrays(this.#graph.outputs);
		checkShapes(this.#graph, this.#graph.outputs, outputs);
		const { name } = this.#graph;
		try {
			await inTurn(this.#provider, () => this.#open.run(inputs, outputs, signal));
		} catch (error) {
			signal?.throwIfAborted();
			throw runtimeFailure(`Expected ${name} to run on ${this.#provider}`, error);
		}
		if (isWatched ?? !isProven(this.#graph)) {
			await prove(this.#graph, this.#provider, inputs, outputs);
		}
		return outputs;
	}

	/** Ends profiling too; its file is whole afterwards. */
	async release(): Promise<void> {
		try {
			await inTurn(this.#provider, () => this.#open.release());
		} finally {
			this.#gone();
		}
	}
}

function checkTypes(graph: Graph): void {
	for (const { name, type } of [...graph.inputs, ...graph.outputs]) {
		if (canBeTold(type)) continue;
		throw new RangeError(`${graph.name}: ${name} cannot be ${type} outside; use float32`);
	}
}

function checkShapes({ name: graph }: Graph, specs: readonly ValueSpec[], values: Values): void {
	for (const { name, shape } of specs) {
		const given = values[name];
		if (!given) throw new RangeError(`${graph}: expected ${name} of [${shape}], got none`);
		if (given.shape.length === shape.length && given.shape.every((n, i) => n === shape[i]))
			continue;
		throw new RangeError(`${graph}: expected ${name} of [${shape}], got [${given.shape}]`);
	}
}

/** Graphs that have given finite numbers: their weights are not looked at again. */
const proven = new WeakSet<Graph>();

function isProven(graph: Graph): boolean {
	return graph.tensors.length === 0 || proven.has(graph);
}

async function prove(graph: Graph, provider: Provider, inputs: Values, outputs: Values) {
	const wrong = await wrongAmong(graph.outputs, outputs);
	if (wrong === null) {
		proven.add(graph);
		return;
	}
	const { name, precision } = graph;
	const wrongInput = await wrongAmong(graph.inputs, inputs);
	if (wrongInput !== null) {
		throw new PickupError('engine-failed', `Expected finite inputs of ${name}, but ${wrongInput}`);
	}
	await checkWeights(graph, graph.tensors);
	throw new PickupError(
		'engine-failed',
		`Expected ${name} to give finite numbers on ${provider}, but ${wrong}; its inputs and weights are finite, so ${precision} has overflowed inside`,
	);
}

async function wrongAmong(specs: readonly ValueSpec[], values: Values): Promise<string | null> {
	for (const { name, type } of specs) {
		const value = values[name]!;
		const { data } = value instanceof DeviceValue ? await value.read() : value;
		const index = firstWrong(data, type);
		if (index !== null) return `element ${index} of ${name} is NaN or infinite`;
	}
	return null;
}
