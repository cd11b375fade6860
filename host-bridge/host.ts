import type { Clip } from '../protocol/jobs.ts';
import type { FrameRange } from '../protocol/time.ts';
import type { ClipSpan, Sequence, TimelineContext } from '../protocol/timeline.ts';

/** One track as a host reads it. `index` counts from 0 at the bottom; `name` is V1, A1, … */
export type Track = {
	readonly kind: 'video' | 'audio';
	readonly index: number;
	readonly name: string;
	readonly enabled: boolean;
	readonly locked: boolean;
	/** In order, not overlapping. Disabled clips are there: they occupy their time. */
	readonly clips: readonly ClipSpan[];
	readonly transitions: readonly { readonly name: string; readonly range: FrameRange }[];
	/**
	 * In a cut with `splitStereo`: the audio track that takes the right channel of a stereo sound
	 * whose left channel is here. Absent where this track cannot take a left channel.
	 */
	readonly rightChannel?: string;
};

/** A sequence with its tracks: what gap.ts and placement.ts reason about. */
export type Cut = {
	readonly sequence: Sequence;
	/** True where the timeline does not say how large its picture is; the media then know better. */
	readonly sizeAssumed?: boolean;
	/** Video tracks bottom up, then audio tracks in the editor's order. */
	readonly tracks: readonly Track[];
	/** What a person would miss in it, in sentences: clips that are in the file and not in the cut. */
	readonly notes?: readonly string[];
	/** True where an audio track holds one channel, so that a stereo sound takes two of them. */
	readonly splitStereo?: boolean;
};

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

/** A finished clip and where it is wanted. */
export type Placement = {
	readonly clip: Clip;
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
	/** Swaps the media of a placed clip for another take of the same length. */
	replace(previous: Clip, next: Placement): Promise<PlacementReport>;
	/** Shows a frame to the person, where the host has a playhead. */
	reveal(frame: number): Promise<void>;
};
