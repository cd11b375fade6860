import { PickupError } from '../../../protocol/errors.ts';
import { type FrameRate, type Rational, rational } from '../../../protocol/time.ts';
import type { Sequence } from '../../../protocol/timeline.ts';
import type { MediaFinder } from '../media-path.ts';
import {
	attribute,
	child,
	children,
	endOf,
	lineOf,
	malformed,
	parseXml,
	pathOf,
	textOf,
	type XmlElement,
} from '../xml.ts';
import { parseMltTime } from './time.ts';

/** An MLT XML document: a list of services, each defined before it is used. */
export type MltDocument = {
	readonly root: XmlElement;
	readonly media: MediaFinder;
	/** Where relative media paths start; projects move, so that it may exist on another machine. */
	readonly mediaRoot: string;
	readonly rate: FrameRate;
	readonly size: Sequence['size'];
	readonly pixelAspect: Rational;
	/** Which editor's conventions the tracks follow. */
	readonly editor: 'kdenlive' | 'shotcut' | 'plain';
	/** The playlist of the editor's media bin. */
	readonly bin: XmlElement | undefined;
	/** Services by id, in document order; an id may be defined anew. */
	readonly services: ReadonlyMap<string, readonly XmlElement[]>;
	readonly ids: ReadonlySet<string>;
};

const SERVICES = new Set(['producer', 'chain', 'playlist', 'tractor', 'multitrack']);

export function readDocument(text: string, media: MediaFinder): MltDocument {
	const root = parseXml(text);
	const profile = child(root, 'profile');
	if (!profile || attribute(profile, 'frame_rate_num') === undefined) {
		throw withoutProfile(profile ?? root);
	}
	const rate = ratio(profile, 'frame_rate_num', 'frame_rate_den', 1_000_000);
	if (rate.num / rate.den < 1 || rate.num / rate.den > 1000 || rate.den > 100_000) {
		throw malformed(profile, 'between 1 and 1000 frames a second', `${rate.num}/${rate.den}`);
	}
	const services = new Map<string, XmlElement[]>();
	const ids = new Set<string>();
	collect(root, services, ids);
	const bins = [...(services.get('main_bin') ?? []), ...(services.get('main bin') ?? [])];
	const bin = bins.find((element) => element.name === 'playlist');
	return {
		root,
		media,
		mediaRoot: attribute(root, 'root') ?? '',
		rate,
		size: { width: pixels(profile, 'width'), height: pixels(profile, 'height') },
		pixelAspect:
			attribute(profile, 'sample_aspect_num') === undefined
				? { num: 1, den: 1 }
				: ratio(profile, 'sample_aspect_num', 'sample_aspect_den', 100_000),
		editor: editorOf(root, bin),
		bin,
		services,
		ids,
	};
}

/** True for an element that is a producer of frames. */
export function isService(element: XmlElement): boolean {
	return SERVICES.has(element.name);
}

/**
 * The service that an `<entry>` or `<track>` plays: the one that its `producer` names, defined
 * before it, or the one inside it. Throws `timeline-malformed` where there is none.
 */
export function resolve(document: MltDocument, reference: XmlElement): XmlElement {
	if (isService(reference)) return reference;
	const id = attribute(reference, 'producer');
	const found =
		id === undefined
			? children(reference).find(isService)
			: document.services.get(id)?.findLast((service) => endOf(service) <= reference.start);
	if (found) return found;
	const expected =
		id === undefined ? 'a producer attribute' : 'a producer that is defined before it';
	throw malformed(reference, expected, id === undefined ? 'none' : JSON.stringify(id));
}

const properties = new WeakMap<XmlElement, Map<string, XmlElement>>();

/** The `<property>` of that name; the last one counts, as in MLT. */
export function propertyElement(owner: XmlElement, name: string): XmlElement | undefined {
	let known = properties.get(owner);
	if (!known) {
		known = new Map();
		for (const element of children(owner, 'property')) {
			known.set(attribute(element, 'name') ?? '', element);
		}
		properties.set(owner, known);
	}
	return known.get(name);
}

export function propertyNames(owner: XmlElement): readonly string[] {
	propertyElement(owner, '');
	return [...(properties.get(owner)?.keys() ?? [])];
}

/** A property's text, also where it is written as an attribute; undefined where there is none. */
export function property(owner: XmlElement, name: string): string | undefined {
	const element = propertyElement(owner, name);
	if (element === undefined) return attribute(owner, name);
	return attribute(element, 'value') ?? textOf(element);
}

export function isSet(owner: XmlElement, name: string): boolean {
	const value = property(owner, name);
	return value !== undefined && value !== '' && value !== '0';
}

/** An attribute as frames; undefined where it is missing. Throws `timeline-malformed`. */
export function timeAttribute(
	document: MltDocument,
	element: XmlElement,
	name: string,
): number | undefined {
	const text = attribute(element, name);
	if (text === undefined || text.trim() === '') return undefined;
	const frames = parseMltTime(text, document.rate);
	if (frames !== null) return frames;
	throw malformed(element, `${name} as frames or a time`, JSON.stringify(text.slice(0, 60)));
}

/** The child of the root that an element stands in. */
export function topLevel(document: MltDocument, element: XmlElement): XmlElement {
	let at = element;
	while (at.parent !== document.root && at.parent !== null) at = at.parent as XmlElement;
	return at;
}

function collect(element: XmlElement, services: Map<string, XmlElement[]>, ids: Set<string>): void {
	const id = attribute(element, 'id');
	if (id !== undefined) {
		ids.add(id);
		const known = services.get(id);
		if (!isService(element)) {
			// Filters and transitions have ids as well, but nothing plays them.
		} else if (known) known.push(element);
		else services.set(id, [element]);
	}
	for (const inner of children(element)) collect(inner, services, ids);
}

function editorOf(root: XmlElement, bin: XmlElement | undefined): MltDocument['editor'] {
	if (bin && propertyNames(bin).some((name) => name.startsWith('kdenlive:'))) return 'kdenlive';
	const shotcut = children(root, 'tractor').some((tractor) => isSet(tractor, 'shotcut'));
	return shotcut ? 'shotcut' : 'plain';
}

/** Where a document names a profile of MLT's, or none, its rate is known to MLT and its media alone. */
function withoutProfile(element: XmlElement): PickupError {
	return new PickupError(
		'timeline-unsupported',
		`${pathOf(element)} (line ${lineOf(element)}): expected a <profile> with a rate and a size of picture, got none: melt takes them from the first clip's file`,
		{
			field: 'mlt/profile',
			action: 'Save it with `melt FILE -consumer xml:NEW.mlt`, which adds them.',
		},
	);
}

function ratio(element: XmlElement, num: string, den: string, most: number): Rational {
	return rational(number(element, num, 1, most), number(element, den, 1, most));
}

function pixels(element: XmlElement, name: string): number {
	return number(element, name, 2, 16_384);
}

function number(element: XmlElement, name: string, least: number, most: number): number {
	const text = attribute(element, name) ?? '';
	const value = Number(text);
	if (/^\s*\d+(\.0*)?\s*$/.test(text) && value >= least && value <= most) return value;
	const expected = `${name} as a whole number from ${least} to ${most}`;
	throw malformed(element, expected, text === '' ? 'nothing' : JSON.stringify(text.slice(0, 60)));
}
