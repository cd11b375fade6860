import { type ReactNode, useMemo, useState } from 'react';
import {
	Button,
	Collection,
	Header,
	Input,
	ListBox,
	ListBoxItem,
	ListBoxSection,
	ListLayout,
	SearchField,
	Virtualizer,
} from 'react-aria-components';
import type { HistoryEntry } from '../state/history.ts';
import { byDay, dayOf, historyOf } from '../state/history.ts';
import { placingAt, timecodeIn } from '../state/place.ts';
import { refusalOf } from '../state/refusal.ts';
import type { CutScene } from '../state/scene.ts';
import { hostOf } from '../state/scene.ts';
import type { HistoryFilter } from '../state/state.ts';
import type { Words } from '../strings/en.ts';
import { languageFor } from '../strings/languages.ts';
import { clipTitle } from './clip-title.ts';
import { Refusal } from './commit.tsx';
import { CutOff, IconButton, IconToggle, PrimaryButton, Segments } from './controls.tsx';
import { DiskUse } from './disk-use.tsx';
import { Icon } from './icons.tsx';
import { LandsIn } from './lands-in.tsx';
import { useTicket } from './media.tsx';
import { PictureInstead } from './no-track.tsx';
import { useLanguage, usePanel, usePanelState, useScene, useWords } from './panel-context.tsx';
import { playableForm } from './playable-form.ts';
import { JobPicture } from './strip.tsx';
import { takeTitle } from './take-title.ts';
import { MadeBy } from './takes-view.tsx';
import { UndoLine } from './undo-line.tsx';
import { useIsWide } from './use-media-query.ts';

const FILTERS: readonly HistoryFilter[] = ['all', 'starred', 'placed', 'drafts'];

/** Everything that was made for the open project; without one, everything. */
export function HistoryTab() {
	const { actions } = usePanel();
	const words = useWords();
	const isWide = useIsWide();
	const jobs = usePanelState((state) => state.jobs);
	const search = usePanelState((state) => state.view.search);
	const filter = usePanelState((state) => state.view.filter);
	const chosen = usePanelState((state) => state.view.chosenClip);
	const project = usePanelState((state) => hostOf(state)?.state.project ?? null);
	const film = project?.id ?? null;
	const entries = useMemo(
		() => historyOf(jobs, { search, filter, project: film }),
		[jobs, search, filter, film],
	);
	const isNarrowed = search !== '' || filter !== 'all';
	const entry = entries.find(({ job }) => job.id === chosen) ?? null;
	return (
		<main className="stage">
			<section className="cut section" aria-label={words.find}>
				<SearchField
					className="find"
					aria-label={words.search}
					value={search}
					onChange={(text) => actions.look({ search: text })}
				>
					<Icon name="search" />
					<Input className="text" placeholder={words.search} />
					<span className="dim small not-narrow">{words.clipsCount(entries.length)}</span>
				</SearchField>
				<Segments
					className="filters"
					label={words.show}
					value={filter}
					choices={FILTERS.map((value) => ({ value, label: words.filters[value] }))}
					onChange={(value) => actions.look({ filter: value })}
				/>
			</section>
			{!isWide && entry && (
				<section className="chosen-clip" aria-label={words.chosenClip}>
					<ChosenVideo key={entry.job.id} entry={entry} />
				</section>
			)}
			<section className="below grow history" aria-label={words.clips}>
				{entries.length === 0 ? (
					<p className="section dim">{isNarrowed ? words.nothingFound : words.nothingMade}</p>
				) : (
					<Entries entries={entries} chosen={entry?.job.id ?? null} />
				)}
			</section>
			{isWide && (
				<section className="side-column" aria-label={words.chosenClip}>
					{entry && <Chosen key={entry.job.id} entry={entry} />}
				</section>
			)}
			<WithChosen entry={entry}>
				<DiskUse key={film} project={project} entries={entries} isNarrowed={isNarrowed} />
			</WithChosen>
		</main>
	);
}

function Entries({ entries, chosen }: { entries: readonly HistoryEntry[]; chosen: string | null }) {
	const { actions } = usePanel();
	const words = useWords();
	const language = languageFor(useLanguage());
	const days = useMemo(() => byDay(entries), [entries]);
	const place = (id: string) => {
		const entry = entries.find(({ job }) => job.id === id);
		if (entry) actions.placeHere(entry.job);
	};
	return (
		<Virtualizer layout={ListLayout} layoutOptions={{ rowHeight: 43, headingHeight: 28 }}>
			<ListBox
				className="list virtual"
				aria-label={words.clips}
				selectionMode="single"
				selectionBehavior="replace"
				selectedKeys={chosen === null ? [] : [chosen]}
				onSelectionChange={(keys) => {
					const [key] = keys === 'all' ? [] : keys;
					actions.look({ chosenClip: key === undefined ? null : String(key) });
				}}
				onAction={(key) => place(String(key))}
				items={days}
			>
				{({ day, entries: made }) => (
					<ListBoxSection id={day}>
						<Header className="day">{dayTitle(day, words, language)}</Header>
						<Collection items={made} dependencies={[words]}>
							{(entry) => (
								<ListBoxItem className="item" id={entry.job.id} textValue={clipTitle(words, entry)}>
									<EntryRow entry={entry} />
								</ListBoxItem>
							)}
						</Collection>
					</ListBoxSection>
				)}
			</ListBox>
		</Virtualizer>
	);
}

function EntryRow({ entry }: { entry: HistoryEntry }) {
	const words = useWords();
	const { job } = entry;
	const [state, facts] = factsOf(entry, words);
	return (
		<>
			<span className="thumb">
				<JobPicture job={job} alt="" />
			</span>
			<span className="two">
				<CutOff text={clipTitle(words, entry)} />
				<span className="cut-off">
					{state && <span className="soft">{state}, </span>}
					{facts}
				</span>
			</span>
			<span className="end">{job.starred && <Icon name="starred" />}</span>
		</>
	);
}

function ChosenVideo({ entry }: { entry: HistoryEntry }) {
	const words = useWords();
	const [form] = useState(playableForm);
	// They lie over the picture, and so are there only where they are reached for.
	const [hasControls, setControls] = useState(false);
	const { asked, again } = useTicket({ kind: 'take', jobId: entry.job.id, form });
	return (
		<div
			className="viewer"
			data-asking={asked.kind === 'asking'}
			onPointerEnter={() => setControls(true)}
			onPointerLeave={() => setControls(false)}
		>
			{asked.kind === 'here' && (
				// biome-ignore lint/a11y/useMediaCaption: nobody wrote down what is heard in it
				<video
					className="shown"
					src={asked.value.path}
					aria-label={clipTitle(words, entry)}
					onError={again}
					controls={hasControls}
					tabIndex={0}
					onFocus={() => setControls(true)}
					playsInline
				/>
			)}
		</div>
	);
}

function Chosen({ entry }: { entry: HistoryEntry }) {
	const words = useWords();
	const { job, landing } = entry;
	const { clip } = job;
	return (
		<>
			<ChosenVideo entry={entry} />
			<div className="section">
				<dl className="facts">
					<dt>{words.shot}</dt>
					<dd>{job.prompt || words.noPrompt}</dd>
					{landing && (
						<>
							<dt>{words.where}</dt>
							<dd>{landing.destination.name}</dd>
						</>
					)}
					<dt>{words.made}</dt>
					<dd>
						<MadeBy job={job} />
					</dd>
					<dt>{words.seed}</dt>
					<dd>{clip?.seed}</dd>
					<dt>{words.file}</dt>
					<dd title={clip?.path}>{clip?.path.split(/[\\/]/).at(-1)}</dd>
				</dl>
			</div>
		</>
	);
}

function WithChosen({ entry, children }: { entry: HistoryEntry | null; children: ReactNode }) {
	const { actions } = usePanel();
	const words = useWords();
	const scene = useScene();
	const refusal = usePanelState(refusalOf);
	const canPlace = scene.kind === 'cut' && !entry?.job.trashed;
	return (
		<section className="commit" aria-label={words.withChosen}>
			{(refusal || entry) && (
				<div className="plan" id="plan">
					{refusal ? (
						<>
							<Refusal problem={refusal} />
							<PictureInstead />
						</>
					) : entry?.job.trashed ? (
						<p>{words.factTrashed}</p>
					) : scene.kind === 'cut' ? (
						<>
							<WouldLand scene={scene} entry={entry!} />
							<Button className="link" onPress={() => actions.tab('cut')}>
								{words.otherPlace}
							</Button>
						</>
					) : (
						<p>{words.placeNeeds}</p>
					)}
				</div>
			)}
			{scene.kind === 'cut' && <LandsIn host={scene.host} />}
			<UndoLine kinds={['deleted']} />
			{entry && (
				<div className="acts">
					<PrimaryButton
						label={words.placeAgainShort}
						hint={words.enter}
						isPlain
						isOff={!canPlace}
						describedBy="plan"
						onPress={() => actions.placeHere(entry.job)}
					/>
					<IconToggle
						icon={entry.job.starred ? 'starred' : 'star'}
						label={words.star}
						large
						isOn={entry.job.starred}
						onChange={() => actions.star(entry.job)}
					/>
					<IconButton
						icon="folder"
						label={words.showFile}
						large
						onPress={() => actions.reveal(entry.job.id)}
					/>
					<IconButton
						icon="trash"
						label={words.delete}
						large
						onPress={() => actions.remove([entry.job.id])}
					/>
				</div>
			)}
			{children}
		</section>
	);
}

/** Where it would go, and what it would cover. */
function WouldLand({ scene, entry }: { scene: CutScene; entry: HistoryEntry }) {
	const { cut, place, playhead } = scene;
	const words = useWords();
	if (place.kind === 'nothing') return null;
	const { frame } = placingAt(place, playhead);
	const stands = entry.job.landings.some(
		(landing) =>
			landing.state === 'landed' && landing.items.some(({ range }) => range.start === frame),
	);
	if (stands) return <p>{words.standsHere(timecodeIn(cut.sequence, frame))}</p>;
	const timecode = timecodeIn(cut.sequence, frame);
	return (
		<p>
			{place.kind === 'gap'
				? words.placesInGap(place.track.name, timecode)
				: words.placesAbove(place.clip.name, place.track.name, timecode)}
		</p>
	);
}

/** How it stands with the clip, where that is to be said, and what and when it was. */
function factsOf(
	{ job, landing, take }: HistoryEntry,
	words: Words,
): readonly [state: string | null, facts: string] {
	const isDraft = job.clip?.draft ?? false;
	const state = job.trashed
		? words.factTrashed
		: landing?.state === 'landed'
			? isDraft
				? words.factDraftPlaced
				: words.factPlaced
			: landing?.state === 'waiting'
				? words.factWaiting
				: landing?.state === 'gone'
					? words.factGone
					: null;
	const parts = [
		words.verbs[job.kind],
		...(take === null ? [] : [takeTitle(words, { take })]),
		words.frames(job.clip?.frames ?? 0),
		timeOf(job.endedAt ?? job.createdAt),
	];
	return [state, parts.join(', ')];
}

function timeOf(at: string): string {
	const date = new Date(at);
	const two = (value: number) => String(value).padStart(2, '0');
	return `${two(date.getHours())}:${two(date.getMinutes())}`;
}

function dayTitle(day: string, words: Words, language: string): string {
	if (day === dayOf(Date.now())) return words.today;
	if (day === dayOf(Date.now() - 86_400_000)) return words.yesterday;
	const options = { weekday: 'long', day: 'numeric', month: 'long' } as const;
	return new Intl.DateTimeFormat(language, options).format(new Date(`${day}T12:00:00`));
}
