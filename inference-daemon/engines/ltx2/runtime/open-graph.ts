import type { Graph } from '../graph/graph.ts';
import type { ValueSpec } from '../graph/onnx.ts';
import type { Handle } from './c-api.ts';
import { type OnnxRuntime, onnxRuntime } from './onnxruntime.ts';
import type { Provider } from './provider.ts';
import { DeviceValue, type Values, valueOver } from './values.ts';

export type Settings = {
	/**
	 * `mapped`: weights stay pages of their file and are cast in every run, one after the other.
	 * `folded`: they are cast once while the session opens and take memory of their own; runs are
	 * faster, and a GPU gets them only once.
	 */
	readonly weights?: 'mapped' | 'folded' | undefined;
	/** A profile of all runs is written to a file whose path starts so. */
	readonly profile?: string | undefined;
	/** Names of nodes that WebGPU leaves to the processor. */
	readonly onCpu?: readonly string[];
};

/** A session of ONNX Runtime. Its calls have to be made in the provider's turn; see `inTurn`. */
export class OpenGraph {
	readonly #graph: Graph;
	readonly #isProfiled: boolean;
	#handle: Handle | null;

	private constructor(graph: Graph, handle: Handle, isProfiled: boolean) {
		this.#graph = graph;
		this.#handle = handle;
		this.#isProfiled = isProfiled;
	}

	/** Throws an Error with ONNX Runtime's own words, as all here do. */
	static async open(graph: Graph, provider: Provider, settings: Settings = {}): Promise<OpenGraph> {
		const api = onnxRuntime();
		const options = api.CreateSessionOptions();
		try {
			set(api, options, graph, settings);
			append(api, options, provider, settings);
			const file = graph.encode();
			const { env } = api;
			const handle = await api.later('CreateSessionFromArray', env, file, file.length, options);
			return new OpenGraph(graph, handle, settings.profile !== undefined);
		} finally {
			api.ReleaseSessionOptions(options);
		}
	}

	/** Throws RangeError once it is released. */
	get handle(): Handle {
		if (this.#handle === null) throw new RangeError(`${this.#graph.name} was released before`);
		return this.#handle;
	}

	/** Values into values; a signal ends it before its next node, with an Error of ONNX Runtime's. */
	async run(inputs: Values, outputs: Values, signal?: AbortSignal): Promise<void> {
		signal?.throwIfAborted();
		const api = onnxRuntime();
		const binding = api.CreateIoBinding(this.handle);
		const options = api.CreateRunOptions();
		const borrowed: Handle[] = [];
		const handleOf = ({ name, type }: ValueSpec, values: Values) => {
			const value = values[name]!;
			if (value instanceof DeviceValue) return value.handle;
			borrowed.push(valueOver(type, value));
			return borrowed.at(-1)!;
		};
		const stop = () => api.RunOptionsSetTerminate(options);
		signal?.addEventListener('abort', stop);
		try {
			for (const one of this.#graph.inputs) {
				api.BindInput(binding, one.name, handleOf(one, inputs));
			}
			for (const one of this.#graph.outputs) {
				api.BindOutput(binding, one.name, handleOf(one, outputs));
			}
			await api.later('RunWithBinding', this.handle, options, binding);
		} finally {
			signal?.removeEventListener('abort', stop);
			api.ReleaseIoBinding(binding);
			api.ReleaseRunOptions(options);
			for (const value of borrowed) api.ReleaseValue(value);
		}
	}

	/** Does nothing the second time. */
	release(): void {
		const handle = this.#handle;
		if (handle === null) return;
		this.#handle = null;
		const api = onnxRuntime();
		try {
			if (this.#isProfiled) {
				const allocator = api.GetAllocatorWithDefaultOptions();
				api.AllocatorFree(allocator, api.SessionEndProfiling(handle, allocator));
			}
		} finally {
			api.ReleaseSession(handle);
		}
	}
}

function set(api: OnnxRuntime, options: Handle, graph: Graph, settings: Settings): void {
	api.SetSessionLogSeverityLevel(options, NO_LOG);
	api.SetSessionGraphOptimizationLevel(options, ALL_OPTIMIZATIONS);
	// An arena would keep the most that a run has ever needed, and cast all weights at once.
	api.DisableCpuMemArena(options);
	if (settings.profile !== undefined) api.EnableProfiling(options, settings.profile);
	const entries = {
		...(graph.folder !== null && {
			'session.model_external_initializers_file_folder_path': graph.folder,
		}),
		...(settings.weights === 'mapped' && {
			'optimization.disable_specified_optimizers': 'ConstantFolding',
		}),
	};
	for (const [key, value] of Object.entries(entries))
		api.AddSessionConfigEntry(options, key, value);
}

const NO_LOG = 4;
const ALL_OPTIMIZATIONS = 99;

function append(api: OnnxRuntime, options: Handle, provider: Provider, { onCpu = [] }: Settings) {
	if (provider === 'cpu') return;
	if (provider === 'cuda') {
		const cuda = api.CreateCUDAProviderOptions();
		try {
			// Else its arena doubles each time that it grows, and takes what the plan counts on.
			const [key, value] = ['arena_extend_strategy', 'kSameAsRequested'];
			api.UpdateCUDAProviderOptions(cuda, [key], [value], 1);
			api.SessionOptionsAppendExecutionProvider_CUDA_V2(options, cuda);
		} finally {
			api.ReleaseCUDAProviderOptions(cuda);
		}
		return;
	}
	// Its other caches keep what a run has needed at most, half as much again.
	const told = {
		storageBufferCacheMode: 'lazyRelease',
		...(onCpu.length > 0 && { forceCpuNodeNames: onCpu.join('\n') }),
	};
	const [keys, values] = [Object.keys(told), Object.values(told)];
	api.SessionOptionsAppendExecutionProvider(options, 'WebGPU', keys, values, keys.length);
}
