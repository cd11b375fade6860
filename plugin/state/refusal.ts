import type { StoreApi } from 'zustand/vanilla';
import type { Problem } from '../../protocol/errors.ts';
import { sceneOf } from './scene.ts';
import type { PanelState } from './state.ts';
import { keyOf } from './wish.ts';

/** What was refused last of what is looked at and asked for now. */
export function refusalOf(state: PanelState): Problem | null {
	const { refusal } = state;
	return refusal !== null && refusal.about === aboutOf(state) ? refusal.problem : null;
}

/** Names what a press is for: what is asked for where, and what is chosen there. */
export function aboutOf(state: PanelState): string {
	const { tab, chosenClip, compared, fresh } = state.view;
	const scene = sceneOf(state);
	const there = scene.kind === 'cut' ? [scene.asks.shot, scene.shot?.id] : [];
	return JSON.stringify([askedIn(state), tab, chosenClip, compared, fresh, ...there]);
}

/**
 * A refusal goes with what it was about, and does not come back with it; that something was cancelled
 * goes with the place and the request.
 */
export function followRefusal(store: StoreApi<PanelState>): () => void {
	return store.subscribe((state, before) => {
		const { refusal, undo } = state;
		if (undo?.kind === 'cancelled' && undo === before.undo && askedIn(state) !== askedIn(before)) {
			store.setState({ undo: null });
		}
		if (refusal === null || refusal !== before.refusal) return;
		const { about } = refusal;
		if (aboutOf(before) === about && aboutOf(state) !== about) store.setState({ refusal: null });
	});
}

function askedIn(state: PanelState): string {
	const scene = sceneOf(state);
	const place = scene.kind === 'cut' ? keyOf(scene.place) : scene.kind;
	return JSON.stringify([state.view.host, place, state.wish]);
}
