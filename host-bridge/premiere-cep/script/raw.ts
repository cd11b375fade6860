/**
 * What the script and the panel's side tell each other: Premiere’s own values, times in ticks as
 * texts, since they are longer than numbers are exact, and tracks by indices from 0. What they mean
 * as a cut is for the other side to say.
 */

/** Ticks. */
export type RawSpan = { start: string; end: string };

export type RawState = {
	/** Null where Premiere has no project open. */
	project: { id: string; name: string; path: string } | null;
	sequence: RawHead | null;
	/** Since Media Encoder told last of a job that goes on, in ms; null where none does. */
	silence: number | null;
};

export type RawHead = {
	id: string;
	name: string;
	ticksPerFrame: string;
	playhead: string;
	selected: RawSpan[];
	/** In and out point; far before the start where none is set. */
	marks: RawSpan;
};

export type RawSequence = {
	name: string;
	ticksPerFrame: string;
	zeroPoint: string;
	width: number;
	height: number;
	/** As Premiere says it. */
	pixelAspect: string;
	displayFormat: number;
	/** Ticks of a sample; null where it is not told. */
	sample: string | null;
	tracks: RawTrack[];
	/** Of what stands where: an edit is refused where it is another one. */
	signature: string;
};

export type RawTrack = {
	kind: 'video' | 'audio';
	muted: boolean;
	/** False as well where this version does not tell. */
	locked: boolean;
	clips: RawClip[];
	transitions: (RawSpan & { name: string })[];
	/** What does not say where it stands. */
	unplaced: ('item' | 'transition')[];
};

export type RawClip = RawSpan & {
	id: string;
	/** Null where Premiere throws what it is asked. */
	shows: RawShows | null;
};

export type RawShows = {
	name: string;
	/** In and out point, in ticks of the source. */
	in: string;
	out: string;
	speed: number;
	reversed: boolean;
	disabled: boolean;
	/** What it is where it is no file's. */
	synthetic: string | null;
	path: string;
	offline: boolean;
	/** Null where Premiere throws what they are. */
	effects: { matchName: string; displayName: string }[] | null;
};

export type RawAct =
	| {
			kind: 'put';
			path: string;
			/** Ticks: where in the sequence, and which of the media; null for all of them. */
			at: RawSpan;
			of: RawSpan | null;
			video: number;
			audio: number;
	  }
	| { kind: 'dress'; path: string; name: string; draft: boolean }
	| { kind: 'remove'; clips: string[] };

export type RawEdit = { sequence: string; signature: string; acts: RawAct[] };
