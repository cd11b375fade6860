/** Runs beside the encoder: looks at both sides once, then draws the frames it is asked for. */

import { parentPort, workerData } from 'node:worker_threads';
import { buildBridge } from './bridge.ts';
import { loadKernels } from './kernels.ts';
import { drawLabel } from './label.ts';
import type { PictureReply, PictureTask } from './picture.ts';
import { layoutOf } from './planes.ts';

const port = parentPort!;
const wanted = workerData as PictureTask;

const bridge = buildBridge(
	await loadKernels(wanted.kernels),
	wanted.left,
	wanted.right,
	wanted.count,
	wanted.settle,
);
const layout = layoutOf((wanted.left ?? wanted.right)!.edge);

port.on('message', (frame: number) => {
	const data = bridge.draw(frame).slice();
	if (wanted.label) drawLabel(data, layout);
	port.postMessage({ kind: 'frame', frame, data } satisfies PictureReply, [data.buffer]);
});
port.postMessage({
	kind: 'ready',
	regime: bridge.regime,
	confidence: bridge.confidence,
} satisfies PictureReply);
