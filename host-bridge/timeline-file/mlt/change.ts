import { rangeLength } from '../../../protocol/time.ts';
import type { Placement } from '../../host.ts';
import type { Replacement, Standing } from '../format.ts';
import { notPlain } from '../standing.ts';
import { attribute, children, type XmlElement } from '../xml.ts';
import { element } from '../xml-write.ts';
import { lengthOf } from './clip.ts';
import { property, topLevel } from './document.ts';
import { MltEdit } from './edit.ts';
import { ungroup } from './links.ts';
import { newMedia } from './media.ts';
import type { MltItem } from './playlist.ts';
import type { MltSequence, MltTrack } from './sequence.ts';
import { copyOf, withId } from './tracks.ts';

/** Has an entry play another producer; its in and out stay, and the filters on either. */
export function swapMedia(
	sequence: MltSequence,
	standing: Standing,
	placement: Placement,
): readonly Replacement[] {
	const { item, playlist, track } = itemOf(sequence, standing);
	const { document } = sequence;
	const { element: entry, service } = item;
	const kind = property(service, 'mlt_service') ?? '';
	if (entry.name !== 'entry') throw notPlain(standing, 'one inside the track');
	if (!kind.startsWith('avformat')) throw notPlain(standing, `one that plays through ${kind}`);
	const edit = new MltEdit(document, 'gone');
	const long = lengthOf(document, service) ?? item.from + rangeLength(item.range);
	const media = newMedia(edit, { ...placement, range: { start: 0, end: long } });
	const { id, node } = media.producer(track.track.kind === 'video' ? 'picture' : 'sound');
	const filters = children(service, 'filter').map((filter) =>
		withId(copyOf(filter), edit.freshId('pickupfilter')),
	);
	const content = [...(node.content as readonly (typeof node)[]), ...filters];
	edit.before(topLevel(document, playlist), { ...node, content });
	edit.setAttribute(entry, 'producer', id);
	if (media.binId !== null) edit.setProperty(entry, 'kdenlive:id', String(media.binId));
	return edit.changes();
}

/** Puts a blank as long as the entry in its place. */
export function removeClip(sequence: MltSequence, standing: Standing): readonly Replacement[] {
	const { item, track } = itemOf(sequence, standing);
	const edit = new MltEdit(sequence.document, 'gone');
	const length = String(rangeLength(item.range));
	edit.replace(item.element, element('blank', [], { length }));
	if (sequence.document.editor === 'kdenlive') {
		ungroup(edit, sequence, { position: track.position, start: item.range.start });
	}
	return edit.changes();
}

type Found = {
	readonly track: MltTrack;
	readonly playlist: XmlElement;
	readonly item: MltItem & { readonly service: XmlElement };
};

function itemOf({ tracks }: MltSequence, standing: Standing): Found {
	const { range } = standing;
	const track = tracks.find((each) => each.track.name === standing.track);
	for (const { element: playlist, items } of track?.playlists ?? []) {
		const item = items.find(
			(each) =>
				each.service !== null && each.range.start === range.start && each.range.end === range.end,
		);
		if (!item?.service || !track) continue;
		if (items.filter((each) => each.element === item.element).length > 1) {
			throw notPlain(standing, `one that is repeated (${attribute(item.element, 'repeat')})`);
		}
		return { track, playlist, item: { ...item, service: item.service } };
	}
	throw notPlain(standing, 'a part of something else, or one with a transition at its edge');
}
