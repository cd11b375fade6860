import type { Gap } from '../../host-bridge/host.ts';
import type { RequestKind } from '../../protocol/generation.ts';
import { isEnded, type Job, pathsOf } from '../../protocol/jobs.ts';
import type { Destination, Landing } from '../../protocol/landings.ts';
import { rangesOverlap } from '../../protocol/time.ts';
import type { Track } from '../../protocol/timeline.ts';
import type { Jobs } from './jobs.ts';
import { oncePer } from './once-per.ts';
import type { Place } from './place.ts';

/** One press: its takes, the draft first, and where they belong in the cut. */
export type ShotView = {
	readonly id: string;
	readonly verb: RequestKind;
	readonly prompt: string;
	readonly destination: Destination;
	readonly createdAt: string;
	/** By their numbers; those that were deleted or cancelled are left out. */
	readonly takes: readonly TakeView[];
	/** How many takes were asked for, beside the draft. */
	readonly asked: number;
};

export type TakeView = {
	/** 0 is the draft. */
	readonly take: number;
	readonly job: Job;
	/** The newest one that tells whether it stands in the place of its press. */
	readonly landing: Landing | null;
};

export type OpenSequence = { readonly project: string; readonly sequence: string };

/** The presses for a sequence, newest first. */
export function shotsIn(jobs: Jobs, open: OpenSequence): readonly ShotView[] {
	return allShots(jobs).filter(
		({ destination: { project, sequence } }) =>
			project.id === open.project && sequence.id === open.sequence,
	);
}

/** Those with takes, newest first. */
const allShots = oncePer((jobs: Jobs): readonly ShotView[] => {
	const groups = new Map<string, Job[]>();
	for (const job of jobs.values()) {
		if (job.takeOf === null) continue;
		const { shot } = job.takeOf;
		groups.set(shot, [...(groups.get(shot) ?? []), job]);
	}
	return [...groups]
		.flatMap(([id, group]) => viewOf(id, group) ?? [])
		.filter(({ takes }) => takes.length > 0)
		.sort((a, b) => b.createdAt.localeCompare(a.createdAt));
});

/** The newest press for what is under the playhead; null where there is none. */
export function shotAt(
	shots: readonly ShotView[],
	place: Place,
	playhead: number,
): ShotView | null {
	if (place.kind === 'nothing') return null;
	const range = place.kind === 'gap' ? place.range : { start: playhead, end: playhead + 1 };
	const { name } = place.track;
	return (
		shots.find(({ destination, takes }) => {
			const stands = takes.some(({ landing }) => isLandedOver(landing, name, range));
			return stands || (destination.track === name && rangesOverlap(destination.range, range));
		}) ?? null
	);
}

/** Whether a clip of ours stands in a gap, a draft too. */
export function isFilledAt(shots: readonly ShotView[], track: Track, gap: Gap): boolean {
	if (gap.end === null) return false;
	const range = { start: gap.start, end: gap.end };
	return shots.some(({ takes }) =>
		takes.some(({ landing }) => isLandedOver(landing, track.name, range)),
	);
}

export function isLive({ job }: TakeView): boolean {
	return !isEnded(job.state);
}

export function isReady({ job }: TakeView): boolean {
	return job.state === 'done' && job.clip !== null && !job.trashed;
}

/** Stands in the cut as far as anybody knows. */
export function isPlaced({ landing }: TakeView): boolean {
	return landing?.state === 'landed';
}

/** The take that is being made, or is next. */
export function runningTake({ takes }: ShotView): TakeView | null {
	return (
		takes.find(({ job }) => job.state === 'running') ??
		takes.find(({ job }) => job.state === 'queued') ??
		null
	);
}

/** The one that failed last and that nobody has put aside. */
export function failedTake({ takes }: ShotView): TakeView | null {
	const failed = takes.filter(({ job }) => job.state === 'failed');
	return (
		[...failed].sort((a, b) => (b.job.endedAt ?? '').localeCompare(a.job.endedAt ?? ''))[0] ?? null
	);
}

/** A finished clip that found no place, and for which nobody has decided yet. */
export function unplacedTake({ takes }: ShotView): TakeView | null {
	if (takes.some(isPlaced)) return null;
	return takes.find((take) => isReady(take) && isUnplaced(take.landing)) ?? null;
}

/** Of one that was wanted in the bin and is there nothing is left to be decided. */
function isUnplaced(landing: Landing | null): boolean {
	if (landing?.state !== 'not-landed') return false;
	return landing.destination.bin !== true || landing.kept !== 'bin';
}

/** Had been placed and stands there no more. */
export function goneTake({ takes }: ShotView): TakeView | null {
	if (takes.some(isPlaced)) return null;
	return takes.find((take) => isReady(take) && take.landing?.state === 'gone') ?? null;
}

/** What a finished clip waits for, if it does. */
export function waitingLanding({ takes }: ShotView): Landing | null {
	const waits = takes.flatMap((take) => {
		const { landing } = take;
		if (!isReady(take) || landing === null) return [];
		return landing.state === 'waiting' || landing.state === 'landing' ? [landing] : [];
	});
	return waits[0] ?? null;
}

/** The clip of ours that a source path is; null for the person's own. */
export function jobOfPath(jobs: Jobs, path: string): Job | null {
	for (const job of jobs.values()) if (job.clip && pathsOf(job.clip).includes(path)) return job;
	return null;
}

function viewOf(id: string, group: readonly Job[]): ShotView | null {
	const jobs = [...group].sort((a, b) => a.takeOf!.take - b.takeOf!.take);
	const destination = jobs.flatMap(({ landings }) => landings)[0]?.destination;
	const takes = jobs.map((job) => {
		const here = job.landings.filter((each) => isAtPlace(each.destination, destination));
		return { take: job.takeOf!.take, job, landing: currentLanding(here) };
	});
	const first = takes.find(({ take }) => take > 0) ?? takes[0];
	if (!destination || !first) return null;
	return {
		id,
		verb: first.job.kind,
		prompt: first.job.prompt,
		destination,
		createdAt: first.job.createdAt,
		takes: takes.filter(({ job }) => !job.deleted && job.state !== 'cancelled'),
		asked: takes.filter(({ take }) => take > 0).length,
	};
}

/** A take may have been placed elsewhere too, from the history: that is not the place of its press. */
function isAtPlace(one: Destination, place: Destination | undefined): boolean {
	return (
		place !== undefined &&
		one.project.id === place.project.id &&
		one.sequence.id === place.sequence.id &&
		one.track === place.track &&
		one.where === place.where &&
		(one.range.start === place.range.start || one.range.end === place.range.end)
	);
}

/** One that stands in the cut tells more than a later one that was withdrawn. */
function currentLanding(landings: readonly Landing[]): Landing | null {
	return landings.filter(({ state }) => state === 'landed').at(-1) ?? landings.at(-1) ?? null;
}

function isLandedOver(
	landing: Landing | null,
	track: string,
	range: { readonly start: number; readonly end: number },
): boolean {
	if (landing?.state !== 'landed') return false;
	return landing.items.some((item) => item.track === track && rangesOverlap(item.range, range));
}
