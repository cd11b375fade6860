import type { StoreApi } from 'zustand/vanilla';
import { sceneOf } from './scene.ts';
import type { PanelState } from './state.ts';

/**
 * Does what was pressed for before its plan was there as soon as it is. Where the plan is a refusal,
 * or something else is asked for meanwhile, the press is dropped.
 */
export function followPress(store: StoreApi<PanelState>, press: () => Promise<void>): () => void {
	return store.subscribe((state) => {
		const { keptPress, plan, link } = state;
		if (keptPress === null) return;
		const scene = sceneOf(state);
		const isMeant =
			link.kind === 'connected' &&
			scene.kind === 'cut' &&
			JSON.stringify(scene.asks.shot) === JSON.stringify(keptPress);
		if (isMeant && plan.kind === 'asking') return;
		store.setState({ keptPress: null });
		if (isMeant && plan.kind === 'ready') void press();
	});
}
