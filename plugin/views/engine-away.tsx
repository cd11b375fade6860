import { useEffect, useState } from 'react';
import { Icon } from './icons.tsx';
import { usePanelState, useWords } from './panel-context.tsx';

/** How long it may take to come back before it is said what can be done, in ms. */
const PATIENCE = 15_000;

/** The engine has gone: what was there stays to be seen, and what becomes of it is said. */
export function EngineAway() {
	const words = useWords();
	const since = usePanelState(({ link }) => (link.kind === 'lost' ? link.since : null));
	const kept = usePanelState(
		({ jobs }) =>
			[...jobs.values()].filter(({ landings }) => landings.at(-1)?.state === 'waiting').length,
	);
	const [isLong, setLong] = useState(false);
	useEffect(() => {
		if (since === null) return;
		const timer = setTimeout(() => setLong(true), Math.max(0, since + PATIENCE - Date.now()));
		return () => clearTimeout(timer);
	}, [since]);
	return (
		<div className="away" role="alert">
			<Icon name="unplug" />
			<span>
				{words.engineStopped}. {isLong ? words.engineAway : words.engineComesBack(kept)}
			</span>
		</div>
	);
}
