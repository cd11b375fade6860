import { Graph, type Precision, type Shape, type Value } from './graph/graph.ts';
import type { ElementType } from './graph/onnx.ts';
import { Scope } from './graph/scope.ts';
import type { Numbers } from './runtime/resident.ts';
import { type Provider, Session } from './runtime/session.ts';
import type { Checkpoint } from './weights/checkpoint.ts';

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

export type Inputs = Readonly<Record<string, Numbers>>;

/** The networks of a checkpoint that are open, so that none outlives its use. */
export class OpenNetworks {
	readonly #checkpoint: Checkpoint;
	readonly #provider: Provider;
	/** With the run of each that began last. */
	readonly #sessions = new Map<Session, Promise<unknown>>();
	readonly #opening = new Set<Promise<Session>>();
	#isReleased = false;

	constructor(checkpoint: Checkpoint, provider: Provider) {
		this.#checkpoint = checkpoint;
		this.#provider = provider;
	}

	/** Opens, runs and closes; throws the signal's reason if that is aborted before the run. */
	async once(network: Network, inputs: Inputs, signal?: AbortSignal): Promise<Numbers> {
		const session = await this.open(network, signal);
		try {
			return await this.run(session, inputs, signal);
		} finally {
			await this.close(session);
		}
	}

	async open(network: Network, signal?: AbortSignal): Promise<Session> {
		this.#look(signal);
		const { name, module, precision, inputs, type, build } = network;
		const graph = new Graph(name, precision);
		const weights = module === '' ? this.#checkpoint.root : this.#checkpoint.at(module);
		const values = new Map(
			Object.entries(inputs).map(([key, shape]) => [key, graph.input(key, shape, type)]),
		);
		graph.output(
			'result',
			build(new Scope(graph, weights), (input) => values.get(input)!),
		);
		this.#checkpoint.check();
		const opening = Session.open(graph, { provider: this.#provider });
		this.#opening.add(opening);
		try {
			const session = await opening;
			this.#sessions.set(session, Promise.resolve());
			return session;
		} finally {
			this.#opening.delete(opening);
		}
	}

	async run(session: Session, inputs: Inputs, signal?: AbortSignal): Promise<Numbers> {
		this.#look(signal);
		const running = session.run(inputs);
		this.#sessions.set(session, running);
		return (await running).result!;
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
		await Promise.allSettled(this.#opening);
		await Promise.all([...this.#sessions.keys()].map((session) => this.close(session)));
	}

	#look(signal: AbortSignal | undefined): void {
		signal?.throwIfAborted();
		if (this.#isReleased) throw new RangeError('Expected a codec in use, got one after release()');
	}
}
