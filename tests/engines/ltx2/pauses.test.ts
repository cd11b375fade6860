import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Report } from '../../../inference-daemon/engines/engine.ts';
import { PauseGate } from '../../../inference-daemon/engines/gate.ts';
import { type Cut, make, makeCut, openStudio, requestFor, SMALL, type Studio } from './shots.ts';

/** A job stands still between two blocks of the transformer and between two frames of the picture. */

let studio: Studio;
let cut: Cut;
beforeAll(async () => {
	studio = await openStudio();
	cut = await makeCut(studio, SMALL);
});
afterAll(() => studio.close());

const isAt = (output: Report, phase: string) =>
	output.kind === 'progress' && output.phase.startsWith(phase);

/** Pauses a job when it says for the second time that it is in a phase. */
function pausingAt(phase: string) {
	let times = 0;
	let stand = () => {};
	const stands = new Promise<void>((resolve) => {
		stand = resolve;
	});
	const gate = new PauseGate((does) => does && stand());
	const hear = (output: Report) => {
		if (isAt(output, phase)) times += 1;
		if (times === 2) gate.pause();
	};
	return { gate, hear, stands };
}

it.each([
	['Making the shot', 'made'],
	['Drawing the picture', 'drawn'],
])('One that is paused in “%s” makes the same clip after', async (phase, name) => {
	const request = requestFor('fill', cut);
	const { clip } = await make(request, studio, `${name} at once`);
	const { gate, hear, stands } = pausingAt(phase);
	const outputs: Report[] = [];
	const all = (output: Report) => {
		outputs.push(output);
		hear(output);
	};
	const making = make(request, studio, `${name} after a pause`, undefined, all, gate);
	await stands;
	const before = outputs.length;
	// What has been begun beside it comes to its end; nothing that takes a step does.
	for (let turn = 0; turn < 1000; turn++) await new Promise((resolve) => setImmediate(resolve));
	expect(outputs.slice(before).filter((output) => isAt(output, phase))).toEqual([]);
	expect(gate.stood()).toBeGreaterThan(0);
	gate.resume();
	const paused = await making;
	const [one, other] = await Promise.all(
		[clip.path, paused.clip.path].map((path) => readFile(path)),
	);
	expect(other!.equals(one!)).toBe(true);
});

it('One that is paused can be stopped at once', async () => {
	const stop = new AbortController();
	const reason = new Error('It is not wanted any more');
	const { gate, hear, stands } = pausingAt('Making the shot');
	const making = make(requestFor('fill', cut), studio, 'stopped', stop.signal, hear, gate);
	await stands;
	stop.abort(reason);
	await expect(making).rejects.toBe(reason);
	await expect(readFile(join(studio.folder, 'stopped.mov'))).rejects.toMatchObject({
		code: 'ENOENT',
	});
});
