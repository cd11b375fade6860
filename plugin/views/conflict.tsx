import { type ReactNode, useState } from 'react';
import { Radio, RadioGroup } from 'react-aria-components';
import { rangesOverlap } from '../../protocol/time.ts';
import { refusalOf } from '../state/refusal.ts';
import type { CutScene } from '../state/scene.ts';
import { type ShotView, unplacedTake } from '../state/shots.ts';
import { closedAt, stripAround } from '../state/strip.ts';
import { Refusal } from './commit.tsx';
import { PrimaryButton } from './controls.tsx';
import { ended } from './ended.ts';
import { GapBar } from './gap-bar.tsx';
import { Icon } from './icons.tsx';
import { usePanel, usePanelState, useWords } from './panel-context.tsx';
import { adviceSays, problemSays } from './problem-words.ts';
import { JobPicture, StripView } from './strip.tsx';
import { takeTitle } from './take-title.ts';

/** The clip is made and its place was taken meanwhile: where it goes instead. */
export function Conflict({ scene, shot }: { scene: CutScene; shot: ShotView }) {
	const { actions } = usePanel();
	const words = useWords();
	const [choice, setChoice] = useState<Choice>('leave');
	const refusal = usePanelState(refusalOf);
	const take = unplacedTake(shot)!;
	const { landing, job } = take;
	if (landing?.state !== 'not-landed') return null;
	const { place } = scene;
	const { range, track } = shot.destination;
	const title = takeTitle(words, take);
	const frames = words.frames(job.clip?.frames ?? range.end - range.start);
	const shut = place.kind === 'nothing' ? null : closedAt(place.track, range.start);
	const strip =
		place.kind === 'nothing'
			? null
			: (shut ?? stripAround(place.track, { start: range.start, end: range.start + 1 }));
	const there =
		place.kind === 'nothing'
			? null
			: place.track.clips.find((clip) => rangesOverlap(clip.range, range));
	// What lacks a track for its sound stands no better above.
	const isOfTracks = landing.problem.code === 'no-free-track';
	const isSilentWay =
		landing.destination.picture &&
		landing.destination.sound &&
		!there &&
		!scene.host.agent.can.addTracks &&
		(landing.problem.field === 'audio' || landing.problem.code === 'host-refused');
	const leave = landing.kept === 'bin' ? words.leaveInBin : words.leaveInFolder;
	return (
		<>
			<section className="cut" aria-label={words.cutAtPlayhead}>
				<GapBar scene={scene} />
				{strip && <StripView scene={scene} strip={strip} label={words.notPlaced} />}
			</section>
			<section className="below" aria-label={words.whatWentWrong}>
				<div className="section lead" role="alert">
					<div className="note">
						<Icon name="warn" tone="caution" />
						<h2>{shut ? words.gapClosed : words.notPlaced}</h2>
						<p>
							{there ? words.standsThere(there.name) : ended(problemSays(words, landing.problem))}{' '}
							{words.nothingOverwritten(words.keptIn[landing.kept])}
						</p>
					</div>
				</div>
				<div className="item ruled">
					<span className="thumb">
						<JobPicture job={job} alt={title} />
					</span>
					<span className="two">
						<span>{title}</span>
						<span>{words.madeAndKept(frames, words.keptIn[landing.kept])}</span>
					</span>
				</div>
			</section>
			<section className="side-column grow" aria-label={words.whereToPlace}>
				<RadioGroup
					className="choices"
					aria-label={words.whereToPlace}
					value={choice}
					onChange={(value) => setChoice(value as typeof choice)}
				>
					{isSilentWay && (
						<ChoiceRow
							value="picture"
							title={words.pictureOnly}
							says={words.pictureOnlySays(frames, track)}
						/>
					)}
					{isOfTracks ? (
						<ChoiceRow
							value="again"
							title={words.allOfIt}
							says={adviceSays(words, landing.problem)}
						/>
					) : (
						<ChoiceRow
							value="above"
							title={words.placeAbove}
							says={words.placeAboveSays(frames, track)}
							drawing={<Drawing isAbove />}
						/>
					)}
					<ChoiceRow value="leave" title={leave} says={words.leaveSays} drawing={<Drawing />} />
				</RadioGroup>
				{refusal && (
					<div className="section">
						<Refusal problem={refusal} />
					</div>
				)}
			</section>
			<section className="commit" aria-label={words.whereToPlace}>
				<div className="acts">
					<PrimaryButton
						label={choice === 'leave' ? leave : words.placeBy[choice]}
						hint={words.enter}
						onPress={() => {
							if (choice === 'above') actions.placeAbove(shot, take);
							else if (choice === 'picture') actions.placePictureOf(shot, take);
							else if (choice === 'again') actions.use(shot, take);
							else actions.withdraw(landing);
						}}
					/>
				</div>
				{scene.host.agent.can.undo && (
					<p className="plan dim">{choice === 'leave' ? '\u00a0' : words.oneUndo}</p>
				)}
			</section>
		</>
	);
}

type Choice = 'above' | 'picture' | 'again' | 'leave';

function ChoiceRow({
	value,
	title,
	says,
	drawing,
}: {
	value: Choice;
	title: string;
	says: string;
	drawing?: ReactNode;
}) {
	return (
		<Radio className="choice" value={value}>
			<span className="dot" />
			<span className="two">
				<span>{title}</span>
				<span>{says}</span>
			</span>
			{drawing}
		</Radio>
	);
}

/** The timeline after it, as small as an icon. */
function Drawing({ isAbove = false }: { isAbove?: boolean }) {
	return (
		<svg className="drawing not-narrow" viewBox="0 0 72 30" aria-hidden="true">
			<path className="theirs" d="M0 17h27v10H0zM28 17h44v10H28z" />
			{isAbove && <path className="ours" d="M28 4h20v10H28z" />}
		</svg>
	);
}
