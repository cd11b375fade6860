import type { EngineDescription } from '../../protocol/engines.ts';
import type { RequestKind } from '../../protocol/generation.ts';
import { type FrameRange, rangesOverlap } from '../../protocol/time.ts';
import type { ClipSpan, Cut, Track } from '../../protocol/timeline.ts';
import type { Words } from '../strings/en.ts';
import { spanned } from './numbers.ts';
import { closedGaps, gapsOn, type Place } from './place.ts';

export const VERBS: readonly RequestKind[] = [
	'fill',
	'extend',
	'insert',
	'retake',
	'soundtrack',
	'animate',
];

/** Why a verb is not possible now, in the words of a language; null where it is. */
export type Reason = ((words: Words) => string) | null;

/** What the reasons depend on. */
export type Situation = {
	readonly cut: Cut;
	readonly place: Place;
	readonly playhead: number;
	readonly engines: readonly EngineDescription[];
};

/** Each verb with the reason why it cannot be done for what is under the playhead. */
export function verbReasons(situation: Situation): Readonly<Record<RequestKind, Reason>> {
	const reasons = VERBS.map((verb) => [
		verb,
		placeReason(verb, situation) ?? engineReason(verb, situation.engines),
	]);
	return Object.fromEntries(reasons) as Record<RequestKind, Reason>;
}

/**
 * The wanted verb where it is possible, else the first that is, else the wanted one. Under a clip
 * that is a retake before it is an extension.
 */
export function chosenVerb(
	wanted: RequestKind,
	reasons: Readonly<Record<RequestKind, Reason>>,
	place: Place,
): RequestKind {
	if (reasons[wanted] === null) return wanted;
	const order = place.kind === 'clip' ? (['retake', ...VERBS] as const) : VERBS;
	return order.find((verb) => reasons[verb] === null) ?? wanted;
}

/** The clip of sound under the playhead that a picture can be made for: the first audible one. */
export function soundAt(cut: Cut, frame: number): { track: Track; clip: ClipSpan } | null {
	for (const track of cut.tracks) {
		if (track.kind !== 'audio' || !track.enabled) continue;
		const clip = track.clips.find(
			({ range, enabled }) => enabled && range.start <= frame && frame < range.end,
		);
		if (clip?.source.kind === 'file') return { track, clip };
	}
	return null;
}

/** Which ends of what is under the playhead can go on, and over which frames. */
export function extensions({ cut, place }: Pick<Situation, 'cut' | 'place'>): readonly {
	side: 'tail' | 'head';
	of: ClipSpan;
	range: FrameRange;
}[] {
	if (place.kind === 'gap') {
		const { left, right } = place.gap;
		const { range } = place;
		return [
			...(left ? [{ side: 'tail' as const, of: left, range }] : []),
			...(right ? [{ side: 'head' as const, of: right, range }] : []),
		];
	}
	if (place.kind === 'nothing') return [];
	const { clip, track } = place;
	const open = Math.max(1, Math.round((2 * cut.sequence.rate.num) / cut.sequence.rate.den));
	const gaps = gapsOn(cut, track);
	const after = gaps.find(({ start }) => start === clip.range.end);
	const before = gaps.find(({ end }) => end === clip.range.start);
	const tail = after && { start: after.start, end: after.end ?? after.start + open };
	const head = before && { start: before.start, end: clip.range.start };
	return [
		...(tail ? [{ side: 'tail' as const, of: clip, range: tail }] : []),
		...(head ? [{ side: 'head' as const, of: clip, range: head }] : []),
	];
}

function placeReason(verb: RequestKind, situation: Situation): Reason {
	const { cut, place, playhead } = situation;
	if (place.kind === 'nothing') return (words) => words.noPictureTrack;
	const isLocked = place.track.locked;
	const { name } = place.track;
	switch (verb) {
		case 'fill':
			if (place.kind === 'clip') return nextGapReason(cut, place.track, playhead);
			if (place.gap.kind !== 'gap') return (words) => words.needsEnd;
			return isLocked ? (words) => words.trackLocked(name) : null;
		case 'extend':
			if (extensions({ cut, place }).length === 0) {
				return (words) => (place.kind === 'gap' ? words.needsNeighbour : words.needsRoom);
			}
			return isLocked ? (words) => words.trackLocked(name) : null;
		case 'insert':
			if (place.kind === 'clip') return (words) => words.needsEmptyTime;
			return isLocked ? (words) => words.trackLocked(name) : null;
		case 'retake':
		case 'soundtrack':
			return place.kind === 'clip' ? sourceReason(place.clip) : (words) => words.needsClip;
		case 'animate':
			return soundAt(cut, playhead) ? null : (words) => words.needsSound;
	}
}

function sourceReason({ source, name }: ClipSpan): Reason {
	if (source.kind === 'offline') return (words) => words.clipOffline(name);
	if (source.kind === 'synthetic') return (words) => words.clipSynthetic(name);
	return null;
}

function nextGapReason(cut: Cut, track: Track, playhead: number): Reason {
	const { rate } = cut.sequence;
	const gaps = closedGaps(gapsOn(cut, track)).filter(({ kind }) => kind === 'gap');
	const next = gaps.find(({ start }) => start > playhead);
	if (next) return (words) => words.needsGapNextIn(spanned(words, next.start - playhead, rate));
	const last = gaps.filter(({ end }) => end <= playhead).at(-1);
	if (last) return (words) => words.needsGapLastWas(spanned(words, playhead - last.end, rate));
	return (words) => words.needsGap;
}

function engineReason(verb: RequestKind, engines: readonly EngineDescription[]): Reason {
	const does = engines.some(({ ready, kinds }) => ready && kinds.includes(verb));
	return does ? null : (words) => words.noEngineDoes;
}

/** Whether a track has nothing over a range. */
export function isEmpty(track: Track, range: FrameRange): boolean {
	return !track.clips.some((clip) => rangesOverlap(clip.range, range));
}
