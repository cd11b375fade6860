import { PickupError } from '../../../protocol/errors.ts';
import type { Placement } from '../../host.ts';
import type { PlacementPlan, TrackChoice } from '../../placement.ts';
import type { Insertion } from '../format.ts';
import {
	attribute,
	child,
	childInteger,
	children,
	contentStart,
	endOf,
	integerIfAny,
	isSelfClosing,
	malformed,
	needChild,
	sourceOf,
	textOf,
	type XmlElement,
} from '../xml.ts';
import {
	element,
	indentationAt,
	insertAfter,
	insertBefore,
	type NewElement,
	styleAt,
	writeXml,
	type XmlStyle,
} from '../xml-write.ts';
import { clipItem, type Dialect, dialectOf, type NewItem } from './clip.ts';
import { itemsOf, mediaTracks } from './read.ts';
import type { SequenceReading, TrackReading } from './reading.ts';
import { visit, type Xmeml } from './source.ts';

/**
 * Adds a clip: a clip item for the picture and one for each channel, linked to one another, on the
 * tracks of the plan, and a longer `<duration>` where the clip goes past the end. Old text that no
 * longer holds (a duration, an empty track) is put inside a comment; nothing is taken away.
 */
export function insertionsFor(
	document: Xmeml,
	reading: SequenceReading,
	placement: Placement,
	plan: PlacementPlan,
): readonly Insertion[] {
	const targets = [
		...(plan.video ? [target(reading, 'video', plan.video, 1)] : []),
		...(plan.audio ? [target(reading, 'audio', plan.audio, 1)] : []),
		...(plan.audioRight ? [target(reading, 'audio', plan.audioRight, 2)] : []),
	];
	const ids = freeIds(document.root, targets.length);
	const dialect = dialectOf(reading.element, sourceOf(document.root));
	const items = targets.map((at, index) => itemFor(at, ids.clips[index] ?? '', placement));
	const described = firstInDocument(reading, targets);
	const written = targets.map((at, index) => ({
		at,
		node: clipItem(items[index] as NewItem, items, placement, ids, dialect, at === described),
	}));
	return [
		...written.flatMap(({ at, node }) =>
			at.track ? [intoTrack(at.track, node, placement.range.start)] : [],
		),
		...newTracks(reading, written, dialect),
		...longerDuration(reading, plan.range.end),
	].flat();
}

type Target = {
	readonly kind: 'video' | 'audio';
	readonly choice: TrackChoice;
	readonly channel: number;
	/** Null for a track that is to be made. */
	readonly track: TrackReading | null;
};

type Written = readonly { readonly at: Target; readonly node: NewElement }[];

function target(
	reading: SequenceReading,
	kind: 'video' | 'audio',
	choice: TrackChoice,
	channel: number,
): Target {
	if (choice.kind === 'new') return { kind, choice, channel, track: null };
	const found = reading[kind].find(({ track }) => track.name === choice.name);
	if (found) return { kind, choice, channel, track: found };
	throw new PickupError('placement-conflict', `Expected a track ${choice.name}, got none`, {
		field: choice.name,
	});
}

/** Numbers after the highest in use, so that no id is given twice. */
export function freeIds(
	root: XmlElement,
	clips: number,
): { readonly clips: readonly string[]; readonly file: string; readonly masterClip: string } {
	let highest = 0;
	const see = (id: string | undefined) => {
		const number = Number(/(\d{1,12})$/.exec(id ?? '')?.[1] ?? 0);
		highest = Math.max(highest, number);
	};
	visit(root, (each) => {
		see(attribute(each, 'id'));
		if (each.name === 'masterclipid') see(textOf(each));
	});
	const next = highest + 1;
	return {
		clips: Array.from({ length: clips }, (_, index) => `clipitem-${next + index}`),
		file: `file-${next}`,
		masterClip: `masterclip-${next}`,
	};
}

function itemFor(at: Target, id: string, placement: Placement): NewItem {
	const before = at.track === null ? [] : itemsBefore(at.track, placement.range.start);
	return {
		id,
		kind: at.kind,
		channel: at.channel,
		trackIndex: at.choice.index + 1,
		clipIndex: before.length + 1,
	};
}

/** The file is described where it stands first in the text, and referred to after that. */
function firstInDocument(reading: SequenceReading, targets: readonly Target[]): Target | undefined {
	const media = needChild(reading.element, 'media');
	const offset = (kind: string) => child(media, kind)?.start ?? Number.POSITIVE_INFINITY;
	const place = (at: Target) => [offset(at.kind), at.choice.index] as const;
	return [...targets].sort((a, b) => {
		const [sectionA, trackA] = place(a);
		const [sectionB, trackB] = place(b);
		return sectionA === sectionB ? trackA - trackB : sectionA - sectionB;
	})[0];
}

/** Items that end before a frame, with the transition that ends the last of them. */
function itemsBefore(track: TrackReading, frame: number): readonly XmlElement[] {
	const items = itemsOf(track.element);
	let count = 0;
	items.forEach((item, index) => {
		const range = track.ranges.get(item);
		if (range && range.end <= frame) count = index + 1;
		if (item.name !== 'transitionitem' || count !== index) return;
		// An end of −1 needs its transition beside it.
		const left = items[index - 1];
		if (left && childInteger(left, 'end') === -1) count = index + 1;
	});
	return items.slice(0, count);
}

function intoTrack(reading: TrackReading, node: NewElement, frame: number): readonly Insertion[] {
	const track = reading.element;
	if (isSelfClosing(track)) {
		return instead(track, {
			name: 'track',
			attributes: track.attributes,
			content: [node, element('enabled', 'TRUE'), element('locked', 'FALSE')],
		});
	}
	const style = styleAt(track);
	const left = itemsBefore(reading, frame).at(-1);
	if (left) return [insertAfter(left, [node], style)];
	const first = itemsOf(track)[0] ?? children(track)[0];
	if (first) return [insertBefore(first, [node], style)];
	return [insideEmpty(track, [node], style)];
}

function newTracks(
	reading: SequenceReading,
	written: Written,
	dialect: Dialect,
): readonly Insertion[] {
	return (['video', 'audio'] as const).flatMap((kind) => {
		const made = written.filter(({ at }) => at.kind === kind && at.track === null);
		if (made.length === 0) return [];
		const tracks = mediaTracks(reading.element, kind);
		const nodes = made.map(({ at, node }) => trackElement(at, node, tracks, dialect));
		const last = tracks.at(-1);
		if (last) return [insertAfter(last, nodes, styleAt(last.parent as XmlElement))];
		return newSection(reading.element, kind, nodes);
	});
}

/** A track like its neighbours; every track says whether it is enabled and locked. */
function trackElement(
	at: Target,
	node: NewElement,
	tracks: readonly XmlElement[],
	dialect: Dialect,
): NewElement {
	const halves = { currentExplodedTrackIndex: String(at.channel - 1) };
	const stereo = { ...halves, totalExplodedTrackCount: '2', premiereTrackType: 'Stereo' };
	const like = tracks.findLast(
		(track) =>
			at.kind === 'video' ||
			!dialect.premiere ||
			attribute(track, 'premiereTrackType') === 'Stereo',
	);
	return {
		name: 'track',
		attributes: {
			...like?.attributes,
			...(at.kind === 'audio' && dialect.premiere ? stereo : {}),
		},
		content: [
			node,
			element('enabled', 'TRUE'),
			element('locked', 'FALSE'),
			...(at.kind === 'audio' ? [element('outputchannelindex', at.channel)] : []),
		],
	};
}

function newSection(
	sequence: XmlElement,
	kind: 'video' | 'audio',
	tracks: readonly NewElement[],
): readonly Insertion[] {
	const media = needChild(sequence, 'media');
	const section = child(media, kind);
	if (section && !isSelfClosing(section)) {
		const last = children(section).at(-1);
		const style = styleAt(section);
		return [last ? insertAfter(last, tracks, style) : insideEmpty(section, tracks, style)];
	}
	const characteristics =
		kind === 'audio' ? [element('depth', 16), element('samplerate', 48_000)] : [];
	const format = element('format', [element('samplecharacteristics', characteristics)]);
	const made = element(kind, [...(kind === 'audio' ? [format] : []), ...tracks]);
	if (section) return instead(section, made);
	if (isSelfClosing(media)) return instead(media, element('media', [made]));
	const last = children(media).at(-1);
	const style = styleAt(media);
	return [last ? insertAfter(last, [made], style) : insideEmpty(media, [made], style)];
}

/** The sequence lasts at least as long as its clips. */
function longerDuration(reading: SequenceReading, end: number): readonly Insertion[] {
	const duration = child(reading.element, 'duration');
	const written = duration && integerIfAny(reading.element, 'duration');
	if (!duration || written === undefined || written >= end) return [];
	return instead(duration, element('duration', end));
}

/** Puts an element into a comment and a new one after it: the old text stays as it was. */
function instead(old: XmlElement, node: NewElement): readonly Insertion[] {
	const text = sourceOf(old).slice(old.start, endOf(old));
	if (text.includes('--')) throw malformed(old, 'a text that fits into a comment', 'one with "--"');
	const indent = indentationAt(sourceOf(old), old.start) ?? '';
	return [
		{ offset: old.start, text: '<!--' },
		{ offset: endOf(old), text: `-->${writeXml(node, styleAt(old.parent as XmlElement), indent)}` },
	];
}

/** Into an element that holds no other: after its start tag, a step deeper than itself. */
function insideEmpty(parent: XmlElement, nodes: readonly NewElement[], style: XmlStyle): Insertion {
	const outer = indentationAt(sourceOf(parent), parent.start) ?? '';
	const indent = outer + style.indentUnit;
	const lead = style.lineEnding + (style.lineEnding === '' ? '' : indent);
	return {
		offset: contentStart(parent),
		text: nodes.map((node) => lead + writeXml(node, style, indent)).join(''),
	};
}
