/** Runs beside the encoder: looks at both sides once, then draws the frames it is asked for. */

import { parentPort, workerData } from 'node:worker_threads';
import { bridgeWithinBars } from './bars.ts';
import type { Bridge } from './bridge.ts';
import { type KernelModule, loadKernels } from './kernels.ts';
import { drawLabel } from './label.ts';
import type { PictureOrder, PictureReply, PictureWanted } from './picture.ts';
import { layoutOf } from './planes.ts';

const kernels = loadKernels(workerData as KernelModule);
let drawing: { readonly bridge: Bridge; readonly wanted: PictureWanted } | null = null;

parentPort!.on('message', (order: PictureOrder) => {
	if (order.kind === 'look') look(order.wanted, order.places);
	else draw(order.frame, order.place);
});

function look(wanted: PictureWanted, places: number): void {
	const { left, right, count, settle } = wanted;
	kernels.clear();
	const bridge = bridgeWithinBars(kernels, { left, right, count, settle, places });
	drawing = { bridge, wanted };
	const { regime, confidence } = bridge;
	reply({ kind: 'ready', regime, confidence, memory: kernels.memory(), places: bridge.places });
}

function draw(frame: number, place: number): void {
	if (drawing === null) throw new Error('Expected to be told what to draw first');
	const { bridge, wanted } = drawing;
	const data = bridge.draw(frame, place);
	if (wanted.label) drawLabel(data, layoutOf((wanted.left ?? wanted.right)!.edge));
	reply({ kind: 'frame', frame, place });
}

function reply(message: PictureReply): void {
	parentPort!.postMessage(message);
}
