import { useEffect, useRef } from 'react';
import { runningTake } from '../state/shots.ts';
import { VERBS } from '../state/verbs.ts';
import { keyOf, marked } from '../state/wish.ts';
import { usePanel, useScene } from './panel-context.tsx';

const TABS = ['cut', 'history', 'setup'] as const;

/** Whether letters are text now. */
export function isTyping({ target }: KeyboardEvent): boolean {
	if (!(target instanceof HTMLElement)) return false;
	if (target instanceof HTMLInputElement) return !/^(radio|checkbox|range)$/.test(target.type);
	return target instanceof HTMLTextAreaElement || target.isContentEditable;
}

/** The keys that are the same in every state; those of the viewer are its own. */
export function useKeys(): void {
	const { actions, store } = usePanel();
	const scene = useScene();
	const latest = useRef(scene);
	latest.current = scene;
	useEffect(() => {
		const onKey = (event: KeyboardEvent) => {
			if (event.defaultPrevented) return;
			const act = actOf(event);
			if (!act) return;
			event.preventDefault();
			act();
		};
		// Buttons, tabs and radios keep Enter to themselves: this one is meant for none of them.
		const onCapture = (event: KeyboardEvent) => {
			if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey) || event.altKey) return;
			if (isInPopover(event)) return;
			event.preventDefault();
			event.stopPropagation();
			if (!event.repeat) pressPrimary();
		};
		window.addEventListener('keydown', onKey);
		window.addEventListener('keydown', onCapture, { capture: true });
		return () => {
			window.removeEventListener('keydown', onKey);
			window.removeEventListener('keydown', onCapture, { capture: true });
		};

		function actOf(event: KeyboardEvent): (() => void) | null {
			const isCommand = event.ctrlKey || event.metaKey;
			const typing = isTyping(event);
			if (event.key === 'F6') return () => nextRegion(event.shiftKey ? -1 : 1);
			if (event.key === 'Escape') {
				return store.getState().keptPress ? actions.dropPress : leave(event);
			}
			if (isCommand && !event.altKey) return command(event, typing);
			if (event.altKey) {
				const verb = VERBS[Number(/^Digit([1-6])$/.exec(event.code)?.[1]) - 1];
				const now = latest.current;
				if (!verb || now.kind !== 'cut' || now.asks.reasons[verb] !== null) return null;
				return () => actions.wish({ verb });
			}
			if (typing || event.repeat) return null;
			return plain(event);
		}

		function command(event: KeyboardEvent, typing: boolean): (() => void) | null {
			const tab = TABS[Number(/^Digit([1-3])$/.exec(event.code)?.[1]) - 1];
			if (tab) return () => actions.tab(tab);
			if (event.key === 'f') {
				return () => {
					actions.tab('history');
					requestAnimationFrame(() =>
						document.querySelector<HTMLElement>('[type="search"]')?.focus(),
					);
				};
			}
			if (event.key === 'z' && !typing && store.getState().undo) return () => actions.undo();
			return null;
		}

		function plain(event: KeyboardEvent): (() => void) | null {
			const now = latest.current;
			if (event.key === '?') return () => actions.look({ isHelpOpen: true });
			if (event.key === 'Enter') return isOnControl(event) ? null : pressPrimary;
			if (store.getState().view.tab !== 'cut' || now.kind !== 'cut') return null;
			switch (event.key) {
				case 'ArrowUp':
					return () => actions.step(-1);
				case 'ArrowDown':
					return () => actions.step(1);
				case 'i':
				case 'o':
					return () => mark(event.key as 'i' | 'o');
				case 'I':
				case 'O':
					return () => toMark(event.key as 'I' | 'O');
				default:
					return null;
			}
		}

		/** From anywhere to the strip; there it means that what is being made is not wanted. */
		function leave({ target }: KeyboardEvent): (() => void) | null {
			const strip = document.querySelector<HTMLElement>('[data-keys="strip"]');
			const isHere =
				target === document.body ||
				(target as HTMLElement | null)?.closest('[data-keys="strip"], [data-keys="job"]');
			if (!isHere) return strip ? () => strip.focus() : null;
			const now = latest.current;
			if (now.kind !== 'cut' || now.mode !== 'running') return null;
			const take = now.shot && runningTake(now.shot);
			const canAsk = store.getState().link.kind === 'connected';
			return take && canAsk ? () => actions.cancel(take.job.id) : null;
		}

		function mark(which: 'i' | 'o'): void {
			const now = latest.current;
			if (now.kind !== 'cut' || now.place.kind !== 'clip') return;
			const { place, playhead } = now;
			const at = keyOf(place);
			const { wish } = store.getState();
			const range = marked(wish, at, place.clip.range);
			const changed =
				which === 'i'
					? { start: playhead, end: Math.max(range.end, playhead + 1) }
					: { start: Math.min(range.start, playhead), end: playhead + 1 };
			const { reasons, verb } = now.asks;
			const isMarked = verb === 'retake' || verb === 'soundtrack' || verb === 'animate';
			const chosen = isMarked || reasons.retake !== null ? {} : { verb: 'retake' as const };
			actions.wish({ marks: { at, range: changed }, ...chosen });
		}

		function toMark(which: 'I' | 'O'): void {
			const now = latest.current;
			if (now.kind !== 'cut' || now.place.kind !== 'clip') return;
			const range = marked(store.getState().wish, keyOf(now.place), now.place.clip.range);
			actions.show(which === 'I' ? range.start : range.end - 1);
		}
	}, [actions, store]);
}

/** A button, an option or a link that has the focus is pressed itself. */
function isOnControl({ target }: KeyboardEvent): boolean {
	if (!(target instanceof HTMLElement)) return false;
	return (
		target.closest('button, a, summary, [role="option"], [role="row"], [role="menuitem"]') !== null
	);
}

/** What is open over the page has keys of its own. */
function isInPopover({ target }: KeyboardEvent): boolean {
	return target instanceof HTMLElement && target.closest('.popover') !== null;
}

function pressPrimary(): void {
	document.querySelector<HTMLElement>('[data-primary]')?.click();
}

/** The header and the labelled regions of the tab, in their order on the page. */
function nextRegion(by: -1 | 1): void {
	const regions = [...document.querySelectorAll<HTMLElement>('header, section[aria-label]')];
	const at = regions.findIndex((region) => region.contains(document.activeElement));
	const count = regions.length;
	for (let step = 1; step <= count; step++) {
		const region = regions[(at + by * step + count * 2) % count];
		const first = region?.querySelector<HTMLElement>(
			'button:not([disabled]), [tabindex="0"], input:not([disabled]), textarea',
		);
		if (first) {
			first.focus();
			return;
		}
	}
}
