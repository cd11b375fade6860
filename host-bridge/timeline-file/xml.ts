import { parseXml as parse, XmlElement, XmlError } from '@rgrove/parse-xml';
import { PickupError } from '../../protocol/errors.ts';
import { readable } from './readable.ts';

export type { XmlElement } from '@rgrove/parse-xml';

/**
 * The longest text that is parsed, in characters. A tree takes some 24 bytes for each while it is
 * made and 12 after that, and there are two when a clip is placed: 800 MB of heap hold them.
 */
const LONGEST = 20_000_000;
/** Real projects nest a few dozen deep; more is an attack on the stack. */
const DEEPEST = 200;

const sources = new WeakMap<object, string>();

/**
 * Parses a document and returns its root. All offsets count UTF-16 units of `text` itself, with
 * its CRLF and byte order mark. Of document types only entities that stand for plain text count.
 * Throws PickupError `timeline-malformed` naming line and column.
 */
export function parseXml(text: string): XmlElement {
	if (text.length > LONGEST) {
		throw new PickupError(
			'timeline-malformed',
			`Expected at most ${LONGEST / 1e6} million characters of XML, got ${(text.length / 1e6).toFixed(1)} million`,
			{
				action: 'Export only the sequence or the reel that has the gap, or OpenTimelineIO.',
			},
		);
	}
	let root: XmlElement | null;
	try {
		const entities = plainEntities(text);
		const document = parse(text, {
			includeOffsets: true,
			resolveUndefinedEntity: (entity) => entities.get(entity),
		});
		sources.set(document, text);
		root = document.root;
	} catch (error) {
		if (error instanceof RangeError) throw tooDeep(text);
		if (!(error instanceof XmlError)) throw error;
		const message = `Expected well-formed XML, got at line ${error.line}, column ${error.column}: ${reason(error)}`;
		throw new PickupError('timeline-malformed', message, { field: `line ${error.line}` });
	}
	if (root === null) throw new PickupError('timeline-malformed', 'Expected an XML element');
	if (depthOf(root) > DEEPEST) throw tooDeep(text);
	slim(root);
	return root;
}

/**
 * Takes out of a tree what nobody reads: space between elements, room for children that never came,
 * and a table of attributes for each element that has none. That is more than half of it.
 */
function slim(element: XmlElement): void {
	const inner = children(element);
	const read = (node: (typeof element.children)[number]) =>
		inner.length === 0 || node instanceof XmlElement || !('text' in node) || /\S/.test(node.text);
	element.children = element.children.filter(read).slice();
	if (Object.keys(element.attributes).length === 0) element.attributes = NO_ATTRIBUTES;
	for (const each of inner) slim(each);
}

const NO_ATTRIBUTES: XmlElement['attributes'] = Object.freeze(Object.create(null));

/** The name of the first element of what may be XML; undefined where it is not. */
export function rootName(text: string): string | undefined {
	const start = text.slice(0, 65_536);
	const at = BEFORE_ROOT.exec(start)?.[0].length ?? 0;
	return /^<([a-z][\w.-]*)[\s/>]/i.exec(start.slice(at, at + 64))?.[1];
}

const COMMENT = '<!--(?:(?!-->).)*-->';
const QUOTED = `"[^"]*"|'[^']*'`;
/** A document type, and what it has between brackets. */
const DOCTYPE = `<!DOCTYPE(?:[^>["']|${QUOTED})*(?:\\[((?:${COMMENT}|<(?!!--)|${QUOTED}|[^\\]"'<])*)\\]\\s*)?>`;
const BEFORE_ROOT = new RegExp(`^\uFEFF?(?:\\s+|<\\?.*?\\?>|${COMMENT}|${DOCTYPE})*`, 's');

export function children(element: XmlElement, name?: string): readonly XmlElement[] {
	return element.children.filter(
		(node): node is XmlElement =>
			node instanceof XmlElement && (name === undefined || node.name === name),
	);
}

export function child(element: XmlElement, name: string): XmlElement | undefined {
	return element.children.find(
		(node): node is XmlElement => node instanceof XmlElement && node.name === name,
	);
}

/** The child of that name, or `timeline-malformed` that says where it is missing. */
export function needChild(element: XmlElement, name: string): XmlElement {
	const found = child(element, name);
	if (!found) throw malformed(element, `an element <${name}> inside`, 'none');
	return found;
}

/** The text of an element and all inside it, without space around; '' for undefined. */
export function textOf(element: XmlElement | undefined): string {
	return element?.text.trim() ?? '';
}

/** The trimmed text of a child, or undefined where there is no such child. */
export function childText(element: XmlElement, name: string): string | undefined {
	const found = child(element, name);
	return found && textOf(found);
}

export function attribute(element: XmlElement, name: string): string | undefined {
	return element.attributes[name];
}

/** Hiero and Nuke Studio write `24.0`; part of a frame goes to the nearest. At most 2^53. */
function integerOf(element: XmlElement): number {
	const text = textOf(element);
	const value = Math.round(Number(text));
	if (!/^[+-]?\d+(?:\.\d*)?$/.test(text) || !Number.isSafeInteger(value)) {
		throw malformed(element, 'a whole number', quoted(text));
	}
	return value;
}

/** A child's text as an integer; undefined where there is no such child or it is empty. */
export function childInteger(element: XmlElement, name: string): number | undefined {
	const found = child(element, name);
	return found === undefined || textOf(found) === '' ? undefined : integerOf(found);
}

/** The same where the timeline is whole without it: undefined also for what is no whole number. */
export function integerIfAny(element: XmlElement, name: string): number | undefined {
	const found = readable(() => childInteger(element, name));
	return found instanceof Error ? undefined : found;
}

export function needInteger(element: XmlElement, name: string): number {
	return integerOf(needChild(element, name));
}

/** A `timeline-malformed` error that names the element's path and line. */
export function malformed(element: XmlElement, expected: string, got: string): PickupError {
	const where = pathOf(element);
	return new PickupError(
		'timeline-malformed',
		`${where} (line ${lineOf(element)}): expected ${expected}, got ${got}`,
		{ field: where },
	);
}

/** Where an element stands, e.g. `xmeml/sequence/media/video/track[2]/clipitem`. */
export function pathOf(element: XmlElement): string {
	const steps: string[] = [];
	for (let at: unknown = element; at instanceof XmlElement; at = at.parent) {
		const { name, parent } = at;
		const alike = parent instanceof XmlElement ? children(parent, name) : [at];
		steps.unshift(alike.length > 1 ? `${name}[${alike.indexOf(at) + 1}]` : name);
	}
	return steps.join('/');
}

/** The line, from 1, on which an element starts. */
export function lineOf(element: XmlElement): number {
	return lineAt(sourceOf(element), element.start);
}

/** The line, from 1, of an offset. CRLF, LF and CR each end a line once. */
export function lineAt(text: string, offset: number): number {
	return (text.slice(0, offset).match(/\r\n|\n|\r/g)?.length ?? 0) + 1;
}

/** The text that the element was parsed from. */
export function sourceOf(element: XmlElement): string {
	const document = element.document;
	const source = document === null ? undefined : sources.get(document);
	if (source === undefined) throw new Error(`<${element.name}> was not read by parseXml`);
	return source;
}

/** The offset just after the element's end tag. */
export function endOf(element: XmlElement): number {
	// The parser reports Infinity for the end of a text that has characters beyond U+FFFF.
	return Math.min(element.end, sourceOf(element).length);
}

/** True for `<name/>`. */
export function isSelfClosing(element: XmlElement): boolean {
	return sourceOf(element).slice(element.start, endOf(element)).endsWith('/>')
		? contentStart(element) === endOf(element)
		: false;
}

/** The offset just after the start tag; for `<name/>` the end of the element. */
export function contentStart(element: XmlElement): number {
	const text = sourceOf(element);
	let quote = '';
	for (let at = element.start; at < text.length; at++) {
		const c = text[at] ?? '';
		if (quote !== '') {
			if (c === quote) quote = '';
		} else if (c === '"' || c === "'") quote = c;
		else if (c === '>') return at + 1;
	}
	return text.length;
}

/** By their names as `&name;`. What refers to others is not expanded: it may grow without end. */
function plainEntities(text: string): ReadonlyMap<string, string> {
	const type = new RegExp(DOCTYPE, 's').exec(text.slice(0, 65_536))?.[1] ?? '';
	const found = type.matchAll(/<!ENTITY\s+([\w.-]+)\s+("[^"&%<]{0,256}"|'[^'&%<]{0,256}')\s*>/g);
	return new Map(Array.from(found, ([, name, quoted = '']) => [`&${name};`, quoted.slice(1, -1)]));
}

function tooDeep(text: string): PickupError {
	const line = deepLine(text);
	return new PickupError(
		'timeline-malformed',
		`Expected elements at most ${DEEPEST} deep inside one another, got more on line ${line}`,
		{ field: `line ${line}` },
	);
}

/** Where it gets too deep; there may be no tree to ask. */
function deepLine(text: string): number {
	let depth = 0;
	for (const tag of text.matchAll(/<(\/?)[a-z_][^<>]*?(\/?)>/gi)) {
		if (tag[2] === '/') continue;
		depth += tag[1] === '/' ? -1 : 1;
		if (depth > DEEPEST) return text.slice(0, tag.index).split('\n').length;
	}
	return 1;
}

function depthOf(root: XmlElement): number {
	let depth = 0;
	let level: readonly XmlElement[] = [root];
	while (level.length > 0 && depth <= DEEPEST) {
		depth++;
		level = level.flatMap((element) => children(element));
	}
	return depth;
}

/** The parser's message is its complaint, then an excerpt on lines of its own. */
function reason(error: XmlError): string {
	return error.message.split('\n')[0]?.replace(/ \(line \d+, column \d+\)$/, '') ?? '';
}

function quoted(text: string): string {
	return text === ''
		? 'nothing'
		: JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
