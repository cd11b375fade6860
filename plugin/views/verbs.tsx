import { useState } from 'react';
import type { RequestKind } from '../../protocol/generation.ts';
import { shownVerb } from '../state/planning.ts';
import type { Ask } from '../state/scene.ts';
import { VERBS } from '../state/verbs.ts';
import { Segments } from './controls.tsx';
import { Icon } from './icons.tsx';
import { usePanel, usePanelState, useWords } from './panel-context.tsx';

/** What can be made here; what cannot says why where it is pointed at. */
export function Verbs({ asks }: { asks: Ask }) {
	const { actions } = usePanel();
	const words = useWords();
	const [pointed, setPointed] = useState<RequestKind | null>(null);
	const { reasons } = asks;
	const verb = usePanelState((state) => shownVerb(state, asks));
	const reason = reasons[pointed ?? verb];
	return (
		<div>
			<Segments
				className="verbs"
				label={words.whatToMake}
				choices={VERBS.map((value) => ({
					value,
					label: words.verbs[value],
					isOff: reasons[value] !== null,
				}))}
				value={reasons[verb] === null ? verb : null}
				onChange={(chosen) => actions.wish({ verb: chosen })}
				describedBy="hint"
				onPoint={setPointed}
			/>
			<p className="hint" id="hint" aria-live="polite">
				{reason && <Icon name="info" small />}
				<span>{reason ? reason(words) : words.makes[pointed ?? verb]}</span>
			</p>
		</div>
	);
}
