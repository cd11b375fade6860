import { findGaps } from '../../host-bridge/gap.ts';
import type { Gap } from '../../host-bridge/host.ts';
import { type FrameRange, formatTimecode } from '../../protocol/time.ts';
import type { ClipSpan, Cut, Sequence, Track } from '../../protocol/timeline.ts';

/** What is under the playhead on the track that the panel looks at. */
export type Place =
	| { readonly kind: 'gap'; readonly track: Track; readonly gap: Gap; readonly range: FrameRange }
	| { readonly kind: 'clip'; readonly track: Track; readonly clip: ClipSpan }
	| { readonly kind: 'nothing' };

const NONE: ReadonlySet<string> = new Set();

/** How much an open end gets where nobody says more, in seconds. */
const OPEN_SECONDS = 2;

/**
 * The track that the panel looks at: the wanted one where there is such a video track, else the
 * lowest one that holds clips, else the lowest. Null in a cut without picture tracks.
 */
export function trackOf(cut: Cut, wanted: string | null): Track | null {
	const videos = cut.tracks.filter((track) => track.kind === 'video');
	return (
		videos.find((track) => track.name === wanted) ??
		videos.find((track) => track.clips.length > 0) ??
		videos[0] ??
		null
	);
}

/**
 * The gaps of one track, rows from 1; the time after its last clip is the last of them. Clips of
 * `ours`, by their paths, count as time that was empty: a gap keeps its number when it is filled.
 */
export function gapsOn(cut: Cut, track: Track, ours: ReadonlySet<string> = NONE): readonly Gap[] {
	const clips = track.clips.filter(
		({ source }) => source.kind !== 'file' || !ours.has(source.path),
	);
	const alone: Cut = { ...cut, tracks: [{ ...track, clips }] };
	return findGaps(alone).map((gap, index) => ({ ...gap, row: index + 1 }));
}

/** Those between clips or before the first: what a person calls the gaps of a sequence. */
export function closedGaps(gaps: readonly Gap[]): readonly (Gap & { readonly end: number })[] {
	return gaps.filter((gap): gap is Gap & { end: number } => gap.end !== null);
}

export function placeAt(cut: Cut, wantedTrack: string | null, frame: number): Place {
	const track = trackOf(cut, wantedTrack);
	if (!track) return { kind: 'nothing' };
	const clip = track.clips.find(({ range }) => range.start <= frame && frame < range.end);
	if (clip) return { kind: 'clip', track, clip };
	const gaps = gapsOn(cut, track);
	const gap = gaps.find(({ start, end }) => start <= frame && (end === null || frame < end));
	if (!gap) return { kind: 'nothing' };
	return { kind: 'gap', track, gap, range: rangeOfGap(gap, cut.sequence) };
}

/** All of a gap; of an open end the first two seconds. */
export function rangeOfGap(gap: Gap, { rate }: Pick<Sequence, 'rate'>): FrameRange {
	const open = Math.max(1, Math.round((OPEN_SECONDS * rate.num) / rate.den));
	return { start: gap.start, end: gap.end ?? gap.start + open };
}

/** Every frame of a track where something begins or ends, in order. */
export function editsOn(track: Track): readonly number[] {
	const edges = track.clips.flatMap(({ range }) => [range.start, range.end]);
	return [...new Set([0, ...edges])].sort((a, b) => a - b);
}

/** The gap, filled or not, that a frame is in. */
export function gapAt(gaps: readonly Gap[], frame: number): Gap | null {
	return gaps.find(({ start, end }) => start <= frame && (end === null || frame < end)) ?? null;
}

/**
 * Where Up and Down go: to the gap before or after while the playhead is in one, else, or where there
 * is no other, to the edit before or after. Null where there is none.
 */
export function stepFrom(
	{ track, gaps }: { readonly track: Track; readonly gaps: readonly Gap[] },
	frame: number,
	by: -1 | 1,
): number | null {
	const gap = gapAt(gaps, frame);
	const starts = gap ? closedGaps(gaps).map(({ start }) => start) : [];
	return next(starts, gap?.start ?? frame, by) ?? next(editsOn(track), frame, by);
}

function next(frames: readonly number[], from: number, by: -1 | 1): number | null {
	const further =
		by < 0 ? frames.filter((frame) => frame < from) : frames.filter((frame) => frame > from);
	return further.at(by < 0 ? -1 : 0) ?? null;
}

/** Where a clip goes that is placed at the playhead: into the gap there, or over what stands there. */
export function placingAt(
	place: Exclude<Place, { kind: 'nothing' }>,
	playhead: number,
): { readonly where: 'gap' | 'above'; readonly frame: number } {
	if (place.kind === 'gap') return { where: 'gap', frame: place.range.start };
	return { where: 'above', frame: playhead };
}

export function timecodeIn({ rate, startFrame, dropFrame }: Sequence, frame: number): string {
	return formatTimecode(frame + startFrame, rate, dropFrame);
}

/** A length as timecode: hours and minutes that are nought are left out of the short form. */
export function lengthIn(
	{ rate, dropFrame }: Sequence,
	frames: number,
	form: 'long' | 'short',
): string {
	const text = formatTimecode(frames, rate, dropFrame);
	return form === 'long' ? text : text.replace(/^(00:)+(?=\d\d[:;])/, '');
}
