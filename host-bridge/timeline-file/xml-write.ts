import { children, contentStart, endOf, sourceOf, type XmlElement } from './xml.ts';

/** A new element: its children are other new elements, or one text. */
export type NewElement = {
	readonly name: string;
	readonly attributes?: Readonly<Record<string, string>>;
	readonly content: string | readonly NewElement[];
};

/** How a document breaks its lines; both are '' where it stands on one line. */
export type XmlStyle = { readonly lineEnding: string; readonly indentUnit: string };

/** `<name>text</name>` or an element with children, for writing. */
export function element(
	name: string,
	content: string | number | readonly NewElement[] = '',
	attributes?: Readonly<Record<string, string>>,
): NewElement {
	const body = typeof content === 'number' ? String(content) : content;
	return attributes ? { name, attributes, content: body } : { name, content: body };
}

/** The line ending and the indentation step that are in use around an element's children. */
export function styleAt(parent: XmlElement): XmlStyle {
	const text = sourceOf(parent);
	const first = children(parent)[0];
	const lineEnding = first
		? (/\r\n|\n|\r/.exec(text.slice(contentStart(parent), first.start))?.[0] ?? '')
		: lineEndingOf(text, parent.start);
	if (lineEnding === '') return { lineEnding, indentUnit: '' };
	const outer = indentationAt(text, parent.start) ?? '';
	const inner = first ? (indentationAt(text, first.start) ?? '') : '';
	if (inner.length > outer.length && inner.startsWith(outer)) {
		return { lineEnding, indentUnit: inner.slice(outer.length) };
	}
	return { lineEnding, indentUnit: outer.startsWith(' ') ? '  ' : '\t' };
}

/** The spaces and tabs before an offset where nothing else precedes it on its line, else null. */
export function indentationAt(text: string, offset: number): string | null {
	let from = offset;
	while (from > 0 && (text[from - 1] === ' ' || text[from - 1] === '\t')) from--;
	const before = text[from - 1];
	return before === undefined || before === '\n' || before === '\r'
		? text.slice(from, offset)
		: null;
}

/** The line ending last used before the offset, else the first one after it, else ''. */
export function lineEndingOf(text: string, offset = text.length): string {
	const lf = text.lastIndexOf('\n', offset - 1);
	const cr = text.lastIndexOf('\r', offset - 1);
	if (offset > 0 && lf >= 0 && lf > cr) return text[lf - 1] === '\r' ? '\r\n' : '\n';
	if (offset > 0 && cr >= 0) return text[cr + 1] === '\n' ? '\r\n' : '\r';
	return /\r\n|\n|\r/.exec(text)?.[0] ?? '';
}

/**
 * The element as text. Its first line has no indentation of its own; the others are indented by
 * `indent` plus their depth. Without a line ending everything stands on one line.
 */
export function writeXml(node: NewElement, style: XmlStyle, indent = ''): string {
	const attributes = Object.entries(node.attributes ?? {})
		.map(([name, value]) => ` ${name}="${escapeXml(value)}"`)
		.join('');
	const open = `<${node.name}${attributes}`;
	if (node.content.length === 0) return `${open}/>`;
	if (typeof node.content === 'string') {
		return `${open}>${escapeXml(node.content)}</${node.name}>`;
	}
	const inner = `${style.lineEnding}${indent}${style.indentUnit}`;
	const body = node.content
		.map((part) => inner + writeXml(part, style, indent + style.indentUnit))
		.join('');
	return `${open}>${body}${style.lineEnding}${indent}</${node.name}>`;
}

/** What to insert, and where, so that the new elements follow `sibling` as lines of their own. */
export function insertAfter(
	sibling: XmlElement,
	nodes: readonly NewElement[],
	style: XmlStyle,
): { readonly offset: number; readonly text: string } {
	const indent = indentationAt(sourceOf(sibling), sibling.start) ?? '';
	const lead = style.lineEnding + (style.lineEnding === '' ? '' : indent);
	return {
		offset: endOf(sibling),
		text: nodes.map((node) => lead + writeXml(node, style, indent)).join(''),
	};
}

/** The same, before `sibling`. */
export function insertBefore(
	sibling: XmlElement,
	nodes: readonly NewElement[],
	style: XmlStyle,
): { readonly offset: number; readonly text: string } {
	const indent = indentationAt(sourceOf(sibling), sibling.start) ?? '';
	const trail = style.lineEnding + (style.lineEnding === '' ? '' : indent);
	return {
		offset: sibling.start,
		text: nodes.map((node) => writeXml(node, style, indent) + trail).join(''),
	};
}

/** Text for element content and for attributes in double or single quotes. */
export function escapeXml(text: string): string {
	return text
		.replace(NOT_XML, '\uFFFD')
		.replace(/[&<>"'\t\n\r]/g, (c) => ESCAPES[c] ?? `&#${c.codePointAt(0)};`);
}

const ESCAPES: Readonly<Record<string, string>> = {
	'&': '&amp;',
	'<': '&lt;',
	'>': '&gt;',
	'"': '&quot;',
	"'": '&apos;',
};

/** Control characters, halves of surrogate pairs and the two non-characters that XML forbids. */
const NOT_XML =
	// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is being replaced
	/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
