/**
 * In the place of the engine's `ltx2-networks.mjs`: obeys its orders without ONNX Runtime, in turn,
 * takes the time of networks and gives numbers of no meaning, made in that time.
 */

import { getEnvironmentData, parentPort } from 'node:worker_threads';
import {
	CHAIN,
	type Fed,
	type Given,
	type Kind,
	type Message,
	type Order,
	type Output,
	type Reply,
} from '../../inference-daemon/engines/ltx2/runtime/orders.ts';
import { type Outline, readGraph } from './read-graph.ts';
import { uniform } from './weights.ts';

const total = new Float64Array(getEnvironmentData('milliseconds at work') as SharedArrayBuffer);
const bell = new Int32Array(new SharedArrayBuffer(4));
const sessions = new Map<number, Outline>();
const held = new Map<number, readonly number[]>();
let last = 0;

/** Milliseconds to open a session, and to open and run one where nothing else is said. */
const OPENING = 5;
const EACH = 38;
/** The 0.46 GB of one come to a GPU in no less: 12 GB a second. */
const GEMMA_LAYER = 40;
/** Of the video VAE: 121 frames of 768×512 in 0.95 s. */
const PIXEL = 2e-5;
const NAMED: Readonly<Record<string, number>> = {
	'audio encoder': 200,
	'audio decoder': 200,
	vocoder: 200,
	'rotary tables': 2,
};

type Answer<K extends Kind> = readonly [given: Given[K], moved?: readonly ArrayBuffer[]];
type OrderOf<K extends Kind> = Extract<Order, { kind: K }>;

const does: { readonly [K in Kind]: (order: OrderOf<K>) => Answer<K> } = {
	open({ graph }) {
		return atWork(OPENING, () => {
			sessions.set(++last, readGraph(graph));
			return [{ session: last }];
		});
	},

	run({ session, inputs, outputs }) {
		const network = sessions.get(session)!;
		return atWork(timeOf(network, inputs), () => run(network, outputs));
	},

	once({ graph, inputs, outputs }) {
		const network = readGraph(graph);
		return atWork(OPENING + timeOf(network, inputs), () => run(network, outputs));
	},

	chain({ links, renamed, outputs, state }) {
		const known = new Map<string, readonly number[]>();
		for (const [index, link] of links.entries()) {
			if (Atomics.load(state, CHAIN.stop) !== 0) return [{ outputs: null }];
			Atomics.store(state, CHAIN.link, index);
			const isLast = outputs === 'come' && index === links.length - 1;
			const made = atWork('session' in link ? EACH - OPENING : EACH, () => {
				const network = 'session' in link ? sessions.get(link.session)! : readGraph(link.graph);
				if (isLast) return run(network, 'come');
				for (const { name, shape } of network.outputs) known.set(renamed[name] ?? name, shape);
				return null;
			});
			if (made !== null) return made as Answer<'chain'>;
		}
		const kept = [...known].map(([name, shape]) => [name, keep(shape)]);
		return [{ outputs: Object.fromEntries(kept) }];
	},

	hold({ value }) {
		return [keep(value.shape)];
	},

	read({ value }) {
		const data = numbersOf('', held.get(value)!);
		return [{ data }, [bufferOf(data)]];
	},

	close({ session }) {
		sessions.delete(session);
		return [{}];
	},
};

parentPort!.on('message', ({ dropped, asked }: Message) => {
	for (const value of dropped) held.delete(value);
	if (asked === null) return;
	const { id, order } = asked;
	try {
		const [given, moved = []] = (does[order.kind] as (order: Order) => Answer<Kind>)(order);
		parentPort!.postMessage({ order: id, given } satisfies Reply, moved);
	} catch (error) {
		parentPort!.postMessage({ order: id, failure: String(error) } satisfies Reply);
	}
});

function timeOf({ name, outputs }: Outline, inputs: Readonly<Record<string, Fed>>): number {
	if (name === 'video decoder') return PIXEL * pixelsIn(outputs[0]!.shape);
	if (name === 'video encoder') {
		return PIXEL * pixelsIn((inputs.pixels as Exclude<Fed, number>).shape);
	}
	if (name.startsWith('gemma layer')) return GEMMA_LAYER - OPENING;
	return NAMED[name] ?? EACH - OPENING;
}

/** Of [1, 3, frames, height, width]. */
function pixelsIn(shape: readonly number[]): number {
	return shape.slice(2).reduce((product, n) => product * n, 1);
}

function run({ name: network, outputs }: Outline, where: 'come' | 'stay'): Answer<'run'> {
	const made = outputs.map(({ name, shape }): [string, Output] => [
		name,
		where === 'stay' ? keep(shape) : { shape, data: numbersOf(network, shape) },
	]);
	const moved = made.flatMap(([, output]) => ('data' in output ? [bufferOf(output.data)] : []));
	return [{ outputs: Object.fromEntries(made) }, moved];
}

/** Takes so many milliseconds, the work's own among them. */
function atWork<T>(milliseconds: number, work: () => T): T {
	const begun = performance.now();
	const made = work();
	Atomics.wait(bell, 0, 0, Math.max(0, begun + milliseconds - performance.now()));
	total[0]! += performance.now() - begun;
	return made;
}

function keep(shape: readonly number[]) {
	held.set(++last, shape);
	return { value: last, shape, location: 'cpu' };
}

function numbersOf(network: string, shape: readonly number[]): Float32Array<ArrayBuffer> {
	const data = new Float32Array(shape.reduce((product, n) => product * n, 1));
	if (network === 'video decoder') fillWith(pictureOf(shape), data);
	else fillWith(network === 'vocoder' ? VOICE : NOISE, data);
	return data;
}

/** Spread as normal noise, and as sound that is not too loud. */
const [NOISE, VOICE] = [uniform(1_000_003, Math.sqrt(3)), uniform(1_000_003, 0.2)];

function fillWith(source: Float32Array, data: Float32Array): void {
	for (let at = 0; at < data.length; at += source.length) {
		data.set(source.subarray(0, data.length - at), at);
	}
}

let shown = new Float32Array(0);

/** A plane of waves with grain over them, about as hard to encode as a shot. */
function pictureOf(shape: readonly number[]): Float32Array {
	const [height = 0, width = 0] = shape.slice(-2);
	if (shown.length !== height * width) {
		shown = uniform(height * width, 0.03).map((grain, i) => {
			return grain + 0.8 * Math.sin((i % width) / 40) * Math.cos(Math.floor(i / width) / 30);
		});
	}
	return shown;
}

function bufferOf({ buffer }: { readonly buffer: ArrayBufferLike }): ArrayBuffer {
	return buffer as ArrayBuffer;
}
