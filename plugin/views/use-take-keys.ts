import { useEffect, useRef } from 'react';
import { comparedFor, shownTake, swapped, withTake } from '../state/compare.ts';
import { isReady, type ShotView } from '../state/shots.ts';
import type { Compared } from '../state/state.ts';
import { isTyping } from './keys.ts';
import { usePanel } from './panel-context.tsx';
import type { Player } from './use-player.ts';

/** The keys of the viewer: playing as editors know it, choosing, comparing. */
export function useTakeKeys(now: { player: Player; shot: ShotView; compared: Compared }): void {
	const { actions } = usePanel();
	const latest = useRef(now);
	latest.current = now;
	useEffect(() => {
		const onKey = (event: KeyboardEvent) => {
			if (event.defaultPrevented || isTyping(event)) return;
			if (event.ctrlKey || event.metaKey || event.altKey) return;
			const { player, shot, compared } = latest.current;
			const isStep = event.key === 'ArrowLeft' || event.key === 'ArrowRight';
			if (event.repeat && !isStep) return;
			const act = actOf(event, player);
			if (act) {
				event.preventDefault();
				act();
				return;
			}
			const digit = /^Digit([1-8])$/.exec(event.code)?.[1];
			const take = shownTake(shot, compared);
			if (digit !== undefined) {
				const chosen = shot.takes.find((each) => each.take === Number(digit));
				if (!chosen || !isReady(chosen)) return;
				actions.compare(withTake(compared, chosen.job.id, event.shiftKey));
			} else if (event.key === 'x') {
				actions.compare(swapped(compared));
			} else if (event.key === 's' && take) {
				actions.star(take.job);
			} else if (event.key === 'v' && take && !take.job.clip?.draft) {
				actions.vary(take);
			} else if (event.key === 'Delete' && take) {
				actions.remove([take.job.id]);
				actions.compare(comparedFor(shot, null));
			} else {
				return;
			}
			event.preventDefault();
		};
		window.addEventListener('keydown', onKey);
		return () => window.removeEventListener('keydown', onKey);
	}, [actions]);
}

function actOf(event: KeyboardEvent, player: Player): (() => void) | null {
	// Space presses a button that has the focus.
	const isOnButton = (event.target as HTMLElement | null)?.closest(
		'button, summary, [role="option"]',
	);
	const step = event.shiftKey ? 10 : 1;
	switch (event.key) {
		case 'j':
			return () => player.play(-1);
		case 'k':
			return () => player.stop();
		case 'l':
			return () => player.play(player.speed === 1 ? 2 : 1);
		case ' ':
			return isOnButton ? null : () => player.toggle();
		case 'ArrowLeft':
			return () => {
				player.stop();
				player.seek(player.frame - step);
			};
		case 'ArrowRight':
			return () => {
				player.stop();
				player.seek(player.frame + step);
			};
		case 'Home':
			return () => player.seek(Number.NEGATIVE_INFINITY);
		case 'End':
			return () => player.seek(Number.POSITIVE_INFINITY);
		default:
			return null;
	}
}
