import path from 'node:path';
import type { FrameRange } from '../../../protocol/time.ts';
import type { Placement } from '../../host.ts';
import type { Replacement, Standing } from '../format.ts';
import { urlFromMediaPath } from '../media-path.ts';
import { notPlain } from '../standing.ts';
import { mediaReference } from './clip.ts';
import type { Item } from './items.ts';
import { type Json, member, needMember, sourceOf } from './json.ts';
import { lineIndent, styleOf, type Value, Verbatim, write } from './style.ts';
import { nearestFrame } from './time.ts';
import { madeBy, type OtioTimeline } from './write.ts';

/** Gives a clip another file in its reference; its source range and effects stay. */
export function swapMedia(
	timeline: OtioTimeline,
	standing: Standing,
	placement: Placement,
): readonly Replacement[] {
	const { node } = itemOf(timeline, standing);
	const reference = mediaReference(node);
	const url = reference && member(reference, 'target_url');
	if (!reference || !url) throw notPlain(standing, 'one without a file');
	const { clip, name, range } = placement;
	const file = path.basename(clip.path);
	const metadata = member(node, 'metadata');
	const ours = metadata && member(metadata, 'pickup');
	const title = member(node, 'name');
	const fileName = member(reference, 'name');
	return [
		replaced(url, urlFromMediaPath(clip.path)),
		...(title ? [replaced(title, name)] : []),
		...(fileName ? [replaced(fileName, file)] : []),
		...(ours ? [replaced(ours, { link: `${file}@${range.start}`, ...madeBy(clip) })] : []),
	];
}

/** Puts a gap as long as the clip in its place. */
export function removeClip(timeline: OtioTimeline, standing: Standing): readonly Replacement[] {
	const { node } = itemOf(timeline, standing);
	const range = member(node, 'source_range');
	const length = range ?? needMember(mediaReference(node) ?? node, 'available_range');
	const { offset } = node;
	const inner = lineIndent(sourceOf(node), length.offset);
	const text = sourceOf(length).slice(length.offset, length.offset + length.length);
	const outer = lineIndent(sourceOf(node), offset) + styleOf(rootOf(node)).unit;
	const gap: Value = {
		OTIO_SCHEMA: 'Gap.1',
		metadata: {},
		name: '',
		source_range: new Verbatim(text.replaceAll(`\n${inner}`, `\n${outer}`)),
		effects: [],
		markers: [],
		enabled: true,
	};
	return [replaced(node, gap)];
}

function itemOf({ tracks, rate }: OtioTimeline, standing: Standing): Item {
	const track = tracks.find(({ name }) => name === standing.track);
	const rangeOf = (item: Item): FrameRange => ({
		start: nearestFrame(item.start - (track?.zero ?? 0n), rate),
		end: nearestFrame(item.end - (track?.zero ?? 0n), rate),
	});
	const items = track?.items ?? [];
	const at = items.findIndex((item) => {
		const { start, end } = rangeOf(item);
		return item.kind === 'clip' && start === standing.range.start && end === standing.range.end;
	});
	const item = items[at];
	if (!item) throw notPlain(standing, 'a part of something else');
	if ([items[at - 1], items[at + 1]].some((beside) => beside?.kind === 'transition')) {
		throw notPlain(standing, 'one with a transition at its edge');
	}
	return item;
}

function replaced(old: Json, value: Value): Replacement {
	const text = write(value, styleOf(rootOf(old)), lineIndent(sourceOf(old), old.offset));
	return { offset: old.offset, length: old.length, text };
}

function rootOf(node: Json): Json {
	let root = node;
	while (root.parent) root = root.parent;
	return root;
}
