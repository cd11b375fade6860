import { createContext, type ReactNode, useContext } from 'react';
import { useStore } from 'zustand';
import { type Memory, memoryOf } from '../state/memory.ts';
import type { Panel } from '../state/panel.ts';
import { type CutScene, type Scene, sceneOf } from '../state/scene.ts';
import type { PanelState } from '../state/state.ts';
import type { Words } from '../strings/en.ts';
import { wordsFor } from '../strings/languages.ts';

const Context = createContext<Panel | null>(null);

export function PanelProvider({ panel, children }: { panel: Panel; children: ReactNode }) {
	return <Context.Provider value={panel}>{children}</Context.Provider>;
}

export function usePanel(): Panel {
	const panel = useContext(Context);
	if (!panel) throw new Error('Expected a panel around this view');
	return panel;
}

/** What is selected has to be the same object as long as it says the same. */
export function usePanelState<T>(select: (state: PanelState) => T): T {
	return useStore(usePanel().store, select);
}

export function useScene(): Scene {
	return sceneOf(usePanelState((state) => state));
}

/** For views that stand only where a cut is shown. */
export function useCutScene(): CutScene {
	const scene = useScene();
	if (scene.kind !== 'cut') throw new Error('Expected a cut to be shown');
	return scene;
}

/** What all panels remember. */
export function useMemory(): Memory {
	return memoryOf(usePanelState((state) => state.shared));
}

export function useLanguage() {
	return useMemory().language;
}

export function useWords(): Words {
	return wordsFor(useLanguage());
}
