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
import { Ledger } from './ledger.ts';
import { picture } from './picture.ts';
import { type Outline, readGraph } from './read-graph.ts';
import { STAND_IN, type StandIn } from './stand-in-settings.ts';
import { uniform } from './weights.ts';

const { memory, session: each } = getEnvironmentData(STAND_IN) as StandIn;
const ledger = new Ledger(memory);
const bell = new Int32Array(new SharedArrayBuffer(4));
const sessions = new Map<number, Outline>();
const held = new Map<number, readonly number[]>();
let last = 0;

const OPENING = each / 4;
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
			const made = atWork('session' in link ? each - OPENING : each, () => {
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
	return NAMED[name] ?? each - OPENING;
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
	ledger.begin();
	const end = performance.now() + milliseconds;
	try {
		const made = work();
		Atomics.wait(bell, 0, 0, Math.max(0, end - performance.now()));
		return made;
	} finally {
		ledger.end();
	}
}

function keep(shape: readonly number[]) {
	held.set(++last, shape);
	return { value: last, shape, location: 'cpu' };
}

function numbersOf(network: string, shape: readonly number[]): Float32Array<ArrayBuffer> {
	const data = new Float32Array(shape.reduce((product, n) => product * n, 1));
	if (network === 'video decoder') fillWithPictures(data, shape);
	else fillWith(noiseOf(network === 'vocoder' ? VOICE : NORMAL), data);
	return data;
}

/** How far numbers reach: spread as normal noise, and as sound that is not too loud. */
const [NORMAL, VOICE] = [Math.sqrt(3), 0.2];
const noises = new Map<number, Float32Array>();

function noiseOf(reach: number): Float32Array {
	const noise = noises.get(reach) ?? uniform(1_000_003, reach);
	noises.set(reach, noise);
	return noise;
}

function fillWith(source: Float32Array, data: Float32Array): void {
	for (let at = 0; at < data.length; at += source.length) {
		data.set(source.subarray(0, data.length - at), at);
	}
}

/** Pictures that take turns. */
const PICTURES = 3;
const pictures = new Map<string, readonly Float32Array[]>();

/** [1, 3, frames, height, width]. */
function fillWithPictures(data: Float32Array, shape: readonly number[]): void {
	const [, , frames, height, width] = shape as [number, number, number, number, number];
	const size = `${width}×${height}`;
	const made =
		pictures.get(size) ?? Array.from({ length: PICTURES }, () => picture({ width, height }));
	pictures.set(size, made);
	const plane = width * height;
	for (let at = 0; at < 3 * frames; at++) {
		const [channel, frame] = [Math.floor(at / frames), at % frames];
		const { [frame % PICTURES]: shown } = made;
		data.set(shown!.subarray(channel * plane, (channel + 1) * plane), at * plane);
	}
}

function bufferOf({ buffer }: { readonly buffer: ArrayBufferLike }): ArrayBuffer {
	return buffer as ArrayBuffer;
}
