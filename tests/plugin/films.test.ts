import { afterAll, expect, it } from 'vitest';
import { sceneOf } from '../../plugin/state/scene.ts';
import { isReady } from '../../plugin/state/shots.ts';
import { PickupError } from '../../protocol/errors.ts';
import { type Daemon, endAllDaemons, startDaemon, until } from '../daemon/harness.ts';
import { closePanels, cutWhere, known, openState } from './panel.ts';
import { openFilm } from './stage.ts';

afterAll(async () => {
	closePanels();
	await endAllDaemons();
});

/** An editor with another film. */
async function openOther(daemon: Daemon) {
	const editor = await openFilm(daemon);
	const project = { id: 'other', name: 'Other film', path: null };
	await editor.change({ project });
	return editor;
}

it('A film that is closed gives its place to no other, is gone on with when it is open again, and another one is a press away', async () => {
	const daemon = await startDaemon();
	const first = await openFilm(daemon);
	const panel = openState(() => daemon);
	await cutWhere(panel, 'the film', ({ host }) => host.agent.id === first.agent.id);
	const other = await openOther(daemon);
	await known(panel, 'both editors', ({ hosts }) => hosts.length === 2);
	await first.quit();
	await known(panel, 'that it is closed', (state) => {
		const scene = sceneOf(state);
		return scene.kind === 'no-editor' && scene.film?.name === 'Film';
	});
	expect(panel.store.getState().plan.kind).toBe('none');

	const again = await openFilm(daemon);
	await cutWhere(panel, 'the film again', ({ host }) => host.agent.id === again.agent.id);
	await again.quit();
	await known(panel, 'that it is closed again', (state) => sceneOf(state).kind === 'no-editor');
	const [open] = panel.store.getState().hosts;
	panel.actions.choose(open!);
	await cutWhere(panel, 'the other film', ({ host }) => host.agent.id === other.agent.id);
	await other.quit();
});

it('An editor that once did not give its cut is asked again', async () => {
	const daemon = await startDaemon();
	const film = await openFilm(daemon);
	let isRefused = true;
	film.onCut = () => {
		if (isRefused) throw new PickupError('host-refused', 'It is saving');
	};
	const panel = openState(() => daemon);
	await known(panel, 'the refusal', (state) => sceneOf(state).kind === 'unreadable');
	isRefused = false;
	await cutWhere(panel, 'the cut', ({ host }) => host.agent.id === film.agent.id);
	await film.quit();
});

it('What is asked for in one film does not stand in another, and is there again in its own', async () => {
	const daemon = await startDaemon({ engine: 'none' });
	const editor = await openFilm(daemon);
	await editor.change({ playhead: 60 });
	const panel = openState(() => daemon);
	await cutWhere(panel, 'the gap', ({ place }) => place.kind === 'gap');
	panel.actions.wish({ prompt: 'fog over the hills' });
	await known(panel, 'the plan', ({ plan }) => plan.kind === 'ready' && plan.plan);
	await panel.actions.press();
	await cutWhere(panel, 'the clip', ({ shot }) => (shot?.takes ?? []).some(isReady));
	await until('the brief', () => editor.brief()?.prompt === 'fog over the hills');
	panel.actions.wish({ prompt: 'not pressed yet' });

	const other = { id: 'other', name: 'Other', path: null };
	const { project } = editor.state();
	await editor.change({ project: other });
	const wish = () => panel.store.getState().wish;
	await known(panel, 'the other film', (state) => state.wish.film === 'other');
	expect(wish().prompt).toBe('');
	// What the editor's own Fill button would ask for.
	await until('the brief', () => editor.brief()?.prompt === '');
	const opened = openState(() => daemon);
	await known(opened, 'the other film', (state) => state.wish.film === 'other');
	expect(opened.store.getState().wish.prompt).toBe('');

	await editor.change({ project });
	await known(panel, 'its own film', (state) => state.wish.film === project!.id);
	expect(wish().prompt).toBe('not pressed yet');
	await until('the brief', () => editor.brief()?.prompt === 'fog over the hills');
	await known(opened, 'its own film', (state) => state.wish.film === project!.id);
	expect(opened.store.getState().wish.prompt).toBe('fog over the hills');
	await editor.quit();
});
