import { randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';
import { openPanel, type Panel, type PanelOptions } from '../../plugin/state/panel.ts';
import { type CutScene, sceneOf } from '../../plugin/state/scene.ts';
import type { PanelState } from '../../plugin/state/state.ts';
import type { SocketLike } from '../../protocol/client.ts';
import { type Daemon, until } from '../daemon/harness.ts';

const opened: Panel[] = [];

/** A panel without a page: what it knows and can do, connected to a real daemon. */
export function openState(
	daemon: () => Pick<Daemon, 'port' | 'token'>,
	options: Partial<PanelOptions> = {},
): Panel {
	const panel = openPanel({
		endpoint: async () => daemon(),
		openSocket: (url, protocols) => new WebSocket(url, protocols) as unknown as SocketLike,
		version: '1',
		kept: null,
		host: null,
		now: () => Date.now(),
		randomUuid: () => randomUUID(),
		randomInteger: (most) => Math.floor(Math.random() * most),
		...options,
	});
	opened.push(panel);
	return panel;
}

/** For afterAll. */
export function closePanels(): void {
	for (const panel of opened.splice(0)) panel.close();
}

/** Waits until a panel knows something; gives it. */
export function known<T>(
	panel: Panel,
	what: string,
	look: (state: PanelState) => T | false | null | undefined,
): Promise<T> {
	return until(what, () => look(panel.store.getState()));
}

/** The cut as a panel shows it, once that is so. */
export function cutWhere(
	panel: Panel,
	what: string,
	isSo: (scene: CutScene) => boolean,
): Promise<CutScene> {
	return known(panel, what, (state) => {
		const scene = sceneOf(state);
		return scene.kind === 'cut' && isSo(scene) ? scene : null;
	});
}
