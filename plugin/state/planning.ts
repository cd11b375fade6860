import type { StoreApi } from 'zustand/vanilla';
import { problemOf } from '../../protocol/errors.ts';
import type { RequestKind } from '../../protocol/generation.ts';
import type { Link } from './link.ts';
import { type Ask, sceneOf } from './scene.ts';
import type { PanelState, PlanState } from './state.ts';

declare function setTimeout(callback: () => void, milliseconds: number): unknown;
declare function clearTimeout(timer: unknown): void;

/** After the last change of the request, in ms. */
const PLAN_AFTER = 120;

/** Keeps the plan of what would be made now; an answer to an older question is passed over. */
export function followPlan(
	store: StoreApi<PanelState>,
	call: Link['call'],
	id: string,
): () => void {
	let wanted = '';
	let question = 0;
	let timer: unknown;
	const unsubscribe = store.subscribe(look);
	return () => {
		unsubscribe();
		clearTimeout(timer);
	};

	function look(): void {
		const state = store.getState();
		if (state.link.kind !== 'connected') {
			wanted = '';
			return;
		}
		const scene = sceneOf(state);
		const shot = scene.kind === 'cut' ? scene.asks.shot : null;
		const revision = scene.kind === 'cut' ? scene.open.revision : 0;
		const key = shot ? JSON.stringify([shot, revision, state.engines]) : '';
		if (key === wanted) return;
		wanted = key;
		question += 1;
		clearTimeout(timer);
		if (!shot) {
			tell({ kind: 'none' });
			return;
		}
		tell({ kind: 'asking', before: planIn(state.plan) });
		const asked = question;
		timer = setTimeout(() => {
			const whole = { ...shot, id };
			call('shot.plan', { shot: whole }).then(
				(plan) => asked === question && tell({ kind: 'ready', shot: whole, plan }),
				(error) => {
					const problem = problemOf(error);
					if (asked === question) tell({ kind: 'refused', shot: whole, problem });
				},
			);
		}, PLAN_AFTER);
	}

	function tell(plan: PlanState): void {
		store.setState({ plan });
	}
}

/**
 * The verb that shows as chosen. Where the wanted one is not possible another stands in for it, but
 * not to be refused: nobody asked for that one.
 */
export function shownVerb({ plan, wish }: PanelState, asks: Ask): RequestKind {
	return plan.kind === 'refused' ? wish.verb : asks.verb;
}

function planIn(plan: PlanState) {
	if (plan.kind === 'ready') return plan.plan;
	return plan.kind === 'asking' ? plan.before : null;
}
