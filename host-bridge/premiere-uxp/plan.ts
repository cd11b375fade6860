import { PickupError } from '../../protocol/errors.ts';
import type { EditStep, Item } from '../../protocol/hosts.ts';
import { type FrameRange, rangesOverlap, sameRange } from '../../protocol/time.ts';
import type { ClipSpan, Track } from '../../protocol/timeline.ts';
import { samePath } from './bin.ts';
import type { TrackItem } from './clip.ts';
import type { ReadCut, ReadTrack } from './cut.ts';

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

/** A clip where it stands. */
export type Standing = {
	readonly track: Track;
	readonly item: TrackItem;
	readonly span: ClipSpan;
};

export type EditPlan = {
	readonly puts: readonly Put[];
	/** What is taken out without anything in its place. */
	readonly removes: readonly Standing[];
	/** What is only to be kept in the bin. */
	readonly bins: readonly { readonly path: string; readonly name: string }[];
};

/**
 * What an edit is in Premiere. Nothing is touched here: it throws `placement-conflict` or
 * `host-refused` where a step cannot be done, so that none is.
 */
export function planEdit(read: ReadCut, steps: readonly EditStep[], rate: number): EditPlan {
	const puts: Put[] = [];
	const removes: Standing[] = [];
	const bins: { path: string; name: string }[] = [];
	const put = (of: Track['kind'], index: number, part: Omit<Put, 'video' | 'audio'>) => {
		const at = puts.findIndex(
			(each) =>
				each.path === part.path &&
				sameRange(each.range, part.range) &&
				each.from === part.from &&
				each[of] === null,
		);
		const before = puts[at] ?? { ...part, video: null, audio: null };
		puts.splice(at < 0 ? puts.length : at, 1, { ...before, [of]: index });
	};
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
				put(step.of, track.index, { ...step, from: 0 });
				break;
			}
			case 'swap': {
				const found = findItem(read, step.item);
				const { track, span } = found;
				expectPlain(track, span);
				removes.push(found);
				const seconds = span.sourceIn.num / span.sourceIn.den;
				const { path, name, draft } = step;
				const part = { path, name, draft, range: span.range, from: Math.round(seconds * rate) };
				put(track.kind, track.index, part);
				break;
			}
		}
	}
	const gone = new Set(removes.map(({ item }) => item));
	for (const each of puts) expectFree(read, each, gone);
	// What something is put over goes with that.
	const left = removes.filter((each) => !puts.some((put) => covers(put, each)));
	return { puts, removes: left, bins };
}

/** Tracks of a kind, by index, on which a clip over the range covers nothing. */
export function freeTracks(
	{ tracks }: ReadCut,
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

function expectFree(read: ReadCut, { range, video, audio }: Put, gone: ReadonlySet<TrackItem>) {
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

function covers(put: Put, { track, span }: Standing): boolean {
	const index = track.kind === 'video' ? put.video : put.audio;
	return index === track.index && sameRange(put.range, span.range);
}

function trackNamed({ tracks }: ReadCut, name: string, of: Track['kind']): ReadTrack {
	const found = tracks.find(({ track }) => track.name === name && track.kind === of);
	if (found) return found;
	throw new PickupError('bad-request', `Expected a track of Premiere as V1 or A2, got ${name}`);
}

/** The clip that stands where it is said to, with that file; never the next best. */
function findItem({ tracks }: ReadCut, { track: name, range, path }: Item): Standing {
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
