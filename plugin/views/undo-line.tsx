import { Button } from 'react-aria-components';
import type { Undo } from '../state/state.ts';
import type { Words } from '../strings/en.ts';
import { usePanel, usePanelState, useWords } from './panel-context.tsx';
import { takeTitle } from './take-title.ts';

/** What was just taken away, and the way back. */
export function UndoLine({ kinds }: { kinds: readonly Undo['kind'][] }) {
	const { actions } = usePanel();
	const words = useWords();
	const undo = usePanelState((state) => state.undo);
	const says = useSays(words, undo);
	if (!undo || !kinds.includes(undo.kind)) return null;
	return (
		<p className="plan undo" role="status">
			<span>{says}</span>
			<Button className="link" onPress={() => actions.undo()}>
				{undo.kind === 'cancelled' ? words.makeAfterAll : words.undo}
			</Button>
		</p>
	);
}

function useSays(words: Words, undo: Undo | null): string {
	const jobs = usePanelState((state) => state.jobs);
	if (undo === null) return '';
	switch (undo.kind) {
		case 'deleted':
			return words.deleted;
		case 'cleared':
			return words.cleared(undo.jobs.length);
		case 'cancelled': {
			const takeOf = jobs.get(undo.jobs[0]!)?.takeOf ?? { take: 1, shot: '' };
			const stands = [...jobs.values()].some(
				(job) =>
					job.takeOf?.shot === takeOf.shot && job.landings.some(({ state }) => state === 'landed'),
			);
			const title = takeTitle(words, takeOf);
			return stands ? words.cancelledStands(title) : words.cancelledNothing(title);
		}
	}
}
