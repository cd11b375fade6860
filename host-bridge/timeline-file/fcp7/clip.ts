import path from 'node:path';
import { framesToTicks, nominalRate, rangeLength } from '../../../protocol/time.ts';
import type { Placement } from '../../host.ts';
import { urlFromMediaPath } from '../media-path.ts';
import { attribute, child, childText, type XmlElement } from '../xml.ts';
import { element, type NewElement } from '../xml-write.ts';
import { rateElement } from './rate.ts';

/** One channel or the picture of a new clip: what a clip item needs beside the placement. */
export type NewItem = {
	readonly id: string;
	readonly kind: 'video' | 'audio';
	/** Channel of the sound, from 1. */
	readonly channel: number;
	/** Place of the track among those of its kind and of the clip in it, both from 1. */
	readonly trackIndex: number;
	readonly clipIndex: number;
};

/** How the document's own writer puts things. */
export type Dialect = {
	/** True where clips have Premiere's attributes and ticks. */
	readonly premiere: boolean;
	readonly masterClips: boolean;
	readonly pixelAspect: string;
	readonly anamorphic: string;
};

export function dialectOf(sequence: XmlElement, source: string): Dialect {
	const format = ['media', 'video', 'format', 'samplecharacteristics'].reduce<
		XmlElement | undefined
	>((at, name) => at && child(at, name), sequence);
	return {
		premiere: source.includes('<pproTicksIn>') || attribute(sequence, 'explodedTracks') === 'true',
		masterClips: source.includes('<masterclipid>'),
		pixelAspect: (format && childText(format, 'pixelaspectratio')) || 'square',
		anamorphic: (format && childText(format, 'anamorphic')) || 'FALSE',
	};
}

/** `<clipitem>` for the picture or one channel, linked to all items of the placement. */
export function clipItem(
	item: NewItem,
	all: readonly NewItem[],
	placement: Placement,
	ids: { readonly file: string; readonly masterClip: string },
	dialect: Dialect,
	describeFile: boolean,
): NewElement {
	const { clip, range } = placement;
	const frames = rangeLength(range);
	const attributes = {
		id: item.id,
		...(dialect.premiere ? { frameBlend: 'FALSE' } : {}),
		...(dialect.premiere && item.kind === 'audio' ? { premiereChannelType: 'stereo' } : {}),
	};
	return element(
		'clipitem',
		[
			...(dialect.masterClips ? [element('masterclipid', ids.masterClip)] : []),
			element('name', placement.name),
			element('enabled', placement.enabled === false ? 'FALSE' : 'TRUE'),
			element('duration', frames),
			rateElement(clip.rate),
			element('start', range.start),
			element('end', range.end),
			element('in', 0),
			element('out', frames),
			...(dialect.premiere
				? [element('pproTicksIn', 0), element('pproTicksOut', framesToTicks(frames, clip.rate))]
				: []),
			...(item.kind === 'video'
				? [
						element('alphatype', 'none'),
						element('pixelaspectratio', dialect.pixelAspect),
						element('anamorphic', dialect.anamorphic),
					]
				: []),
			describeFile
				? fileElement(placement, ids.file, dialect)
				: element('file', '', { id: ids.file }),
			...(item.kind === 'audio'
				? [
						element('sourcetrack', [
							element('mediatype', 'audio'),
							element('trackindex', item.channel),
						]),
					]
				: []),
			...all.map(linkElement),
			element('labels', [element('label2', 'Iris')]),
			element('comments', [element('mastercomment1', commentOf(placement))]),
		],
		attributes,
	);
}

/** `<file>` with all that is known of it. */
export function fileElement(placement: Placement, id: string, dialect: Dialect): NewElement {
	const { clip } = placement;
	const rate = rateElement(clip.rate);
	const zero = nominalRate(clip.rate) > 99 ? '00:00:00:000' : '00:00:00:00';
	const video = element('video', [
		element('duration', clip.frames),
		element('samplecharacteristics', [
			rate,
			element('width', clip.size.width),
			element('height', clip.size.height),
			element('anamorphic', dialect.anamorphic),
			element('pixelaspectratio', dialect.pixelAspect),
			element('fielddominance', 'none'),
		]),
	]);
	const audio = element('audio', [
		element('samplecharacteristics', [element('depth', 16), element('samplerate', 48_000)]),
		element('channelcount', 2),
	]);
	return element(
		'file',
		[
			element('name', path.basename(clip.path)),
			element('pathurl', urlFromMediaPath(clip.path, 'localhost')),
			rate,
			element('duration', clip.frames),
			element('timecode', [
				rate,
				element('string', zero),
				element('frame', 0),
				element('displayformat', 'NDF'),
			]),
			element('media', clip.samples > 0 ? [video, audio] : [video]),
		],
		{ id },
	);
}

function linkElement(item: NewItem): NewElement {
	return element('link', [
		element('linkclipref', item.id),
		element('mediatype', item.kind),
		element('trackindex', item.trackIndex),
		element('clipindex', item.clipIndex),
		...(item.kind === 'audio' ? [element('groupindex', 1)] : []),
	]);
}

export function commentOf({ clip }: Placement): string {
	const told = [
		clip.draft ? 'draft for timing' : '',
		clip.engine === undefined ? '' : `engine ${clip.engine}`,
		clip.seed === undefined ? '' : `seed ${clip.seed}`,
	].filter(Boolean);
	return told.length === 0 ? COMMENT : `${COMMENT}: ${told.join(', ')}`;
}

/** How the comment on a clip of ours begins. */
export const COMMENT = 'Pickup';
