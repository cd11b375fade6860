import type { TimelineFormat } from '../format.ts';
import { rootName } from '../xml.ts';
import { removeClip, swapMedia } from './change.ts';
import { readDocument } from './document.ts';
import { mltInsertions } from './place.ts';
import { readSequences } from './sequence.ts';

/**
 * MLT XML (`westley` before 2009): what melt and Shotcut write, and Kdenlive's projects with one timeline (to 22.12) or
 * with several sequences (from 23.04 on), of which the open one comes first.
 */
export const mltFormat: TimelineFormat = {
	name: 'mlt',
	extensions: ['.mlt', '.kdenlive'],
	recognises: (text) => ['mlt', 'westley'].includes(rootName(text) ?? ''),
	read: (text, media) =>
		readSequences(readDocument(text, media)).map((sequence) => ({
			cut: sequence.cut,
			insertions: (placement, plan) => mltInsertions(sequence, placement, plan),
			swap: (clip, placement) => swapMedia(sequence, clip, placement),
			remove: (clip) => removeClip(sequence, clip),
		})),
};
