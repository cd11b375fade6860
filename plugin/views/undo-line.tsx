import { Button } from 'react-aria-components';
import { usePanel, usePanelState, useWords } from './panel-context.tsx';

/** What was just taken away, and the way back. */
export function UndoLine({ kind }: { kind: 'deleted' | 'cleared' }) {
	const { actions } = usePanel();
	const words = useWords();
	const undo = usePanelState((state) => state.undo);
	if (undo?.kind !== kind) return null;
	return (
		<p className="plan undo" role="status">
			<span>{kind === 'deleted' ? words.deleted : words.cleared(undo.jobs.length)}</span>
			<Button className="link" onPress={() => actions.undo()}>
				{words.undo}
			</Button>
		</p>
	);
}
