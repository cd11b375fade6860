import type { InferenceSession } from 'onnxruntime-node';
import { PickupError } from '../../../../protocol/errors.ts';
import type { Graph } from '../graph/graph.ts';
import type { ElementType, ValueSpec } from '../graph/onnx.ts';
import { runtimeFailure } from './failures.ts';
import { checkWeights } from './finite.ts';
import { attentionForCpu } from './flash-attention.ts';
import { sessionOpens } from './live.ts';
import { networksThread } from './networks-thread.ts';
import type { Elements, Fed, Given, Output, Wrong } from './orders.ts';

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
	readonly data: Elements;
	readonly shape: readonly number[];
	/** A run takes the array over, which is empty afterwards, where it copies others. */
	readonly isGiven?: boolean;
};

/** Graphs that have given finite numbers: their weights are not looked at again. */
const proven = new WeakSet<Graph>();

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
		for (const { name, type } of [...graph.inputs, ...graph.outputs]) {
			if (type !== 'bfloat16') continue;
			throw new RangeError(`${graph.name}: ${name} cannot be bfloat16 outside; use float32`);
		}
		const gone = sessionOpens(graph.name);
		try {
			const onCpu = provider === 'webgpu' ? await attentionForCpu(graph) : [];
			const thread = networksThread();
			const { session } = await thread.order({
				...{ kind: 'open', graph: graph.encode(), provider },
				settings: settings(graph, options, onCpu),
			});
			return new Session(session, thread, graph, provider, gone);
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
		return (await this.#run(inputs, 'come')) as Record<string, Numbers>;
	}

	/**
	 * As `run`, but outputs stay where they are; the caller releases them. Those on a device go with
	 * the session at the latest: ONNX Runtime would end the process over one that outlives it.
	 */
	async forward(
		inputs: Readonly<Record<string, Numbers | Resident>>,
	): Promise<Record<string, Resident>> {
		const residents = Object.entries(await this.#run(inputs, 'stay')).map(([name, output]) => {
			const resident = new Resident(output as StayingOutput, this.#thread, this.#kept);
			return [name, resident] as const;
		});
		return Object.fromEntries(residents);
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

	async #run(
		inputs: Readonly<Record<string, Numbers | Resident>>,
		outputs: 'come' | 'stay',
	): Promise<Readonly<Record<string, Output>>> {
		const { name, tensors } = this.#graph;
		const fed: Record<string, Fed> = {};
		const moved: ArrayBuffer[] = [];
		for (const input of this.#graph.inputs) {
			fed[input.name] = feed(input, this.#expect(input, inputs[input.name]), moved);
		}
		const isWatched = tensors.length > 0 && !proven.has(this.#graph);
		const order = { kind: 'run', session: this.#id, inputs: fed, outputs, isWatched } as const;
		const given: Given['run'] = await this.#thread.order(order, moved).catch((error: unknown) => {
			throw runtimeFailure(`Expected ${name} to run on ${this.#provider}`, error);
		});
		if ('wrong' in given) return this.#blame(given.wrong, given.wrongInput);
		if (isWatched) proven.add(this.#graph);
		return given.outputs;
	}

	#expect({ name, shape }: ValueSpec, given: Numbers | Resident | undefined): Numbers | Resident {
		const { name: graph } = this.#graph;
		if (!given) throw new RangeError(`${graph}: expected input ${name}, got none`);
		if (given.shape.join() !== shape.join()) {
			throw new RangeError(`${graph}: expected ${name} of [${shape}], got [${given.shape}]`);
		}
		return given;
	}

	async #blame(output: Wrong, input: Wrong | null): Promise<never> {
		const told = ({ name, index }: Wrong) => `element ${index} of ${name} is NaN or infinite`;
		const { name, precision } = this.#graph;
		if (input !== null) {
			throw new PickupError(
				'engine-failed',
				`Expected finite inputs of ${name}, but ${told(input)}`,
			);
		}
		await checkWeights(this.#graph);
		throw new PickupError(
			'engine-failed',
			`Expected ${name} to give finite numbers on ${this.#provider}, but ${told(output)}; its inputs and weights are finite, so ${precision} has overflowed inside`,
		);
	}
}

type NetworksThread = ReturnType<typeof networksThread>;
type StayingOutput = Exclude<Output, { readonly data: Elements }>;

/** Numbers in the networks' thread or on a device, for the next run. */
export class Resident {
	readonly shape: readonly number[];
	/** 'cpu', or where on a device. */
	readonly location: string;
	readonly #thread: NetworksThread;
	readonly #among: Set<Resident> | null;
	#id: number | null;

	/** `among`: where it stands until it is released, if it is on a device. */
	constructor(
		{ value, shape, location }: StayingOutput,
		thread: NetworksThread,
		among: Set<Resident> | null,
	) {
		this.#id = value;
		this.shape = shape;
		this.location = location;
		this.#thread = thread;
		this.#among = location === 'cpu' ? null : among;
		this.#among?.add(this);
	}

	/**
	 * Float32 numbers for the runs of any provider but WebGPU. Throws PickupError `out-of-memory` or
	 * `engine-failed`.
	 */
	static async of(numbers: Numbers): Promise<Resident> {
		const thread = networksThread();
		const moved: ArrayBuffer[] = [];
		try {
			const value = fedOf('float32', numbers, moved);
			const { value: id } = await thread.order({ kind: 'hold', value }, moved);
			return new Resident({ value: id, shape: numbers.shape, location: 'cpu' }, thread, null);
		} catch (error) {
			throw runtimeFailure(`Expected room for [${numbers.shape}]`, error);
		}
	}

	get id(): number {
		if (this.#id === null) throw new RangeError(`[${this.shape}] was released before this use`);
		return this.#id;
	}

	/** Copies it to memory. */
	async read(): Promise<Numbers> {
		const { data } = await this.#thread.order({ kind: 'read', value: this.id });
		return { data, shape: this.shape };
	}

	/** Gives its memory back; until then nothing does, not even the garbage collector. */
	release(): void {
		if (this.#id === null) return;
		// Nobody waits for it; where it fails the thread is over and with it all that it held.
		this.#thread.order({ kind: 'drop', values: [this.#id] }).catch(() => {});
		this.#id = null;
		this.#among?.delete(this);
	}
}

/** As the networks' thread takes it; what has to go there with it is added to `moved`. */
function feed({ type }: ValueSpec, value: Numbers | Resident, moved: ArrayBuffer[]): Fed {
	return value instanceof Resident ? value.id : fedOf(type, value, moved);
}

function fedOf(type: ElementType, { data, shape, isGiven }: Numbers, moved: ArrayBuffer[]) {
	const isWhole = data.byteLength === data.buffer.byteLength;
	const own = isGiven && isWhole ? data : data.slice();
	moved.push(own.buffer as ArrayBuffer);
	return { type, data: own, shape };
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
