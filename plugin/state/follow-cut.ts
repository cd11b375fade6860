import type { StoreApi } from 'zustand/vanilla';
import { problemOf } from '../../protocol/errors.ts';
import type { Link } from './link.ts';
import { hostOf } from './scene.ts';
import type { PanelState } from './state.ts';

declare function setTimeout(callback: () => void, milliseconds: number): unknown;

/** How long until an editor that did not give its cut is asked again, in ms. */
const AGAIN_AFTER = 2000;

/** Keeps the cut of the sequence that is looked at as it stands in its editor. */
export function followCut(store: StoreApi<PanelState>, call: Link['call']): () => void {
	let asked = '';
	let isAsking = false;
	let isClosed = false;
	const unsubscribe = store.subscribe(() => void look());
	return () => {
		isClosed = true;
		unsubscribe();
	};

	function askAgain(): void {
		if (isClosed) return;
		asked = '';
		void look();
	}

	async function look(): Promise<void> {
		const state = store.getState();
		if (state.link.kind !== 'connected') {
			asked = '';
			return;
		}
		const host = hostOf(state);
		if (!host?.state.project || !host.state.sequence) {
			asked = '';
			return;
		}
		const { agent, state: open } = host;
		const at = {
			host: agent.id,
			project: host.state.project.id,
			sequence: host.state.sequence.id,
		};
		const key = JSON.stringify([at, open.revision]);
		// One answer at a time: what changed meanwhile is asked for after it.
		if (key === asked || isAsking) return;
		asked = key;
		isAsking = true;
		try {
			const { cut, revision } = await call('host.cut', { host: agent.id });
			store.setState({ cut: { ...at, revision, cut }, cutProblem: null });
		} catch (error) {
			store.setState({ cutProblem: problemOf(error) });
			setTimeout(askAgain, AGAIN_AFTER);
		} finally {
			isAsking = false;
			void look();
		}
	}
}
