import { Icon } from './icons.tsx';
import { usePanelState, useWords } from './panel-context.tsx';

/** The engine has gone: what was there stays to be seen, and what becomes of it is said. */
export function EngineAway() {
	const words = useWords();
	const hope = usePanelState(({ link }) => (link.kind === 'lost' ? link.hope : null));
	const kept = usePanelState(
		({ jobs }) =>
			[...jobs.values()].filter(({ landings }) => landings.at(-1)?.state === 'waiting').length,
	);
	const says =
		hope === 'stopped'
			? words.engineStoppedSays
			: hope === 'gone'
				? words.engineAway
				: words.engineComesBack(kept);
	return (
		<div className="away" role="alert">
			<Icon name="unplug" />
			<span>
				{hope === 'stopped' ? words.engineWasStopped : words.engineStopped}. {says}
			</span>
		</div>
	);
}
