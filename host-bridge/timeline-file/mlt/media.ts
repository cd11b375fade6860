import { createHash } from 'node:crypto';
import { rangeLength } from '../../../protocol/time.ts';
import type { Placement } from '../../host.ts';
import { children, type XmlElement } from '../xml.ts';
import { element, type NewElement } from '../xml-write.ts';
import { readClip } from './clip.ts';
import { type MltDocument, property, propertyNames, resolve } from './document.ts';
import type { MltEdit } from './edit.ts';

/** A clip's media as the document will know it. */
export type NewMedia = {
	/** The id that Kdenlive's bin and timeline share; null in other editors' documents. */
	readonly binId: number | null;
	/** A producer for one use of the media, with an id of its own. */
	producer(use: 'bin' | 'picture' | 'sound'): { readonly id: string; readonly node: NewElement };
	/** An entry that plays the whole of a producer. */
	entry(producerId: string): NewElement;
};

/** Describes the media of a placement, and puts it into Kdenlive's bin. */
export function newMedia(edit: MltEdit, placement: Placement): NewMedia {
	const { document } = edit;
	const kdenlive = document.editor === 'kdenlive';
	const known = kdenlive ? binClipOf(edit.document, placement.clip.path) : undefined;
	const binId = kdenlive ? (known?.id ?? freeBinId(edit)) : null;
	const frames = rangeLength(placement.range);
	const name = children(document.root, 'chain').length > 0 ? 'chain' : 'producer';
	const uuid = known
		? known.uuid
		: usesControlUuids(edit)
			? controlUuid(placement, binId ?? 0)
			: null;
	const media: NewMedia = {
		binId,
		producer(use) {
			const id = edit.freshId('pickup');
			const inOut = name === 'chain' ? {} : { in: '0' };
			const attributes = { id, ...inOut, out: String(frames - 1) };
			const properties = describeMedia(placement, use, frames, document.editor);
			if (binId !== null) {
				properties.push(
					['mute_on_pause', '0'],
					['kdenlive:clipname', placement.name],
					['kdenlive:folderid', '-1'],
					['kdenlive:id', String(binId)],
					['kdenlive:clip_type', placement.clip.samples > 0 ? '0' : '2'],
				);
				if (uuid !== null) properties.push(['kdenlive:control_uuid', uuid]);
			}
			const content = properties.map(([key, value]) => element('property', value, { name: key }));
			return { id, node: { name, attributes, content } };
		},
		entry(producerId) {
			const attributes = { producer: producerId, in: '0', out: String(frames - 1) };
			const content = binId === null ? [] : [element('property', binId, { name: 'kdenlive:id' })];
			return { name: 'entry', attributes, content };
		},
	};
	if (document.bin && kdenlive && known === undefined) {
		const bin = media.producer('bin');
		edit.before(document.bin, bin.node);
		const attributes = { producer: bin.id, in: '0', out: String(frames - 1) };
		edit.append(document.bin, { name: 'entry', attributes, content: [] });
	}
	return media;
}

/** Pickup's clips have one picture stream and then, where they sound, one stereo stream. */
function describeMedia(
	placement: Placement,
	use: 'bin' | 'picture' | 'sound',
	frames: number,
	editor: 'kdenlive' | 'shotcut' | 'plain',
): [string, string][] {
	const sounds = placement.clip.samples > 0;
	const kdenlive = editor === 'kdenlive';
	// A clip that is switched off in Kdenlive passes neither test.
	const off = placement.enabled === false;
	// Kdenlive tells the copies apart by their tests, other players by the streams.
	const video = use === 'sound' && !kdenlive ? '-1' : '0';
	const audio = !sounds || (use === 'picture' && !kdenlive) ? '-1' : '1';
	const properties: [string, string][] = [
		['length', String(frames)],
		['eof', 'pause'],
		['resource', placement.clip.path],
		['mlt_service', kdenlive || editor === 'shotcut' ? 'avformat-novalidate' : 'avformat'],
		['seekable', '1'],
		['audio_index', audio],
		['video_index', video],
	];
	if (use !== 'bin') {
		properties.push(
			['set.test_audio', use === 'picture' || off ? '1' : '0'],
			['set.test_image', use === 'sound' || off ? '1' : '0'],
		);
	}
	if (editor === 'shotcut') properties.push(['shotcut:caption', placement.name]);
	return properties;
}

/** A file that is in Kdenlive's bin already, as clips of it name it. */
function binClipOf(
	document: MltDocument,
	path: string,
): { readonly id: number; readonly uuid: string | null } | undefined {
	const entries = document.bin ? children(document.bin, 'entry') : [];
	for (const entry of entries) {
		const service = resolve(document, entry);
		const { source } = readClip(document, service, 0);
		const id = property(service, 'kdenlive:id') ?? '';
		if (source.kind !== 'file' || source.path !== path || !/^\d{1,9}$/.test(id)) continue;
		return { id: Number(id), uuid: property(service, 'kdenlive:control_uuid') ?? null };
	}
	return undefined;
}

/** Clips, sequences and folders of Kdenlive's bin share one count. */
function freeBinId(edit: MltEdit): number {
	let most = 1;
	const see = (text: string | undefined) => {
		if (text && /^\d{1,9}$/.test(text)) most = Math.max(most, Number(text));
	};
	for (const service of [...edit.document.services.values()].flat()) {
		see(property(service, 'kdenlive:id'));
	}
	const { bin } = edit.document;
	for (const name of bin ? propertyNames(bin) : []) {
		see(/^kdenlive:folder\.-?\d+\.(\d+)$/.exec(name)?.[1]);
	}
	if (bin) see(property(bin, 'kdenlive:sequenceFolder'));
	return most + 1;
}

/** Kdenlive 22.08 and newer recognise a clip by a UUID as well. */
function usesControlUuids(edit: MltEdit): boolean {
	return [...edit.document.services.values()]
		.flat()
		.some((service: XmlElement) => property(service, 'kdenlive:control_uuid') !== undefined);
}

/** The same edit of the same document gives the same text, so the UUID is a hash (RFC 9562, v8). */
function controlUuid(placement: Placement, binId: number): string {
	const hex = createHash('sha256')
		.update(JSON.stringify([placement.clip.path, placement.range, placement.track, binId]))
		.digest('hex');
	const groups = [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`];
	return `{${groups.join('-')}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}}`;
}
