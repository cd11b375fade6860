import type { Job } from '../../protocol/jobs.ts';
import type { Jobs } from './jobs.ts';

/** Where a phase began, as a share of the whole job. */
export type PhaseMark = { readonly phase: string; readonly from: number };

/** A part of the job's bar: as wide as its share, and how much of it is done. */
export type Segment = {
	readonly phase: string;
	readonly share: number;
	readonly done: number;
	readonly isNow: boolean;
};

/** What a job tells of its phases so far; the same list where nothing began. */
export function withPhase(
	marks: readonly PhaseMark[],
	phase: string,
	progress: number,
): readonly PhaseMark[] {
	if (phase === '' || marks.at(-1)?.phase === phase) return marks;
	return [...marks, { phase, from: marks.length === 0 ? 0 : progress }];
}

/**
 * The bar of a job. Phases that came in this job are where they were; those to come are as wide as
 * they were in the last job of that kind, fitted into what is left. Without one before, all that is
 * left is one part.
 */
export function segmentsOf(
	{ progress, phase }: Pick<Job, 'progress' | 'phase'>,
	marks: readonly PhaseMark[],
	before: readonly PhaseMark[],
): readonly Segment[] {
	const seen = marks.length > 0 ? marks : [{ phase, from: 0 }];
	const current = seen.at(-1)!;
	const at = before.map((mark) => mark.phase).lastIndexOf(current.phase);
	const ahead = at < 0 ? [] : before.slice(at + 1);
	const end = endOfCurrent(current, ahead, before[at]?.from ?? 0, progress);
	const starts = [
		...seen.map(({ phase: name, from }) => ({ phase: name, from })),
		...ahead.map(({ phase: name, from }) => ({
			phase: name,
			from: end + ((from - ahead[0]!.from) / Math.max(1e-9, 1 - ahead[0]!.from)) * (1 - end),
		})),
	];
	return starts
		.map(({ phase: name, from }, index) => {
			const to = starts[index + 1]?.from ?? 1;
			const share = Math.max(0, to - from);
			const done = share === 0 ? 1 : Math.min(1, Math.max(0, (progress - from) / share));
			return { phase: name, share, done, isNow: index === seen.length - 1 };
		})
		.filter(({ share, isNow }) => share > 0 || isNow);
}

/** What comes after what is being done. */
export function phasesToCome(segments: readonly Segment[]): readonly string[] {
	const now = segments.findIndex(({ isNow }) => isNow);
	return segments.slice(now + 1).map(({ phase }) => phase);
}

/** As much has to have passed for what comes to be judged by it: an engine begins slowly. */
const TELLING = { seconds: 8, share: 0.1 };

/** As many of the last jobs of a kind are gone by. */
const MOST_BEFORE = 5;

/**
 * Seconds that are left: going by what as many frames took the same engine here before, else by what
 * the job took so far; null while that says nothing.
 */
export function secondsLeft(job: Job, jobs: Jobs, now: number): number | null {
	const { progress, startedAt } = job;
	if (startedAt === null || progress >= 1) return null;
	const passed = workedFor(job, now) / 1000;
	const whole = secondsBefore(job, jobs);
	if (whole !== null && passed < whole) return whole * (1 - progress);
	if (passed < TELLING.seconds || progress < TELLING.share) return null;
	return (passed * (1 - progress)) / progress;
}

function secondsBefore({ kind, plan }: Job, jobs: Jobs): number | null {
	const last: { readonly job: Job; readonly endedAt: string }[] = [];
	for (const job of jobs.values()) {
		const { state, kind: its, plan: made, startedAt, endedAt } = job;
		if (state !== 'done' || its !== kind || made.engine !== plan.engine) continue;
		if (startedAt === null || endedAt === null) continue;
		// There may be thousands, and this is looked at with every step of a job.
		const at = last.findIndex((other) => endedAt > other.endedAt);
		last.splice(at < 0 ? last.length : at, 0, { job, endedAt });
		last.splice(MOST_BEFORE);
	}
	const rates = last
		.map((made) => workedFor(made.job, Date.parse(made.endedAt)) / 1000 / made.job.plan.frames)
		.sort((one, other) => one - other);
	const middle = rates[rates.length >> 1];
	return middle === undefined ? null : middle * plan.frames;
}

/** How long it has been made, without its pauses, in ms. */
function workedFor({ startedAt, pause, pausedFor }: Job, now: number): number {
	const until = pause ? Date.parse(pause.since) : now;
	return until - Date.parse(startedAt ?? '') - pausedFor;
}

function endOfCurrent(
	current: PhaseMark,
	ahead: readonly PhaseMark[],
	wasFrom: number,
	progress: number,
): number {
	const next = ahead[0];
	if (!next) return 1;
	const left = Math.max(1e-9, 1 - wasFrom);
	const end = current.from + ((next.from - wasFrom) / left) * (1 - current.from);
	return Math.min(1, Math.max(progress, end));
}
