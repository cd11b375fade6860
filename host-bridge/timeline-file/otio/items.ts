import { ONE } from '../../../protocol/time.ts';
import type { MediaFinder } from '../media-path.ts';
import { type ClipContent, clipRange, readClip, timeWarp } from './clip.ts';
import { elements, flagMember, type Json, malformed, needMember, textMember } from './json.ts';
import { schemaName, unexpectedSchema } from './schema.ts';
import {
	earliest,
	latest,
	rangeMember,
	readDuration,
	scale,
	type TickRange,
	type Ticks,
} from './time.ts';

export type TrackKind = 'video' | 'audio';

/** One child of a track, in the track's own time; a transition takes none of it. */
export type Item = TickRange & {
	readonly node: Json;
	readonly kind: 'clip' | 'gap' | 'nested' | 'transition';
};

/** A stretch of an item with one source, in the time of whatever holds it. */
export type Piece = TickRange & {
	readonly content: ClipContent;
	/** Where the clip itself starts, of which this may be a part. */
	readonly origin: Ticks;
};

/** The children of a track, one after the other from time 0. */
export function readItems(track: Json): readonly Item[] {
	const items: Item[] = [];
	let at = 0n;
	for (const node of elements(needMember(track, 'children'))) {
		const kind = itemKind(node);
		const end = kind === 'transition' ? at : at + lengthOf(node);
		items.push({ node, kind, start: at, end });
		at = end;
	}
	return items;
}

/** The transition's overlap with the item before it and after it. */
export function transitionOffsets(node: Json): { readonly in: Ticks; readonly out: Ticks } {
	return {
		in: readDuration(needMember(node, 'in_offset')),
		out: readDuration(needMember(node, 'out_offset')),
	};
}

/**
 * What an item shows from `start` on, in order and without holes. Nested tracks are looked
 * through, and nested stacks where one track alone has something of `kind`.
 */
export function piecesOf(item: Json, start: Ticks, kind: TrackKind, finder: MediaFinder): Piece[] {
	const end = start + lengthOf(item);
	if (itemKind(item) === 'clip') {
		return start < end ? [{ start, end, origin: start, content: readClip(item, finder) }] : [];
	}
	if (itemKind(item) === 'gap') return [blank(start, end, 'Empty time in a nested sequence', item)];
	const what = `Nested sequence ${JSON.stringify(textMember(item, 'name') ?? '')}`.slice(0, 500);
	const warp = timeWarp(item);
	if (warp === 'varying' || warp.num !== warp.den) return [blank(start, end, what, item)];
	const inner = innerPieces(item, kind, finder);
	if (inner === null) return [blank(start, end, what, item)];
	const from = rangeMember(item, 'source_range')?.start ?? 0n;
	const enabled = flagMember(item, 'enabled', true);
	const moved = inner.map((piece) => ({
		...piece,
		start: piece.start - from + start,
		end: piece.end - from + start,
		origin: piece.origin - from + start,
	}));
	return filledUp(clip(moved, start, end), start, end, item).map((piece) =>
		enabled ? piece : { ...piece, content: { ...piece.content, enabled: false } },
	);
}

/** Only what lies between two times; the source starts later where the head is cut off. */
export function clip(pieces: readonly Piece[], start: Ticks, end: Ticks): Piece[] {
	return pieces
		.filter((piece) => piece.start < end && piece.end > start)
		.map((piece) => {
			const from = latest(piece.start, start);
			const { content } = piece;
			const sourceIn = content.sourceIn + scale(from - piece.start, content.speed);
			return {
				start: from,
				end: earliest(piece.end, end),
				origin: piece.origin,
				content: { ...content, sourceIn },
			};
		});
}

/** How long an item lasts in what holds it. */
export function lengthOf(item: Json): Ticks {
	const kind = itemKind(item);
	if (kind === 'transition') return 0n;
	if (kind === 'clip') {
		const range = clipRange(item);
		return range.end - range.start;
	}
	const range = rangeMember(item, 'source_range');
	if (range) return range.end - range.start;
	if (kind === 'gap') return 0n;
	if (schemaName(item) === 'Timeline') return lengthOf(needMember(item, 'tracks'));
	const children = elements(needMember(item, 'children'));
	const lengths = children.map(lengthOf);
	return schemaName(item) === 'Stack'
		? lengths.reduce(latest, 0n)
		: lengths.reduce((sum, length) => sum + length, 0n);
}

export function itemKind(node: Json): Item['kind'] {
	switch (schemaName(node)) {
		case 'Clip':
			return 'clip';
		case 'Gap':
			return 'gap';
		case 'Transition':
			return 'transition';
		case 'Stack':
		case 'Track':
		case 'Timeline':
			return 'nested';
		default:
			throw unexpectedSchema(node, 'a clip, gap, transition, track or stack');
	}
}

/** `Video` and `Audio`, which some write small; null for subtitles and the like. */
export function trackKind(track: Json): TrackKind | null {
	const kind = textMember(track, 'kind')?.trim().toLowerCase() ?? 'video';
	return kind === 'video' || kind === 'audio' ? kind : null;
}

/** The pieces inside a nested item in its own time, or null where they overlap. */
function innerPieces(item: Json, kind: TrackKind, finder: MediaFinder): Piece[] | null {
	const schema = schemaName(item);
	if (schema === 'Timeline') return piecesOf(needMember(item, 'tracks'), 0n, kind, finder);
	if (schema === 'Track') {
		return readItems(item).flatMap(({ node, start, kind: itemIs }) =>
			itemIs === 'transition' ? [] : piecesOf(node, start, kind, finder),
		);
	}
	const layers = elements(needMember(item, 'children')).filter((child) => shows(child, kind));
	if (layers.length > 1) return null;
	return layers.flatMap((layer) => piecesOf(layer, 0n, kind, finder));
}

/** Whether a layer of a stack adds picture or sound of its own. */
function shows(layer: Json, kind: TrackKind): boolean {
	if (!flagMember(layer, 'enabled', true)) return false;
	const what = itemKind(layer);
	if (what === 'transition') throw malformed(layer, 'a layer of a stack');
	if (schemaName(layer) === 'Track') {
		return trackKind(layer) === kind && readItems(layer).some((item) => item.kind !== 'gap');
	}
	return what !== 'gap';
}

function filledUp(pieces: readonly Piece[], start: Ticks, end: Ticks, item: Json): Piece[] {
	const whole: Piece[] = [];
	const what = 'Empty time in a nested sequence';
	let at = start;
	for (const piece of pieces) {
		if (piece.start > at) whole.push(blank(at, piece.start, what, item));
		whole.push(piece);
		at = piece.end;
	}
	if (at < end) whole.push(blank(at, end, what, item));
	return whole;
}

function blank(start: Ticks, end: Ticks, what: string, item: Json): Piece {
	const name = (textMember(item, 'name') || what).slice(0, 500);
	const enabled = flagMember(item, 'enabled', true);
	const source = { kind: 'synthetic', what } as const;
	const content = { name, source, sourceIn: 0n, speed: ONE, enabled };
	return { start, end, origin: start, content };
}
