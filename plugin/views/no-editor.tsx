import type { ReactNode } from 'react';
import { Button } from 'react-aria-components';
import { TIMELINE_FILE } from '../../protocol/hosts.ts';
import type { Job } from '../../protocol/jobs.ts';
import { isEnded } from '../../protocol/jobs.ts';
import { percent } from '../state/numbers.ts';
import type { Film } from '../state/state.ts';
import { clipTitle } from './clip-title.ts';
import { CutOff, IconButton } from './controls.tsx';
import { Message } from './message.tsx';
import { usePanel, usePanelState, useWords } from './panel-context.tsx';
import { programName } from './program-name.ts';
import { JobPicture } from './strip.tsx';

/** What can be opened and where, and what is still at work. */
export function NoEditor({ film }: { film: Film | null }) {
	const words = useWords();
	const hosts = usePanelState((state) => state.hosts);
	const jobs = usePanelState((state) => state.jobs);
	const atWork = stillAtWork([...jobs.values()]);
	return (
		<main className={atWork.length > 0 ? 'stage' : 'stage one'}>
			<section className="cut" aria-label={words.noEditor}>
				{film && hosts.length > 0 ? (
					<OtherFilms film={film} />
				) : (
					<>
						<Message icon="unplug" title={words.noEditorConnected} says={words.openPickup} />
						<ul className="list ruled closed">
							<Editor name="Blender" says={words.editorBlender} />
							<Editor name={words.timelineFile} says={words.timelineFileSays} />
						</ul>
					</>
				)}
			</section>
			{atWork.length > 0 && <StillAtWork jobs={atWork} />}
		</main>
	);
}

/** The film was closed, and others are open. */
function OtherFilms({ film }: { film: Film }) {
	const { actions } = usePanel();
	const words = useWords();
	const hosts = usePanelState((state) => state.hosts);
	return (
		<>
			<Message
				icon="unplug"
				title={words.filmClosed(film.name)}
				says={
					film.program === TIMELINE_FILE
						? words.fileClosedSays(film.name)
						: words.filmClosedSays(film.program)
				}
			/>
			<ul className="list ruled closed" aria-label={words.otherFilms}>
				{hosts.map((host) => {
					const { agent, state } = host;
					return (
						<Editor
							key={agent.id}
							name={state.project?.name ?? words.noSequenceOpen}
							says={words.editorAndSequence(programName(words, agent), state.sequence?.name ?? '')}
						>
							<Button className="link" onPress={() => actions.choose(host)}>
								{words.show}
							</Button>
						</Editor>
					);
				})}
			</ul>
		</>
	);
}

function Editor({ name, says, children }: { name: string; says: string; children?: ReactNode }) {
	return (
		<li className="item host">
			<span className="two">
				<span>{name}</span>
				<span>{says}</span>
			</span>
			{children && <span className="end">{children}</span>}
		</li>
	);
}

function stillAtWork(jobs: readonly Job[]): readonly Job[] {
	return jobs
		.filter((job) => !isEnded(job.state) || waitsFor(job) !== null)
		.sort((a, b) => Number(b.state === 'running') - Number(a.state === 'running'));
}

function StillAtWork({ jobs: shown }: { jobs: readonly Job[] }) {
	const words = useWords();
	const running = shown.filter(({ state }) => state === 'running').length;
	const waiting = shown.filter(({ state }) => state === 'queued').length;
	return (
		<section className="side-column grow" aria-label={words.stillAtWork}>
			<div className="list-head">
				<h2>{words.stillAtWork}</h2>
				<span className="dim small push">{words.atWork(running, waiting)}</span>
			</div>
			<ul className="list ruled">
				{shown.map((job) => (
					<AtWork key={job.id} job={job} />
				))}
			</ul>
			<p className="section small dim ruled">{words.landByThemselves}</p>
		</section>
	);
}

function AtWork({ job }: { job: Job }) {
	const { actions } = usePanel();
	const words = useWords();
	const project = waitsFor(job);
	const says =
		job.state === 'running'
			? percent(words, job.progress)
			: job.state === 'queued'
				? words.takeWaiting
				: words.doneWaits(project ?? '');
	return (
		<li className="item">
			<span className="thumb">
				<JobPicture job={job} alt="" />
			</span>
			<span className="two">
				<CutOff text={clipTitle(words, { job, meant: job.landings[0]?.destination ?? null })} />
				<span>{`${words.verbs[job.kind]}, ${says}`}</span>
			</span>
			<span className="end">
				{!isEnded(job.state) && (
					<IconButton icon="x" label={words.cancel} onPress={() => actions.cancel(job.id)} />
				)}
			</span>
		</li>
	);
}

/** The project that a finished clip waits for. */
function waitsFor({ state, landings }: Job): string | null {
	const landing = landings.at(-1);
	return state === 'done' && landing?.state === 'waiting' ? landing.destination.project.name : null;
}
