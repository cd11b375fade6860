import { PickupError } from '../../../protocol/errors.ts';
import { attribute, children, textOf, type XmlElement } from '../xml.ts';
import { element, type NewElement } from '../xml-write.ts';
import { property, propertyElement, propertyNames, topLevel } from './document.ts';
import type { MltEdit } from './edit.ts';
import type { MltSequence, MltTrack } from './sequence.ts';

/** What a new track starts with. */
export type NewContent = {
	readonly kind: 'video' | 'audio';
	readonly producer: NewElement;
	readonly items: readonly NewElement[];
};

/** Where tracks stand in the multitrack once the new ones are there. */
export type NewTracks = {
	readonly added: { readonly video: number; readonly audio: number };
	positionOf(content: NewContent): number;
	/** Where a track that stood at `position` is now. */
	moved(position: number): number;
};

/**
 * Makes tracks with what they start with. A video track goes on top. An audio track goes last, but
 * in Kdenlive, which counts audio tracks downwards from the video, to the bottom; transitions and
 * filters that name tracks by number are then renumbered.
 */
export function newTracks(
	edit: MltEdit,
	sequence: MltSequence,
	contents: readonly NewContent[],
): NewTracks {
	const kdenlive = sequence.document.editor === 'kdenlive';
	const base = sequence.background ? 1 : 0;
	const audios = contents.filter((content) => content.kind === 'audio');
	const shift = kdenlive ? audios.length : 0;
	const end = sequence.references.length + shift;
	const atEnd = kdenlive ? contents.filter((content) => content.kind === 'video') : contents;
	const tracks: NewTracks = {
		added: { video: contents.length - audios.length, audio: audios.length },
		positionOf: (content) =>
			kdenlive && content.kind === 'audio'
				? base + audios.indexOf(content)
				: end + atEnd.indexOf(content),
		moved: (position) => (position >= base ? position + shift : position),
	};
	if (contents.length === 0) return tracks;
	if (shift > 0) renumber(edit, sequence, tracks);
	if (sequence.element.name === 'playlist') wrapPlaylist(edit, sequence, contents);
	else for (const content of contents) addTrack(edit, sequence, tracks, content, base);
	return tracks;
}

function addTrack(
	edit: MltEdit,
	sequence: MltSequence,
	tracks: NewTracks,
	content: NewContent,
	base: number,
): void {
	const { document, references } = sequence;
	const position = tracks.positionOf(content);
	const model = modelFor(sequence, content.kind);
	const id =
		document.editor === 'kdenlive'
			? kdenliveTrack(edit, sequence, content, model)
			: singlePlaylist(edit, sequence, content);
	const track = trackReference(
		id,
		document.editor === 'plain' || document.editor === 'shotcut' ? content.kind : null,
	);
	const bottom = references[0];
	const top = references.at(-1);
	if (!bottom || !top) edit.append(sequence.element, track);
	else if (position >= references.length) edit.after(top, track);
	else if (base > 0) edit.after(bottom, track);
	else edit.before(bottom, track);
	const transitions = standingTransitions(edit, sequence, tracks, content, model);
	const last = children(sequence.element, 'transition').at(-1);
	const multitrack =
		top?.parent === sequence.element ? top : (top?.parent as XmlElement | undefined);
	if (last) edit.after(last, ...transitions);
	else if (multitrack) edit.after(multitrack, ...transitions);
	else edit.append(sequence.element, ...transitions);
}

/** The track whose ways a new one takes over: the top video track, the bottom audio track. */
function modelFor(sequence: MltSequence, kind: 'video' | 'audio'): MltTrack | undefined {
	return sequence.tracks.findLast(({ track }) => track.kind === kind);
}

function trackReference(id: string, hides: 'video' | 'audio' | null): NewElement {
	const hide = hides === 'audio' ? { hide: 'video' } : {};
	return { name: 'track', attributes: { producer: id, ...hide }, content: [] };
}

/** Kdenlive: a tractor of two playlists, the second of which is there for mixes. */
function kdenliveTrack(
	edit: MltEdit,
	sequence: MltSequence,
	content: NewContent,
	model: MltTrack | undefined,
): string {
	const audio = content.kind === 'audio';
	const mark = audio ? [element('property', '1', { name: 'kdenlive:audio_track' })] : [];
	const playlists = [content.items, []].map((items): NewElement => {
		const id = edit.freshId('pickupplaylist');
		return { name: 'playlist', attributes: { id }, content: [...mark, ...items] };
	});
	const id = edit.freshId('pickuptrack');
	const hide = audio ? 'video' : 'audio';
	const inner = playlists.map(({ attributes }) => ({
		name: 'track',
		attributes: { hide, producer: attributes?.id ?? '' },
		content: [],
	}));
	const tractor: NewElement = {
		name: 'tractor',
		attributes: { id, in: '0' },
		content: [...mark, ...appearance(model), ...inner, ...internalFilters(edit, model)],
	};
	const place = topLevel(sequence.document, sequence.element);
	edit.before(place, content.producer, ...playlists, tractor);
	return id;
}

function singlePlaylist(edit: MltEdit, sequence: MltSequence, content: NewContent): string {
	const id = edit.freshId('pickupplaylist');
	const shotcut = sequence.document.editor === 'shotcut';
	const count = sequence.tracks.filter(({ track }) => track.kind === content.kind).length;
	const letter = content.kind === 'video' ? 'V' : 'A';
	const names = [
		element('property', '1', { name: `shotcut:${content.kind}` }),
		element('property', `${letter}${count + 1}`, { name: 'shotcut:name' }),
	];
	const playlist: NewElement = {
		name: 'playlist',
		attributes: { id },
		content: [...(shotcut ? names : []), ...content.items],
	};
	edit.before(topLevel(sequence.document, sequence.element), content.producer, playlist);
	return id;
}

const APPEARANCE = [
	'kdenlive:trackheight',
	'kdenlive:timeline_active',
	'kdenlive:collapsed',
	'kdenlive:thumbs_format',
	'kdenlive:audio_rec',
];

function appearance(model: MltTrack | undefined): readonly NewElement[] {
	if (!model) return [];
	return APPEARANCE.flatMap((name) => {
		const found = propertyElement(model.service, name);
		return found ? [copyOf(found)] : [];
	});
}

/** Kdenlive's own volume, panner and level meter of an audio track. */
function internalFilters(edit: MltEdit, model: MltTrack | undefined): readonly NewElement[] {
	if (!model || model.track.kind === 'video') return [];
	return children(model.service, 'filter')
		.filter((filter) => property(filter, 'internal_added') === '237')
		.map((filter) => withId(copyOf(filter), edit.freshId('pickupfilter')));
}

/** What mixes or composes a track with the ones below it, as it is done for the model track. */
function standingTransitions(
	edit: MltEdit,
	sequence: MltSequence,
	tracks: NewTracks,
	content: NewContent,
	model: MltTrack | undefined,
): readonly NewElement[] {
	const position = tracks.positionOf(content);
	const copies = children(sequence.element, 'transition')
		.filter((transition) => model && Number(property(transition, 'b_track')) === model.position)
		.filter(isStanding)
		.map((transition) => {
			// Shotcut switches compositing off on the bottom track, where there is nothing below.
			const off = property(transition, 'disable') === '1';
			const below = off ? (model?.position ?? 0) : Number(property(transition, 'a_track') ?? 0);
			const copy = copyOf(transition, {
				a_track: String(tracks.moved(below)),
				b_track: String(position),
				disable: null,
			});
			return withId(copy, edit.freshId('pickuptransition'));
		});
	if (copies.length > 0 || content.kind === 'video') return copies;
	return [mixTransition(edit, position)];
}

/** The sum of a track's sound and the sound below it, without a change of level. */
function mixTransition(edit: MltEdit, position: number): NewElement {
	const properties = {
		a_track: '0',
		b_track: String(position),
		mlt_service: 'mix',
		...(edit.document.editor === 'kdenlive' ? { kdenlive_id: 'mix', internal_added: '237' } : {}),
		always_active: '1',
		accepts_blanks: '1',
		sum: '1',
	};
	const content = Object.entries(properties).map(([name, value]) =>
		element('property', value, { name }),
	);
	return { name: 'transition', attributes: { id: edit.freshId('pickuptransition') }, content };
}

function isStanding(transition: XmlElement): boolean {
	if (property(transition, 'always_active') === '1') return true;
	if (property(transition, 'internal_added') === '237') return true;
	return property(transition, 'in') === undefined && property(transition, 'out') === undefined;
}

function renumber(edit: MltEdit, sequence: MltSequence, tracks: NewTracks): void {
	const move = (owner: XmlElement, name: string) => {
		const value = Number(property(owner, name) ?? Number.NaN);
		if (!Number.isInteger(value) || tracks.moved(value) === value) return;
		if (propertyElement(owner, name)) edit.setProperty(owner, name, String(tracks.moved(value)));
		else edit.setAttribute(owner, name, String(tracks.moved(value)));
	};
	for (const transition of children(sequence.element, 'transition')) {
		move(transition, 'a_track');
		move(transition, 'b_track');
	}
	for (const filter of children(sequence.element, 'filter')) move(filter, 'track');
}

/** A document that is one playlist gets a tractor around it. */
function wrapPlaylist(edit: MltEdit, sequence: MltSequence, contents: readonly NewContent[]): void {
	const playlist = attribute(sequence.element, 'id');
	if (playlist === undefined) {
		throw new PickupError(
			'timeline-unsupported',
			'The timeline is a <playlist> without an id: expected a <tractor>, to which a track can be added',
			{ field: 'mlt/playlist', action: 'Save it with `melt FILE -consumer xml:NEW.mlt`.' },
		);
	}
	const made = contents.map((content): { id: string; nodes: NewElement[] } => {
		const id = edit.freshId('pickupplaylist');
		const list = { name: 'playlist', attributes: { id }, content: content.items };
		return { id, nodes: [content.producer, list] };
	});
	const tracks = contents.map((content, index) =>
		trackReference(made[index]?.id ?? '', content.kind),
	);
	const mixes = contents.flatMap((content, index) =>
		content.kind === 'audio' ? [mixTransition(edit, index + 1)] : [],
	);
	const tractor: NewElement = {
		name: 'tractor',
		attributes: { id: edit.freshId('pickuptractor') },
		content: [trackReference(playlist, null), ...tracks, ...mixes],
	};
	edit.append(edit.document.root, ...made.flatMap(({ nodes }) => nodes), tractor);
}

/** A copy of an element; `changes` gives properties other values, or leaves them out. */
export function copyOf(
	source: XmlElement,
	changes: Readonly<Record<string, string | null>> = {},
): NewElement {
	const inner = children(source);
	if (inner.length === 0) {
		return { name: source.name, attributes: source.attributes, content: textOf(source) };
	}
	const missing = Object.entries(changes)
		.filter(([name, value]) => value !== null && !propertyNames(source).includes(name))
		.filter(([name]) => attribute(source, name) === undefined);
	const attributes = Object.fromEntries(
		Object.entries(source.attributes).flatMap(([name, value]): [string, string][] => {
			const changed = changes[name];
			return changed === null ? [] : [[name, changed ?? value]];
		}),
	);
	const content = inner.flatMap((part): NewElement[] => {
		const changed = changes[attribute(part, 'name') ?? ''];
		if (part.name !== 'property' || changed === undefined) return [copyOf(part)];
		return changed === null ? [] : [{ ...copyOf(part), content: changed }];
	});
	const added = missing.map(([name, value]) => element('property', value ?? '', { name }));
	return { name: source.name, attributes, content: [...content, ...added] };
}

export function withId(node: NewElement, id: string): NewElement {
	return { ...node, attributes: { ...node.attributes, id } };
}
