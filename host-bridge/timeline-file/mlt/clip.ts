import path from 'node:path';
import {
	type FrameRate,
	framesToSeconds,
	multiply,
	ONE,
	type Rational,
	rational,
	ZERO,
} from '../../../protocol/time.ts';
import type { ClipSpan, Stream } from '../../../protocol/timeline.ts';
import { children, type XmlElement } from '../xml.ts';
import { isSet, type MltDocument, property, timeAttribute } from './document.ts';
import { parseMltTime } from './time.ts';

/** What a service plays from one of its frames on. */
export type MltClip = Pick<
	ClipSpan,
	'name' | 'source' | 'sourceIn' | 'speed' | 'nearestFrame' | 'pictureStream'
> & {
	readonly soundStream?: Stream;
	readonly picture: boolean;
	readonly sound: boolean;
};

const STILLS = new Set(['qimage', 'pixbuf']);
const GENERATORS: Readonly<Record<string, string>> = {
	color: 'colour',
	colour: 'colour',
	kdenlivetitle: 'title',
	qtext: 'title',
	pango: 'title',
	xml: 'nested project',
	'xml-nogl': 'nested project',
	noise: 'noise',
	count: 'counter',
	tone: 'tone',
	blipflash: 'blip and flash',
	glaxnimate: 'animation',
};

/** `frame` counts from the first frame of the service. */
export function readClip(document: MltDocument, service: XmlElement, frame: number): MltClip {
	const kind = property(service, 'mlt_service') ?? '';
	const resource = property(service, 'resource') ?? '';
	const still = STILLS.has(kind);
	const generator = GENERATORS[kind];
	const flags = {
		picture: !isSet(service, 'set.test_image') && property(service, 'video_index') !== '-1',
		sound:
			!isSet(service, 'set.test_audio') &&
			property(service, 'audio_index') !== '-1' &&
			!still &&
			(generator === undefined || !['colour', 'title'].includes(generator)),
	};
	const given = property(service, 'kdenlive:clipname') || property(service, 'shotcut:caption');
	const at = framesToSeconds(frame, document.rate);
	const synthetic = (what: string): MltClip => ({
		name: shorten(given || what),
		source: { kind: 'synthetic', what: shorten(what) },
		sourceIn: at,
		speed: ONE,
		...flags,
	});
	if (service.name !== 'producer' && service.name !== 'chain') {
		return synthetic(`nested sequence${given ? ` "${given}"` : ''}`);
	}
	if (generator) {
		return synthetic(generator === 'colour' ? `colour ${resource}` : generator);
	}
	if (children(service, 'link').some(isTimeRemap)) return synthetic('time-remapped clip');
	if (still && isSequenceOfImages(resource)) return synthetic('image sequence');
	const played = playedAt(document, service, kind, resource, frame);
	if (played.path === '' || played.path.startsWith('<')) return synthetic(kind || 'producer');
	const original = originalOf(service);
	return {
		name: shorten(given || path.basename(played.path.replaceAll('\\', '/'))),
		source: document.media.find(original ?? played.path, document.mediaRoot),
		sourceIn: still ? ZERO : played.sourceIn,
		speed: still ? ZERO : played.speed,
		// producer_avformat.c takes the frame nearest to a position, not the one before it.
		...(still ? {} : { nearestFrame: true }),
		// A proxy's streams are not those of the file that it stands for.
		...(still || original !== undefined ? {} : streamsOf(service)),
		...flags,
	};
}

/** MLT 7.14 and newer number the streams of a kind as well as all of them. */
function streamsOf(service: XmlElement): Pick<MltClip, 'pictureStream' | 'soundStream'> {
	const stream = (all: string, kind: string): Stream | undefined => {
		const [among, text] = property(service, all)
			? (['all', property(service, all)] as const)
			: (['kind', property(service, kind)] as const);
		return /^\d{1,4}$/.test(text ?? '') ? { among, index: Number(text) } : undefined;
	};
	const pictureStream = stream('video_index', 'vstream');
	const soundStream = stream('audio_index', 'astream');
	return {
		...(pictureStream ? { pictureStream } : {}),
		...(soundStream ? { soundStream } : {}),
	};
}

/** Frames that a service can play, where the document says so. */
export function lengthOf(document: MltDocument, service: XmlElement): number | undefined {
	if (service.name !== 'producer' && service.name !== 'chain') return undefined;
	const length = property(service, 'length');
	return (length === undefined ? null : parseMltTime(length, document.rate)) ?? undefined;
}

type Played = { readonly path: string; readonly speed: Rational; readonly sourceIn: Rational };

/** Follows the wrappers that change speed: `timewarp` and the older `framebuffer`. */
function playedAt(
	document: MltDocument,
	service: XmlElement,
	kind: string,
	resource: string,
	frame: number,
): Played {
	if (kind === 'timewarp') {
		const match = /^(-?[\d.]+):(.*)$/s.exec(resource);
		const speed = decimal(property(service, 'warp_speed') ?? match?.[1] ?? '');
		const file = property(service, 'warp_resource') || (match?.[2] ?? resource);
		return { path: file, ...warped(document, service, speed, frame) };
	}
	if (kind === 'framebuffer') {
		const match = /^(.*)\?(-?[\d.]+)$/s.exec(resource);
		const speed = decimal(match?.[2] ?? '');
		return { path: match?.[1] ?? resource, ...warped(document, service, speed, frame) };
	}
	return { path: resource, speed: ONE, sourceIn: framesToSeconds(frame, document.rate) };
}

/** A warped service counts its own frames; backwards it starts from its out point. */
function warped(
	document: MltDocument,
	service: XmlElement,
	speed: Rational,
	frame: number,
): Omit<Played, 'path'> {
	const backwards = speed.num < 0;
	const first = timeAttribute(document, service, 'in') ?? 0;
	const last =
		timeAttribute(document, service, 'out') ?? (lengthOf(document, service) ?? frame + 1) - 1;
	const own = backwards ? last - frame + first : frame;
	return { speed, sourceIn: sourceTime(own, document.rate, speed) };
}

function sourceTime(frame: number, rate: FrameRate, speed: Rational): Rational {
	return multiply(framesToSeconds(frame, rate), { num: Math.abs(speed.num), den: speed.den });
}

/** `2.000000` as 2/1. MLT plays what it cannot read, and 0, at normal speed. */
function decimal(text: string): Rational {
	const match = /^(-?)(\d{1,6})(?:\.(\d{1,9})\d*)?$/.exec(text.trim());
	const [, sign = '', whole = '0', part = ''] = match ?? [];
	const value = rational(BigInt(`${sign}${whole}${part}`), 10n ** BigInt(part.length));
	return value.num === 0 ? ONE : value;
}

/** The file that a proxy stands for: the edit is made with the one, the film with the other. */
function originalOf(service: XmlElement): string | undefined {
	const proxy = property(service, 'kdenlive:proxy') ?? '';
	if (proxy.length > 1) return property(service, 'kdenlive:originalurl') || undefined;
	if (isSet(service, 'shotcut:proxy')) return property(service, 'shotcut:resource') || undefined;
	return undefined;
}

function isTimeRemap(link: XmlElement): boolean {
	return property(link, 'mlt_service') === 'timeremap' && !isSet(link, 'disable');
}

function isSequenceOfImages(resource: string): boolean {
	return /%\d*d|[\\/]\.all\.|\?begin[:=]/.test(resource);
}

function shorten(text: string): string {
	return text.slice(0, 500);
}
