import type { TimelineFormat, TimelineSequence } from '../format.ts';
import { children, malformed, parseXml, rootName, type XmlElement } from '../xml.ts';
import { removeClip, swapMedia } from './change.ts';
import { insertionsFor } from './insert.ts';
import { readSequence } from './read.ts';
import { definitionOf, type Xmeml, xmemlOf } from './source.ts';

/**
 * FCP 7 XML (`xmeml`, versions 4 and 5), which Premiere and Resolve exchange. Each `<track>` is a
 * track of its own: sound in stereo takes two, one for each channel.
 */
export const fcp7XmlFormat: TimelineFormat = {
	name: 'fcp7-xml',
	extensions: ['.xml'],
	recognises: (text) => rootName(text) === 'xmeml',
	read(text, media) {
		const root = parseXml(text);
		const document = xmemlOf(root, media);
		const sequences = [...new Set(sequencesIn(document, root))];
		if (sequences.length === 0) throw malformed(root, 'a <sequence> with <media>', 'none');
		return sequences.map((element) => timelineSequence(document, element));
	},
};

/** Sequences of the project, in the order of its bins; nested ones are clips, not listed. */
function sequencesIn(document: Xmeml, parent: XmlElement): readonly XmlElement[] {
	return children(parent).flatMap((element) => {
		if (element.name === 'sequence') {
			const definition = definitionOf(element, document.sequences);
			return children(definition, 'media').length > 0 ? [definition] : [];
		}
		const holds = ['project', 'bin', 'children'].includes(element.name);
		return holds ? sequencesIn(document, element) : [];
	});
}

function timelineSequence(document: Xmeml, element: XmlElement): TimelineSequence {
	const reading = readSequence(document, element);
	if (reading === null) throw malformed(element, 'a sequence that ends', 'one inside itself');
	const tracks = [...reading.video, ...reading.audio].map(({ track }) => track);
	return {
		cut: {
			sequence: reading.sequence,
			tracks,
			splitStereo: true,
			...(reading.notes.length > 0 ? { notes: reading.notes } : {}),
		},
		insertions: (placement, plan) => insertionsFor(document, reading, placement, plan),
		swap: (clip, placement) => swapMedia(document, reading, clip, placement),
		remove: (clip) => removeClip(document, reading, clip),
	};
}
