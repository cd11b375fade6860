import type * as ort from 'onnxruntime-node';
import { PickupError } from '../../../../protocol/errors.ts';
import { Graph } from '../graph/graph.ts';
import type { ElementType, ValueSpec } from '../graph/onnx.ts';
import { runtimeFailure } from './failures.ts';
import { checkWeights, firstWrong } from './finite.ts';
import { attentionForCpu } from './flash-attention.ts';
import { sessionOpens } from './live.ts';
import { onnxRuntime } from './onnxruntime.ts';

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

/** Numbers in memory, row by row. float16 comes as its bits, where JavaScript has no type for it. */
export type Numbers = {
	readonly data: Float32Array | BigInt64Array | Int32Array | Uint8Array | Uint16Array;
	readonly shape: readonly number[];
};

/** Graphs that have given finite numbers: their weights are not looked at again. */
const proven = new WeakSet<Graph>();

/** A graph that is ready to run. It takes memory until it is released. */
export class Session {
	readonly #session: ort.InferenceSession;
	readonly #graph: Graph;
	readonly #provider: Provider;
	readonly #gone: () => void;
	readonly #kept = new Set<Resident>();

	private constructor(
		session: ort.InferenceSession,
		graph: Graph,
		provider: Provider,
		gone: () => void,
	) {
		this.#session = session;
		this.#graph = graph;
		this.#provider = provider;
		this.#gone = gone;
	}

	/** Throws PickupError `engine-failed` or `out-of-memory` that names the graph. */
	static async open(graph: Graph, options: SessionOptions = {}): Promise<Session> {
		const { provider = 'cpu' } = options;
		for (const { name, type } of [...graph.inputs, ...graph.outputs]) {
			if (type !== 'bfloat16') continue;
			throw new RangeError(`${graph.name}: ${name} cannot be bfloat16 outside; use float32`);
		}
		const gone = sessionOpens(graph.name);
		try {
			const { InferenceSession } = await onnxRuntime();
			const onCpu = provider === 'webgpu' ? await attentionForCpu(graph) : [];
			const session = await InferenceSession.create(
				graph.encode(),
				settings(graph, options, onCpu),
			);
			return new Session(session, graph, provider, gone);
		} catch (error) {
			gone();
			throw runtimeFailure(`Expected ${graph.name} to open on ${provider}`, error);
		}
	}

	/**
	 * Inputs and outputs by the graph's names. Throws PickupError `engine-failed` or `out-of-memory`.
	 * The first run of a graph that gives NaN or infinity throws `bad-weights` that names the tensor,
	 * or else `engine-failed`.
	 */
	async run(
		inputs: Readonly<Record<string, Numbers | Resident>>,
	): Promise<Record<string, Numbers>> {
		const residents = Object.entries(await this.forward(inputs));
		try {
			const numbers: Record<string, Numbers> = {};
			// One after the other, so that none is still being read when another one fails.
			for (const [name, resident] of residents) numbers[name] = await resident.read();
			return numbers;
		} finally {
			for (const [, resident] of residents) resident.release();
		}
	}

	/**
	 * As `run`, but outputs stay where they are; the caller releases them. Those on a device go with
	 * the session at the latest: ONNX Runtime would end the process over one that outlives it.
	 */
	async forward(
		inputs: Readonly<Record<string, Numbers | Resident>>,
	): Promise<Record<string, Resident>> {
		const { Tensor } = await onnxRuntime();
		const feeds: Record<string, ort.Tensor> = {};
		for (const input of this.#graph.inputs) {
			const given = this.#expect(input, inputs[input.name]);
			feeds[input.name] =
				given instanceof Resident
					? given.tensor
					: new Tensor(input.type as 'float32', given.data as Float32Array, input.shape);
		}
		const found = await this.#session.run(feeds).catch((error: unknown) => {
			throw runtimeFailure(`Expected ${this.#graph.name} to run on ${this.#provider}`, error);
		});
		const outputs: Record<string, Resident> = {};
		for (const [name, tensor] of Object.entries(found)) {
			outputs[name] = this.#resident(tensor as ort.Tensor);
		}
		if (this.#graph.tensors.length === 0 || proven.has(this.#graph)) return outputs;
		try {
			await this.#prove(inputs, outputs);
			return outputs;
		} catch (error) {
			for (const output of Object.values(outputs)) output.release();
			throw error;
		}
	}

	/** Ends profiling too; its file is whole afterwards. */
	async release(): Promise<void> {
		for (const resident of this.#kept) resident.release();
		try {
			this.#session.endProfiling();
		} finally {
			await this.#session.release().finally(() => this.#gone());
		}
	}

	#resident(tensor: ort.Tensor): Resident {
		const resident = new Resident(tensor, this.#provider, () => this.#kept.delete(resident));
		if (tensor.location !== 'cpu') this.#kept.add(resident);
		return resident;
	}

	#expect({ name, shape }: ValueSpec, given: Numbers | Resident | undefined): Numbers | Resident {
		const { name: graph } = this.#graph;
		if (!given) throw new RangeError(`${graph}: expected input ${name}, got none`);
		if (given.shape.join() !== shape.join()) {
			throw new RangeError(`${graph}: expected ${name} of [${shape}], got [${given.shape}]`);
		}
		return given;
	}

	async #prove(
		inputs: Readonly<Record<string, Numbers | Resident>>,
		outputs: Readonly<Record<string, Resident>>,
	): Promise<void> {
		const wrong = await wrongAmong(this.#graph.outputs, outputs);
		if (wrong === null) {
			proven.add(this.#graph);
			return;
		}
		const { name, precision } = this.#graph;
		const given = await wrongAmong(this.#graph.inputs, inputs);
		if (given !== null) {
			throw new PickupError('engine-failed', `Expected finite inputs of ${name}, but ${given}`);
		}
		await checkWeights(this.#graph);
		throw new PickupError(
			'engine-failed',
			`Expected ${name} to give finite numbers on ${this.#provider}, but ${wrong}; its inputs and weights are finite, so ${precision} has overflowed inside`,
		);
	}
}

/** An output that stays where its session left it, on the device where the provider can do that. */
export class Resident {
	readonly shape: readonly number[];
	readonly #provider: Provider;
	readonly #released: () => void;
	#tensor: ort.Tensor | null;

	constructor(tensor: ort.Tensor, provider: Provider, released: () => void) {
		this.shape = tensor.dims;
		this.#tensor = tensor;
		this.#provider = provider;
		this.#released = released;
	}

	get tensor(): ort.Tensor {
		if (this.#tensor === null) throw new RangeError(`[${this.shape}] was released before this use`);
		return this.#tensor;
	}

	/** Copies it to memory. */
	async read(): Promise<Numbers> {
		const { tensor, shape } = this;
		if (tensor.location === 'cpu') return { data: tensor.data as Float32Array, shape };
		// In Node `tensor.getData()` ends the process, so that a session has to fetch it.
		const graph = new Graph('read');
		graph.output('memory', graph.input('device', shape, tensor.type as ElementType));
		const session = await Session.open(graph, { provider: this.#provider });
		try {
			return (await session.run({ device: this })).memory!;
		} finally {
			await session.release();
		}
	}

	/** Gives its memory back; until then nothing does, not even the garbage collector. */
	release(): void {
		if (this.#tensor === null) return;
		this.#tensor.dispose();
		this.#tensor = null;
		this.#released();
	}
}

function settings(
	graph: Graph,
	options: SessionOptions,
	forceCpuNodeNames: readonly string[],
): ort.InferenceSession.SessionOptions {
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

/** Which of these values holds NaN or infinity, and where, in words. */
async function wrongAmong(
	specs: readonly ValueSpec[],
	values: Readonly<Record<string, Numbers | Resident>>,
): Promise<string | null> {
	for (const { name, type } of specs) {
		const value = values[name]!;
		const { data } = value instanceof Resident ? await value.read() : value;
		const index = firstWrong(data, type);
		if (index !== null) return `element ${index} of ${name} is NaN or infinite`;
	}
	return null;
}
