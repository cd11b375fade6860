import { formatTimecode } from '../../../protocol/time.ts';
import { attribute, children, type XmlElement } from '../xml.ts';
import { isService, type MltDocument, property, resolve, timeAttribute } from './document.ts';
import type { MltEdit } from './edit.ts';
import type { MltSequence } from './sequence.ts';
import { parseMltTime } from './time.ts';

/**
 * Makes a sequence last at least `end` frames wherever the document says how long it is: its own
 * out point, its tracks', its background's, and those of the bin and the project around it.
 */
export function extendSequence(
	edit: MltEdit,
	sequence: MltSequence,
	touched: readonly XmlElement[],
	end: number,
): void {
	const { document, element } = sequence;
	for (const service of new Set(touched)) {
		if (service.name === 'tractor') extendOut(edit, service, end);
	}
	if (element.name !== 'tractor') return;
	extendOut(edit, element, end);
	const [bottom] = sequence.references;
	if (bottom && sequence.background) extendBackground(edit, resolve(document, bottom), end);
	if (lasts(document, property(element, 'kdenlive:maxduration')) < end) {
		edit.setProperty(element, 'kdenlive:maxduration', String(end));
		edit.setProperty(element, 'kdenlive:duration', formatTimecode(end, document.rate));
	}
	for (const reference of sequenceReferences(document, element)) extendOut(edit, reference, end);
}

function extendOut(edit: MltEdit, target: XmlElement, end: number): void {
	const out = timeAttribute(edit.document, target, 'out');
	if (out !== undefined && out < end - 1) edit.setAttribute(target, 'out', String(end - 1));
}

function extendBackground(edit: MltEdit, service: XmlElement, end: number): void {
	if (isService(service) && service.name === 'playlist') {
		const [entry] = children(service, 'entry');
		if (!entry || children(service, 'entry').length > 1) return;
		extendOut(edit, entry, end);
		extendBackground(edit, resolve(edit.document, entry), end);
		return;
	}
	extendOut(edit, service, end);
	if (lasts(edit.document, property(service, 'length')) < end) {
		edit.setProperty(service, 'length', String(end));
	}
}

/** Frames of a property; one that is missing or unreadable is no limit. */
function lasts(document: MltDocument, text: string | undefined): number {
	const frames = text === undefined ? null : parseMltTime(text, document.rate);
	return frames ?? Number.POSITIVE_INFINITY;
}

/** The bin's entry and the project's track: other sequences that nest this one keep their cut. */
function sequenceReferences(document: MltDocument, sequence: XmlElement): readonly XmlElement[] {
	const id = attribute(sequence, 'id');
	if (id === undefined) return [];
	const names = (element: XmlElement) => attribute(element, 'producer') === id;
	const inBin = document.bin ? children(document.bin, 'entry').filter(names) : [];
	const projects = children(document.root, 'tractor').filter(
		(tractor) => property(tractor, 'kdenlive:projectTractor') !== undefined,
	);
	const inProject = projects.flatMap((project) => {
		const tracks = children(project, 'track').filter(names);
		return tracks.length > 0 ? [project, ...tracks] : [];
	});
	return [...inBin, ...inProject];
}
