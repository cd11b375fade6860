import { add, type FrameRate, framesToSeconds, multiply, ZERO } from '../../../protocol/time.ts';
import type { ClipSpan, Cut, Track } from '../../../protocol/timeline.ts';
import { product } from '../level.ts';
import { attribute, child, children, malformed, type XmlElement } from '../xml.ts';
import { type Blend, blendsOn, blendsOver } from './blends.ts';
import {
	isService,
	isSet,
	type MltDocument,
	property,
	resolve,
	timeAttribute,
} from './document.ts';
import { effectsOf, filtersOf, levelOf } from './filters.ts';
import {
	hiddenBits,
	type MltContent,
	type MltPlaylist,
	type MltSpan,
	playlistsOf,
	readContent,
} from './track.ts';

/** A track that stands in the document, with what is needed to add to it. */
export type MltTrack = {
	readonly track: Track;
	/** Its place in the multitrack, as transitions count it. */
	readonly position: number;
	readonly service: XmlElement;
	readonly playlists: readonly MltPlaylist[];
};

export type MltSequence = {
	readonly document: MltDocument;
	/** A tractor; a playlist where the document is nothing but one. */
	readonly element: XmlElement;
	/** The `<track>`s and what stands for them, the bottom one first. */
	readonly references: readonly XmlElement[];
	/** True where the bottom one is the editor's black background and no track. */
	readonly background: boolean;
	/** Video tracks bottom up, then audio tracks as they are named. */
	readonly tracks: readonly MltTrack[];
	readonly cut: Cut;
};

const NOT_TRACKS = new Set([
	'black_track',
	'timeline_preview',
	'timeline_overlay',
	'overlay_track',
]);

/** The timelines of a document, the one that its editor shows first. */
export function readSequences(document: MltDocument): readonly MltSequence[] {
	return timelines(document).map((element) => readSequence(document, element));
}

function timelines(document: MltDocument): readonly XmlElement[] {
	const { root, bin } = document;
	const sequences = kdenliveSequences(document);
	if (sequences.length > 0) {
		const active = bin && property(bin, 'kdenlive:docproperties.activetimeline');
		const shown = sequences.find((tractor) => property(tractor, 'kdenlive:uuid') === active);
		return shown ? [shown, ...sequences.filter((other) => other !== shown)] : sequences;
	}
	const last = children(root).findLast(
		(element) => isService(element) && element !== bin && !isSet(element, 'xml_retain'),
	);
	if (last?.name === 'tractor') return [last];
	if (last?.name === 'playlist' && document.editor !== 'kdenlive') return [last];
	throw malformed(root, 'a <tractor> or <playlist> that is the timeline', last?.name ?? 'none');
}

/**
 * Kdenlive 23.04 and newer: one tractor for each UUID. Where a sequence is nested with effects the
 * document has copies of it; the one that the project or its bin plays is the sequence itself.
 */
function kdenliveSequences(document: MltDocument): readonly XmlElement[] {
	const { root, bin } = document;
	const tractors = children(root, 'tractor');
	const projects = tractors.filter((tractor) => isSet(tractor, 'kdenlive:projectTractor'));
	const played = [
		...projects.flatMap((project) => children(project, 'track')),
		...(bin ? children(bin, 'entry') : []),
	].map((reference) => attribute(reference, 'producer'));
	const byUuid = new Map<string, XmlElement>();
	const rank = (tractor: XmlElement) => {
		const at = played.indexOf(attribute(tractor, 'id'));
		return at < 0 ? played.length : at;
	};
	for (const tractor of tractors) {
		const uuid = property(tractor, 'kdenlive:uuid');
		const known = uuid === undefined ? undefined : byUuid.get(uuid);
		if (uuid !== undefined && (!known || rank(tractor) < rank(known))) byUuid.set(uuid, tractor);
	}
	return [...byUuid.values()];
}

function readSequence(document: MltDocument, element: XmlElement): MltSequence {
	const references = element.name === 'playlist' ? [element] : tracksOf(element);
	const services = references.map((reference) => resolve(document, reference));
	const background = isBackground(services[0]);
	const found: (Found & Omit<MltTrack, 'track'>)[] = [];
	for (const [position, reference] of references.entries()) {
		const service = services[position];
		if (!service || (position === 0 && background) || isHelper(service)) continue;
		if ((timeAttribute(document, reference, 'in') ?? 0) > 0 && reference.name === 'track') {
			throw malformed(reference, 'a track that starts at its first frame', 'one that is cut');
		}
		const playlists = playlistsOf(document, service);
		const content =
			playlists.length > 0
				? readContent(document, service, playlists)
				: wholeTrack(document, reference, service);
		const declared = look(document, reference, service);
		const locked = declared.locked || playlists.length === 0;
		const filters = trackFilters(element, position, service, playlists);
		const blends = {
			video: blendsOn(document, element, position, 'video'),
			audio: blendsOn(document, element, position, 'audio'),
		};
		found.push({ position, service, playlists, filters, blends, ...content, ...declared, locked });
	}
	const tracks = named(
		document,
		found.map((track) => lockIfShared(track, found)),
	);
	return {
		document,
		element,
		references,
		background,
		tracks,
		cut: {
			sequence: {
				name: nameOf(document, element),
				rate: document.rate,
				size: document.size,
				duration: Math.max(0, ...tracks.flatMap(({ track }) => track.clips.at(-1)?.range.end ?? 0)),
				pixelAspect: document.pixelAspect,
				startFrame: startFrame(element),
				dropFrame: false,
				sampleRate: 48_000,
			},
			tracks: [...tracks.map(({ track }) => track), ...ownSound(document, found, tracks)],
		},
	};
}

/** Filters of a track and of the whole sequence; those of a multitrack name theirs. */
function trackFilters(
	sequence: XmlElement,
	position: number,
	service: XmlElement,
	playlists: readonly MltPlaylist[],
): readonly XmlElement[] {
	const own = playlists.map(({ element }) => element).filter((element) => element !== service);
	const whole = filtersOf(sequence).filter((filter) => {
		const track = property(filter, 'track');
		return track === undefined || Number(track) === position;
	});
	return [...filtersOf(service, ...own), ...(sequence === service ? [] : whole)];
}

type Found = MltContent & {
	readonly filters: readonly XmlElement[];
	readonly blends: Readonly<Record<'video' | 'audio', readonly Blend[]>>;
	readonly declared: 'video' | 'audio' | undefined;
	readonly hidden: number;
	readonly locked: boolean;
};

/** What two tracks play at once cannot be added to on one of them alone. */
function lockIfShared<T extends Found & Omit<MltTrack, 'track'>>(track: T, all: readonly T[]): T {
	const elements = track.playlists.map((playlist) => playlist.element);
	const shared = all.some(
		(other) =>
			other !== track && other.playlists.some((playlist) => elements.includes(playlist.element)),
	);
	const twice = new Set(elements).size < elements.length;
	return shared || twice ? { ...track, locked: true } : track;
}

function tracksOf(tractor: XmlElement): readonly XmlElement[] {
	return children(child(tractor, 'multitrack') ?? tractor).filter(
		(element) => element.name === 'track' || isService(element),
	);
}

/** What the editor says of a track: its kind, which of picture and sound is off, its lock. */
function look(document: MltDocument, reference: XmlElement, service: XmlElement) {
	const inner = service.name === 'tractor' ? children(service, 'track') : [];
	const innerHidden = inner.reduce((bits, track) => bits & hiddenBits(track), 3);
	const hidden = hiddenBits(reference) | (inner.length > 0 ? innerHidden : 0);
	const locked = isSet(service, 'kdenlive:locked_track') || isSet(service, 'shotcut:lock');
	const audio = isSet(service, 'kdenlive:audio_track') || isSet(service, 'shotcut:audio');
	const video = document.editor === 'kdenlive' || isSet(service, 'shotcut:video');
	const declared = audio ? ('audio' as const) : video ? ('video' as const) : undefined;
	return { hidden, locked, declared };
}

/** A track that is no playlist: one clip, to which nothing can be added. */
function wholeTrack(document: MltDocument, reference: XmlElement, service: XmlElement): MltContent {
	const out = timeAttribute(document, reference, 'out') ?? timeAttribute(document, service, 'out');
	if (out === undefined || out < 0) return { spans: [], transitions: [] };
	const name = property(service, 'kdenlive:clipname') ?? attribute(service, 'id') ?? service.name;
	const what = `nested ${service.name}`;
	const span: MltSpan = {
		name: name.slice(0, 500),
		range: { start: 0, end: out + 1 },
		source: { kind: 'synthetic', what },
		sourceIn: { num: 0, den: 1 },
		speed: { num: 1, den: 1 },
		picture: true,
		sound: true,
	};
	return { spans: [span], transitions: [] };
}

/**
 * V1 is the bottom video track. Kdenlive's A1 is the audio track nearest to the video, so the last
 * in the document; elsewhere A1 is the first one.
 */
function named(
	document: MltDocument,
	found: readonly (Found & Omit<MltTrack, 'track'>)[],
): readonly MltTrack[] {
	const videos = found.filter((track) => kindOf(track) === 'video');
	const audios = found.filter((track) => kindOf(track) === 'audio');
	if (document.editor === 'kdenlive') audios.reverse();
	const build = (list: typeof videos, kind: 'video' | 'audio'): MltTrack[] =>
		list.map((source, index) => {
			const name = `${kind === 'video' ? 'V' : 'A'}${index + 1}`;
			const enabled = (source.hidden & (kind === 'video' ? 1 : 2)) === 0;
			const clips = source.spans.flatMap((span) => onTrack(document, span, kind, name, source));
			const { position, service, playlists, locked } = source;
			const transitions = [...source.transitions].sort((a, b) => a.range.start - b.range.start);
			const track: Track = { kind, index, name, enabled, locked, clips, transitions };
			return { track, position, service, playlists };
		});
	return [...build(videos, 'video'), ...build(audios, 'audio')];
}

function kindOf(track: Found): 'video' | 'audio' {
	if (track.declared) return track.declared;
	const soundOnly =
		track.spans.length > 0 && track.spans.every((span) => !span.picture && span.sound);
	return soundOnly || track.hidden === 1 ? 'audio' : 'video';
}

/**
 * Outside Kdenlive a clip on a video track sounds as well. That sound is shown as locked tracks
 * of its own, so that it is part of the context and yet nothing is ever placed there.
 */
function ownSound(
	document: MltDocument,
	found: readonly (Found & Omit<MltTrack, 'track'>)[],
	tracks: readonly MltTrack[],
): readonly Track[] {
	if (document.editor === 'kdenlive') return [];
	const audios = tracks.filter(({ track }) => track.kind === 'audio').length;
	return tracks
		.filter(({ track }) => track.kind === 'video')
		.flatMap(({ track, position }) => {
			const source = found.find((candidate) => candidate.position === position);
			const heard = source?.spans.filter((span) => span.sound) ?? [];
			if (!source || heard.length === 0) return [];
			const name = `${track.name} sound`;
			return [
				{
					kind: 'audio' as const,
					name,
					enabled: (source.hidden & 2) === 0,
					locked: true,
					clips: heard.flatMap((span) => onTrack(document, span, 'audio', name, source)),
					transitions: track.transitions,
				},
			];
		})
		.map((track, index) => ({ ...track, index: audios + index }));
}

/** A clip as a track of pictures or of sound has it: in several parts where a frame is held. */
function onTrack(
	document: MltDocument,
	span: MltSpan,
	kind: Track['kind'],
	track: string,
	{ filters, blends }: Found,
): readonly ClipSpan[] {
	const { picture, sound, soundStream, heard, effects, frozen, ...common } = span;
	if (common.source.kind !== 'file') {
		return [{ ...common, track, enabled: kind === 'video' ? picture : sound }];
	}
	const all = [
		...new Set([
			...(effects?.[kind] ?? []),
			...effectsOf(document, filters, kind),
			...blendsOver(blends[kind], span.range),
		]),
	].slice(0, 64);
	const said = all.length > 0 ? { effects: all } : {};
	if (kind === 'video') {
		const clip = { ...common, track, enabled: picture, ...said };
		return frozen ? withHeldFrame(document.rate, clip, frozen) : [clip];
	}
	const level = product([heard?.level, levelOf(document, filters)]);
	const played = {
		...(soundStream ? { stream: soundStream } : {}),
		...(heard?.channels ? { channels: heard.channels } : {}),
		...(level ? { level } : {}),
	};
	const plain = Object.keys(played).length === 0;
	return [{ ...common, track, enabled: sound, ...(plain ? {} : { sound: played }), ...said }];
}

/** The clip before the held frame, that frame, and the clip after it, as far as they are there. */
function withHeldFrame(
	rate: FrameRate,
	clip: ClipSpan,
	held: NonNullable<MltSpan['frozen']>,
): readonly ClipSpan[] {
	const { start, end } = clip.range;
	const [from, to] = [held.range.start, held.range.end].map((frame) =>
		Math.min(Math.max(frame, start), end),
	) as [number, number];
	const after = framesToSeconds(to - start, rate);
	return [
		{ ...clip, range: { start, end: from } },
		{ ...clip, range: { start: from, end: to }, sourceIn: held.sourceIn, speed: ZERO },
		{
			...clip,
			range: { start: to, end },
			sourceIn: add(clip.sourceIn, multiply(after, clip.speed)),
		},
	].filter(({ range }) => range.end > range.start);
}

function isBackground(service: XmlElement | undefined): boolean {
	if (!service) return false;
	const id = attribute(service, 'id') ?? '';
	if (id === 'background' || id === 'black' || isHelper(service)) return true;
	const kind = property(service, 'mlt_service');
	return service.name === 'producer' && (kind === 'color' || kind === 'colour');
}

function isHelper(service: XmlElement): boolean {
	return (
		NOT_TRACKS.has(attribute(service, 'id') ?? '') ||
		NOT_TRACKS.has(property(service, 'kdenlive:playlistid') ?? '')
	);
}

function nameOf(document: MltDocument, element: XmlElement): string {
	const name =
		property(element, 'kdenlive:clipname') ||
		attribute(element, 'title') ||
		attribute(document.root, 'title') ||
		'';
	return name === '' || name.startsWith('Shotcut version') ? 'Timeline' : name.slice(0, 500);
}

/** Kdenlive 24.12 and newer can start a sequence's timecode elsewhere than at 0, in frames. */
function startFrame(element: XmlElement): number {
	const text = property(element, 'kdenlive:sequenceproperties.timecodeOffset') ?? '';
	return /^-?\d{1,9}$/.test(text) ? Number(text) : 0;
}
