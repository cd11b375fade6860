import { Graph, type Precision, type Shape, type Value } from '../graph/graph.ts';
import type { ElementType } from '../graph/onnx.ts';
import { Scope } from '../graph/scope.ts';
import type { Provider } from '../runtime/provider.ts';
import { Session } from '../runtime/session.ts';
import type { NdArray } from '../runtime/values.ts';
import type { Checkpoint } from '../weights/checkpoint.ts';

/** A part of a checkpoint as one session for inputs of one size. */
export type Network = {
	readonly name: string;
	/** Where its weights are; '' is the checkpoint itself. */
	readonly module: string;
	readonly precision?: Precision;
	/** Shapes of the inputs; `build` may add more. */
	readonly inputs: Readonly<Record<string, Shape>>;
	/** Of all inputs; default `float32`. */
	readonly type?: ElementType;
	readonly build: (m: Scope, input: (name: string) => Value) => Value;
};

export type Inputs = Readonly<Record<string, NdArray>>;

/** The networks of a checkpoint that are open, so that none outlives its use. */
export class OpenNetworks {
	readonly #checkpoint: Checkpoint;
	readonly #options: { readonly provider: Provider };
	/** With the run of each that began last. */
	readonly #sessions = new Map<Session, Promise<unknown>>();
	/** Those that open, some of them for one run. */
	readonly #underWay = new Set<Promise<unknown>>();
	#isReleased = false;

	constructor(checkpoint: Checkpoint, provider: Provider) {
		this.#checkpoint = checkpoint;
		this.#options = { provider };
	}

	/**
	 * Opens, runs and closes, all in one, so that nothing that others ask for comes between; throws the
	 * signal's reason if that is aborted before.
	 */
	async once(network: Network, inputs: Inputs, signal?: AbortSignal): Promise<NdArray> {
		const graph = this.#graphOf(network, signal);
		const { result } = await this.#waitedFor(
			Session.once(graph, inputs, { ...this.#options, signal }),
		);
		return result!;
	}

	async open(network: Network, signal?: AbortSignal): Promise<Session> {
		const graph = this.#graphOf(network, signal);
		const opened = async () => {
			const session = await Session.open(graph, this.#options);
			this.#sessions.set(session, Promise.resolve());
			return session;
		};
		return this.#waitedFor(opened());
	}

	async run(session: Session, inputs: Inputs, signal?: AbortSignal): Promise<NdArray> {
		this.#checkUsable(signal);
		const running = session.run(inputs, { signal });
		this.#sessions.set(session, running);
		return (await running).result!;
	}

	/** Operations of its largest convolution. */
	largestConvolution(network: Network): number {
		const graph = this.#graphOf(network, undefined);
		const shape = (name: string) => graph.find(name)!.shape;
		const product = (numbers: Shape) => numbers.reduce((all, n) => all * n, 1);
		const convolutions = graph.nodes.filter(({ op }) => op === 'Conv');
		const operations = convolutions.map(({ inputs, outputs }) => {
			return 2 * product(shape(outputs[0]!)) * product(shape(inputs[1]!).slice(1));
		});
		return Math.max(...operations);
	}

	/** Does nothing for one that is closed. */
	async close(session: Session): Promise<void> {
		const running = this.#sessions.get(session);
		if (!this.#sessions.delete(session)) return;
		await running?.catch(() => {});
		await session.release();
	}

	/** Closes all, what is just opening too; none opens or runs any more. */
	async release(): Promise<void> {
		this.#isReleased = true;
		await Promise.allSettled(this.#underWay);
		await Promise.all([...this.#sessions.keys()].map((session) => this.close(session)));
	}

	async #waitedFor<T>(work: Promise<T>): Promise<T> {
		this.#underWay.add(work);
		try {
			return await work;
		} finally {
			this.#underWay.delete(work);
		}
	}

	#graphOf(network: Network, signal: AbortSignal | undefined): Graph {
		this.#checkUsable(signal);
		const { name, module, precision, inputs, type, build } = network;
		const graph = new Graph(name, { precision });
		const weights = module === '' ? this.#checkpoint.root : this.#checkpoint.at(module);
		const values = new Map(
			Object.entries(inputs).map(([key, shape]) => [key, graph.input(key, shape, type)]),
		);
		graph.output(
			'result',
			build(new Scope(graph, weights), (input) => values.get(input)!),
		);
		this.#checkpoint.check();
		return graph;
	}

	#checkUsable(signal: AbortSignal | undefined): void {
		signal?.throwIfAborted();
		if (this.#isReleased) throw new RangeError('Expected open VAEs, got a call after release()');
	}
}
