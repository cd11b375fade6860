/** Runs beside the encoder: looks at both sides once, then draws the frames it is asked for. */

import { setFlagsFromString } from 'node:v8';
import { parentPort, workerData } from 'node:worker_threads';
import { type Bridge, buildBridge } from './bridge.ts';
import { type Kernels, loadKernels } from './kernels.ts';
import { drawLabel } from './label.ts';
import type { PictureOrder, PictureReply, PictureWanted } from './picture.ts';
import { layoutOf } from './planes.ts';

// Compiles the kernels for speed at once, while the neighbours are still being read.
setFlagsFromString('--no-wasm-dynamic-tiering');
const loading = loadKernels(workerData as Uint8Array);
let drawing: { readonly bridge: Bridge; readonly wanted: PictureWanted } | null = null;

parentPort!.on('message', async (order: PictureOrder) => {
	// Every order waits, so that none overtakes the one before it.
	const kernels = await loading;
	if (order.kind === 'look') look(kernels, order.wanted);
	else draw(order.frame, order.memory);
});

function look(kernels: Kernels, wanted: PictureWanted): void {
	const { left, right, count, settle } = wanted;
	const bridge = buildBridge(kernels, left, right, count, settle);
	drawing = { bridge, wanted };
	const { regime, confidence } = bridge;
	reply({ kind: 'ready', regime, confidence });
}

function draw(frame: number, memory: ArrayBuffer): void {
	if (drawing === null) throw new Error('Expected to be told what to draw first');
	const { bridge, wanted } = drawing;
	const data = new Uint8Array(memory);
	data.set(bridge.draw(frame));
	if (wanted.label) drawLabel(data, layoutOf((wanted.left ?? wanted.right)!.edge));
	reply({ kind: 'frame', frame, memory }, [memory]);
}

function reply(message: PictureReply, moved: ArrayBuffer[] = []): void {
	parentPort!.postMessage(message, moved);
}
