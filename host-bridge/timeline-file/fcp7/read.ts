import {
	add,
	type FrameRange,
	type FrameRate,
	framesToSeconds,
	multiply,
	round,
	TICKS_PER_SECOND,
	ZERO,
} from '../../../protocol/time.ts';
import type { ClipSpan, Sequence } from '../../../protocol/timeline.ts';
import { product } from '../level.ts';
import { readable } from '../readable.ts';
import {
	attribute,
	child,
	childInteger,
	children,
	childText,
	integerIfAny,
	malformed,
	needChild,
	needInteger,
	type XmlElement,
} from '../xml.ts';
import { effectsOf, levelOf } from './filters.ts';
import { type NestedPart, throughNested } from './nested.ts';
import { flag, pixelAspectOf, rateOf, startOf } from './rate.ts';
import type { SequenceReading, TrackReading } from './reading.ts';
import { withSides } from './sides.ts';
import {
	definitionOf,
	isStill,
	mediaOf,
	short,
	sourceOfItem,
	visit,
	type Xmeml,
} from './source.ts';
import { sourceTiming } from './speed.ts';

/** Reads a sequence once, however often it is nested. Null while it is being read: a loop. */
export function readSequence(document: Xmeml, element: XmlElement): SequenceReading | null {
	const known = document.readings.get(element);
	if (known !== undefined) return known;
	document.readings.set(element, null);
	const reading = readTracks(document, element);
	document.readings.set(element, reading);
	return reading;
}

function readTracks(document: Xmeml, element: XmlElement): SequenceReading {
	const rate = sequenceRate(element);
	const read = (kind: 'video' | 'audio') =>
		mediaTracks(element, kind).map((track, index) =>
			readTrack({ document, rate, kind, name: trackName(kind, index) }, track, index),
		);
	const video = read('video');
	const audio = withSides(read('audio'));
	const ends = [...video, ...audio].map(({ track }) => track.clips.at(-1)?.range.end ?? 0);
	const start = startOf(element, rate);
	const sequence: Sequence = {
		name: short(childText(element, 'name') || 'Sequence'),
		rate,
		...pictureFormat(element),
		duration: Math.max(integerIfAny(element, 'duration') ?? 0, ...ends, 0),
		startFrame: start.startFrame,
		dropFrame: start.dropFrame,
		sampleRate: sampleRateOf(element),
	};
	return { element, sequence, video, audio, notes: start.notes };
}

/** Elements of a sequence's tracks, bottom up for video. */
export function mediaTracks(sequence: XmlElement, kind: 'video' | 'audio'): readonly XmlElement[] {
	const media = child(sequence, 'media');
	const section = media && child(media, kind);
	return section ? children(section, 'track') : [];
}

/** Clips, generators and transitions of a track in the order of the document. */
export function itemsOf(track: XmlElement): readonly XmlElement[] {
	return children(track).filter((item) => ITEMS.has(item.name));
}

const ITEMS = new Set(['clipitem', 'generatoritem', 'transitionitem']);

type Place = {
	readonly document: Xmeml;
	readonly rate: FrameRate;
	readonly kind: 'video' | 'audio';
	readonly name: string;
};

/** Where elements leave the rate out it is that of what they belong to. */
function sequenceRate(sequence: XmlElement): FrameRate {
	const found =
		rateOf(sequence) ??
		rateOf(formatOf(sequence, 'video')) ??
		rateOf(child(sequence, 'timecode')) ??
		rateOf(children(mediaTracks(sequence, 'video')[0] ?? sequence, 'clipitem')[0]);
	if (!found) throw malformed(sequence, 'a <rate> with a timebase above 0 inside', 'none');
	return found;
}

/** Size and pixel aspect: of the format, else of the first media, else what Premiere noted. */
function pictureFormat(sequence: XmlElement): Pick<Sequence, 'size' | 'pixelAspect'> {
	const candidates = [formatOf(sequence, 'video')];
	visit(sequence, (element) => {
		if (element.name === 'samplecharacteristics') candidates.push(element);
	});
	for (const candidate of candidates) {
		const width = candidate && integerIfAny(candidate, 'width');
		const height = candidate && integerIfAny(candidate, 'height');
		if (!width || !height) continue;
		return { size: { width, height }, pixelAspect: pixelAspectOf(candidate) };
	}
	const noted = (side: string) =>
		Number(attribute(sequence, `MZ.Sequence.PreviewFrameSize${side}`)) || null;
	const size = { width: noted('Width') ?? 1920, height: noted('Height') ?? 1080 };
	return { size, pixelAspect: { num: 1, den: 1 } };
}

/** 48 kHz where the sequence says nothing, or what is no rate of samples. */
function sampleRateOf(sequence: XmlElement): number {
	const format = formatOf(sequence, 'audio');
	const rate = (format && integerIfAny(format, 'samplerate')) ?? 0;
	return rate >= 8000 && rate <= 384_000 ? rate : 48_000;
}

function formatOf(sequence: XmlElement, kind: 'video' | 'audio'): XmlElement | undefined {
	return ['media', kind, 'format', 'samplecharacteristics'].reduce<XmlElement | undefined>(
		(at, name) => at && child(at, name),
		sequence,
	);
}

function readTrack(at: Place, element: XmlElement, index: number): TrackReading {
	const { kind, name } = at;
	const items = itemsOf(element);
	const transitions = new Map<XmlElement, Transition>();
	for (const item of items) {
		if (item.name === 'transitionitem') transitions.set(item, readTransition(at, item));
	}
	const ranges = new Map<XmlElement, FrameRange>();
	const clips = items.flatMap((item, order) => {
		if (item.name === 'transitionitem') return [];
		const before = transitions.get(items[order - 1] ?? item);
		const after = transitions.get(items[order + 1] ?? item);
		const spans = readClip(at, item, { before, after });
		const [start, end] = [spans[0]?.range.start, spans.at(-1)?.range.end];
		if (start !== undefined && end !== undefined) ranges.set(item, { start, end });
		return spans;
	});
	const right = kind === 'audio' ? rightChannel(element, index) : undefined;
	return {
		element,
		ranges,
		track: {
			kind,
			index,
			name,
			enabled: flag(element, 'enabled', true),
			locked: flag(element, 'locked', false),
			clips: inOrder(clips, at.rate),
			transitions: [...transitions.values()].map(({ name, range }) => ({ name, range })),
			...(right === undefined ? {} : { rightChannel: right }),
		},
	};
}

type Transition = { readonly name: string; readonly range: FrameRange; readonly cut: number };

/** The edit is where the alignment puts it; Premiere notes it to the tick when it is centred. */
function readTransition(at: Place, item: XmlElement): Transition {
	const range = { start: needInteger(item, 'start'), end: needInteger(item, 'end') };
	if (range.start < 0 || range.end <= range.start) {
		throw malformed(item, 'an end after the start', `${range.start}–${range.end}`);
	}
	const effect = child(item, 'effect');
	const name = short((effect && childText(effect, 'name')) || 'Transition');
	return { name, range, cut: cutPoint(at, item, range) };
}

function cutPoint(at: Place, item: XmlElement, range: FrameRange): number {
	const alignment = childText(item, 'alignment')?.toLowerCase() ?? 'center';
	if (alignment.startsWith('start')) return range.start;
	if (alignment.startsWith('end')) return range.end;
	const ticks = childText(item, 'cutPointTicks');
	if (ticks !== undefined && /^\d{1,15}$/.test(ticks)) {
		const seconds = { num: Number(ticks), den: Number(TICKS_PER_SECOND) };
		const cut = range.start + round(multiply(seconds, at.rate));
		if (cut > range.start && cut < range.end) return cut;
	}
	return Math.floor((range.start + range.end) / 2);
}

type Beside = { readonly before: Transition | undefined; readonly after: Transition | undefined };

/** One span, or one for each clip of a nested sequence; none for a clip of no length. */
function readClip(at: Place, item: XmlElement, beside: Beside): readonly ClipSpan[] {
	const frames = readable(() => framesOf(at, item));
	const whole = placeOf(at, item, beside, frames);
	if (whole.end === whole.start) return [];
	const start = edgeOf(item, 'start') < 0 ? (beside.before?.cut ?? whole.start) : whole.start;
	const end = edgeOf(item, 'end') < 0 ? (beside.after?.cut ?? whole.end) : whole.end;
	const range = { start: Math.max(start, whole.start), end: Math.min(end, whole.end) };
	if (range.start < 0 || range.end <= range.start) {
		throw malformed(item, 'an end after the start', `${range.start}–${range.end}`);
	}
	const common = {
		name: short(childText(item, 'name') || 'clip'),
		track: at.name,
		range,
		enabled: flag(item, 'enabled', true),
	};
	const parts =
		frames instanceof Error ? frames : readable(() => shownIn(at, item, { frames, whole, range }));
	if (!(parts instanceof Error)) return parts.map((part) => ({ ...common, ...part }));
	const source = { kind: 'synthetic', what: short(`clip that says: ${parts.message}`) } as const;
	return [{ ...common, source, ...STILL_TIMING }];
}

const STILL_TIMING = { sourceIn: ZERO, speed: ZERO };

type Frames = { readonly in: number; readonly out: number; readonly clipRate: FrameRate };

/** `<in>` and `<out>`, in frames at `clipRate`. */
function framesOf(at: Place, item: XmlElement): Frames {
	const clipRate = rateOf(item) ?? mediaOf(at.document, item).rate ?? at.rate;
	const from = Math.max(0, childInteger(item, 'in') ?? 0) + subclipOffset(item);
	const out = childInteger(item, 'out') ?? -1;
	const length = childInteger(item, 'duration') ?? 0;
	return { in: from, out: out < 0 ? from + length : out + subclipOffset(item), clipRate };
}

/** What a clip shows over `range` of its `whole` place: one part, or those of a nested sequence. */
function shownIn(
	at: Place,
	item: XmlElement,
	{
		frames,
		whole,
		range,
	}: { readonly frames: Frames } & Readonly<Record<'whole' | 'range', FrameRange>>,
): readonly NestedPart[] {
	const own = effectsOf(item, at.kind);
	const effects = own.length > 0 ? { effects: own } : {};
	if (isStill(at.document, item)) {
		return [{ range, source: sourceOfItem(at.document, item), ...STILL_TIMING, ...effects }];
	}
	const timing = sourceTiming(item, {
		...frames,
		range: whole,
		sequenceRate: at.rate,
		mediaLength: mediaOf(at.document, item).length,
	});
	if (timing === null) {
		return [{ range, source: { kind: 'synthetic', what: 'variable speed' }, ...STILL_TIMING }];
	}
	const skipped = framesToSeconds(range.start - whole.start, at.rate);
	const sourceIn = add(timing.sourceIn, multiply(skipped, timing.speed));
	const shown = { sourceIn, speed: timing.speed };
	const clock = { ...frames, range: whole, sequenceRate: at.rate };
	const level = at.kind === 'audio' ? levelOf(item, clock) : undefined;
	const nested = child(item, 'sequence');
	if (!nested) {
		const source = sourceOfItem(at.document, item);
		const channel = at.kind === 'audio' ? channelOf(item) : undefined;
		const sound = {
			// Which side it is heard on is known once its track's neighbours are.
			...(channel === undefined ? {} : { channels: { left: [channel], right: [channel] } }),
			...(level ? { level } : {}),
		};
		return [
			{ range, source, ...shown, ...(Object.keys(sound).length > 0 ? { sound } : {}), ...effects },
		];
	}
	const inner = readSequence(at.document, definitionOf(nested, at.document.sequences));
	return throughNested(inner, at.kind, shown, range, at.rate).map((part) => {
		const both = product([part.sound?.level, level]);
		const all = [...new Set([...(part.effects ?? []), ...own])].slice(0, 64);
		return {
			...part,
			...(both ? { sound: { ...part.sound, level: both } } : {}),
			...(all.length > 0 ? { effects: all } : {}),
		};
	});
}

/** The channel of its file that a sound clip plays, the first being 0; undefined where it is silent on that. */
function channelOf(item: XmlElement): number | undefined {
	const track = child(item, 'sourcetrack');
	const index = track && integerIfAny(track, 'trackindex');
	if (index === undefined || index < 1 || index > 256) return undefined;
	return (childText(track as XmlElement, 'mediatype') ?? 'audio') === 'audio'
		? index - 1
		: undefined;
}

/** From start to end with the transitions: −1 stands for the outer end of the one beside. */
function placeOf(at: Place, item: XmlElement, beside: Beside, frames: Frames | Error): FrameRange {
	const [start, end] = [edgeOf(item, 'start'), edgeOf(item, 'end')];
	if (start < 0 && end < 0 && !(beside.before && beside.after)) {
		throw malformed(item, 'a transition beside a clip whose start and end are −1', 'none');
	}
	const knownStart = start >= 0 ? start : beside.before?.range.start;
	const knownEnd = end >= 0 ? end : beside.after?.range.end;
	const known = knownStart !== undefined && knownEnd !== undefined;
	if (!known && frames instanceof Error) throw frames;
	const length = known || frames instanceof Error ? 0 : lengthOf(frames, at.rate);
	const range = {
		start: knownStart ?? (knownEnd ?? 0) - length,
		end: knownEnd ?? (knownStart ?? 0) + length,
	};
	if (range.start < 0 || range.end < range.start) {
		throw malformed(item, 'an end after the start', `${range.start}–${range.end}`);
	}
	return range;
}

function lengthOf(frames: Frames, rate: FrameRate): number {
	return round(multiply(framesToSeconds(frames.out - frames.in, frames.clipRate), rate));
}

function edgeOf(item: XmlElement, name: 'start' | 'end'): number {
	const frame = needInteger(item, name);
	if (frame >= -1) return frame;
	throw malformed(
		needChild(item, name),
		'a frame from 0 on, or −1 beside a transition',
		`${frame}`,
	);
}

/** Clips of FCP 7 count `<in>` from the start of their subclip. */
function subclipOffset(item: XmlElement): number {
	const info = child(item, 'subclipinfo');
	const offset = (info && childInteger(info, 'startoffset')) ?? 0;
	const ticks = childText(item, 'pproTicksIn');
	return offset > 0 && ticks === undefined ? offset : 0;
}

/**
 * Sorted by time and not overlapping: Premiere writes some sound clips with the handles of a
 * crossfade. The later clip has the shared time, and what it leaves of the earlier one stays.
 */
function inOrder(clips: readonly ClipSpan[], rate: FrameRate): readonly ClipSpan[] {
	const result: ClipSpan[] = [];
	for (const clip of [...clips].sort((a, b) => a.range.start - b.range.start)) {
		const left = result.at(-1);
		if (!left || left.range.end <= clip.range.start) {
			result.push(clip);
			continue;
		}
		result.pop();
		if (left.range.start < clip.range.start) {
			result.push({ ...left, range: { start: left.range.start, end: clip.range.start } });
		}
		result.push(clip);
		if (left.range.end > clip.range.end) {
			const skipped = framesToSeconds(clip.range.end - left.range.start, rate);
			result.push({
				...left,
				range: { start: clip.range.end, end: left.range.end },
				sourceIn: add(left.sourceIn, multiply(skipped, left.speed)),
			});
		}
	}
	return result;
}

/**
 * Premiere marks the two halves of a stereo track; elsewhere two neighbours make a pair where
 * their output channels are an odd one and the one after it.
 */
function rightChannel(track: XmlElement, index: number): string | undefined {
	const siblings = track.parent ? children(track.parent as XmlElement, 'track') : [];
	const next = siblings[index + 1];
	if (!next) return undefined;
	const part = (element: XmlElement) => attribute(element, 'currentExplodedTrackIndex');
	const parts = attribute(track, 'totalExplodedTrackCount');
	if (part(track) !== undefined || part(next) !== undefined) {
		const isPair = parts === '2' && part(track) === '0' && part(next) === '1';
		return isPair ? trackName('audio', index + 1) : undefined;
	}
	const left = integerIfAny(track, 'outputchannelindex');
	const right = integerIfAny(next, 'outputchannelindex');
	if (left !== undefined && right !== undefined && (left % 2 === 0 || right !== left + 1)) {
		return undefined;
	}
	return trackName('audio', index + 1);
}

function trackName(kind: 'video' | 'audio', index: number): string {
	return `${kind === 'video' ? 'V' : 'A'}${index + 1}`;
}
