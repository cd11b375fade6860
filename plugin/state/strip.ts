import type { FrameRange } from '../../protocol/time.ts';
import type { ClipSpan, Track } from '../../protocol/timeline.ts';

/** What stands on one side of a place: the clip, and the frame of the sequence that touches it. */
export type StripSide =
	| { readonly kind: 'clip'; readonly clip: ClipSpan; readonly frame: number }
	| { readonly kind: 'edge'; readonly edge: 'start' | 'end' };

export type Strip = {
	readonly range: FrameRange;
	readonly left: StripSide;
	readonly right: StripSide;
	/** Both neighbours meet: there is no gap any more. */
	readonly isShut: boolean;
};

/** What touches a range of a track on both sides. What stands within it is not looked at. */
export function stripAround(track: Track, range: FrameRange): Strip {
	const before = clipOn(track, range.start - 1);
	const after = clipOn(track, range.end);
	return {
		range,
		left: sideOf(before, range.start - 1, 'start'),
		right: sideOf(after, range.end, 'end'),
		isShut: false,
	};
}

/** The edit at a frame where somebody closed the gap; null where there still is empty time. */
export function closedAt(track: Track, frame: number): Strip | null {
	const left = clipOn(track, frame - 1);
	const right = clipOn(track, frame);
	if (!left || !right || left === right) return null;
	return {
		range: { start: frame, end: frame },
		left: { kind: 'clip', clip: left, frame: frame - 1 },
		right: { kind: 'clip', clip: right, frame },
		isShut: true,
	};
}

export function clipOn(track: Track, frame: number): ClipSpan | null {
	return track.clips.find(({ range }) => range.start <= frame && frame < range.end) ?? null;
}

function sideOf(clip: ClipSpan | null, frame: number, edge: 'start' | 'end'): StripSide {
	return clip ? { kind: 'clip', clip, frame } : { kind: 'edge', edge };
}
