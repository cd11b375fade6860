import { expect, test } from 'vitest';
import { until } from '../daemon/harness.ts';
import { GAP } from './placement-cases.ts';
import {
	describePremiereFaults,
	open,
	others,
	ours,
	PLAIN,
	peer,
	press,
	UNDER,
} from './premiere-faults.ts';
import { UXP } from './premiere-interfaces.ts';

describePremiereFaults(UXP);

test('A clip that lands is one undo step, and one that was undone is not landed again', async () => {
	const project = await open(UNDER, null);
	const before = others(project, null);
	const { landing, path, job } = await (await press(project, GAP)).landed();
	expect(landing.state).toBe('landed');
	expect(ours(project, path)).toEqual(['V1 50–75', 'A2 50–75']);
	expect(project.undoSteps.at(-1)?.label).toBe(landing.destination.name);
	project.undo();
	expect(ours(project, path)).toEqual([]);
	expect(others(project, path)).toEqual(before);
	await until('the loss', async () => {
		const found = (await peer.call('job.get', { jobId: job })).job.landings.at(-1);
		return found?.state === 'gone';
	});
	expect(ours(project, path)).toEqual([]);
});

test('Tracks are tried once: the next clip on them makes one undo step', async () => {
	const project = await open(PLAIN, null);
	expect((await (await press(project, GAP)).landed()).landing.state).toBe('landed');
	const steps = project.undoSteps.length;
	const second = await (await press(project, { start: 130, end: 140 })).landed();
	expect(second.landing.state).toBe('landed');
	const labels = project.undoSteps.slice(steps).map(({ label }) => label);
	expect(labels.filter((label) => !label.startsWith('Import'))).toEqual([
		second.landing.destination.name,
	]);
});
