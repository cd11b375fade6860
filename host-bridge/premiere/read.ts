import {
	canDropFrames,
	type FrameRange,
	type FrameRate,
	type Rational,
	rational,
	TICKS_PER_SECOND,
} from '../../protocol/time.ts';
import type { ClipSpan, Cut, Track } from '../../protocol/timeline.ts';
import { frameOf, framesTouched, secondsOf } from './ticks.ts';

/** A track as it was read, with the editor's own handles on its clips. */
export type ReadTrack<H> = {
	readonly track: Track;
	readonly items: readonly ReadItem<H>[];
	/** What is to be said of it. */
	readonly note: string | null;
};

export type ReadItem<H> = { readonly item: H; readonly span: ClipSpan };

export type ReadCut<H> = { readonly cut: Cut; readonly tracks: readonly ReadTrack<H>[] };

/** A clip where it stands. */
export type Standing<H> = ReadItem<H> & { readonly track: Track };

/** What a clip shows, wherever it stands. */
export type Shown = Omit<ClipSpan, 'track' | 'range'>;

/** Of what no file shows. */
export const STILL = { sourceIn: { num: 0, den: 1 }, speed: { num: 1, den: 1 } } as const;

export const CURVED = {
	source: { kind: 'synthetic', what: 'clip of a varying speed' },
	...STILL,
} as const;

/** Of some items Premiere throws what it is asked; they take their time all the same. */
export const UNTOLD: Shown = {
	name: 'Unknown',
	enabled: true,
	source: { kind: 'synthetic', what: 'item that Premiere does not describe' },
	...STILL,
};

/** Captions and some transitions do not say where they stand. */
export type Unplaced = keyof typeof UNPLACED;

const UNPLACED = {
	item: 'an item that Premiere does not place',
	transition: 'a transition that Premiere does not place',
} as const;

/** What does not say where it stands may be anywhere: frames, more than any sequence has. */
const ANYWHERE: FrameRange = { start: 0, end: 1 << 24 };

/** Ticks from the start of the sequence. */
export type Stretch = { readonly start: bigint; readonly end: bigint };

/** What every clip has; by the name that is the same in every language. */
const INTRINSIC =
	/^(AE\.ADBE (Motion|Opacity)|Internal (Channel )?Volume.*|AE\.ADBE Time Remapping)$/;

/** The manual's numbers for display formats that drop frame numbers: of 29.97 and of 59.94. */
const DROP_FORMATS = [102, 106];

export function isDropFrame(displayFormat: number, rate: FrameRate): boolean {
	return canDropFrames(rate) && DROP_FORMATS.includes(displayFormat);
}

/** The effects that a person has put on a clip, as they read them. `all`: null where they are not told. */
export function effectNames(
	all: readonly { readonly matchName: string; readonly displayName: string }[] | null,
): readonly string[] {
	if (all === null) return ['effects that Premiere does not tell'];
	return all
		.filter(({ matchName }) => !INTRINSIC.test(matchName))
		.map(({ displayName }) => displayName.slice(0, 500))
		.slice(0, 64);
}

/** A track of what was read; clips in order. What does not say where it stands keeps it from being used. */
export function trackOf<H>(
	of: Pick<Track, 'kind' | 'index' | 'enabled' | 'locked'>,
	ticksPerFrame: bigint,
	clips: readonly (Stretch & { readonly item: H; readonly shown: Shown })[],
	fades: readonly (Stretch & { readonly name: string })[],
	unplaced: readonly Unplaced[],
): ReadTrack<H> {
	const name = `${of.kind === 'video' ? 'V' : 'A'}${of.index + 1}`;
	const items: ReadItem<H>[] = [];
	const taken: FrameRange[] = unplaced.length > 0 ? [ANYWHERE] : [];
	// It may be at any of its clips.
	const lost = unplaced.includes('transition') ? [UNPLACED.transition] : [];
	for (const { item, start, end, shown } of clips) {
		const range = { start: frameOf(start, ticksPerFrame), end: frameOf(end, ticksPerFrame) };
		const touched = framesTouched(start, end, ticksPerFrame);
		if (touched.start < range.start || touched.end > range.end) taken.push(touched);
		const effects = [...(shown.effects ?? []), ...lost].slice(0, 64);
		const own = effects.length > 0 ? { ...shown, effects } : shown;
		if (range.end > range.start) items.push({ item, span: { track: name, range, ...own } });
	}
	const transitions = fades
		.map((fade) => ({
			name: fade.name.slice(0, 500),
			range: framesTouched(fade.start, fade.end, ticksPerFrame),
		}))
		.filter(({ range }) => range.end > range.start);
	const track: Track = {
		...of,
		name,
		clips: items.map(({ span }) => span),
		transitions,
		...(taken.length > 0 ? { taken } : {}),
	};
	const [first] = unplaced;
	const note = first ? `${name} has ${UNPLACED[first]}: nothing is placed on it.` : null;
	return { track, items, note };
}

/** What is to be said of a cut; `shape`: of its pixels. */
export function notesOf(
	shape: string | null,
	tracks: readonly Pick<ReadTrack<never>, 'note'>[],
): Pick<Cut, 'notes'> {
	const notes = [shape, ...tracks.map(({ note }) => note)].filter((each) => each !== null);
	return notes.length > 0 ? { notes } : {};
}

export type Timing = {
	readonly kind: Track['kind'];
	/** Ticks that it covers in the sequence. */
	readonly duration: bigint;
	readonly ticksPerFrame: bigint;
	/** In and out point, in the source's own ticks. */
	readonly from: bigint;
	readonly to: bigint;
	/** 1 is the source's own. */
	readonly speed: number;
	readonly isReversed: boolean;
};

/** From which moment it plays and how fast; null where its points and its speed do not fit together. */
export function timingOf({
	kind,
	duration,
	ticksPerFrame,
	from,
	to,
	isReversed,
	...given
}: Timing) {
	const speed = exact(given.speed);
	if (speed.num === 0) return null;
	// In and out point are of the source: at twice the speed there is twice as much between them.
	const played = (BigInt(speed.num) * duration) / BigInt(speed.den);
	const difference = to - from - played;
	const tolerance = TICKS_PER_SECOND / 20n;
	if (speed.num !== speed.den && (difference > tolerance || difference < -tolerance)) return null;
	if (!isReversed) return { sourceIn: secondsOf(from), speed };
	// The frame that shows first is the one before the out point: a time in the middle of it.
	const last = kind === 'video' ? to - ticksPerFrame / 2n : to;
	return { sourceIn: secondsOf(last), speed: { num: -speed.num, den: speed.den } };
}

/** A speed as a person types it: to a hundredth of a per cent. */
function exact(speed: number): Rational {
	return rational(Math.round(Math.abs(speed) * 10_000), 10_000);
}

/** From the first to the last of the selected clips; else from the in point to the out point. Null where there is neither. */
export function selectionOf(
	selected: readonly Stretch[],
	marks: Stretch,
	ticksPerFrame: bigint,
): FrameRange | null {
	const edges = selected.flatMap(({ start, end }) => [start, end]);
	const frames = edges.map((each) => frameOf(each, ticksPerFrame));
	const start = frames.length > 0 ? Math.min(...frames) : frameOf(marks.start, ticksPerFrame);
	const end = frames.length > 0 ? Math.max(...frames) : frameOf(marks.end, ticksPerFrame);
	// A point that is not set lies far before the start.
	return start >= 0 && end > start ? { start, end } : null;
}
