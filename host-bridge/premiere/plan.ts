import { PickupError } from '../../protocol/errors.ts';
import type { EditStep, Item } from '../../protocol/hosts.ts';
import { type FrameRange, rangesOverlap, sameRange } from '../../protocol/time.ts';
import type { ClipSpan, Track } from '../../protocol/timeline.ts';
import type { ReadCut, ReadTrack, Standing } from './read.ts';
import { samePath } from './same-path.ts';

/** One placement in Premiere: an item brings its picture and its sound along. */
export type Put = {
	readonly path: string;
	readonly name: string;
	readonly draft: boolean;
	readonly range: FrameRange;
	/** Indices of tracks; null for what is not asked for. */
	readonly video: number | null;
	readonly audio: number | null;
	/** The frame of the media that it begins with. */
	readonly from: number;
};

export type EditPlan<H> = {
	readonly puts: readonly Put[];
	/** What is taken out without anything in its place. */
	readonly removes: readonly Standing<H>[];
	/** What goes with what is put over it. */
	readonly replaces: readonly Standing<H>[];
	/** What is only to be kept in the bin. */
	readonly bins: readonly { readonly path: string; readonly name: string }[];
};

/**
 * What an edit is in Premiere. Nothing is touched here: it throws `placement-conflict` or
 * `host-refused` where a step cannot be done, so that none is.
 */
export function planEdit<H>(
	read: ReadCut<H>,
	steps: readonly EditStep[],
	rate: number,
): EditPlan<H> {
	const puts: Put[] = [];
	const removes: Standing<H>[] = [];
	const bins: { path: string; name: string }[] = [];
	for (const step of steps) {
		switch (step.kind) {
			case 'add-track':
				throw new PickupError('host-refused', 'Premiere lets nobody add a track from outside');
			case 'bin':
				bins.push(step);
				break;
			case 'remove':
				removes.push(findItem(read, step.item));
				break;
			case 'place': {
				if (!step.enabled) {
					throw new PickupError('host-refused', 'Premiere places no clip that is switched off');
				}
				const { track } = trackNamed(read, step.track, step.of);
				addPut(puts, step.of, track.index, { ...step, from: 0 });
				break;
			}
			case 'swap': {
				const found = findItem(read, step.item);
				const { track, span } = found;
				expectPlain(track, span);
				removes.push(found);
				const { path, name, draft } = step;
				const part = { path, name, draft, range: span.range, from: fromOf(span, rate) };
				addPut(puts, track.kind, track.index, part);
				break;
			}
		}
	}
	const gone = new Set(removes.map(({ item }) => item));
	for (const each of puts) expectFree(read, each, gone);
	// What something is put over goes with that.
	const isCovered = (each: Standing<H>) => puts.some((put) => covers(put, each));
	return {
		puts,
		removes: removes.filter((each) => !isCovered(each)),
		replaces: removes.filter(isCovered),
		bins,
	};
}

/** What brings clips back that are no longer there: as they stood, but for what was done to them. */
export function planReturn<H>(gone: readonly Standing<H>[], rate: number): readonly Put[] {
	const puts: Put[] = [];
	for (const { track, span } of gone) {
		if (span.source.kind !== 'file') continue;
		const { path } = span.source;
		const part = { path, name: span.name, draft: false, range: span.range };
		addPut(puts, track.kind, track.index, { ...part, from: fromOf(span, rate) });
	}
	return puts;
}

/** Picture and sound of one file over one range are one placement. */
function addPut(
	puts: Put[],
	of: Track['kind'],
	index: number,
	{ path, name, draft, range, from }: Omit<Put, 'video' | 'audio'>,
): void {
	const at = puts.findIndex(
		(each) =>
			each.path === path && sameRange(each.range, range) && each.from === from && each[of] === null,
	);
	const before = puts[at] ?? { path, name, draft, range, from, video: null, audio: null };
	puts.splice(at < 0 ? puts.length : at, 1, { ...before, [of]: index });
}

/** The frame of its media that a clip begins with. */
function fromOf({ sourceIn }: ClipSpan, rate: number): number {
	return Math.round((sourceIn.num / sourceIn.den) * rate);
}

/** Tracks of a kind, by index, on which a clip over the range covers nothing. */
export function freeTracks<H>(
	{ tracks }: ReadCut<H>,
	kind: Track['kind'],
	range: FrameRange,
): readonly number[] {
	return tracks
		.filter(({ track }) => track.kind === kind && isFree(track, range))
		.map(({ track }) => track.index);
}

function isFree({ clips, transitions, taken = [] }: Track, range: FrameRange): boolean {
	const used = [...clips, ...transitions].map((each) => each.range).concat(taken);
	return !used.some((other) => rangesOverlap(other, range));
}

function expectFree<H>(read: ReadCut<H>, { range, video, audio }: Put, gone: ReadonlySet<H>): void {
	for (const { track, items } of read.tracks) {
		if (track.index !== (track.kind === 'video' ? video : audio)) continue;
		const there = items.find(
			({ item, span }) => !gone.has(item) && rangesOverlap(span.range, range),
		);
		if (!there) continue;
		throw new PickupError(
			'placement-conflict',
			`Expected empty time on ${track.name}, found "${there.span.name}" there`,
			{ field: track.name },
		);
	}
}

function covers<H>(put: Put, { track, span }: Standing<H>): boolean {
	const index = track.kind === 'video' ? put.video : put.audio;
	return index === track.index && sameRange(put.range, span.range);
}

function trackNamed<H>({ tracks }: ReadCut<H>, name: string, of: Track['kind']): ReadTrack<H> {
	const found = tracks.find(({ track }) => track.name === name && track.kind === of);
	if (found) return found;
	throw new PickupError('bad-request', `Expected a track of Premiere as V1 or A2, got ${name}`);
}

/** The clip that stands where it is said to, with that file; never the next best. */
function findItem<H>({ tracks }: ReadCut<H>, { track: name, range, path }: Item): Standing<H> {
	for (const { track, items } of tracks) {
		if (track.name !== name) continue;
		const found = items.find(
			({ span }) =>
				sameRange(span.range, range) &&
				span.source.kind === 'file' &&
				samePath(span.source.path, path),
		);
		if (found) return { track, ...found };
	}
	throw new PickupError(
		'placement-conflict',
		`Expected ${path} on ${name} at ${range.start}–${range.end}, it is not there`,
	);
}

/** Other media come by putting another clip over this one, which would take along what was done to it. */
function expectPlain(track: Track, span: ClipSpan): void {
	const { range, speed, enabled, effects = [] } = span;
	const touches = track.transitions.some(
		(each) => each.range.start <= range.end && range.start <= each.range.end,
	);
	const has = [
		...effects,
		...(speed.num === speed.den ? [] : ['a changed speed']),
		...(touches ? ['a transition'] : []),
		...(enabled ? [] : ['been switched off']),
	];
	if (has.length === 0) return;
	throw new PickupError(
		'placement-conflict',
		`“${span.name}” on ${track.name} has ${has.join(', ')}, which Premiere lets nobody keep when it gets other media`,
		{
			field: track.name,
			action: 'Take that off, or the clip out of the cut, then land the other one.',
		},
	);
}
