/** Whole jobs through the engine, whose networks are stood in for; a program of its own. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setEnvironmentData } from 'node:worker_threads';
import type { Report } from '../../inference-daemon/engines/engine.ts';
import { ltx2 } from '../../inference-daemon/engines/ltx2/engine.ts';
import { findFfmpeg } from '../../inference-daemon/media/locate.ts';
import type { GenerationRequest } from '../../protocol/generation.ts';
import { type Balance, Ledger } from './ledger.ts';
import { STAND_IN, type StandIn } from './stand-in-settings.ts';

/** What it is told, as a file of JSON. */
export type Ordered = {
	/** Made one after the other. */
	readonly requests: readonly GenerationRequest[];
	/** For the clips. */
	readonly folder: string;
	/** What is kept from job to job. */
	readonly cache: string;
	readonly session: StandIn['session'];
};

/** What it tells of each job in the end: processor by the phases that its progress tells. */
export type Measured = {
	readonly phases: readonly (Balance & { readonly name: string })[];
	readonly seconds: number;
};

/** Frames that the model has to see. */
const WINDOW = 121;

const { requests, folder, cache, session } = JSON.parse(
	await readFile(process.argv[2]!, 'utf8'),
) as Ordered;
const ffmpeg = await findFfmpeg();
const ledger = new Ledger();
setEnvironmentData(STAND_IN, { memory: ledger.memory, session } satisfies StandIn);
const measured: Measured[] = [];
for (const request of requests) measured.push(await measure(request));
process.send!(measured);
process.disconnect();

async function measure(request: GenerationRequest): Promise<Measured> {
	const workplace = { ffmpeg, folder, cache, clipPath: join(folder, `${request.id}.mov`) };
	const { signal } = new AbortController();
	const phases: (Balance & { readonly name: string })[] = [];
	const begun = performance.now();
	let name = 'Planning';
	let since = ledger.read();
	const turnTo = (next: string) => {
		const now = ledger.read();
		phases.push({ name, ...between(since, now) });
		[name, since] = [next, now];
	};
	const plan = await ltx2.plan(request);
	if (plan.workFrames !== WINDOW) {
		throw new Error(`Expected a window of ${WINDOW} frames, got ${plan.workFrames}`);
	}
	const report = (output: Report) => {
		if (output.kind === 'progress' && output.phase !== name) turnTo(output.phase);
	};
	await ltx2.generate(request, workplace, { report, signal });
	turnTo('');
	return { phases, seconds: (performance.now() - begun) / 1000 };
}

function between(from: Balance, to: Balance): Balance {
	const taken = (kind: keyof Balance) => ({
		own: to[kind].own - from[kind].own,
		programs: to[kind].programs - from[kind].programs,
	});
	return { alone: taken('alone'), beside: taken('beside') };
}
