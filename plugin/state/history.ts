import type { Job } from '../../protocol/jobs.ts';
import type { Destination, Landing } from '../../protocol/landings.ts';
import type { Jobs } from './jobs.ts';
import type { HistoryFilter } from './state.ts';

/** A clip that was made, as the history lists it. */
export type HistoryEntry = {
	readonly job: Job;
	/** Where it stands or stood, or is wanted. */
	readonly landing: Landing | null;
	readonly take: number | null;
	/** Where its press was for. */
	readonly meant: Destination | null;
};

export type Sought = {
	readonly search: string;
	readonly filter: HistoryFilter;
	/** Of the open project; null: of all. */
	readonly project: string | null;
};

/** The finished clips that fit, newest first. */
export function historyOf(
	jobs: Jobs,
	{ search, filter, project }: Sought,
): readonly HistoryEntry[] {
	const places = placesOfShots(jobs);
	const words = search.toLowerCase().split(/\s+/).filter(Boolean);
	return [...jobs.values()]
		.filter(({ state, clip, deleted }) => state === 'done' && clip !== null && !deleted)
		.map((job) => ({
			job,
			landing: currentOf(job),
			take: job.takeOf?.take ?? null,
			meant: places.get(job.takeOf?.shot ?? job.id) ?? null,
		}))
		.filter(({ meant }) => project === null || meant === null || meant.project.id === project)
		.filter((entry) => passes(entry, filter) && words.every((word) => holds(entry, word)))
		.sort((a, b) => (b.job.endedAt ?? '').localeCompare(a.job.endedAt ?? ''));
}

/** Entries by the day on which they were made, in the machine's own time. */
export function byDay(
	entries: readonly HistoryEntry[],
): readonly { readonly day: string; readonly entries: readonly HistoryEntry[] }[] {
	const days = new Map<string, HistoryEntry[]>();
	for (const entry of entries) {
		const day = dayOf(entry.job.endedAt ?? entry.job.createdAt);
		days.set(day, [...(days.get(day) ?? []), entry]);
	}
	return [...days].map(([day, found]) => ({ day, entries: found }));
}

/** `2026-11-30`, of the machine's own time. */
export function dayOf(at: string | number): string {
	const date = new Date(at);
	const two = (value: number) => String(value).padStart(2, '0');
	return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

function currentOf({ landings }: Job): Landing | null {
	return landings.filter(({ state }) => state === 'landed').at(-1) ?? landings.at(-1) ?? null;
}

function passes({ job, landing }: HistoryEntry, filter: HistoryFilter): boolean {
	switch (filter) {
		case 'all':
			return true;
		case 'starred':
			return job.starred;
		case 'placed':
			return landing?.state === 'landed';
		case 'drafts':
			return job.clip?.draft ?? false;
	}
}

function holds({ job, landing }: HistoryEntry, word: string): boolean {
	const texts = [job.prompt, job.clip?.path ?? '', String(job.clip?.seed ?? ''), job.kind];
	if (landing) texts.push(landing.destination.name, landing.destination.sequence.name);
	return texts.some((text) => text.toLowerCase().includes(word));
}

/** Takes beside the first have no landing of their own: their press says where they were for. */
function placesOfShots(jobs: Jobs): ReadonlyMap<string, Destination> {
	const places = new Map<string, Destination>();
	for (const { id, takeOf, landings } of jobs.values()) {
		const [landing] = landings;
		if (landing) places.set(takeOf?.shot ?? id, landing.destination);
	}
	return places;
}
