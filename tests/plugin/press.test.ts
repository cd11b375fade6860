import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { canUse, comparedFor, shownTake } from '../../plugin/state/compare.ts';
import { type CutScene, sceneOf } from '../../plugin/state/scene.ts';
import { isPlaced, isReady, type TakeView } from '../../plugin/state/shots.ts';
import type { SocketLike } from '../../protocol/client.ts';
import {
	crash,
	type Daemon,
	endAllDaemons,
	startDaemon,
	temporaryFolder,
	until,
} from '../daemon/harness.ts';
import type { Editor } from '../fakes/editor.ts';
import { closePanels, cutWhere, known, openState } from './panel.ts';
import { openFilm } from './stage.ts';

const GAP = { start: 48, end: 108 };

let daemon: Daemon;
let editor: Editor;
/** The engine waits for a file `go` here. */
let gate: string;

beforeAll(async () => {
	gate = join(await temporaryFolder(), 'gate');
	await mkdir(gate);
	daemon = await startDaemon({ engine: 'finisher', env: { PICKUP_FINISHER: gate } });
	editor = await openFilm(daemon);
	await editor.change({ playhead: 60 });
});
afterAll(async () => {
	closePanels();
	await editor.quit();
	await endAllDaemons();
});

describe('A panel that is opened on an editor', () => {
	it('shows the gap at the playhead, what can be made there, and what it would be', async () => {
		const panel = openState(() => daemon);
		const scene = await cutWhere(panel, 'the gap', ({ place }) => place.kind === 'gap');
		expect(scene.place).toMatchObject({ range: GAP, gap: { kind: 'gap', row: 1 } });
		expect(scene.mode).toBe('request');
		expect(scene.asks.verb).toBe('fill');
		expect(scene.asks.shot).toMatchObject({ track: 'V1', range: GAP, engine: 'finisher' });
		const plan = await known(panel, 'the plan', ({ plan }) => plan.kind === 'ready' && plan.plan);
		expect(plan.plan).toMatchObject({ engine: 'finisher', frames: 60, draft: false });
		expect(plan.draft).toMatchObject({ engine: 'inbetween' });
		expect(plan.lands).toBe('V1 + A1 01:00:02:00–01:00:04:12');
	});

	it('goes to the next edit and back, in the editor', async () => {
		const panel = openState(() => daemon);
		await cutWhere(panel, 'the gap', ({ place }) => place.kind === 'gap');
		panel.actions.show(20);
		await cutWhere(panel, 'the clip', ({ place }) => place.kind === 'clip');
		expect(editor.state().playhead).toBe(20);
		panel.actions.step(1);
		await cutWhere(panel, 'the end of the clip', ({ playhead }) => playhead === 48);
		expect(editor.state().playhead).toBe(48);
	});

	it('makes what was pressed, and every panel sees the takes, which of them stands in the cut, and another one used', async () => {
		const panels = [openState(() => daemon), openState(() => daemon)];
		const [panel, other] = panels as [(typeof panels)[0], (typeof panels)[0]];
		await cutWhere(panel, 'the gap', ({ place }) => place.kind === 'gap');
		panel.actions.wish({ prompt: 'wind', takes: 2, seed: 10, isSeedLocked: true });
		await known(panel, 'the plan', ({ plan }) => plan.kind === 'ready' && plan.shot.takes === 2);
		await panel.actions.press();
		for (const each of panels) {
			const running = await cutWhere(each, 'the draft in the cut', ({ shot }) =>
				(shot?.takes ?? []).some((take) => take.take === 0 && isPlaced(take)),
			);
			expect(running.mode).toBe('running');
		}
		expect(editor.cut().tracks[0]?.clips.map(({ range }) => range)).toContainEqual(GAP);
		// What the editor's own Fill button would ask for.
		await until('the brief', () => editor.brief()?.prompt === 'wind');

		await writeFile(join(gate, 'go'), '');
		const done = await cutWhere(
			other,
			'both takes',
			({ shot }) => shot?.takes.filter((take) => take.take > 0 && isReady(take)).length === 2,
		);
		const shot = done.shot!;
		await cutWhere(other, 'the first take in the cut', (scene) =>
			scene.shot!.takes.some((take) => take.take === 1 && isPlaced(take)),
		);
		const compared = comparedFor(shot, null)!;
		expect(shownTake(shot, compared)?.take).toBe(1);
		const second = shot.takes.find(({ take }) => take === 2)!;
		expect(second.job.clip?.seed).toBe(11);
		other.actions.use(shot, second);
		for (const each of panels) {
			const used = await cutWhere(each, 'the second take in the cut', (scene) =>
				scene.shot!.takes.some((take) => take.take === 2 && isPlaced(take)),
			);
			expect(used.shot!.takes.filter(isPlaced)).toHaveLength(1);
		}
	});

	it('makes one more take near another one', async () => {
		const panel = openState(() => daemon);
		const scene = await cutWhere(panel, 'the takes', ({ mode }) => mode === 'takes');
		panel.actions.vary(scene.shot!.takes.find(({ take }) => take === 1)!);
		const varied = await cutWhere(panel, 'take 3', ({ shot }) =>
			(shot?.takes ?? []).some((take) => take.take === 3 && isReady(take)),
		);
		const third = varied.shot!.takes.find(({ take }) => take === 3)!;
		expect(third.job.prompt).toBe('wind');
		expect(third.job.clip?.seed).not.toBe(10);
		expect(third.job.landings).toEqual([]);
	});

	it('tells a take that was placed elsewhere from one that stands in the gap', async () => {
		const panel = openState(() => daemon);
		const scene = await cutWhere(panel, 'three takes', ({ shot }) => shot?.takes.length === 4);
		const first = scene.shot!.takes.find(({ take }) => take === 1)!;
		panel.actions.show(20);
		await cutWhere(panel, 'the clip', ({ playhead }) => playhead === 20);
		panel.actions.placeHere(first.job);
		await until('the clip above', () =>
			editor.cut().tracks.some(({ clips }) => clips.some(({ range }) => range.start === 20)),
		);
		panel.actions.show(60);
		const isTold = ({ job }: TakeView) => job.landings.filter(({ state }) => state === 'landed');
		const back = await cutWhere(
			panel,
			'both clips',
			({ shot, playhead }) => playhead === 60 && (shot?.takes ?? []).flatMap(isTold).length === 2,
		);
		expect(back.shot!.takes.filter(isPlaced).map(({ take }) => take)).toEqual([2]);
		expect(canUse(back.shot!.takes.find(({ take }) => take === 1)!)).toBe(true);
	});

	it('takes a take out of sight, and back', async () => {
		const panel = openState(() => daemon);
		const scene = await cutWhere(panel, 'three takes', ({ shot }) => shot?.takes.length === 4);
		const third = scene.shot!.takes.find(({ take }) => take === 3)!;
		panel.actions.remove([third.job.id]);
		await cutWhere(panel, 'one less', ({ shot }) => shot?.takes.length === 3);
		await known(panel, 'the way back', ({ undo }) => undo?.kind === 'deleted');
		panel.actions.undo();
		await cutWhere(panel, 'all again', ({ shot }) => shot?.takes.length === 4);
	});
});

it('A panel is where it was after the daemon has crashed and started again', async () => {
	const folder = await temporaryFolder();
	let at = await startDaemon({ engine: 'finisher', env: { PICKUP_FINISHER: folder } });
	let film = await openFilm(at);
	await film.change({ playhead: 60 });
	const panel = openState(() => at);
	await cutWhere(panel, 'the gap', ({ place }) => place.kind === 'gap');
	panel.actions.wish({ prompt: 'rain', draft: false });
	await known(panel, 'the plan', ({ plan }) => plan.kind === 'ready' && plan.plan);
	await panel.actions.press();
	const { shot } = await cutWhere(panel, 'the job', ({ mode }) => mode === 'running');
	await crash(at);
	await known(panel, 'that it is lost', ({ link }) => link.kind === 'lost');
	expect(sceneOf(panel.store.getState()).kind).toBe('cut');
	at = await startDaemon({ state: at.state, engine: 'finisher', env: { PICKUP_FINISHER: folder } });
	film = await openFilm(at);
	await film.change({ playhead: 60 });
	await writeFile(join(folder, 'go'), '');
	const after = await cutWhere(panel, 'the clip in the cut', (scene) =>
		(scene.shot?.takes ?? []).some(isPlaced),
	);
	expect(after.shot!.id).toBe(shot!.id);
	expect(panel.store.getState().link.kind).toBe('connected');
	await film.quit();
});

it('An answer that comes late takes nothing back of what was told since', async () => {
	const folder = await temporaryFolder();
	const at = await startDaemon({ engine: 'finisher', env: { PICKUP_FINISHER: folder } });
	const film = await openFilm(at);
	await film.change({ playhead: 60 });
	const held: (() => void)[] = [];
	let isHeld = false;
	const panel = openState(() => at, {
		openSocket(url, protocols) {
			const socket = new WebSocket(url, protocols) as unknown as SocketLike;
			const page: SocketLike = {
				send: (text) => socket.send(text),
				close: () => socket.close(),
				onopen: null,
				onmessage: null,
				onclose: null,
				onerror: null,
			};
			socket.onopen = (event) => page.onopen?.(event);
			socket.onclose = (event) => page.onclose?.(event);
			socket.onerror = (event) => page.onerror?.(event);
			socket.onmessage = (event: never) => {
				const tell = () => page.onmessage?.(event);
				const { result } = JSON.parse((event as { data: string }).data);
				if (isHeld && result?.jobs?.[0]?.takeOf) held.push(tell);
				else tell();
			};
			return page;
		},
	});
	await cutWhere(panel, 'the gap', ({ place }) => place.kind === 'gap');
	panel.actions.wish({ draft: false });
	await known(panel, 'the plan', ({ plan }) => plan.kind === 'ready' && plan.plan);
	isHeld = true;
	const pressed = panel.actions.press();
	const isRunning = ({ shot }: CutScene) => shot?.takes[0]?.job.state === 'running';
	await cutWhere(panel, 'the job at work', isRunning);
	isHeld = false;
	for (const tell of held) tell();
	await pressed;
	const scene = sceneOf(panel.store.getState());
	expect(scene.kind === 'cut' && isRunning(scene)).toBe(true);
	await film.quit();
});

it('A take that failed says so, and goes on when it is tried again', async () => {
	const folder = await temporaryFolder();
	await writeFile(join(folder, 'fail'), '');
	const at = await startDaemon({ engine: 'finisher', env: { PICKUP_FINISHER: folder } });
	const film = await openFilm(at);
	await film.change({ playhead: 60 });
	const panel = openState(() => at);
	await cutWhere(panel, 'the gap', ({ place }) => place.kind === 'gap');
	panel.actions.wish({ draft: false });
	await known(panel, 'the plan', ({ plan }) => plan.kind === 'ready' && plan.plan);
	await panel.actions.press();
	const failed = await cutWhere(panel, 'the failure', ({ mode }) => mode === 'error');
	const [take] = failed.shot!.takes;
	expect(take!.job.problem).toMatchObject({ code: 'out-of-memory' });
	await rm(join(folder, 'fail'));
	await writeFile(join(folder, 'go'), '');
	panel.actions.retry(take!.job.id);
	await cutWhere(panel, 'the clip', (scene) => (scene.shot?.takes ?? []).some(isPlaced));
	await film.quit();
});
