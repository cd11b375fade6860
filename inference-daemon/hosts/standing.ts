import { rangeFor, standingItems } from '../../host-bridge/landing.ts';
import { type Clip, pathsOf } from '../../protocol/jobs.ts';
import type { Destination, LandedItem, Landing } from '../../protocol/landings.ts';
import { sameRange } from '../../protocol/time.ts';
import type { Cut } from '../../protocol/timeline.ts';

/**
 * What of a clip stands in a sequence, by the landing that put it there. A clip that was landed once
 * is known wherever it was moved to; of one that was landed at several places each place belongs to
 * one landing, those that are known to stand before those that may stand again.
 */
export function standingByLanding(
	cut: Cut,
	clip: Clip,
	landings: readonly Landing[],
): ReadonlyMap<Landing, readonly LandedItem[]> {
	const items = itemsOf(cut, clip);
	if (landings.length === 1) return new Map([[landings[0]!, items]]);
	const newestFirst = [...landings].reverse();
	const inOrder = [
		...newestFirst.filter(({ state }) => state === 'landed'),
		...newestFirst.filter(({ state }) => state !== 'landed'),
	];
	const free = new Set(items);
	return new Map(
		inOrder.map((landing) => {
			const mine = [...free].filter(({ range }) => startsOf(landing, clip).includes(range.start));
			for (const item of mine) free.delete(item);
			return [landing, mine];
		}),
	);
}

/** What stands of a clip where none of its other landings is known to have put it. */
export function standingBesides(
	cut: Cut,
	clip: Clip,
	landing: Landing,
	all: readonly Landing[],
): readonly LandedItem[] {
	const known = all
		.filter(({ id }) => id !== landing.id)
		.filter(({ destination }) => sameSequence(destination, landing.destination))
		.flatMap((other) => (other.state === 'landed' ? other.items : []));
	return itemsOf(cut, clip).filter((item) => !known.some((other) => sameItem(item, other)));
}

/** Whether a clip stands at a place already: its picture or, of sound alone, that. */
export function standsAt(cut: Cut, clip: Clip, { picture, ...at }: Destination): boolean {
	const { start } = rangeFor({ picture, ...at }, clip.frames);
	return itemsOf(cut, clip).some(
		({ of, range }) => of === (picture ? 'video' : 'audio') && range.start === start,
	);
}

/** It is to stand somewhere, and whether it does is not known yet. */
export function isOpen({ state }: Landing): boolean {
	return state === 'waiting' || state === 'landing';
}

export function sameSequence(a: OfSequence, b: OfSequence): boolean {
	return (
		a.program === b.program && a.project.id === b.project.id && a.sequence.id === b.sequence.id
	);
}

export function sameItems(a: readonly LandedItem[], b: readonly LandedItem[]): boolean {
	return a.length === b.length && a.every((item) => b.some((other) => sameItem(item, other)));
}

export function sameItem(a: LandedItem, b: LandedItem): boolean {
	return a.of === b.of && a.track === b.track && sameRange(a.range, b.range);
}

function itemsOf(cut: Cut, clip: Clip): readonly LandedItem[] {
	return standingItems(cut, pathsOf(clip)).map(({ of, track, range }) => ({ of, track, range }));
}

function startsOf(landing: Landing, clip: Clip): readonly number[] {
	if (landing.state === 'landed') return landing.items.map(({ range }) => range.start);
	return [rangeFor(landing.destination, clip.frames).start];
}

type OfSequence = Pick<Destination, 'program' | 'project' | 'sequence'>;
