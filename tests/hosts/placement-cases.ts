import type { ErrorCode } from '../../protocol/errors.ts';
import type { FrameRange, FrameRate } from '../../protocol/time.ts';

/** What a clip of a case plays: a file with sound of so many channels, or none; or no file at all. */
export type CaseMedia = 'silent' | 'mono' | 'stereo' | '5.1' | 'nested' | 'adjustment';

export type CaseClip = {
	readonly name: string;
	readonly start: number;
	readonly end: number;
	readonly media: CaseMedia;
};

/** A track as an editor counts them: a sound with its channels is on one, however many a format needs. */
export type CaseTrack = {
	readonly kind: 'video' | 'audio';
	readonly locked?: boolean;
	readonly clips: readonly CaseClip[];
	/** Frames that transitions cover, each inside a clip and at an edge of it. */
	readonly transitions?: readonly FrameRange[];
};

/** What comes of a shot over `GAP` on V1. */
export type CaseEnd =
	| { readonly lands: true }
	| {
			readonly lands: false;
			readonly code: ErrorCode;
			readonly says: RegExp;
			/** The editor finds out when the clip is there, and not before. */
			readonly late?: true;
	  };

export type PlacementCase = {
	readonly name: string;
	readonly rate: FrameRate;
	/** Timecode of the sequence's first frame, in frames. */
	readonly startFrame: number;
	readonly dropFrame: boolean;
	readonly tracks: readonly CaseTrack[];
	/** The timecode at which the gap starts. */
	readonly timecode: string;
	/** How the tracks are when the clip is made. */
	readonly meanwhile?: readonly CaseTrack[];
	readonly end: CaseEnd;
};

/** What all cases are about, in sequence frames: V1 is empty there. */
export const GAP: FrameRange = { start: 50, end: 75 };

const LEFT: CaseClip = { name: 'left', start: 0, end: 50, media: 'stereo' };
const RIGHT: CaseClip = { name: 'right', start: 75, end: 125, media: 'stereo' };

function video(...clips: readonly CaseClip[]): CaseTrack {
	return { kind: 'video', clips };
}

function audio(...clips: readonly CaseClip[]): CaseTrack {
	return { kind: 'audio', clips };
}

function withMedia(media: CaseMedia): readonly CaseTrack[] {
	const clips = [
		{ ...LEFT, media },
		{ ...RIGHT, media },
	];
	return [video(...clips), audio(...clips)];
}

const PLAIN = withMedia('stereo');
const RATE_25 = { num: 25, den: 1 };
const LANDS: CaseEnd = { lands: true };

const AT_25 = { rate: RATE_25, startFrame: 0, dropFrame: false, timecode: '00:00:02:00' } as const;

export const PLACEMENT_CASES: readonly PlacementCase[] = [
	...(
		[
			['23.976', 24_000, 1001, '00:00:02:02'],
			['24', 24, 1, '00:00:02:02'],
			['25', 25, 1, '00:00:02:00'],
			['50', 50, 1, '00:00:01:00'],
			['59.94', 60_000, 1001, '00:00:00:50'],
		] as const
	).map(([name, num, den, timecode]) => ({
		name: `${name} frames per second`,
		rate: { num, den },
		startFrame: 0,
		dropFrame: false,
		tracks: PLAIN,
		timecode,
		end: LANDS,
	})),
	{
		name: '29.97 frames per second, drop-frame',
		rate: { num: 30_000, den: 1001 },
		// 00:00:58;10, so that the gap starts after the minute, whose first two numbers are dropped.
		startFrame: 1750,
		dropFrame: true,
		tracks: PLAIN,
		timecode: '00:01:00;02',
		end: LANDS,
	},
	{
		...AT_25,
		name: 'a start timecode of 10:00:00:00',
		startFrame: 900_000,
		tracks: PLAIN,
		timecode: '10:00:02:00',
		end: LANDS,
	},
	{ ...AT_25, name: 'nested sequences on both sides', tracks: withMedia('nested'), end: LANDS },
	{
		...AT_25,
		name: 'an adjustment layer over the gap',
		tracks: [
			...PLAIN.slice(0, 1),
			video({ name: 'look', start: 0, end: 125, media: 'adjustment' }),
			...PLAIN.slice(1),
		],
		end: LANDS,
	},
	{
		...AT_25,
		name: 'transitions at both edges',
		tracks: [
			{
				...video(LEFT, RIGHT),
				transitions: [
					{ start: 45, end: 50 },
					{ start: 75, end: 80 },
				],
			},
			audio(LEFT, RIGHT),
		],
		end: LANDS,
	},
	{ ...AT_25, name: 'clips without sound', tracks: [video(...PLAIN[0]!.clips)], end: LANDS },
	{ ...AT_25, name: 'mono', tracks: withMedia('mono'), end: LANDS },
	{ ...AT_25, name: 'stereo', tracks: withMedia('stereo'), end: LANDS },
	{ ...AT_25, name: '5.1', tracks: withMedia('5.1'), end: LANDS },
	{
		...AT_25,
		name: 'a locked video track',
		tracks: [{ ...video(LEFT, RIGHT), locked: true }, audio(LEFT, RIGHT)],
		end: { lands: false, code: 'placement-conflict', says: /^Track .+ is locked$/ },
	},
	{
		...AT_25,
		name: 'a locked audio track',
		tracks: [video(LEFT, RIGHT), { ...audio(LEFT, RIGHT), locked: true }],
		end: LANDS,
	},
	{
		...AT_25,
		name: 'no free audio track',
		tracks: [video(LEFT, RIGHT), audio({ name: 'music', start: 0, end: 125, media: 'stereo' })],
		end: LANDS,
	},
	{
		...AT_25,
		name: 'a gap that is closed while the clip is made',
		tracks: PLAIN,
		meanwhile: [
			video(LEFT, { ...RIGHT, start: 50, end: 100 }),
			audio(LEFT, { ...RIGHT, start: 50, end: 100 }),
		],
		end: { lands: false, code: 'placement-conflict', says: /found "right" there/ },
	},
	{
		...AT_25,
		name: 'a gap that is moved while the clip is made',
		tracks: PLAIN,
		meanwhile: [
			video({ ...LEFT, end: 60 }, { ...RIGHT, start: 85, end: 135 }),
			audio({ ...LEFT, end: 60 }, { ...RIGHT, start: 85, end: 135 }),
		],
		end: { lands: false, code: 'placement-conflict', says: /found "left" there/ },
	},
];
