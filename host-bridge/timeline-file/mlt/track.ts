import {
	add,
	type FrameRange,
	framesToSeconds,
	multiply,
	type Rational,
	rangeLength,
	rangesOverlap,
} from '../../../protocol/time.ts';
import type { ClipSound, Track } from '../../../protocol/timeline.ts';
import { later } from '../level.ts';
import { attribute, children, type XmlElement } from '../xml.ts';
import { type MltClip, readClip } from './clip.ts';
import { isSet, type MltDocument, property, resolve, timeAttribute } from './document.ts';
import { activeRange, channelsOf, effectsOf, filtersOf, levelOf } from './filters.ts';
import { type MltItem, readPlaylist } from './playlist.ts';
import { parseMltTime } from './time.ts';

/** A playlist of a track: Kdenlive's tracks have two, so that clips can overlap in a mix. */
export type MltPlaylist = { readonly element: XmlElement; readonly items: readonly MltItem[] };

/** A clip before it is known on which track it counts as picture and on which as sound. */
export type MltSpan = MltClip & {
	readonly range: FrameRange;
	/** What the clip's own filters do: to its sound, in timeline frames, and what is not read, by name. */
	readonly heard?: Pick<ClipSound, 'channels' | 'level'>;
	readonly effects?: Readonly<Record<'video' | 'audio', readonly string[]>>;
	readonly frozen?: { readonly range: FrameRange; readonly sourceIn: Rational };
};

export type MltContent = {
	readonly spans: readonly MltSpan[];
	readonly transitions: Track['transitions'];
};

/** The playlists of a track, or [] where it is something that nothing can be added to. */
export function playlistsOf(document: MltDocument, service: XmlElement): readonly MltPlaylist[] {
	const elements = service.name === 'playlist' ? [service] : subPlaylists(document, service);
	return elements.map((element) => ({ element, items: readPlaylist(document, element) }));
}

/** The clips of one track in order and not overlapping, with the transitions between them. */
export function readContent(
	document: MltDocument,
	service: XmlElement,
	playlists: readonly MltPlaylist[],
): MltContent {
	const contents = playlists.map((playlist) => readSpans(document, playlist.items));
	const transitions = contents.flatMap((content) => content.transitions);
	const ordered = contents
		.flatMap((content) => content.spans)
		.sort((a, b) => a.range.start - b.range.start || a.range.end - b.range.end);
	const spans: MltSpan[] = [];
	for (const span of ordered) {
		const before = spans.at(-1);
		const overlap = before && {
			start: span.range.start,
			end: Math.min(before.range.end, span.range.end),
		};
		if (!before || !overlap || overlap.end <= overlap.start) {
			spans.push(span);
			continue;
		}
		const cut = overlap.start + Math.ceil(rangeLength(overlap) / 2);
		transitions.push({ name: mixName(document, service, overlap), range: overlap });
		spans.pop();
		if (cut > before.range.start) {
			spans.push({ ...before, range: { start: before.range.start, end: cut } });
		}
		if (cut < span.range.end) spans.push(startingAt(document, span, cut));
	}
	return { spans, transitions };
}

function subPlaylists(document: MltDocument, service: XmlElement): readonly XmlElement[] {
	const tracks = children(service, 'track');
	if (service.name !== 'tractor' || tracks.length === 0 || tracks.length > 2) return [];
	const inner = tracks.map((track) => resolve(document, track));
	return inner.every((element) => element.name === 'playlist') ? inner : [];
}

function readSpans(document: MltDocument, items: readonly MltItem[]): MltContent {
	const spans: MltSpan[] = [];
	const transitions: { name: string; range: FrameRange }[] = [];
	const entries = items.filter((item) => item.service !== null);
	let early = 0;
	for (const [index, item] of entries.entries()) {
		if (item.service === null) continue;
		const left = spans.at(-1);
		const name = dissolveName(document, entries[index - 1], item, entries[index + 1]);
		if (left && name !== undefined) {
			// The clip before it lasts to the middle, the clip after it starts there.
			const half = Math.ceil(rangeLength(item.range) / 2);
			const end = item.range.start + half;
			spans.splice(-1, 1, { ...left, range: { start: left.range.start, end } });
			transitions.push({ name, range: item.range });
			early = rangeLength(item.range) - half;
			continue;
		}
		const from = item.from - early;
		const range = { start: item.range.start - early, end: item.range.end };
		spans.push({ ...readClip(document, item.service, from), range, ...filtered(document, item) });
		early = 0;
	}
	return { spans, transitions };
}

/** What the filters of an entry and of what it plays do. */
function filtered(
	document: MltDocument,
	item: MltItem,
): Pick<MltSpan, 'heard' | 'effects' | 'frozen'> {
	if (item.service === null) return {};
	const owners = item.element === item.service ? [item.service] : [item.element, item.service];
	const filters = filtersOf(...owners);
	if (filters.length === 0) return {};
	const level = levelOf(document, filters);
	const channels = channelsOf(filters);
	const frozen = freezeOf(document, filters, item);
	return {
		heard: {
			...(channels ? { channels } : {}),
			...(level ? { level: later(level, item.range.start - item.from) } : {}),
		},
		effects: {
			video: effectsOf(document, filters, 'video'),
			audio: effectsOf(document, filters, 'audio'),
		},
		...(frozen ? { frozen } : {}),
	};
}

/** MLT's filter that holds a frame of a clip (filter_freeze.c): all along, before it or after it. */
function freezeOf(
	document: MltDocument,
	filters: readonly XmlElement[],
	item: MltItem,
): MltSpan['frozen'] {
	const filter = filters.find((each) => property(each, 'mlt_service') === 'freeze');
	if (!filter || !item.service) return undefined;
	const active = activeRange(document, filter);
	const held = item.from + (parseMltTime(property(filter, 'frame') ?? '', document.rate) ?? 0);
	// The filter compares with frames from its own first one on.
	const turn = held + active.start;
	const [before, after] = [isSet(filter, 'freeze_before'), isSet(filter, 'freeze_after')];
	const start = Math.max(active.start, after && !before ? turn + 1 : item.from);
	const end = Math.min(active.end, before && !after ? turn : item.from + rangeLength(item.range));
	const moved = item.range.start - item.from;
	const { sourceIn } = readClip(document, item.service, held);
	if (end <= start) return undefined;
	return { range: { start: start + moved, end: end + moved }, sourceIn };
}

/**
 * Plain MLT and Shotcut keep a dissolve as a tractor between two clips that plays the end of the
 * one over the start of the other. Undefined where an item is not that.
 */
function dissolveName(
	document: MltDocument,
	before: MltItem | undefined,
	item: MltItem,
	after: MltItem | undefined,
): string | undefined {
	const { service } = item;
	if (!before?.service || !after?.service || service?.name !== 'tractor') return undefined;
	if (before.range.end !== item.range.start || item.range.end !== after.range.start) {
		return undefined;
	}
	const [tail, head, ...more] = children(service, 'track');
	const transition = children(service, 'transition')[0];
	if (!tail || !head || more.length > 0 || !transition) return undefined;
	const continues =
		sameMedia(resolve(document, tail), before.service) &&
		sameMedia(resolve(document, head), after.service) &&
		timeAttribute(document, tail, 'in') === before.from + rangeLength(before.range) &&
		timeAttribute(document, head, 'in') === after.from - rangeLength(item.range);
	if (!continues) return undefined;
	return property(service, 'shotcut:transition') ?? property(transition, 'mlt_service') ?? 'mix';
}

function sameMedia(a: XmlElement, b: XmlElement): boolean {
	return a === b || property(a, 'resource') === property(b, 'resource');
}

function mixName(document: MltDocument, service: XmlElement, overlap: FrameRange): string {
	const found = children(service, 'transition').find((transition) => {
		const start = timeAttribute(document, transition, 'in');
		const end = timeAttribute(document, transition, 'out');
		if (start === undefined || end === undefined) return false;
		return rangesOverlap({ start, end: end + 1 }, overlap);
	});
	if (!found) return 'mix';
	return property(found, 'kdenlive_id') ?? property(found, 'mlt_service') ?? 'mix';
}

function startingAt(document: MltDocument, span: MltSpan, start: number): MltSpan {
	const skipped = framesToSeconds(start - span.range.start, document.rate);
	const sourceIn = add(span.sourceIn, multiply(skipped, span.speed));
	return { ...span, range: { start, end: span.range.end }, sourceIn };
}

/** The bits of MLT's `hide`: 1 hides the picture, 2 the sound. */
export function hiddenBits(reference: XmlElement): number {
	const bits: Readonly<Record<string, number>> = { video: 1, audio: 2, both: 3 };
	return bits[attribute(reference, 'hide') ?? ''] ?? 0;
}
