import { type FrameRate, framesToSeconds, type Rational } from '../../../protocol/time.ts';
import type { MediaSource } from '../../../protocol/timeline.ts';
import type { MediaFinder } from '../media-path.ts';
import { attribute, child, childInteger, children, childText, type XmlElement } from '../xml.ts';
import { rateOf } from './rate.ts';
import type { SequenceReading } from './reading.ts';

/** An xmeml document: files and sequences are described once and referred to by id elsewhere. */
export type Xmeml = {
	readonly root: XmlElement;
	readonly media: MediaFinder;
	readonly files: ReadonlyMap<string, XmlElement>;
	readonly sequences: ReadonlyMap<string, XmlElement>;
	/** Sequences already read; null for those that are being read. */
	readonly readings: Map<XmlElement, SequenceReading | null>;
};

export function xmemlOf(root: XmlElement, media: MediaFinder): Xmeml {
	const files = new Map<string, XmlElement>();
	const sequences = new Map<string, XmlElement>();
	visit(root, (element) => {
		const index = element.name === 'file' ? files : element.name === 'sequence' ? sequences : null;
		const id = attribute(element, 'id');
		if (index === null || id === undefined || children(element).length === 0) return;
		if (!index.has(id)) index.set(id, element);
	});
	return { root, media, files, sequences, readings: new Map() };
}

/** The element that describes what a `<file>` or `<sequence>` may only refer to. */
export function definitionOf(
	reference: XmlElement,
	index: ReadonlyMap<string, XmlElement>,
): XmlElement {
	if (children(reference).length > 0) return reference;
	return index.get(attribute(reference, 'id') ?? '') ?? reference;
}

/** What a clip item shows, where it is no nested sequence. */
export function sourceOfItem(document: Xmeml, item: XmlElement): MediaSource {
	const reference = child(item, 'file');
	if (!reference) return { kind: 'synthetic', what: whatIs(item) };
	return sourceOfFile(document, definitionOf(reference, document.files));
}

/** How long the media of a clip is in seconds and its own rate, where its file says so. */
export function mediaOf(
	document: Xmeml,
	item: XmlElement,
): { readonly rate: FrameRate | undefined; readonly length: Rational | null } {
	const reference = child(item, 'file');
	const file = reference && definitionOf(reference, document.files);
	const rate = rateOf(file);
	const frames = file && childInteger(file, 'duration');
	return { rate, length: rate && frames ? framesToSeconds(frames, rate) : null };
}

/** Stills last as long as they are asked to: every frame of the clip shows the same one. */
export function isStill(document: Xmeml, item: XmlElement): boolean {
	if (childText(item, 'stillframe')?.toUpperCase() === 'TRUE') return true;
	const source = sourceOfItem(document, item);
	return source.kind !== 'synthetic' && STILL.test(source.path);
}

export function visit(element: XmlElement, see: (element: XmlElement) => void): void {
	see(element);
	for (const inner of children(element)) visit(inner, see);
}

function sourceOfFile(document: Xmeml, file: XmlElement): MediaSource {
	const url = childText(file, 'pathurl');
	if (url) return document.media.find(url);
	const name = childText(file, 'name') ?? '';
	const made = childText(file, 'mediaSource');
	if (made !== undefined) return { kind: 'synthetic', what: short(`${name} (${made})`) };
	return {
		kind: 'offline',
		path: name.slice(0, 4096),
		reason: 'The timeline names no file for it',
	};
}

function whatIs(item: XmlElement): string {
	if (child(item, 'multiclip')) return 'multicam clip';
	const effect = child(item, 'effect');
	const name = childText(item, 'name') || (effect && childText(effect, 'name')) || 'without a name';
	return short(item.name === 'generatoritem' ? `generator ${name}` : `clip ${name} without a file`);
}

/** As long as names may be in a cut. */
export function short(text: string): string {
	return text.length > 500 ? `${text.slice(0, 499)}…` : text;
}

const STILL = /\.(?:png|jpe?g|tiff?|tga|bmp|psd|exr|dpx|webp|heic|svg|ai|eps)$/i;
