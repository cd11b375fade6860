import * as ort from 'onnxruntime-node';
import { PickupError } from '../../../../protocol/errors.ts';
import type { Graph } from '../graph/graph.ts';

// It would report its use to its makers otherwise.
process.env.ORT_DISABLE_TELEMETRY = '1';

export type Provider = 'cpu' | 'webgpu' | 'cuda' | 'dml' | 'coreml';

export type SessionOptions = {
	readonly provider?: Provider;
	/**
	 * `mapped`: weights stay pages of their file and are cast in every run. `folded`: they are cast
	 * once while the session opens and take memory of their own; runs are faster.
	 */
	readonly weights?: 'mapped' | 'folded';
};

export type Numbers = {
	readonly data: Float32Array | BigInt64Array | Int32Array | Uint8Array | Uint16Array;
	readonly shape: readonly number[];
};

/** A graph that is ready to run. */
export class Session {
	readonly #session: ort.InferenceSession;
	readonly #graph: Graph;

	private constructor(session: ort.InferenceSession, graph: Graph) {
		this.#session = session;
		this.#graph = graph;
	}

	/** Throws PickupError `engine-failed` that names the graph. */
	static async open(graph: Graph, options: SessionOptions = {}): Promise<Session> {
		const { provider = 'cpu', weights = 'folded' } = options;
		const folder = graph.folder;
		const config: Record<string, unknown> = {
			...(folder === null ? {} : { model_external_initializers_file_folder_path: folder }),
			...(weights === 'mapped' ? { disable_specified_optimizers: 'ConstantFolding' } : {}),
		};
		try {
			const session = await ort.InferenceSession.create(graph.encode(), {
				executionProviders: [provider],
				graphOptimizationLevel: weights === 'mapped' ? 'disabled' : 'all',
				logSeverityLevel: 3,
				extra: { session: config },
			});
			return new Session(session, graph);
		} catch (error) {
			const why = error instanceof Error ? error.message : String(error);
			throw new PickupError(
				'engine-failed',
				`Expected ${graph.name} to open on ${provider}: ${why}`,
				{
					cause: error,
				},
			);
		}
	}

	/** Inputs and outputs by the graph's names. */
	async run(inputs: Readonly<Record<string, Numbers>>): Promise<Record<string, Numbers>> {
		const feeds: Record<string, ort.Tensor> = {};
		for (const { name, type, shape } of this.#graph.inputs) {
			const given = inputs[name];
			if (!given) throw new RangeError(`${this.#graph.name}: expected input ${name}, got none`);
			if (given.shape.join() !== shape.join()) {
				throw new RangeError(
					`${this.#graph.name}: expected ${name} of [${shape}], got [${given.shape}]`,
				);
			}
			feeds[name] = new ort.Tensor(type as 'float32', given.data as Float32Array, shape);
		}
		const found = await this.#session.run(feeds);
		const outputs = Object.entries(found).map(([name, tensor]) => [
			name,
			{ data: tensor.data as Float32Array, shape: tensor.dims },
		]);
		return Object.fromEntries(outputs) as Record<string, Numbers>;
	}

	async release(): Promise<void> {
		await this.#session.release();
	}
}
