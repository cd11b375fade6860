import { Button, GridList, GridListItem, useDragAndDrop } from 'react-aria-components';
import type { Job } from '../../protocol/jobs.ts';
import { timecodeIn } from '../state/place.ts';
import type { CutScene } from '../state/scene.ts';
import type { Words } from '../strings/en.ts';
import { CutOff, IconButton } from './controls.tsx';
import { Icon } from './icons.tsx';
import { usePanel, usePanelState, useWords } from './panel-context.tsx';
import { takeTitle } from './take-title.ts';

/** What waits, in its order: it can be moved, taken out, held and cleared. */
export function Queue({ scene }: { scene: CutScene }) {
	const { actions } = usePanel();
	const words = useWords();
	const jobs = usePanelState((state) => state.jobs);
	const paused = usePanelState((state) => state.shared.paused);
	const undo = usePanelState((state) => state.undo);
	const waiting = queued([...jobs.values()]);
	const move = (id: string, by: -1 | 1) => {
		const at = waiting.findIndex((job) => job.id === id);
		const others = waiting.filter((job) => job.id !== id);
		const to = at + by;
		if (to < 0 || to > others.length) return;
		actions.move(id, others[to]?.id ?? null);
	};
	const { dragAndDropHooks } = useDragAndDrop({
		getItems: (keys) =>
			[...keys].map((key) => ({ 'text/plain': jobs.get(String(key))?.prompt ?? '' })),
		onReorder: ({ keys, target }) => {
			const [id] = keys;
			if (id === undefined) return;
			const others = waiting.filter((job) => job.id !== id);
			const at = others.findIndex((job) => job.id === target.key);
			const before = others[target.dropPosition === 'after' ? at + 1 : at];
			actions.move(String(id), before?.id ?? null);
		},
	});
	return (
		<>
			<div className="list-head">
				<h2>{words.queue}</h2>
				<span className="dim small">
					{paused
						? words.paused
						: waiting.length > 0
							? words.queueWaiting(waiting.length)
							: words.queueEmpty}
				</span>
				<span className="push">
					{undo?.kind === 'cleared' && (
						<Button className="button quiet" onPress={() => actions.undo()}>
							{words.undo}
						</Button>
					)}
					<Button
						className="button quiet"
						aria-label={paused ? words.resumeQueue : words.pauseQueue}
						onPress={() => actions.pause(!paused)}
					>
						<Icon name={paused ? 'play' : 'pause'} />
						<span className="not-narrow">{paused ? words.goOn : words.pause}</span>
					</Button>
					<Button
						className="button quiet"
						isDisabled={waiting.length === 0}
						onPress={() => actions.clear(waiting.map(({ id }) => id))}
					>
						{words.clear}
					</Button>
				</span>
			</div>
			{waiting.length > 0 && (
				<div
					onKeyDownCapture={(event) => {
						if (!event.altKey || (event.key !== 'ArrowUp' && event.key !== 'ArrowDown')) return;
						const row = (event.target as HTMLElement).closest<HTMLElement>('[data-key]');
						if (!row?.dataset.key) return;
						event.preventDefault();
						event.stopPropagation();
						move(row.dataset.key, event.key === 'ArrowUp' ? -1 : 1);
					}}
				>
					<GridList
						className="list ruled"
						aria-label={words.queue}
						dragAndDropHooks={dragAndDropHooks}
						items={waiting}
						dependencies={[words]}
					>
						{(job) => (
							<GridListItem className="item" id={job.id} textValue={titleOf(job, scene, words)}>
								<Button slot="drag" className="grip" aria-label={words.reorder}>
									<Icon name="grip" />
								</Button>
								<span className="two">
									<CutOff text={titleOf(job, scene, words)} />
									<CutOff
										text={words.queueFacts(
											words.frames(job.plan.frames),
											job.prompt || words.noPrompt,
										)}
									/>
								</span>
								<span className="end">
									<IconButton
										icon="x"
										label={words.takeOut}
										onPress={() => actions.clear([job.id])}
									/>
								</span>
							</GridListItem>
						)}
					</GridList>
				</div>
			)}
		</>
	);
}

/** In the order in which they will be made: by priority, then by place. */
function queued(jobs: readonly Job[]): readonly Job[] {
	return jobs
		.filter(({ state }) => state === 'queued')
		.sort(
			(a, b) =>
				b.priority - a.priority ||
				(a.position ?? Number.POSITIVE_INFINITY) - (b.position ?? Number.POSITIVE_INFINITY) ||
				a.createdAt.localeCompare(b.createdAt),
		);
}

function titleOf(job: Job, { cut, shots }: CutScene, words: Words): string {
	const shot = shots.find(({ id }) => id === job.takeOf?.shot);
	const where = shot ? timecodeIn(cut.sequence, shot.destination.range.start) : '';
	const take = job.takeOf ? takeTitle(words, job.takeOf) : '';
	return [`${words.verbs[job.kind]} ${where}`.trim(), take]
		.filter((part) => part !== '')
		.join(', ');
}
