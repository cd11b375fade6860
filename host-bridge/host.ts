import type { Clip } from '../protocol/jobs.ts';
import type { FrameRange } from '../protocol/time.ts';
import type { ClipSpan, Cut, TimelineContext } from '../protocol/timeline.ts';

/**
 * Empty time on one video track. `gap` lies between two clips; `open-head` lies before the first
 * clip and `open-tail` after the last (its `end` is null), which `extend` and `insert` take.
 */
export type Gap = {
	readonly row: number;
	readonly kind: 'gap' | 'open-head' | 'open-tail';
	readonly track: string;
	readonly start: number;
	readonly end: number | null;
	/** Sequence timecode of `start`. */
	readonly timecode: string;
	readonly left: ClipSpan | null;
	readonly right: ClipSpan | null;
};

/** As much of a clip as is written into a timeline; who made it may not be known. */
export type PlacedClip = Pick<Clip, 'path' | 'frames' | 'rate' | 'size' | 'samples' | 'draft'> &
	Partial<Pick<Clip, 'engine' | 'seed'>>;

/** A finished clip and where it is wanted. */
export type Placement = {
	readonly clip: PlacedClip;
	/** What the editor will see it called. */
	readonly name: string;
	/** Sequence frames that it covers; as long as `clip.frames`. */
	readonly range: FrameRange;
	/** The video track, e.g. V1. */
	readonly track: string;
	/** `gap`: on that very track, over empty time. `above`: on a new track above it. */
	readonly where: 'gap' | 'above';
	/** False leaves the clip's sound out of the timeline, or its picture. */
	readonly picture: boolean;
	readonly sound: boolean;
	/**
	 * False lands the clip switched off, where the editor knows that: takes beside the first are
	 * there to be compared, and their sound must not play on top of the first one's. Default: true.
	 */
	readonly enabled?: boolean;
};

/** What stands in the timeline after a placement, read back from it. */
export type PlacementReport = {
	readonly verified: boolean;
	readonly expected: string;
	readonly actual: string;
	readonly videoTrack: string | null;
	readonly audioTrack: string | null;
	readonly range: FrameRange;
};

/** An editing program, or a timeline file, behind one small type. */
export type Host = {
	readonly name: string;
	cut(): Promise<Cut>;
	gaps(): Promise<readonly Gap[]>;
	/** The context of a range on a video track. Throws PickupError where the range is not free. */
	readContext(track: string, range: FrameRange): Promise<TimelineContext>;
	/** A still of the composed picture as a file path, or null where the host cannot render. */
	grabFrame(frame: number): Promise<string | null>;
	/** Lands clips, reads back and tells the truth. All of them, or none and an error. */
	place(placements: readonly Placement[]): Promise<readonly PlacementReport[]>;
	/** Shows a frame to the person, where the host has a playhead. */
	reveal(frame: number): Promise<void>;
};
