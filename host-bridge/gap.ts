import { PickupError } from '../protocol/errors.ts';
import {
	add,
	type FrameRange,
	formatTimecode,
	framesToSeconds,
	multiply,
	parseTimecode,
	rangesOverlap,
} from '../protocol/time.ts';
import {
	type ClipSpan,
	type Cut,
	distinctSounds,
	type TimelineContext,
	type Track,
} from '../protocol/timeline.ts';
import type { Gap } from './host.ts';

/** Sound this far before and after the range belongs to the context. */
const SOUND_SECONDS = 10;
/** As many sound clips as a context may carry. */
const MOST_SOUND = 256;

/**
 * Every empty stretch of every video track, tracks bottom up and time forwards, rows from 1. A
 * track without clips has none, except the bottom one of a cut without any picture.
 */
export function findGaps(cut: Cut): readonly Gap[] {
	const videos = cut.tracks.filter((track) => track.kind === 'video');
	const filled = videos.filter((track) => track.clips.length > 0);
	return (filled.length > 0 ? filled : videos.slice(0, 1))
		.flatMap((track) => gapsOn(cut, track))
		.map((gap, index) => ({ ...gap, row: index + 1 }));
}

/**
 * The gap that a person names by its row (`2`) or by its track and a timecode at its start or
 * inside (`V1@01:00:05:12`). Throws PickupError `no-such-gap` that lists what there is.
 */
export function selectGap(cut: Cut, gaps: readonly Gap[], selector: string): Gap {
	const wanted = selector.trim();
	const found = /^\d+$/.test(wanted)
		? gaps.find((gap) => gap.row === Number(wanted))
		: gapAt(cut, gaps, wanted);
	if (found) return found;
	throw noSuchGap(gaps, wanted);
}

/**
 * The context of a range on a video track: the picture that touches it on either side on that
 * track, and the enabled sound around it. Inside a clip (`allowOverlap`, for a retake) the
 * neighbours are that clip's own frames before and after the range.
 * Throws PickupError `too-short` for an empty range, `bad-request` for an unknown track or a start
 * before the sequence's, `placement-conflict` where an enabled clip is in the way.
 */
export function contextFor(
	cut: Cut,
	trackName: string,
	range: FrameRange,
	options: { readonly allowOverlap?: boolean } = {},
): TimelineContext {
	checkRange(range);
	const track = videoTrack(cut, trackName);
	const taken = track.clips.find((clip) => clip.enabled && rangesOverlap(clip.range, range));
	if (taken && !options.allowOverlap) {
		throw new PickupError(
			'placement-conflict',
			`Expected empty time on ${track.name} at ${describeRange(cut, range)}, found "${taken.name}" there`,
			{ field: 'range', action: 'Run `pickup gaps` and name a range that is empty.' },
		);
	}
	return {
		sequence: cut.sequence,
		track: track.name,
		range,
		left: leftOf(cut, track, range.start),
		right: rightOf(cut, track, range.end),
		sound: soundAround(cut, range),
	};
}

/** The gap between two clips that a frame lies in, of the lowest such track; null where there is none. */
export function gapUnder(gaps: readonly Gap[], frame: number): (Gap & { end: number }) | null {
	for (const gap of gaps) {
		const { kind, start, end } = gap;
		if (kind === 'gap' && end !== null && start <= frame && frame < end) return { ...gap, end };
	}
	return null;
}

/** The clip, enabled or not, that stands on a frame of a track; null where the track is empty. */
export function clipAt(cut: Cut, trackName: string, frame: number): ClipSpan | null {
	const track = cut.tracks.find((candidate) => candidate.name === trackName);
	return track?.clips.find((clip) => clip.range.start <= frame && frame < clip.range.end) ?? null;
}

function gapsOn(cut: Cut, track: Track): Gap[] {
	const gaps: Gap[] = [];
	const add = (kind: Gap['kind'], start: number, end: number | null, sides: Sides) =>
		gaps.push({
			row: 0,
			kind,
			track: track.name,
			start,
			end,
			timecode: timecodeAt(cut, start),
			...sides,
		});
	let left: ClipSpan | null = null;
	let at = 0;
	for (const clip of track.clips) {
		if (clip.range.start > at) {
			add(left ? 'gap' : 'open-head', at, clip.range.start, { left, right: clip });
		}
		left = clip;
		at = Math.max(at, clip.range.end);
	}
	add('open-tail', at, null, { left, right: null });
	return gaps;
}

type Sides = Pick<Gap, 'left' | 'right'>;

function gapAt(cut: Cut, gaps: readonly Gap[], selector: string): Gap | undefined {
	const match = /^([^@]+)@(.+)$/.exec(selector);
	if (!match) return undefined;
	const [, track = '', timecode = ''] = match;
	const { rate, startFrame, dropFrame } = cut.sequence;
	let frame: number;
	try {
		frame = parseTimecode(timecode, rate, dropFrame) - startFrame;
	} catch (error) {
		if (!(error instanceof RangeError)) throw error;
		throw noSuchGap(gaps, selector, `: ${error.message}`);
	}
	return gaps.find(
		(gap) =>
			gap.track.toLowerCase() === track.trim().toLowerCase() &&
			gap.start <= frame &&
			frame < (gap.end ?? Number.POSITIVE_INFINITY),
	);
}

function noSuchGap(gaps: readonly Gap[], wanted: string, why = ''): PickupError {
	const shown = gaps.slice(0, 12).map((gap) => `${gap.row} (${gap.track}@${gap.timecode})`);
	const more = gaps.length > shown.length ? ` and ${gaps.length - shown.length} more` : '';
	const there = shown.length === 0 ? 'none: there is no video track' : shown.join(', ') + more;
	return new PickupError(
		'no-such-gap',
		`Expected a gap's row or TRACK@TIMECODE, got "${wanted}"${why}. There is ${there}`,
		{ field: 'gap' },
	);
}

function checkRange(range: FrameRange): void {
	if (!Number.isSafeInteger(range.start) || !Number.isSafeInteger(range.end) || range.start < 0) {
		throw new PickupError(
			'bad-request',
			`Expected a range of whole frames from 0 on, got ${range.start}–${range.end}`,
			{ field: 'range' },
		);
	}
	if (range.end <= range.start) {
		throw new PickupError(
			'too-short',
			`Expected a range of at least one frame, got ${range.start}–${range.end}`,
			{ field: 'range' },
		);
	}
}

function videoTrack(cut: Cut, name: string): Track {
	const videos = cut.tracks.filter((track) => track.kind === 'video');
	const found = videos.find((track) => track.name.toLowerCase() === name.toLowerCase());
	if (found) return found;
	const names = videos.map((track) => track.name).join(', ') || 'none';
	throw new PickupError('bad-request', `Expected a video track (${names}), got ${name}`, {
		field: 'track',
	});
}

/** The picture on the frame before `edge`, as far as the edge. */
function leftOf(cut: Cut, track: Track, edge: number): ClipSpan | null {
	const clip = clipAt(cut, track.name, edge - 1);
	if (!clip) return null;
	const range = { start: clip.range.start, end: edge };
	const transition = track.transitions.find(
		(item) => item.range.start < edge && edge <= item.range.end,
	);
	return withTransition(
		{ ...clip, range },
		transition && edge - Math.max(transition.range.start, range.start),
	);
}

/** The picture on the frame at `edge`, from the edge on. */
function rightOf(cut: Cut, track: Track, edge: number): ClipSpan | null {
	const clip = clipAt(cut, track.name, edge);
	if (!clip) return null;
	const range = { start: edge, end: clip.range.end };
	const skipped = framesToSeconds(edge - clip.range.start, cut.sequence.rate);
	const sourceIn = add(clip.sourceIn, multiply(skipped, clip.speed));
	const transition = track.transitions.find(
		(item) => item.range.start <= edge && edge < item.range.end,
	);
	return withTransition(
		{ ...clip, range, sourceIn },
		transition && Math.min(transition.range.end, range.end) - edge,
	);
}

function withTransition(clip: ClipSpan, frames: number | undefined): ClipSpan {
	const { transition: _, ...rest } = clip;
	return frames === undefined ? rest : { ...rest, transition: frames };
}

/** Enabled clips of enabled audio tracks near the range, the nearest where there are too many. */
function soundAround(cut: Cut, range: FrameRange): readonly ClipSpan[] {
	const { rate } = cut.sequence;
	const reach = Math.ceil((SOUND_SECONDS * rate.num) / rate.den);
	const window = { start: range.start - reach, end: range.end + reach };
	const clips = cut.tracks
		.filter((track) => track.kind === 'audio' && track.enabled)
		.flatMap((track) => track.clips)
		.filter((clip) => clip.enabled && rangesOverlap(clip.range, window));
	const near = distinctSounds(clips).map((clip) => levelWithin(clip, window));
	if (near.length <= MOST_SOUND) return near;
	const distance = (clip: ClipSpan) =>
		Math.max(0, range.start - clip.range.end, clip.range.start - range.end);
	return [...near].sort((a, b) => distance(a) - distance(b)).slice(0, MOST_SOUND);
}

/** Of its level only the points that say something of the window. */
function levelWithin(clip: ClipSpan, window: FrameRange): ClipSpan {
	const { sound } = clip;
	if (!sound?.level) return clip;
	const { level } = sound;
	const from = Math.max(
		0,
		level.findLastIndex(({ frame }) => frame <= window.start),
	);
	const after = level.findIndex(({ frame }) => frame >= window.end);
	const to = after < 0 ? level.length : after + 1;
	return { ...clip, sound: { ...sound, level: level.slice(from, to) } };
}

function describeRange(cut: Cut, range: FrameRange): string {
	return `${timecodeAt(cut, range.start)}–${timecodeAt(cut, range.end)}`;
}

function timecodeAt(cut: Cut, frame: number): string {
	const { rate, startFrame, dropFrame } = cut.sequence;
	return formatTimecode(frame + startFrame, rate, dropFrame);
}
