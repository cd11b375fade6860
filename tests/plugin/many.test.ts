import { afterAll, expect, it } from 'vitest';
import { isPlaced } from '../../plugin/state/shots.ts';
import { endAllDaemons, startDaemon } from '../daemon/harness.ts';
import { closePanels, cutWhere, known, openState } from './panel.ts';
import { openFilm } from './stage.ts';

afterAll(async () => {
	closePanels();
	await endAllDaemons();
});

it('Twenty panels on one daemon and one editor agree, whoever presses', async () => {
	const daemon = await startDaemon({ engine: 'finisher' });
	const editor = await openFilm(daemon);
	await editor.change({ playhead: 60 });
	const panels = Array.from({ length: 20 }, () => openState(() => daemon));
	for (const panel of panels) await cutWhere(panel, 'the gap', ({ mode }) => mode === 'request');
	const [presser] = panels;
	presser!.actions.wish({ prompt: 'fog', draft: false, takes: 2 });
	await known(presser!, 'the plan', ({ plan }) => plan.kind === 'ready' && plan.shot.takes === 2);
	await presser!.actions.press();
	const seen = new Set<string>();
	for (const panel of panels) {
		const { shot } = await cutWhere(panel, 'both takes, one in the cut', (scene) => {
			const { takes } = scene.shot ?? { takes: [] };
			return (
				takes.length === 2 && takes.every(({ job }) => job.state === 'done') && takes.some(isPlaced)
			);
		});
		const told = shot!.takes.map(({ job, landing }) => [job.id, job.state, landing?.state]);
		seen.add(JSON.stringify([shot!.id, told]));
	}
	expect([...seen]).toHaveLength(1);
	panels[7]!.actions.pause(true);
	for (const panel of panels) await known(panel, 'the pause', ({ shared }) => shared.paused);
	await editor.quit();
});
