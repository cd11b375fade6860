/**
 * What the script and the panel's side tell each other: After Effects’ own numbers, seconds as
 * doubles and indices from 1. What they mean as a cut is for the other side to say.
 */

export type RawState = {
	/** Null where After Effects has no project open. */
	project: RawProject | null;
	comp: RawCompHead | null;
	rendering: boolean;
	/** Whether scripts may write files, by the preferences; null where they do not say. */
	mayWrite: boolean | null;
};

export type RawProject = {
	/** Null for one that was never saved. */
	path: string | null;
	/** The id that the folder of our clips carries. */
	carries: string | null;
	/** Ids of its compositions with their names, to know it by before it carries one. */
	comps: string[];
};

export type RawCompHead = {
	id: number;
	name: string;
	frameRate: number;
	duration: number;
	displayStartTime: number;
	time: number;
	workAreaStart: number;
	workAreaDuration: number;
	/** In and out points of the selected layers. */
	selected: RawSpan[];
};

export type RawSpan = { in: number; out: number };

export type RawComp = RawCompHead & {
	width: number;
	height: number;
	pixelAspect: number;
	dropFrame: boolean;
	layers: RawLayer[];
	/** Of the stack of layers: an edit is refused where it is another one. */
	signature: string;
};

export type RawLayer = RawSpan & {
	index: number;
	name: string;
	/** `untold`: it throws what it is asked. */
	kind: 'footage' | 'comp' | 'solid' | 'placeholder' | 'text' | 'shape' | 'unseen' | 'untold';
	/** What is drawn over others and is not picture itself. */
	isAdjustment: boolean;
	isNull: boolean;
	isGuide: boolean;
	isMatte: boolean;
	/** Of the file; of one that is missing where it was. */
	path: string | null;
	isMissing: boolean;
	isStill: boolean;
	/** How often it is shown in a row. */
	loop: number;
	/** Frames a second: of the file, and as it is played where it is told to be another; else 0. */
	nativeRate: number;
	conformRate: number;
	start: number;
	stretch: number;
	isRemapped: boolean;
	hasVideo: boolean;
	hasAudio: boolean;
	enabled: boolean;
	audioEnabled: boolean;
	solo: boolean;
	locked: boolean;
	/** In dB, left and right; null where they change. */
	levels: number[] | null;
	/** What is done to the picture, in words. */
	looks: string[];
	comment: string;
};

/** Layers are told by their index before the edit. */
export type RawAction =
	| {
			kind: 'place';
			path: string;
			name: string;
			/** Seconds. */
			in: number;
			out: number;
			/** The layer that it lies directly above; null for the bottom. */
			above: number | null;
			video: boolean;
			audio: boolean;
			comment: string;
			draft: boolean;
	  }
	| { kind: 'swap'; layer: number; path: string; name: string; draft: boolean }
	| { kind: 'silence'; layer: number; of: 'video' | 'audio'; comment: string }
	| { kind: 'remove'; layer: number }
	| { kind: 'bin'; path: string; name: string };

export type RawEdit = {
	comp: number;
	signature: string;
	label: string;
	operation: string;
	/** The project’s id, which its folder carries from now on. */
	project: string;
	actions: RawAction[];
	/** Seconds of one frame. */
	frame: number;
};
