import { PickupError } from '../../../protocol/errors.ts';
import type { FrameRate } from '../../../protocol/time.ts';
import type { ClipSound, ClipSpan, Cut, Track } from '../../../protocol/timeline.ts';
import type { TimelineFormat, TimelineSequence } from '../format.ts';
import { later } from '../level.ts';
import type { MediaFinder } from '../media-path.ts';
import { readable } from '../readable.ts';
import { removeClip, swapMedia } from './change.ts';
import type { OtioTrack } from './free.ts';
import {
	clip,
	itemKind,
	lengthOf,
	type Piece,
	piecesOf,
	readItems,
	trackKind,
	transitionOffsets,
} from './items.ts';
import {
	elements,
	flagMember,
	type Json,
	malformed,
	member,
	needMember,
	parseJson,
	textMember,
} from './json.ts';
import { metadataOf, schemaName, unexpectedSchema } from './schema.ts';
import { pictureOf, sampleRateOf, sequenceRate } from './settings.ts';
import {
	earliest,
	frameTicks,
	latest,
	nearestFrame,
	rangeMember,
	readTime,
	scale,
	type TickRange,
	type Ticks,
	ticksToSeconds,
} from './time.ts';
import { insertionsFor, type OtioTimeline } from './write.ts';

/** OpenTimelineIO's own files: JSON of a Timeline, a Stack or a collection of timelines. */
export const otioFormat: TimelineFormat = {
	name: 'otio',
	extensions: ['.otio'],
	recognises: (text) => /^\uFEFF?\s*\{/.test(text) && text.includes('"OTIO_SCHEMA"'),
	read(text, finder) {
		const root = parseJson(text);
		const timelines = timelinesIn(root);
		if (timelines.length === 0) {
			const message = `Expected a timeline in the file, got a ${schemaName(root)} without one`;
			throw new PickupError('timeline-unsupported', message, { field: 'OTIO_SCHEMA' });
		}
		return timelines.map((timeline) => readTimeline(timeline, finder));
	},
};

function timelinesIn(node: Json): Json[] {
	const schema = schemaName(node);
	if (schema === 'Timeline' || schema === 'Stack') return [node];
	if (schema !== 'SerializableCollection') return [];
	return elements(needMember(node, 'children')).flatMap(timelinesIn);
}

function readTimeline(timeline: Json, finder: MediaFinder): TimelineSequence {
	const stack = schemaName(timeline) === 'Stack' ? timeline : needMember(timeline, 'tracks');
	if (schemaName(stack) !== 'Stack') throw unexpectedSchema(stack, 'a stack of tracks');
	const { rate, node: rateNode } = sequenceRate(timeline, stack);
	const window = rangeMember(stack, 'source_range') ?? null;
	const models = readTracks(stack, window?.start ?? 0n);
	const tracks = models.map((model) => trackOf(model, rate, window, finder));
	const notes = [
		...leftOut(stack),
		...models.flatMap((model, index) => trimmedAway(model, tracks[index], window)),
	];
	const ordered = (['video', 'audio'] as const).flatMap((kind) =>
		tracks.filter((track) => track.kind === kind),
	);
	const lasts = models.map((model) => model.window.end - model.zero).reduce(latest, 0n);
	const end = window ? window.end - window.start : lasts;
	const start = member(timeline, 'global_start_time');
	const startFrame = readable(() => (start ? nearestFrame(readTime(start), rate) : 0));
	const name = textMember(timeline, 'name') || textMember(stack, 'name') || 'Timeline';
	const { size, pixelAspect, sizeAssumed } = pictureOf(stack);
	const cut: Cut = {
		sizeAssumed,
		...(notes.length > 0 ? { notes } : {}),
		sequence: {
			name: name.slice(0, 500),
			rate,
			size,
			pixelAspect,
			duration: nearestFrame(end, rate),
			startFrame: startFrame instanceof Error ? 0 : startFrame,
			dropFrame: false,
			sampleRate: sampleRateOf(stack),
		},
		tracks: ordered,
	};
	const document: OtioTimeline = { stack, rate, rateNode, window, tracks: models };
	return {
		cut,
		insertions: (placement, plan) => insertionsFor(document, placement, plan),
		swap: (clip, placement) => swapMedia(document, clip, placement),
		remove: (clip) => removeClip(document, clip),
	};
}

/** Says of a track that it has clips and that what trims it leaves none of them. */
function trimmedAway(
	{ name, items }: OtioTrack,
	track: Track | undefined,
	window: TickRange | null,
): readonly string[] {
	const clips = items.filter(({ kind }) => kind === 'clip' || kind === 'nested').length;
	if (clips === 0 || track?.clips.length !== 0) return [];
	const what = window ? 'the source_range of the timeline or of the track' : 'its source_range';
	return [`${name} looks empty: ${what} leaves none of its clips`];
}

/** Says of subtitles and the like that they stay in the file and out of the cut. */
function leftOut(stack: Json): readonly string[] {
	return elements(needMember(stack, 'children')).flatMap((node, index) => {
		if (schemaName(node) !== 'Track' || trackKind(node) !== null) return [];
		const name = textMember(node, 'name');
		const kind = JSON.stringify(textMember(node, 'kind')?.slice(0, 60));
		const which = `Track ${index + 1}${name ? ` ${JSON.stringify(name.slice(0, 60))}` : ''}`;
		return [`${which} is left out: it is of the kind ${kind}, and Video and Audio are read`];
	});
}

function readTracks(stack: Json, stackStart: Ticks): OtioTrack[] {
	const counts = { video: 0, audio: 0 };
	return elements(needMember(stack, 'children')).flatMap((node) => {
		const isTrack = schemaName(node) === 'Track';
		const kind = isTrack ? trackKind(node) : 'video';
		if (itemKind(node) === 'transition') throw malformed(node, 'a track');
		if (kind === null) return [];
		const items = isTrack ? readItems(node) : [];
		const range = isTrack ? rangeMember(node, 'source_range') : undefined;
		const end = items.at(-1)?.end ?? 0n;
		const window = range ?? { start: 0n, end: isTrack ? end : lengthOf(node) };
		const index = counts[kind];
		counts[kind] += 1;
		const name = `${kind === 'video' ? 'V' : 'A'}${index + 1}`;
		return [{ node, kind, index, name, items, window, zero: window.start + stackStart }];
	});
}

function trackOf(
	model: OtioTrack,
	rate: FrameRate,
	stackWindow: TickRange | null,
	finder: MediaFinder,
): Track {
	const { node, kind, index, name, window, zero } = model;
	const isTrack = schemaName(node) === 'Track';
	const pieces = isTrack
		? model.items
				.filter((item) => item.kind === 'clip' || item.kind === 'nested')
				.flatMap((item) => piecesOf(item.node, item.start, kind, finder))
		: piecesOf(node, 0n, kind, finder);
	const stackEnd = stackWindow ? zero + stackWindow.end - stackWindow.start : window.end;
	const from = latest(window.start, zero);
	const last = pieces.map((piece) => piece.end).reduce(latest, from);
	const visible = clip(pieces, from, earliest(window.end, stackEnd));
	const hidden = kind === 'audio' && last > window.end;
	return {
		kind,
		index,
		name,
		enabled: flagMember(node, 'enabled', true),
		// Nothing can be added to a clip or stack that stands in for a track, nor to an audio track
		// whose end is trimmed away: its free time is not free.
		locked: !isTrack || hidden || isLocked(node),
		clips: visible.flatMap((piece) => spanOf(piece, name, zero, rate)),
		transitions: model.items.flatMap((item) => {
			if (item.kind !== 'transition') return [];
			const offsets = transitionOffsets(item.node);
			const start = nearestFrame(item.start - offsets.in - zero, rate);
			const end = nearestFrame(item.start + offsets.out - zero, rate);
			const label = (textMember(item.node, 'name') || 'Transition').slice(0, 500);
			return start < end ? [{ name: label, range: { start, end } }] : [];
		}),
	};
}

/** A piece as a clip of the cut; what lasts less than half a frame has no frame of its own. */
function spanOf(piece: Piece, track: string, zero: Ticks, rate: FrameRate): ClipSpan[] {
	const start = nearestFrame(piece.start - zero, rate);
	const end = nearestFrame(piece.end - zero, rate);
	if (end <= start) return [];
	const { name, source, speed, enabled, sourceIn, effects = [], sound } = piece.content;
	const early = frameTicks(start, rate) - (piece.start - zero);
	return [
		{
			name,
			track,
			range: { start, end },
			source,
			sourceIn: ticksToSeconds(sourceIn + scale(early, speed)),
			speed,
			enabled,
			...(effects.length > 0 ? { effects } : {}),
			...(sound && track.startsWith('A')
				? { sound: soundFrom(sound, nearestFrame(piece.origin - zero, rate)) }
				: {}),
		},
	];
}

function soundFrom(sound: ClipSound, start: number): ClipSound {
	return sound.level ? { ...sound, level: later(sound.level, start) } : sound;
}

/** DaVinci Resolve's note that a track is locked. */
function isLocked(track: Json): boolean {
	const resolve = metadataOf(track, 'Resolve_OTIO');
	const locked = resolve && member(resolve, 'Locked');
	return locked?.value === true;
}
