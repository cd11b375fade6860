import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Panel } from '../../plugin/state/panel.ts';
import { keyOf } from '../../plugin/state/wish.ts';
import type { Job } from '../../protocol/jobs.ts';
import { type Daemon, endAllDaemons, startDaemon } from '../daemon/harness.ts';
import type { Editor } from '../fakes/editor.ts';
import { closePanels, cutWhere, known, openState } from './panel.ts';
import { openFilm } from './stage.ts';

let daemon: Daemon;
let editor: Editor;
let panel: Panel;
/** Lets the editor answer what the cut is. */
let answer: () => void;

beforeAll(async () => {
	daemon = await startDaemon({ engine: 'finisher' });
	editor = await openFilm(daemon);
});
beforeEach(async () => {
	editor.onCut = null;
	await editor.change({ playhead: 60 });
	panel = openState(() => daemon);
	await cutWhere(panel, 'the gap', ({ place }) => place.kind === 'gap');
	await known(panel, 'the first plan', ({ plan }) => plan.kind === 'ready');
	const answered = new Promise<void>((resolve) => {
		answer = resolve;
	});
	editor.onCut = () => answered;
	// Not read yet as it stands now, and so no plan is there before the editor answers.
	await editor.change({});
});
afterAll(async () => {
	closePanels();
	await editor.quit();
	await endAllDaemons();
});

it('It is dropped where the person types on, goes elsewhere or thinks better of it', async () => {
	const before = panel.store.getState().jobs.size;
	const ways = [
		() => panel.actions.wish({ prompt: 'wind over the hills' }),
		() => editor.change({ playhead: 20 }),
		() => panel.actions.dropPress(),
	];
	for (const [at, leave] of ways.entries()) {
		panel.actions.wish({ prompt: `rain ${at}` });
		await panel.actions.press();
		expect(panel.store.getState().keptPress).not.toBeNull();
		await leave();
		await known(panel, 'the press dropped', ({ keptPress }) => keptPress === null);
	}
	await editor.change({ playhead: 60 });
	answer();
	await known(panel, 'a plan', ({ plan }) => plan.kind === 'ready');
	expect(panel.store.getState().jobs.size).toBe(before);
});

it('It is dropped where what is planned is a refusal, which is told', async () => {
	const before = panel.store.getState().jobs.size;
	await editor.change({ playhead: 200 });
	const { place } = await cutWhere(panel, 'the end', ({ playhead }) => playhead === 200);
	panel.actions.wish({ verb: 'insert', length: { at: keyOf(place), frames: 300 } });
	await panel.actions.press();
	expect(panel.store.getState().keptPress?.verb).toBe('insert');
	answer();
	const problem = await known(
		panel,
		'the refusal',
		({ plan }) => plan.kind === 'refused' && plan.problem,
	);
	expect(problem.code).toBe('too-long');
	expect(panel.store.getState()).toMatchObject({ keptPress: null, isPressing: false });
	expect(panel.store.getState().jobs.size).toBe(before);
});

it('A press before the plan is there is done once it is, and done once', async () => {
	panel.actions.wish({ prompt: 'wind', draft: false });
	await panel.actions.press();
	await panel.actions.press();
	expect(panel.store.getState()).toMatchObject({
		plan: { kind: 'asking' },
		keptPress: { prompt: 'wind' },
		isPressing: false,
	});
	answer();
	await known(panel, 'the clip', ({ jobs }) => [...jobs.values()].some(isOf('wind')));
	expect(panel.store.getState().keptPress).toBeNull();
	expect([...panel.store.getState().jobs.values()].filter(isOf('wind'))).toHaveLength(1);
});

function isOf(prompt: string) {
	return (job: Job) => job.prompt === prompt;
}
