import { closedGaps, gapAt, lengthIn, timecodeIn } from '../state/place.ts';
import type { CutScene } from '../state/scene.ts';
import {
	isFilledAt,
	isPlaced,
	isReady,
	type ShotView,
	shotAt,
	unplacedTake,
} from '../state/shots.ts';
import type { Words } from '../strings/en.ts';
import { usePanel, useWords } from './panel-context.tsx';

/** Every gap of the track, with what was made for it; a press goes there. */
export function GapTable({ scene }: { scene: CutScene }) {
	const { actions } = usePanel();
	const words = useWords();
	const { cut, place, shots, playhead } = scene;
	if (place.kind === 'nothing') return null;
	const gaps = closedGaps(scene.gaps);
	const empty = gaps.filter((gap) => !isFilledAt(shots, place.track, gap));
	const frames = empty.reduce((sum, { start, end }) => sum + end - start, 0);
	const here = gapAt(gaps, playhead)?.row;
	return (
		<>
			<div className="list-head">
				<h2>{words.gapsInSequence}</h2>
				<span className="dim small push">
					{gaps.length > 0 && empty.length === 0
						? words.allFilled
						: words.gapsInAll(empty.length, lengthIn(cut.sequence, frames, 'short'))}
				</span>
			</div>
			<table className="grid">
				<thead>
					<tr>
						<th className="number">{words.columnNumber}</th>
						<th>{words.columnAt}</th>
						<th className="number">{words.columnLength}</th>
						<th className="wide">{words.columnBetween}</th>
						<th>{words.columnState}</th>
					</tr>
				</thead>
				<tbody>
					{gaps.map((gap) => (
						<tr
							key={gap.row}
							className={gap.row === here ? 'on' : ''}
							aria-current={gap.row === here}
						>
							<td className="number dim">{gap.row}</td>
							<td>
								<button type="button" className="plain" onClick={() => actions.toGap(gap.row)}>
									{timecodeIn(cut.sequence, gap.start)}
								</button>
							</td>
							<td className="number">{lengthIn(cut.sequence, gap.end - gap.start, 'short')}</td>
							<td className="wide soft">
								{words.between(gap.left?.name ?? words.start, gap.right?.name ?? words.end)}
							</td>
							<td>
								{stateOf(
									shotAt(shots, { kind: 'gap', track: place.track, gap, range: gap }, gap.start),
									words,
								)}
							</td>
						</tr>
					))}
				</tbody>
			</table>
		</>
	);
}

function stateOf(shot: ShotView | null, words: Words): string {
	if (!shot) return words.stateEmpty;
	if (shot.takes.some(({ job }) => job.state === 'running' || job.state === 'queued')) {
		return words.stateRunning;
	}
	const placed = shot.takes.find(isPlaced);
	if (placed)
		return placed.take === 0 ? words.stateDraft : words.stateFilled(words.takeName(placed.take));
	if (unplacedTake(shot)) return words.stateConflict;
	const ready = shot.takes.filter(isReady).length;
	if (ready > 0) return words.stateUnused(ready);
	return shot.takes.some(({ job }) => job.state === 'failed')
		? words.stateStopped
		: words.stateEmpty;
}
