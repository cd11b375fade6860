import type { Placement } from '../../host.ts';
import type { Replacement, Standing } from '../format.ts';
import { notPlain } from '../standing.ts';
import {
	attribute,
	child,
	childInteger,
	children,
	childText,
	endOf,
	sourceOf,
	textOf,
	type XmlElement,
} from '../xml.ts';
import { element, indentationAt, type NewElement, styleAt, writeXml } from '../xml-write.ts';
import { COMMENT, commentOf, dialectOf, fileElement } from './clip.ts';
import { freeIds } from './insert.ts';
import { itemsOf } from './read.ts';
import type { SequenceReading } from './reading.ts';
import { visit, type Xmeml } from './source.ts';

/** Gives a clip item another `<file>`; its in and out, links and filters stay. */
export function swapMedia(
	document: Xmeml,
	reading: SequenceReading,
	standing: Standing,
	placement: Placement,
): readonly Replacement[] {
	const { clip, file } = clipOf(reading, standing);
	if (!file) throw notPlain(standing, 'one without a file');
	const ids = freeIds(document.root, 0);
	const known = definitionFor(document, placement.clip.path);
	const described = known ? sourceText(known) : null;
	// A file is described where it stands first in the text.
	const isFirst = known === undefined || known.start > clip.start;
	const length = childInteger(clip, 'duration') ?? placement.clip.frames;
	const media = { ...placement, clip: { ...placement.clip, frames: length } };
	const dialect = dialectOf(reading.element, sourceOf(document.root));
	const id = (known && attribute(known, 'id')) ?? ids.file;
	const written = isFirst
		? (described ?? fileElement(media, id, dialect))
		: element('file', '', { id });
	const comment = child(child(clip, 'comments') ?? clip, 'mastercomment1');
	const master = child(clip, 'masterclipid');
	const owner = known?.parent as XmlElement | undefined;
	const name = child(clip, 'name');
	return [
		...definedElsewhere(document, file),
		replaced(file, written),
		...(known && isFirst ? [replaced(known, element('file', '', { id }))] : []),
		...(name ? [replaced(name, element('name', placement.name))] : []),
		...(master
			? [
					replaced(
						master,
						element('masterclipid', (owner && childText(owner, 'masterclipid')) || ids.masterClip),
					),
				]
			: []),
		...(comment && textOf(comment).startsWith(COMMENT)
			? [replaced(comment, element('mastercomment1', commentOf(placement)))]
			: []),
	];
}

/** Takes a clip item out, and the links of others to it. */
export function removeClip(
	document: Xmeml,
	reading: SequenceReading,
	standing: Standing,
): readonly Replacement[] {
	const { clip, file } = clipOf(reading, standing);
	const id = attribute(clip, 'id');
	const links: XmlElement[] = [];
	visit(document.root, (each) => {
		if (each.name !== 'link' || each.parent === clip) return;
		if (id !== undefined && childText(each, 'linkclipref') === id) links.push(each);
	});
	return [...(file ? definedElsewhere(document, file) : []), gone(clip), ...links.map(gone)];
}

function clipOf(reading: SequenceReading, standing: Standing) {
	const { range } = standing;
	const track = [...reading.video, ...reading.audio].find(
		(each) => each.track.name === standing.track,
	);
	const items = track ? itemsOf(track.element) : [];
	const at = items.findIndex((item) => {
		const found = track?.ranges.get(item);
		return item.name === 'clipitem' && found?.start === range.start && found.end === range.end;
	});
	const clip = items[at];
	if (!clip) throw notPlain(standing, 'a part of something else');
	const beside = [items[at - 1], items[at + 1]].filter((item) => item?.name === 'transitionitem');
	const touching = beside.some(
		(item) =>
			item &&
			(childInteger(item, 'end') ?? 0) >= range.start &&
			(childInteger(item, 'start') ?? 0) <= range.end,
	);
	if (touching) throw notPlain(standing, 'one with a transition at its edge');
	return { clip, file: child(clip, 'file') };
}

/** The description of a file moves to the first of the other clips that refer to it. */
function definedElsewhere(document: Xmeml, file: XmlElement): readonly Replacement[] {
	const id = attribute(file, 'id');
	if (id === undefined || children(file).length === 0) return [];
	let heir: XmlElement | undefined;
	visit(document.root, (each) => {
		if (each.name === 'file' && each !== file && attribute(each, 'id') === id) heir ??= each;
	});
	if (!heir || children(heir).length > 0) return [];
	return [replaced(heir, sourceText(file))];
}

/** The `<file>` that describes a path in the document already. */
function definitionFor(document: Xmeml, path: string): XmlElement | undefined {
	return [...document.files.values()].find((file) => {
		const url = childText(file, 'pathurl');
		const source = url ? document.media.find(url) : null;
		return source?.kind === 'file' && source.path === path;
	});
}

function sourceText(target: XmlElement): string {
	return sourceOf(target).slice(target.start, endOf(target));
}

function replaced(old: XmlElement, by: NewElement | string): Replacement {
	const indent = indentationAt(sourceOf(old), old.start) ?? '';
	const text =
		typeof by === 'string' ? by : writeXml(by, styleAt(old.parent as XmlElement), indent);
	return { offset: old.start, length: endOf(old) - old.start, text };
}

/** With the white space before it, which set it apart. */
function gone(old: XmlElement): Replacement {
	const offset = sourceOf(old).slice(0, old.start).trimEnd().length;
	return { offset, length: endOf(old) - offset, text: '' };
}
