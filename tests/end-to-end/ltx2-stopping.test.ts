import { afterAll, beforeAll, expect, test } from 'vitest';
import { countClip } from '../../inference-daemon/media/verify.ts';
import type { GenerationRequest } from '../../protocol/generation.ts';
import { until } from '../daemon/harness.ts';
import { type Cut, GAP, makeCut, requestFor } from '../engines/ltx2/shots.ts';
import { randomFrom } from '../host-bridge/mutations.ts';
import { tries } from '../tries.ts';
import {
	engineOf,
	helpersOf,
	leftBy,
	memoryOf,
	openFilesOf,
	openScene,
	type Scene,
} from './ltx2-scene.ts';

const CANCELS = tries(10, 100);

/** Jobs that may end before they are cancelled: how long one takes changes with the machine's load. */
const ATTEMPTS = 3 * CANCELS;

/** After so many the engine has loaded all that it keeps. */
const SETTLED = 6;

/** More memory than that after the rest of them is a leak: the tiny model's weights are 8 MB. */
const GROWTH = 48 * 2 ** 20;

let scene: Scene;
let cut: Cut;
beforeAll(async () => {
	scene = await openScene();
	cut = await makeCut(scene.studio);
});
afterAll(() => scene.close());

/** A new job, no two alike, of `steps` steps. */
function shot(seed: number, steps = 4): GenerationRequest {
	const { model } = scene.studio;
	const settings = { model, provider: 'cpu', context: 0.1, pixels: 64 * 64, steps };
	return requestFor('fill', cut, { seed, settings, prompt: `kite ${seed}` });
}

test(`a job cancelled at ${CANCELS} random moments leaves no process, no file and no memory behind`, {
	timeout: 3 * 3_600_000,
}, async () => {
	const random = randomFrom(4);
	const { daemon, peer } = scene;
	const started = performance.now();
	await scene.make(shot(0));
	let length = performance.now() - started;
	const engine = engineOf(daemon)!;
	const kept = await leftBy(scene);
	const phases: string[] = [];
	let before = { memory: 0, files: 0 };
	for (let attempt = 1; phases.length < CANCELS && attempt <= ATTEMPTS; attempt++) {
		const began = performance.now();
		const id = await scene.submit(shot(attempt));
		await new Promise((resolve) => setTimeout(resolve, random() * length));
		const { job } = await peer.call('job.cancel', { jobId: id });
		expect(helpersOf(daemon)).toEqual([]);
		if (job.state === 'done') {
			length = performance.now() - began;
			kept.push(...(await leftBy(scene)).filter((name) => name.includes(id)));
			continue;
		}
		expect(job).toMatchObject({ state: 'cancelled', clip: null, problem: null });
		phases.push(job.phase);
		expect(await leftBy(scene)).toEqual([...kept].sort());
		if (phases.length === SETTLED)
			before = { memory: memoryOf(engine), files: openFilesOf(engine) };
	}
	expect(phases).toHaveLength(CANCELS);
	// Not all of them before anything was under way, nor all in one phase.
	expect(new Set(phases).size).toBeGreaterThan(2);
	// It has heeded every one of them by itself: an engine that does not is killed.
	expect(engineOf(daemon)).toBe(engine);
	const { clip } = await scene.make(shot(CANCELS + ATTEMPTS));
	expect(await countClip(clip!.path)).toEqual({ frames: GAP, samples: 20_000 });
	expect(openFilesOf(engine)).toBeLessThanOrEqual(before.files);
	expect(memoryOf(engine) - before.memory).toBeLessThan(GROWTH);
});

test('an engine killed in the middle of a shot fails it with the reason, and the next is made', async () => {
	const { daemon, peer } = scene;
	const before = await leftBy(scene);
	const id = await scene.submit(shot(1, 200));
	await until('the shot to be under way', async () => {
		const { job } = await peer.call('job.get', { jobId: id });
		return job.state === 'running' && job.progress > 0.2;
	});
	const killed = engineOf(daemon)!;
	process.kill(killed, 'SIGKILL');
	const { state, problem, clip } = await scene.ended(id);
	expect({ state, clip }).toEqual({ state: 'failed', clip: null });
	expect(problem).toMatchObject({
		code: 'engine-died',
		fault: 'engine',
		message: expect.stringContaining('SIGKILL'),
	});
	// How far it came can be seen in the panel.
	const preview = `${id}.png`;
	expect((await leftBy(scene)).filter((name) => name !== preview)).toEqual(before);
	expect(helpersOf(daemon)).toEqual([]);
	const { clip: next } = await scene.make(shot(2));
	expect(await countClip(next!.path)).toEqual({ frames: GAP, samples: 20_000 });
	expect(engineOf(daemon)).not.toBe(killed);
});
