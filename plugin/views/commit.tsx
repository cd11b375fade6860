import { Button } from 'react-aria-components';
import type { Problem } from '../../protocol/errors.ts';
import type { ShotPlan } from '../../protocol/shots.ts';
import { sameRange } from '../../protocol/time.ts';
import { noteSays } from '../state/note-words.ts';
import { duration, size } from '../state/numbers.ts';
import { closedGaps, timecodeIn } from '../state/place.ts';
import { shownVerb } from '../state/planning.ts';
import { refusalOf } from '../state/refusal.ts';
import type { Ask, CutScene, Scene } from '../state/scene.ts';
import { isPlaced, type TakeView } from '../state/shots.ts';
import { keyOf } from '../state/wish.ts';
import type { Words } from '../strings/en.ts';
import { PrimaryButton } from './controls.tsx';
import { CopyButton } from './copy-button.tsx';
import { ended } from './ended.ts';
import { Icon } from './icons.tsx';
import { landsInWords } from './lands-in.tsx';
import { OtherLandings, WholeAgain } from './no-track.tsx';
import { usePanel, usePanelState, useScene, useWords } from './panel-context.tsx';
import { adviceSays, problemSays } from './problem-words.ts';
import { takeTitle } from './take-title.ts';
import { UndoLine } from './undo-line.tsx';

/** What the press will do and how long that takes here, and the press. */
export function Commit({ scene, isQueueing }: { scene: CutScene; isQueueing: boolean }) {
	const { actions } = usePanel();
	const words = useWords();
	const plan = usePanelState((state) => state.plan);
	const isAsking = plan.kind === 'asking';
	const isConnected = usePanelState((state) => state.link.kind === 'connected');
	const isPressing = usePanelState((state) => state.isPressing);
	const keptPress = usePanelState((state) => state.keptPress);
	const { asks, isFirstRun } = scene;
	// A press before the plan is there is kept until it is.
	const canPress = isConnected && asks.shot !== null && (plan.kind === 'ready' || isAsking);
	const label = isQueueing ? words.addToQueue : pressLabel(asks, words);
	return (
		<section className="commit" aria-label={words.plan}>
			<div className="plan whole" id="plan" aria-live="polite" data-asking={isAsking}>
				{keptPress ? <p>{words.startsWhenPlanned}</p> : <PlanLines asks={asks} />}
			</div>
			<UndoLine kinds={['cancelled']} />
			<div className="acts">
				<PrimaryButton
					label={label}
					hint={isFirstRun ? words.enter : `${words.ctrl} ${words.enter}`}
					isOff={!canPress}
					isPlain={isQueueing}
					isWorking={isPressing || keptPress !== null}
					describedBy="plan"
					onPress={() => void actions.press()}
				/>
			</div>
		</section>
	);
}

function PlanLines({ asks }: { asks: Ask }) {
	const words = useWords();
	const plan = usePanelState((state) => state.plan);
	const refusal = usePanelState(refusalOf);
	const shown = usePanelState((state) => shownVerb(state, asks));
	const scene = useScene();
	if (refusal) return <Refusal problem={refusal} />;
	switch (plan.kind) {
		case 'none': {
			const reason = asks.reasons[asks.verb];
			return (
				<>
					<p>{reason ? reason(words) : '\u00a0'}</p>
					{reason && <NextGap />}
				</>
			);
		}
		case 'asking':
			return plan.before ? <PlanSays plan={plan.before} asks={asks} /> : <p>{words.planning}</p>;
		case 'ready':
			return <PlanSays plan={plan.plan} asks={asks} />;
		case 'refused': {
			const reason = asks.reasons[shown];
			return (
				<>
					{reason ? <p>{reason(words)}</p> : <Refusal problem={plan.problem} />}
					{scene.kind === 'cut' && <OtherLandings scene={scene} asks={asks} />}
					<Nearest asks={asks} />
					<NextGap />
				</>
			);
		}
	}
}

function PlanSays({ plan: { plan, estimate, lands }, asks }: { plan: ShotPlan; asks: Ask }) {
	const words = useWords();
	const scene = useScene();
	const work = size(plan.workSize);
	const what = plan.draft
		? words.planDraft(plan.frames, work)
		: words.planTakes(asks.shot?.takes ?? 1, plan.frames, work, plan.steps);
	const takes = asks.shot?.takes ?? 1;
	const replaced = replacedBy(scene, asks);
	const time = estimate
		? words.estimate(duration(words, estimate.seconds * takes), estimate.of)
		: words.noEstimate;
	return (
		<>
			<p>{what}</p>
			<p className="dim">
				{asks.shot?.lands === 'bin'
					? words.landsInBin
					: replaced
						? words.landsFor(takeTitle(words, replaced), lands)
						: words.lands(lands)}{' '}
				{asks.shot?.lands === 'picture' && `${words.landsSilent} `}
				{scene.kind === 'cut' && landsInWords(words, scene.host)} <WholeAgain asks={asks} />
			</p>
			<p className="dim">{time}</p>
			{plan.notes.map((note) => (
				<p className="dim" key={note} title={note}>
					{noteSays(words, note)}
				</p>
			))}
		</>
	);
}

/** The take whose place in the cut the first of the new ones takes. */
function replacedBy(scene: Scene, { shot }: Ask): TakeView | null {
	if (scene.kind !== 'cut' || !shot) return null;
	const { track, range } = shot;
	const here = scene.shots.find(
		({ destination }) => destination.track === track && sameRange(destination.range, range),
	);
	return here?.takes.find(isPlaced) ?? null;
}

/** Where it is too long, as much as the engine makes is one press away. */
function Nearest({ asks }: { asks: Ask }) {
	const { actions } = usePanel();
	const words = useWords();
	const plan = usePanelState((state) => state.plan);
	const { shot, engine } = asks;
	const scene = useScene();
	if (plan.kind !== 'refused' || plan.problem.code !== 'too-long') return null;
	if (!shot || !engine || scene.kind !== 'cut') return null;
	const most = engine.maxFrames;
	if (shot.range.end - shot.range.start <= most) return null;
	const at = keyOf(scene.place);
	const isMarked = shot.verb === 'retake' || shot.verb === 'soundtrack' || shot.verb === 'animate';
	const { start } = shot.range;
	return (
		<Button
			className="link"
			onPress={() =>
				actions.wish(
					isMarked
						? { marks: { at, range: { start, end: start + most } } }
						: {
								length: { at, frames: most },
								...(shot.verb === 'fill' ? { verb: 'extend' as const, side: 'tail' as const } : {}),
							},
				)
			}
		>
			{words.makeFirst(words.frames(most))}
		</Button>
	);
}

/** On a clip where nothing can be made: the gap after it, or else the one before, is one press away. */
function NextGap() {
	const { actions } = usePanel();
	const words = useWords();
	const scene = useScene();
	if (scene.kind !== 'cut' || scene.place.kind !== 'clip') return null;
	const { cut, gaps, playhead } = scene;
	const closed = closedGaps(gaps);
	const next = closed.find(({ start }) => start > playhead) ?? closed.at(-1);
	if (!next) return null;
	return (
		<Button className="link" onPress={() => actions.toGap(next.row)}>
			{words.goToGap(timecodeIn(cut.sequence, next.start))}
		</Button>
	);
}

/** Why it is not possible, and what is. */
export function Refusal({ problem }: { problem: Problem }) {
	const words = useWords();
	// What the system could not show is where it is said.
	const path = problem.code === 'system-refused' ? (problem.field ?? null) : null;
	const says = problemSays(words, problem);
	return (
		<div className="reason">
			<Icon name="warn" small tone="caution" />
			<div>
				<p role="alert">
					{ended(says)} <span className="dim">{adviceSays(words, problem)}</span>
					{path !== null && <span className="path">{path}</span>}
				</p>
				{says !== problem.message && (
					<details className="said">
						<summary>{words.details}</summary>
						<p lang="en">{`${ended(problem.message)} ${problem.action}`}</p>
					</details>
				)}
			</div>
			{path !== null && <CopyButton text={path} label={words.copyPath} />}
		</div>
	);
}

function pressLabel({ verb, shot, engine }: Ask, words: Words): string {
	const frames = words.frames(shot ? shot.range.end - shot.range.start : 0);
	if (engine?.draft && verb === 'fill') return words.placeDraft;
	switch (verb) {
		case 'extend':
			return words.press.extend(frames);
		case 'retake':
			return words.press.retake(frames);
		default:
			return words.press[verb];
	}
}
