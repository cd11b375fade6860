import { Graph } from '../graph/graph.ts';
import type { Provider } from './provider.ts';
import { Session } from './session.ts';

/** Bytes of weights that may stay on a device without a session. */
export const MOST_LEFT = 2 ** 28;

/**
 * What WebGPU has compiled, kept from one session to the next: it forgets all of that with its last
 * session. Compiling a layer takes many times as long as running it. Weights that a session takes as
 * they are stored stay on the device as long, so that all is let go before they are too many. For work
 * in which one session follows another: it takes memory from `keep` until it is released.
 */
export class Kernels {
	readonly #provider: Provider;
	#session: Session | null = null;
	#left = 0;

	constructor(provider: Provider) {
		this.#provider = provider;
	}

	/** Before each session. Throws PickupError `engine-failed` or `out-of-memory`. */
	async keep(): Promise<void> {
		if (this.#provider !== 'webgpu' || this.#session !== null) return;
		const graph = new Graph('kernels');
		graph.output('y', graph.input('x', [1]));
		this.#session = await Session.open(graph, { provider: this.#provider });
	}

	/** After a session of that graph has been released. */
	async used(graph: Graph): Promise<void> {
		this.#left += bytesLeft(graph);
		if (this.#left > MOST_LEFT) await this.release();
	}

	async release(): Promise<void> {
		const session = this.#session;
		this.#session = null;
		this.#left = 0;
		await session?.release();
	}
}

/**
 * Bytes of weights that a session leaves on WebGPU's device until no session is open at all: those
 * that its graph takes as they are stored.
 */
export function bytesLeft({ tensors }: Graph): number {
	const asStored = tensors.filter(({ type }) => type === 'F32' || type === 'F16');
	return asStored.reduce((sum, { bytes }) => sum + bytes, 0);
}
