/**
 * In the place of the engine's `open-graph.ts`: does what it is asked without ONNX Runtime, in the time
 * that networks take, and gives numbers of no meaning.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Graph } from '../../inference-daemon/engines/ltx2/graph/graph.ts';
import type { NdArray, Values } from '../../inference-daemon/engines/ltx2/runtime/values.ts';
import { uniform } from './weights.ts';

/** Milliseconds in which a network was at work. */
export const atWork = { milliseconds: 0 };

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

export class OpenGraph {
	readonly handle = 0n;
	readonly #graph: Graph;

	private constructor(graph: Graph) {
		this.#graph = graph;
	}

	static async open(graph: Graph): Promise<OpenGraph> {
		graph.encode();
		await work(OPENING, () => {});
		return new OpenGraph(graph);
	}

	async run(_inputs: Values, outputs: Values): Promise<void> {
		await work(timeOf(this.#graph), () => {
			for (const value of Object.values(outputs)) fill(this.#graph.name, value as NdArray);
		});
	}

	release(): void {}
}

/** Takes so many milliseconds, the making's own among them. */
async function work(milliseconds: number, make: () => void): Promise<void> {
	const begun = performance.now();
	make();
	await sleep(Math.max(0, milliseconds - (performance.now() - begun)));
	atWork.milliseconds += performance.now() - begun;
}

function timeOf({ name, inputs, outputs }: Graph): number {
	if (name === 'video decoder') return PIXEL * pixelsIn(outputs[0]!.shape);
	if (name === 'video encoder') return PIXEL * pixelsIn(inputs[0]!.shape);
	if (name.startsWith('gemma layer')) return GEMMA_LAYER - OPENING;
	return NAMED[name] ?? EACH - OPENING;
}

/** Of [1, 3, frames, height, width]. */
function pixelsIn(shape: readonly number[]): number {
	return shape.slice(2).reduce((product, n) => product * n, 1);
}

/** Spread as normal noise, and as sound that is not too loud. */
const [NOISE, VOICE] = [uniform(1_000_003, Math.sqrt(3)), uniform(1_000_003, 0.2)];

function fill(network: string, { data, shape }: NdArray): void {
	if (network === 'video decoder') fillWith(pictureOf(shape), data as Float32Array);
	else fillWith(network === 'vocoder' ? VOICE : NOISE, data as Float32Array);
}

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
