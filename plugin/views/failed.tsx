import { useState } from 'react';
import { Button } from 'react-aria-components';
import type { Problem } from '../../protocol/errors.ts';
import type { Job } from '../../protocol/jobs.ts';
import { percent } from '../state/numbers.ts';
import type { CutScene } from '../state/scene.ts';
import { failedTake, isPlaced, type ShotView } from '../state/shots.ts';
import { stripAround } from '../state/strip.ts';
import type { Words } from '../strings/en.ts';
import { PrimaryButton } from './controls.tsx';
import { CopyButton } from './copy-button.tsx';
import { ended } from './ended.ts';
import { GapBar } from './gap-bar.tsx';
import { Icon } from './icons.tsx';
import { usePanel, useWords } from './panel-context.tsx';
import { adviceSays, problemSays } from './problem-words.ts';
import { Queue } from './queue.tsx';
import { JobPicture, StripView } from './strip.tsx';
import { takeTitle } from './take-title.ts';
import { Thumbs } from './thumbs.tsx';
import { useIsWide } from './use-media-query.ts';

/** A take stopped: what happened, whose doing it is, and what to do. */
export function Failed({ scene, shot }: { scene: CutScene; shot: ShotView }) {
	const { actions } = usePanel();
	const words = useWords();
	const isWide = useIsWide();
	const take = failedTake(shot)!;
	const { job } = take;
	const problem = job.problem!;
	const title = takeTitle(words, take);
	const hasDraft = shot.takes.some((each) => each.take === 0 && isPlaced(each));
	return (
		<>
			<section className="cut" aria-label={words.cutAtPlayhead}>
				<GapBar scene={scene} />
				<StoppedStrip scene={scene} shot={shot} />
			</section>
			<section className="side-column" aria-label={words.whatWentWrong}>
				<div className="section error" role="alert">
					<div className="note">
						<Icon name="stop" tone="stop" />
						<h2>{problemTitle(words, problem)}</h2>
					</div>
					<dl className="facts">
						<dt>{words.what}</dt>
						<dd>
							{words.stoppedAt(title, percent(words, job.progress))}{' '}
							{hasDraft ? words.draftStands : words.cutAsItWas} {ended(problemSays(words, problem))}
						</dd>
						<dt>{words.whose}</dt>
						<dd>{words.faults[problem.fault]}</dd>
						<dt>{words.now}</dt>
						<dd>{adviceSays(words, problem)}</dd>
					</dl>
				</div>
				<Details job={job} problem={problem} />
			</section>
			<section className="below grow" aria-label={words.takesAndQueue}>
				<div className="section ruled">
					<Thumbs shot={shot} />
				</div>
				{isWide && <Queue scene={scene} />}
			</section>
			<section className="commit" aria-label={words.whatToDo}>
				<div className="acts">
					<PrimaryButton
						label={words.tryAgain(title)}
						hint={words.enter}
						onPress={() => actions.retry(job.id)}
					/>
					<Button className="button large" onPress={() => actions.remove([job.id])}>
						{words.leaveIt}
					</Button>
				</div>
			</section>
		</>
	);
}

function StoppedStrip({ scene, shot }: { scene: CutScene; shot: ShotView }) {
	const words = useWords();
	const take = failedTake(shot)!;
	const { place } = scene;
	if (place.kind === 'nothing') return null;
	const title = takeTitle(words, take);
	const at = percent(words, take.job.progress);
	return (
		<StripView
			scene={scene}
			strip={stripAround(place.track, shot.destination.range)}
			label={words.stoppedAt(title, at)}
			middle={{
				name: `${title} ${words.takeStopped}`,
				picture: <JobPicture job={take.job} alt={words.previewOf(title)} />,
				under: (
					<>
						<Icon name="stop" small tone="stop" />
						<span>{at}</span>
					</>
				),
				isHalted: true,
			}}
		/>
	);
}

/** For a report: everything that is known, to be copied. */
function Details({ job, problem }: { job: Job; problem: Problem }) {
	const words = useWords();
	const [isOpen, setOpen] = useState(false);
	const text = [
		`${problem.code}: ${problem.message}`,
		problem.action,
		`job ${job.id}, ${job.kind} by ${job.plan.engine}, attempt ${job.attempt}`,
		`stopped at ${Math.floor(job.progress * 100)} % in "${job.phase}", ${job.endedAt ?? ''}`,
	].join('\n');
	return (
		<div className="details ruled">
			<Button className="more" aria-expanded={isOpen} onPress={() => setOpen(!isOpen)}>
				<Icon name={isOpen ? 'down' : 'right'} />
				<span>{words.details}</span>
				{!isOpen && <span className="cut-off">{`${problem.code}, ${job.plan.engine}`}</span>}
			</Button>
			<CopyButton text={text} label={words.copyDetails} />
			{isOpen && <pre className="details-text">{text}</pre>}
		</div>
	);
}

export function problemTitle(words: Words, { code }: Pick<Problem, 'code'>): string {
	const known: Readonly<Record<string, string>> = words.problems;
	return known[code] ?? words.problemOther;
}
