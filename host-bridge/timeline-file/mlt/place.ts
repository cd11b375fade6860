import { PickupError } from '../../../protocol/errors.ts';
import { type FrameRange, rangesOverlap } from '../../../protocol/time.ts';
import type { Placement } from '../../host.ts';
import type { PlacementPlan, TrackChoice } from '../../placement.ts';
import type { Insertion } from '../format.ts';
import { element, type NewElement } from '../xml-write.ts';
import { topLevel } from './document.ts';
import { MltEdit } from './edit.ts';
import { extendSequence } from './extend.ts';
import { type ClipPosition, updateKdenliveProperties } from './links.ts';
import { type NewMedia, newMedia } from './media.ts';
import type { MltSequence, MltTrack } from './sequence.ts';
import type { MltPlaylist } from './track.ts';
import { type NewContent, newTracks } from './tracks.ts';

/**
 * The insertions that carry out a plan. Picture and sound are two entries, each with a producer
 * that has only the one, so that no track doubles the sound of another.
 */
export function mltInsertions(
	sequence: MltSequence,
	placement: Placement,
	plan: PlacementPlan,
): readonly Insertion[] {
	const edit = new MltEdit(sequence.document);
	const media = newMedia(edit, placement);
	const video = plan.video && fillTrack(edit, sequence, media, plan.video, 'picture', plan.range);
	const audio = plan.audio && fillTrack(edit, sequence, media, plan.audio, 'sound', plan.range);
	const made = newTracks(edit, sequence, [video, audio].filter(isNewContent));
	const positions: ClipPosition[] = [video, audio]
		.filter((filled) => filled !== null)
		.map((filled) => ({
			position: isNewContent(filled) ? made.positionOf(filled) : made.moved(filled.position),
			start: plan.range.start,
		}));
	if (sequence.document.editor === 'kdenlive') {
		updateKdenliveProperties(edit, sequence, made, positions);
	}
	const touched = [video, audio].flatMap((filled) =>
		filled && 'position' in filled ? [filled.service] : [],
	);
	extendSequence(edit, sequence, touched, plan.range.end);
	return edit.changes();
}

type Filled = NewContent | MltTrack;

function isNewContent(filled: Filled | null): filled is NewContent {
	return filled !== null && 'items' in filled;
}

function fillTrack(
	edit: MltEdit,
	sequence: MltSequence,
	media: NewMedia,
	choice: TrackChoice,
	use: 'picture' | 'sound',
	range: FrameRange,
): Filled {
	const { id, node } = media.producer(use);
	const entry = media.entry(id);
	if (choice.kind === 'new') {
		const kind = use === 'picture' ? 'video' : 'audio';
		return { kind, producer: node, items: [...blanks(range.start), entry] };
	}
	const track = sequence.tracks.find((candidate) => candidate.track.name === choice.name);
	const playlist = track?.playlists.find((candidate) => isFree(candidate, range));
	if (!track || !playlist || track.playlists.some((other) => !isFree(other, range))) {
		throw new PickupError(
			'placement-conflict',
			`Expected empty time on ${choice.name} from frame ${range.start} to ${range.end}`,
			{ field: choice.name },
		);
	}
	edit.before(topLevel(sequence.document, playlist.element), node);
	fillPlaylist(edit, playlist, range, entry);
	return track;
}

function isFree(playlist: MltPlaylist, range: FrameRange): boolean {
	return !playlist.items.some((item) => item.service && rangesOverlap(item.range, range));
}

/** Puts an entry where there are blanks, or after the end. */
function fillPlaylist(
	edit: MltEdit,
	playlist: MltPlaylist,
	range: FrameRange,
	entry: NewElement,
): void {
	const covered = playlist.items.filter((item) => rangesOverlap(item.range, range));
	const first = covered[0];
	const last = covered.at(-1);
	if (!first || !last) {
		const end = playlist.items.at(-1)?.range.end ?? 0;
		edit.append(playlist.element, ...blanks(range.start - end), entry);
		return;
	}
	const nodes = [
		...blanks(range.start - first.range.start),
		entry,
		...blanks(last.range.end - range.end),
	];
	for (const item of covered) edit.replace(item.element, ...(item === last ? nodes : []));
}

function blanks(length: number): NewElement[] {
	return length > 0 ? [element('blank', [], { length: String(length) })] : [];
}
