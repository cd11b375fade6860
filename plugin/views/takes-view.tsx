import type { Job } from '../../protocol/jobs.ts';
import type { ClipSpan } from '../../protocol/timeline.ts';
import { canUse, comparedFor, shownTake, withTake } from '../state/compare.ts';
import { duration } from '../state/numbers.ts';
import { timecodeIn } from '../state/place.ts';
import { refusalOf } from '../state/refusal.ts';
import type { CutScene } from '../state/scene.ts';
import {
	goneTake,
	isPlaced,
	jobOfPath,
	type ShotView,
	type TakeView,
	waitingLanding,
} from '../state/shots.ts';
import { clipOn } from '../state/strip.ts';
import { Refusal } from './commit.tsx';
import { CutOff, IconButton, IconToggle, PrimaryButton } from './controls.tsx';
import { titleOf } from './fields.tsx';
import { GapBar } from './gap-bar.tsx';
import { LandsIn } from './lands-in.tsx';
import { Picture } from './media.tsx';
import { PictureInstead } from './no-track.tsx';
import { usePanel, usePanelState, useWords } from './panel-context.tsx';
import { Scores } from './scores.tsx';
import { takeTitle } from './take-title.ts';
import { Thumbs } from './thumbs.tsx';
import { UndoLine } from './undo-line.tsx';
import { useIsWide } from './use-media-query.ts';
import { Viewer } from './viewer.tsx';

/** The takes of a press: seen and heard in the cut, measured, and one of them used. */
export function Takes({ scene, shot }: { scene: CutScene; shot: ShotView }) {
	const { actions } = usePanel();
	const words = useWords();
	const isWide = useIsWide();
	const chosen = usePanelState((state) => state.view.compared);
	const compared = comparedFor(shot, chosen);
	const take = compared && shownTake(shot, compared);
	if (!compared || !take) return null;
	return (
		<>
			<section className="cut" aria-label={words.takesInTheCut}>
				<GapBar scene={scene} />
				<Viewer key={shot.id} scene={scene} shot={shot} compared={compared} />
			</section>
			<section className="side-column ruled" aria-label={words.chooseTake}>
				<div className="section">
					<Thumbs
						shot={shot}
						compared={compared}
						onChoose={({ job }, asB) => actions.compare(withTake(compared, job.id, asB))}
					/>
				</div>
				<div className="section">
					<Scores shot={shot} compared={compared} />
				</div>
				{isWide && (
					<div className="section">
						<dl className="facts">
							<dt>{words.shot}</dt>
							<dd>{take.job.prompt || words.noPrompt}</dd>
							<dt>{words.made}</dt>
							<dd>
								<MadeBy job={take.job} />
							</dd>
							<dt>{words.seed}</dt>
							<dd>{take.job.clip?.seed}</dd>
						</dl>
					</div>
				)}
			</section>
			{isWide && (
				<section className="below" aria-label={words.theJoins}>
					<Joins scene={scene} shot={shot} take={take} />
				</section>
			)}
			<UseTake scene={scene} shot={shot} take={take} />
		</>
	);
}

function UseTake({ scene, shot, take }: { scene: CutScene; shot: ShotView; take: TakeView }) {
	const { actions } = usePanel();
	const words = useWords();
	const refusal = usePanelState(refusalOf);
	const isConnected = usePanelState((state) => state.link.kind === 'connected');
	const title = takeTitle(words, take);
	const gone = take.landing?.state === 'gone' ? take : goneTake(shot);
	const waits = waitingLanding(shot);
	const canBeUsed = canUse(take) && isConnected && waits === null;
	const isDraft = take.job.clip?.draft ?? false;
	const isAgain = gone?.job.id === take.job.id;
	return (
		<section className="commit" aria-label={words.putTake(title)}>
			{(refusal || gone || waits) && (
				<div className="plan" id="plan" aria-live="polite">
					{refusal ? (
						<>
							<Refusal problem={refusal} />
							<PictureInstead />
						</>
					) : waits ? (
						<p>{waits.state === 'waiting' ? words.waitsFor[waits.waitsFor] : words.placing}</p>
					) : (
						gone && <p>{words.goneSays(takeTitle(words, gone))}</p>
					)}
				</div>
			)}
			{isPlaced(take) && !refusal && <LandsIn host={scene.host} />}
			<UndoLine kinds={['deleted', 'cancelled']} />
			{isDraft && <p className="plan dim">{words.oneDraft}</p>}
			<div className="acts">
				<PrimaryButton
					label={
						canUse(take)
							? isAgain
								? words.placeAgain
								: words.putTake(title)
							: words.takeIsUsed(title)
					}
					hint={words.enter}
					isOff={!canBeUsed}
					onPress={() => actions.use(shot, take)}
				/>
				<IconToggle
					icon={take.job.starred ? 'starred' : 'star'}
					label={words.star}
					large
					isOn={take.job.starred}
					onChange={() => actions.star(take.job)}
				/>
				{isDraft || (
					<IconButton icon="vary" label={words.vary} large onPress={() => actions.vary(take)} />
				)}
				<IconButton
					icon="trash"
					label={words.deleteTake}
					large
					onPress={() => actions.remove([take.job.id])}
				/>
				<IconButton icon="plus" label={words.anotherShot} large onPress={() => actions.askAnew()} />
			</div>
			{scene.host.agent.can.undo && canBeUsed && <p className="unseen">{words.oneUndo}</p>}
		</section>
	);
}

/** Both joins as pairs of frames that touch. */
function Joins({ scene, shot, take }: { scene: CutScene; shot: ShotView; take: TakeView }) {
	const words = useWords();
	const jobs = usePanelState((state) => state.jobs);
	const { cut, host, open, place } = scene;
	const { range } = shot.destination;
	if (place.kind === 'nothing') return null;
	const { track } = place;
	const left = clipOn(track, range.start - 1);
	const right = clipOn(track, range.end);
	const title = takeTitle(words, take);
	// What Pickup calls its clips is long, and begins with where they are.
	const nameOf = (clip: ClipSpan | null, edge: string) => {
		const job = clip?.source.kind === 'file' ? jobOfPath(jobs, clip.source.path) : null;
		return job?.takeOf ? takeTitle(words, job.takeOf) : (clip?.name ?? edge);
	};
	const frame = (at: number) =>
		({ kind: 'frame', host: host.agent.id, track: track.name, frame: at, width: 400 }) as const;
	const ofTake = (at: number) =>
		({ kind: 'take-frame', jobId: take.job.id, frame: at, width: 400 }) as const;
	return (
		<div className="joins">
			<figure>
				<figcaption>
					<span>{`${words.in}, ${timecodeIn(cut.sequence, range.start)}`}</span>
					<CutOff text={`${nameOf(left, words.start)} | ${title}`} />
				</figcaption>
				<div>
					<Picture
						media={left ? frame(range.start - 1) : null}
						version={open.revision}
						alt={words.lastFrameOf(left?.name ?? '')}
					/>
					<Picture media={ofTake(0)} alt={words.firstFrameOf(title)} />
				</div>
			</figure>
			<figure>
				<figcaption>
					<span>{`${words.out}, ${timecodeIn(cut.sequence, range.end)}`}</span>
					<CutOff text={`${title} | ${nameOf(right, words.end)}`} />
				</figcaption>
				<div>
					<Picture
						media={ofTake((take.job.clip?.frames ?? 1) - 1)}
						alt={words.lastFrameOf(title)}
					/>
					<Picture
						media={right ? frame(range.end) : null}
						version={open.revision}
						alt={words.firstFrameOf(right?.name ?? '')}
					/>
				</div>
			</figure>
		</div>
	);
}

/** By which engine, as it calls itself, and how long that took. */
export function MadeBy({ job: { plan, startedAt, endedAt } }: { job: Job }): string {
	const words = useWords();
	const engine = usePanelState(({ engines }) => engines.find(({ name }) => name === plan.engine));
	const title = engine ? titleOf(engine) : plan.engine;
	if (startedAt === null || endedAt === null) return title;
	const seconds = (Date.parse(endedAt) - Date.parse(startedAt)) / 1000;
	return words.madeBy(title, duration(words, seconds));
}
