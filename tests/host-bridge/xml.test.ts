import { describe, expect, test } from 'vitest';
import {
	children,
	contentStart,
	endOf,
	isSelfClosing,
	lineOf,
	needChild,
	needInteger,
	parseXml,
	pathOf,
	sourceOf,
	type XmlElement,
} from '../../host-bridge/timeline-file/xml.ts';
import {
	element,
	escapeXml,
	indentationAt,
	insertAfter,
	insertBefore,
	lineEndingOf,
	styleAt,
	writeXml,
} from '../../host-bridge/timeline-file/xml-write.ts';
import type { PickupError } from '../../protocol/errors.ts';

function all(root: XmlElement): readonly XmlElement[] {
	return [root, ...children(root).flatMap(all)];
}

const document = `<?xml version="1.0"?>
<!DOCTYPE a SYSTEM "a.dtd" [<!-- ] --><!ELEMENT a ANY>]>
<!-- 🎬 é -->
<a k="x>y" l='"'>
	<b>é 🎬 &amp;<![CDATA[ <b> ]]></b>
	<c/><d
		m="/" />
	<b></b>
</a>`;

test('of a document nothing is kept that nobody reads', () => {
	const root = parseXml(document);
	expect(root.children.map((node) => node.type)).toEqual([
		'element',
		'element',
		'element',
		'element',
	]);
	const [b, c, , empty] = children(root);
	expect(b?.text).toBe('é 🎬 & <b> ');
	expect(c?.attributes).toBe(empty?.attributes);
	const [spaces, mixed] = children(parseXml('<a><b> </b><c> x <d/></c></a>'));
	expect(spaces?.text).toBe(' ');
	expect(mixed?.children.map((node) => node.type)).toEqual(['text', 'element']);
});

describe('offsets are those of the text itself', () => {
	test.each([
		['LF', document],
		['CRLF', document.replaceAll('\n', '\r\n')],
		['CR', document.replaceAll('\n', '\r')],
		['a byte order mark', `\uFEFF${document}`],
		['a byte order mark and CRLF', `\uFEFF${document.replaceAll('\n', '\r\n')}`],
		['nothing beyond U+FFFF', document.replaceAll('🎬', 'é')],
		['something after the root', `${document}\r\n<!-- 🎬 -->\n`],
	])('%s', (_, text) => {
		const found = all(parseXml(text));
		expect(found.map((each) => `${each.name} ${lineOf(each)}`)).toEqual([
			'a 4',
			'b 5',
			'c 6',
			'd 6',
			'b 8',
		]);
		expect(text.slice(endOf(found[0] as XmlElement))).toBe(text.split('</a>')[1]);
		expect(endOf(found[0] as XmlElement)).toBe(text.indexOf('</a>') + 4);
		for (const each of found) {
			const own = text.slice(each.start, endOf(each));
			expect(own.startsWith(`<${each.name}`)).toBe(true);
			expect(own.endsWith(isSelfClosing(each) ? '/>' : `</${each.name}>`)).toBe(true);
			expect(sourceOf(each)).toBe(text);
			const end = isSelfClosing(each) ? own.length : own.lastIndexOf('</');
			const inside = text.slice(contentStart(each), each.start + end);
			const parsed = inside === '' ? '' : parseXml(`<x>${inside}</x>`).text;
			expect(parsed).toBe(each.text);
		}
		expect(found.map(isSelfClosing)).toEqual([false, false, true, true, false]);
	});
});

test('errors name the path and the line of an element', () => {
	const root = parseXml('<a>\r\n<b/>\r\n<b>\r\n<c>1x</c></b></a>');
	const inner = all(root).find((each) => each.name === 'c') as XmlElement;
	expect(pathOf(inner)).toBe('a/b[2]/c');
	expect(() => needInteger(inner.parent as XmlElement, 'c')).toThrowError(
		'a/b[2]/c (line 4): expected a whole number, got "1x"',
	);
	expect(() => needChild(inner, 'd')).toThrowError('a/b[2]/c (line 4)');
});

test.each([
	['<a><b/></a>', '', ''],
	['<a>\n\t<b/>\n</a>', '\n', '\t'],
	['<a>\r\n    <b/>\r\n</a>', '\r\n', '    '],
	['<a>\r<b/>\r</a>', '\r', '\t'],
	['<?xml version="1.0"?>\n<a><b/></a>', '', ''],
	['<?xml version="1.0"?>\r\n<a></a>', '\r\n', '\t'],
])('the style of %j', (text, lineEnding, indentUnit) => {
	expect(styleAt(parseXml(text))).toEqual({ lineEnding, indentUnit });
});

test('the line ending and indentation nearest to a place', () => {
	const mixed = 'a\r\nb\n\tc\rd';
	expect([1, 4, 6, 9].map((at) => lineEndingOf(mixed, at))).toEqual(['\r\n', '\r\n', '\n', '\r']);
	expect(indentationAt(mixed, 6)).toBe('\t');
	expect(indentationAt(mixed, 7)).toBeNull();
	expect(indentationAt(' x', 1)).toBe(' ');
});

test('new elements stand as lines of their own, before and after others', () => {
	const text = '<a>\n  <b/>\n  <c/>\n</a>';
	const root = parseXml(text);
	const [b, c] = children(root) as [XmlElement, XmlElement];
	const node = element('n', [element('m', 'x & y', { k: '"<' })]);
	const style = styleAt(root);
	const after = insertAfter(b, [node], style);
	const before = insertBefore(c, [node], style);
	const expected = '<a>\n  <b/>\n  <n>\n    <m k="&quot;&lt;">x &amp; y</m>\n  </n>\n  <c/>\n</a>';
	for (const { offset, text: added } of [after, before]) {
		expect(text.slice(0, offset) + added + text.slice(offset)).toBe(expected);
	}
	const flat = writeXml(node, { lineEnding: '', indentUnit: '' });
	expect(flat).toBe('<n><m k="&quot;&lt;">x &amp; y</m></n>');
});

test('what is escaped comes back, and what XML forbids is replaced', () => {
	const text = `<a href='x'>&amp; "é🎬"\t\r\n]]>`;
	expect(parseXml(`<x k="${escapeXml(text)}">${escapeXml(text)}</x>`)).toMatchObject({
		attributes: { k: text },
		text,
	});
	expect(escapeXml('\u0000\ud83c\uffff\udfacx')).toBe('\uFFFD\uFFFD\uFFFD\uFFFDx');
});

test('a text of hundreds of megabytes is refused before it is read', () => {
	expect(() => parseXml(`<a>${' '.repeat(33_000_000)}</a>`)).toThrowError(
		expect.objectContaining({ code: 'timeline-malformed' }),
	);
});

test('more than fits into memory is refused with its size and what to do', () => {
	const read = () => parseXml(`<a>${'x'.repeat(21e6)}</a>`);
	expect(read).toThrow('Expected at most 20 million characters of XML, got 21.0 million');
	const thrown = (() => {
		try {
			return read();
		} catch (error) {
			return error;
		}
	})();
	expect((thrown as PickupError).toProblem().action).toContain('OpenTimelineIO');
});
