/** Jobs through the engine, one after the other, whose networks are stood in for; a program of its own. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OPEN_GATE } from '../../inference-daemon/engines/gate.ts';
import { ltx2 } from '../../inference-daemon/engines/ltx2/engine.ts';
import { findFfmpeg } from '../../inference-daemon/media/locate.ts';
import type { GenerationRequest } from '../../protocol/generation.ts';
import { atWork } from './stand-in.ts';

/** What it is told, as a file of JSON. */
export type Ordered = {
	readonly requests: readonly GenerationRequest[];
	/** For the clips. */
	readonly folder: string;
	/** What is kept from job to job. */
	readonly cache: string;
};

/** Seconds that a job has taken, planning among it, and those in which a network was at work. */
export type Measured = { readonly seconds: number; readonly networks: number };

/** Frames that the model has to see. */
const WINDOW = 121;

const path = process.argv[2]!;
const { requests, folder, cache } = JSON.parse(await readFile(path, 'utf8')) as Ordered;
const ffmpeg = await findFfmpeg();
const { signal } = new AbortController();
for (const request of requests) {
	const [begun, before] = [performance.now(), atWork.milliseconds];
	const { workFrames } = await ltx2.plan(request);
	if (workFrames !== WINDOW) throw new Error(`Expected ${WINDOW} frames, got ${workFrames}`);
	const unfinished = join(folder, 'unfinished');
	const clipPath = join(folder, `${request.id}.mov`);
	const workplace = { ffmpeg, folder, cache, unfinished, clipPath };
	await ltx2.generate(request, workplace, { report: () => {}, signal, gate: OPEN_GATE });
	const seconds = (performance.now() - begun) / 1000;
	process.send!({ seconds, networks: (atWork.milliseconds - before) / 1000 } satisfies Measured);
}
process.disconnect();
