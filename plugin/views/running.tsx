import { type CSSProperties, useEffect, useState } from 'react';
import { Button } from 'react-aria-components';
import type { Job } from '../../protocol/jobs.ts';
import { comparedFor, withTake } from '../state/compare.ts';
import { phasesIn } from '../state/memory.ts';
import { clock, percent } from '../state/numbers.ts';
import { pauseWords, phaseWords } from '../state/phase-words.ts';
import { phasesToCome, secondsLeft, segmentsOf } from '../state/phases.ts';
import type { CutScene } from '../state/scene.ts';
import {
	isPlaced,
	runningTake,
	type ShotView,
	type TakeView,
	waitingLanding,
} from '../state/shots.ts';
import { stripAround } from '../state/strip.ts';
import { Commit } from './commit.tsx';
import { GapBar } from './gap-bar.tsx';
import { Icon } from './icons.tsx';
import { usePanel, usePanelState, useWords } from './panel-context.tsx';
import { Queue } from './queue.tsx';
import { Request } from './request.tsx';
import { JobPicture, StripView } from './strip.tsx';
import { takeTitle } from './take-title.ts';
import { Thumbs } from './thumbs.tsx';
import { UndoLine } from './undo-line.tsx';
import { useIsWide } from './use-media-query.ts';
import { Viewer } from './viewer.tsx';

/** The job stands in the strip where the clip will be; below it what comes after. */
export function Running({ scene, shot }: { scene: CutScene; shot: ShotView }) {
	const { actions } = usePanel();
	const words = useWords();
	const isWide = useIsWide();
	const prompt = usePanelState((state) => state.wish.prompt);
	const take = runningTake(shot)!;
	const chosen = usePanelState((state) => state.view.compared);
	// A take that is finished can be watched meanwhile, in the place of the strip.
	const watched = chosen?.shot === shot.id ? comparedFor(shot, chosen) : null;
	const usual = comparedFor(shot, null);
	const thumbs = (
		<Thumbs
			shot={shot}
			{...(watched ? { compared: watched } : {})}
			onChoose={({ job }, asB) => {
				const from = watched ?? (usual && { ...usual, a: job.id, b: null });
				if (from) actions.compare(withTake(from, job.id, asB));
			}}
			{...(watched ? { onLive: () => actions.compare(null) } : {})}
		/>
	);
	// Where a draft of ours stands, what can be asked for is of that clip, and would not be meant.
	const canAsk = scene.place.kind === 'gap';
	useEffect(() => {
		// The button that was pressed is gone; from here Esc cancels.
		if (document.activeElement !== document.body) return;
		document.querySelector<HTMLElement>('[data-keys="strip"]')?.focus({ preventScroll: true });
	}, []);
	return (
		<>
			<section className="cut" aria-label={words.cutAtPlayhead}>
				<GapBar scene={scene} />
				{watched ? (
					<Viewer key={shot.id} scene={scene} shot={shot} compared={watched} />
				) : (
					<RunningStrip scene={scene} shot={shot} />
				)}
				<JobProgress job={take.job} shot={shot} />
			</section>
			{isWide && canAsk && (
				<Request
					scene={scene}
					after={
						<div className="takes-so-far">
							<h2>{words.takesSoFar}</h2>
							{thumbs}
						</div>
					}
				/>
			)}
			{isWide && !canAsk && (
				<section className="side-column" aria-label={words.chooseTake}>
					<div className="section">{thumbs}</div>
					<div className="section">
						<dl className="facts">
							<dt>{words.shot}</dt>
							<dd>{shot.prompt || words.noPrompt}</dd>
						</dl>
					</div>
				</section>
			)}
			<section className="below grow" aria-label={words.takesAndQueue}>
				{!isWide && <div className="section">{thumbs}</div>}
				<Queue scene={scene} />
			</section>
			{isWide && canAsk ? (
				<Commit scene={scene} isQueueing />
			) : (
				<section className="commit" aria-label={words.nextShot}>
					<UndoLine kinds={['cancelled']} />
					<Button className="more" onPress={() => actions.askAnew()}>
						<Icon name="right" />
						<span>{words.nextShot}</span>
						<span className="cut-off">
							{words.nextShotIs(words.verbs[scene.asks.verb], prompt)}
						</span>
					</Button>
				</section>
			)}
		</>
	);
}

function RunningStrip({ scene, shot }: { scene: CutScene; shot: ShotView }) {
	const words = useWords();
	const take = runningTake(shot)!;
	const { place } = scene;
	const isConnected = usePanelState((state) => state.link.kind === 'connected');
	const jobs = usePanelState((state) => state.jobs);
	const now = useNow(take.job.state === 'running');
	if (place.kind === 'nothing') return null;
	const strip = stripAround(place.track, shot.destination.range);
	const title = takeTitle(words, take);
	const name = take.take === 0 ? title : words.takeOf(take.take, shot.asked);
	const left = secondsLeft(take.job, jobs, now);
	const nameOf = (side: typeof strip.left, edge: string) =>
		side.kind === 'clip' ? side.clip.name : edge;
	return (
		<StripView
			scene={scene}
			strip={strip}
			label={words.beingMadeBetween(
				title,
				nameOf(strip.left, words.start),
				nameOf(strip.right, words.end),
			)}
			middle={{
				name,
				picture: <SoFar shot={shot} take={take} alt={words.previewOf(title)} />,
				// Without the engine nothing is known of it.
				under: isConnected && (
					<>
						<span>{percent(words, take.job.progress)}</span>
						{left !== null && <span className="dim">{words.left(clock(left))}</span>}
					</>
				),
				progress: take.job.progress,
			}}
		/>
	);
}

/** Before there is anything to see of it: what stands in the cut meanwhile. */
function SoFar({ shot, take, alt }: { shot: ShotView; take: TakeView; alt: string }) {
	const words = useWords();
	const hasPreview = usePanelState(({ previews }) => previews.has(take.job.id));
	const placed = shot.takes.find(isPlaced);
	if (hasPreview || !placed) return <JobPicture job={take.job} alt={alt} />;
	return <JobPicture job={placed.job} alt={takeTitle(words, placed)} />;
}

/** What is being done, how far it is, and what comes then. */
export function JobProgress({ job, shot }: { job: Job; shot: ShotView }) {
	const { actions } = usePanel();
	const words = useWords();
	const marks = usePanelState((state) => state.phases.get(job.id)) ?? [];
	const shared = usePanelState((state) => state.shared);
	const isConnected = usePanelState((state) => state.link.kind === 'connected');
	const waits = waitingLanding(shot);
	const isQueued = job.state === 'queued';
	const segments = segmentsOf(job, marks, phasesIn(shared, job.plan.engine, job.kind));
	const toCome = phasesToCome(segments).map((phase) => phaseWords(words, phase));
	const says = !isConnected
		? words.goesOnLater
		: isQueued
			? shared.paused
				? words.paused
				: words.waitsForItsTurn
			: job.pause
				? pauseWords(words, job.pause)
				: phaseWords(words, job.phase);
	const [first = '', ...rest] = says.split(', ');
	return (
		<div className="section job" data-keys="job">
			<div className="job-phase">
				<b>{first}</b>
				<span className="soft cut-off">{rest.join(', ')}</span>
			</div>
			<Button className="button" isDisabled={!isConnected} onPress={() => actions.cancel(job.id)}>
				{words.cancel}
				<kbd>{words.escape}</kbd>
			</Button>
			<div
				className="phases"
				role="progressbar"
				aria-label={takeTitle(words, { take: job.takeOf?.take ?? 1 })}
				aria-valuenow={Math.floor(job.progress * 100)}
				aria-valuemin={0}
				aria-valuemax={100}
			>
				{segments.map(({ phase, share, done, isNow }, index) => (
					<span
						// biome-ignore lint/suspicious/noArrayIndexKey: a phase may come twice, and only its place tells it
						key={`${phase} ${index}`}
						className={isNow ? 'phase now' : 'phase'}
						style={{ '--share': Math.max(share, 0.01), '--done': done } as CSSProperties}
					/>
				))}
			</div>
			<div className="job-under">
				<span>
					{waits
						? waits.state === 'waiting'
							? words.waitsFor[waits.waitsFor]
							: words.placing
						: isConnected && toCome.length > 0
							? words.thenComes(lowered(toCome).join(', '))
							: '\u00a0'}
				</span>
				{job.pause && isConnected && (
					<Button className="link" onPress={() => actions.goOn(job.id)}>
						{words.goOnAnyway}
					</Button>
				)}
			</div>
		</div>
	);
}

/** Within a sentence; Japanese has no capitals, and German ones stay where nouns have them. */
function lowered(phases: readonly string[]): readonly string[] {
	return document.documentElement.lang === 'en'
		? phases.map((phase) => phase.charAt(0).toLowerCase() + phase.slice(1))
		: phases;
}

/** The time, every second while it matters. */
function useNow(isWanted: boolean): number {
	const [now, setNow] = useState(() => Date.now());
	useEffect(() => {
		if (!isWanted) return;
		const timer = setInterval(() => setNow(Date.now()), 1000);
		return () => clearInterval(timer);
	}, [isWanted]);
	return now;
}
