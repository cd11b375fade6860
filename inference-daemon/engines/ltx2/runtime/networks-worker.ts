/** Opens and runs networks for another thread, which they would hold up: ONNX Runtime's calls return when all is done. */

import { parentPort, type Transferable } from 'node:worker_threads';
import type * as ort from 'onnxruntime-node';
import { Graph } from '../graph/graph.ts';
import type { ElementType } from '../graph/onnx.ts';
import { firstWrong } from './finite.ts';
import { onnxRuntime } from './onnxruntime.ts';
import {
	CHAIN,
	type Elements,
	type Fed,
	type Given,
	type Kind,
	type Message,
	type Opening,
	type Order,
	type Output,
	type Reply,
	type Wrong,
} from './orders.ts';

const { InferenceSession, Tensor } = await onnxRuntime();

type Open = {
	readonly session: ort.InferenceSession;
	readonly provider: string;
	/** Values on a device, which must not outlive it: ONNX Runtime would end the process. */
	readonly onDevice: Set<number>;
};

type Held = { readonly tensor: ort.Tensor; readonly maker: Open | null };

const sessions = new Map<number, Open>();
const held = new Map<number, Held>();
let last = 0;

type Answer<K extends Kind> = readonly [given: Given[K], moved?: readonly Transferable[]];
type OrderOf<K extends Kind> = Extract<Order, { kind: K }>;

const does: { readonly [K in Kind]: (order: OrderOf<K>) => Promise<Answer<K>> | Answer<K> } = {
	async open(order) {
		const id = ++last;
		sessions.set(id, await opened(order));
		return [{ session: id }];
	},

	run({ session, ...wanted }) {
		return run(sessions.get(session)!, wanted);
	},

	async once(order) {
		const open = await opened(order);
		try {
			return await run(open, order);
		} finally {
			await close(open);
		}
	},

	async chain({ links, inputs, renamed, outputs, state }) {
		const given = tensorsOf(inputs);
		const known = new Map<string, Held>();
		try {
			for (const [index, link] of links.entries()) {
				if (Atomics.load(state, CHAIN.stop) !== 0) return [{ outputs: null }];
				Atomics.store(state, CHAIN.link, index);
				const take = (name: string) => known.get(name)?.tensor ?? given[name]!;
				const feeds = Object.fromEntries(link.takes.map((name) => [name, take(name)]));
				const open = 'session' in link ? sessions.get(link.session)! : await opened(link);
				try {
					const made = await open.session.run(feeds);
					for (const [name, tensor] of Object.entries(made)) {
						const as = renamed[name] ?? name;
						known.get(as)?.tensor.dispose();
						known.set(as, { tensor, maker: open });
					}
					if (outputs === 'come' && index === links.length - 1) return await brought(made, open);
				} finally {
					if (!('session' in link)) await close(open);
				}
			}
			const kept = [...known].map(([name, { tensor, maker }]) => [name, keep(tensor, maker!)]);
			known.clear();
			return [{ outputs: Object.fromEntries(kept) }];
		} finally {
			for (const { tensor } of known.values()) tensor.dispose();
		}
	},

	hold({ value }) {
		const id = ++last;
		held.set(id, { tensor: tensorOf(value), maker: null });
		return [{ value: id }];
	},

	async read({ value }) {
		const { tensor, maker } = held.get(value)!;
		// The value itself stays, so that its numbers are copied where they are not on a device.
		const data =
			tensor.location === 'cpu' ? elementsOf(tensor).slice() : await fetched(tensor, maker!);
		return [{ data }, [data.buffer as ArrayBuffer]];
	},

	async close({ session }) {
		const open = sessions.get(session)!;
		sessions.delete(session);
		await close(open);
		return [{}];
	},
};

let before: Promise<void> = Promise.resolve();

parentPort!.on('message', ({ dropped, asked }: Message) => {
	before = before.then(() => {
		for (const value of dropped) drop(value);
		return asked === null ? undefined : answer(asked.id, asked.order);
	});
});

async function answer(id: number, order: Order): Promise<void> {
	try {
		const [given, moved = []] = await (does[order.kind] as (order: Order) => Answer<Kind>)(order);
		parentPort!.postMessage({ order: id, given } satisfies Reply, moved);
	} catch (error) {
		const failure = error instanceof Error ? error.message : String(error);
		parentPort!.postMessage({ order: id, failure } satisfies Reply);
	}
}

async function opened({ graph, provider, settings }: Opening): Promise<Open> {
	const session = await InferenceSession.create(graph.slice(), settings);
	return { session, provider, onDevice: new Set() };
}

type Wanted = Pick<OrderOf<'run'>, 'inputs' | 'outputs' | 'isWatched'>;

async function run(open: Open, { inputs, outputs, isWatched }: Wanted): Promise<Answer<'run'>> {
	const feeds = tensorsOf(inputs);
	const made = await open.session.run(feeds);
	let isLeft = true;
	try {
		const wrong = isWatched ? await wrongAmong(made, open) : null;
		if (wrong !== null) return [{ wrong, wrongInput: await wrongAmong(feeds, open) }];
		if (outputs === 'come') return await brought(made, open);
		isLeft = false;
		return [{ outputs: Object.fromEntries(entriesOf(made, (tensor) => keep(tensor, open))) }];
	} finally {
		if (isLeft) for (const tensor of Object.values(made)) tensor.dispose();
	}
}

async function close({ session, onDevice }: Open): Promise<void> {
	for (const value of [...onDevice]) drop(value);
	try {
		session.endProfiling();
	} finally {
		await session.release();
	}
}

function tensorsOf(inputs: Readonly<Record<string, Fed>>): Record<string, ort.Tensor> {
	const entries = Object.entries(inputs).map(([name, fed]) => [name, tensorOf(fed)]);
	return Object.fromEntries(entries);
}

function tensorOf(fed: Fed): ort.Tensor {
	if (typeof fed === 'number') return held.get(fed)!.tensor;
	return new Tensor(fed.type as 'float32', fed.data as Float32Array, fed.shape);
}

function keep(tensor: ort.Tensor, maker: Open): Output {
	const value = ++last;
	held.set(value, { tensor, maker });
	if (tensor.location !== 'cpu') maker.onDevice.add(value);
	return { value, shape: tensor.dims, location: tensor.location };
}

function drop(id: number): void {
	const value = held.get(id);
	if (value === undefined) return;
	held.delete(id);
	value.maker?.onDevice.delete(id);
	value.tensor.dispose();
}

/** Outputs for the other thread, which gets their memory. */
async function brought(made: ort.InferenceSession.ReturnType, open: Open) {
	const outputs: Record<string, Output> = {};
	const moved = new Set<ArrayBuffer>();
	for (const [name, tensor] of Object.entries(made)) {
		let data = tensor.location === 'cpu' ? elementsOf(tensor) : await fetched(tensor, open);
		const isAlone =
			data.byteLength === data.buffer.byteLength && !moved.has(data.buffer as ArrayBuffer);
		if (!isAlone) data = data.slice();
		moved.add(data.buffer as ArrayBuffer);
		outputs[name] = { data, shape: tensor.dims };
	}
	return [{ outputs }, [...moved]] as const;
}

/** From a device; in Node `tensor.getData()` ends the process, so that a session has to fetch it. */
async function fetched(tensor: ort.Tensor, { provider }: Open): Promise<Elements> {
	const graph = new Graph('read');
	graph.output('memory', graph.input('device', tensor.dims, tensor.type as ElementType));
	const session = await InferenceSession.create(graph.encode().slice(), {
		executionProviders: [provider],
		logSeverityLevel: 4,
		enableCpuMemArena: false,
	});
	try {
		const { memory } = await session.run({ device: tensor });
		return elementsOf(memory!);
	} finally {
		await session.release();
	}
}

async function wrongAmong(
	values: Readonly<Record<string, ort.Tensor>>,
	open: Open,
): Promise<Wrong | null> {
	for (const [name, tensor] of Object.entries(values)) {
		const data = tensor.location === 'cpu' ? elementsOf(tensor) : await fetched(tensor, open);
		const index = firstWrong(data, tensor.type);
		if (index !== null) return { name, index };
	}
	return null;
}

function elementsOf(tensor: ort.Tensor): Elements {
	return tensor.data as Float32Array;
}

function entriesOf<T>(
	made: ort.InferenceSession.ReturnType,
	of: (tensor: ort.Tensor) => T,
): [string, T][] {
	return Object.entries(made).map(([name, tensor]) => [name, of(tensor as ort.Tensor)]);
}
