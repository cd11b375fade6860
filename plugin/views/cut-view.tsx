import type { CutScene } from '../state/scene.ts';
import { stripAround } from '../state/strip.ts';
import { ClipRange, RangeEnds } from './clip-range.tsx';
import { Commit } from './commit.tsx';
import { EngineAway } from './engine-away.tsx';
import { FirstRun } from './first-run.tsx';
import { GapBar } from './gap-bar.tsx';
import { GapTable } from './gap-table.tsx';
import { usePanelState, useWords } from './panel-context.tsx';
import { Request } from './request.tsx';
import { Shot } from './shot.tsx';
import { StripView } from './strip.tsx';
import { useIsWide } from './use-media-query.ts';

/** The cut at the playhead: what can be asked for, or what has become of what was. */
export function CutView({ scene }: { scene: CutScene }) {
	const isStale = usePanelState((state) => state.link.kind !== 'connected');
	return (
		<main className={isStale ? 'stage stale' : 'stage'}>
			{scene.shot ? <Shot scene={scene} shot={scene.shot} /> : <Asking scene={scene} />}
			{isStale && <EngineAway />}
		</main>
	);
}

function Asking({ scene }: { scene: CutScene }) {
	const words = useWords();
	const isWide = useIsWide();
	const isQueueing = useIsQueueing();
	return (
		<>
			<section className="cut" aria-label={words.cutAtPlayhead}>
				<GapBar scene={scene} />
				<AtPlayhead scene={scene} />
			</section>
			{scene.isFirstRun ? <FirstRun scene={scene} /> : <Request scene={scene} />}
			{isWide && !scene.isFirstRun && (
				<section className="below" aria-label={words.gapsInSequence}>
					{scene.place.kind === 'clip' && <RangeEnds scene={scene} clip={scene.place.clip} />}
					<GapTable scene={scene} />
				</section>
			)}
			<Commit scene={scene} isQueueing={isQueueing} />
		</>
	);
}

function AtPlayhead({ scene }: { scene: CutScene }) {
	const words = useWords();
	const { place } = scene;
	if (place.kind === 'nothing') return null;
	if (place.kind === 'clip') return <ClipRange scene={scene} clip={place.clip} />;
	const strip = stripAround(place.track, place.range);
	const frames = words.frames(place.range.end - place.range.start);
	const { left, right } = place.gap;
	return (
		<StripView
			scene={scene}
			strip={strip}
			label={words.gapBetween(frames, left?.name ?? words.start, right?.name ?? words.end)}
		/>
	);
}

/** Whether what is asked for now comes after something else. */
export function useIsQueueing(): boolean {
	return usePanelState(({ jobs }) =>
		[...jobs.values()].some(({ state }) => state === 'running' || state === 'queued'),
	);
}
