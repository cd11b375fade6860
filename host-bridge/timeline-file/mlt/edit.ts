import { PickupError } from '../../../protocol/errors.ts';
import type { Replacement } from '../format.ts';
import {
	attribute,
	children,
	contentStart,
	endOf,
	isSelfClosing,
	lineOf,
	pathOf,
	sourceOf,
	type XmlElement,
} from '../xml.ts';
import {
	element,
	indentationAt,
	lineEndingOf,
	type NewElement,
	styleAt,
	writeXml,
	type XmlStyle,
} from '../xml-write.ts';
import { type MltDocument, propertyElement } from './document.ts';

type Change = {
	readonly before: NewElement[];
	readonly after: NewElement[];
	readonly inside: NewElement[];
	readonly attributes: Map<string, string>;
	/** What stands in the element's place. */
	replacement: readonly NewElement[] | null;
};

/**
 * Changes to a document. Those that only ever add text make a comment of what has to go, and what
 * takes its place follows it; others take it away.
 */
export class MltEdit {
	readonly document: MltDocument;
	readonly #changes = new Map<XmlElement, Change>();
	readonly #ids: Set<string>;
	readonly #old: 'comment' | 'gone';

	constructor(document: MltDocument, old: 'comment' | 'gone' = 'comment') {
		this.document = document;
		this.#old = old;
		this.#ids = new Set(document.ids);
	}

	/** An id that nothing in the document has. */
	freshId(prefix: string): string {
		let count = 0;
		while (this.#ids.has(`${prefix}${count}`)) count++;
		this.#ids.add(`${prefix}${count}`);
		return `${prefix}${count}`;
	}

	before(sibling: XmlElement, ...nodes: NewElement[]): void {
		this.#change(sibling).before.push(...nodes);
	}

	after(sibling: XmlElement, ...nodes: NewElement[]): void {
		this.#change(sibling).after.push(...nodes);
	}

	append(parent: XmlElement, ...nodes: NewElement[]): void {
		const last = children(parent).at(-1);
		if (last) this.after(last, ...nodes);
		else this.#change(parent).inside.push(...nodes);
	}

	replace(old: XmlElement, ...nodes: NewElement[]): void {
		this.#mayGo(old, endOf(old));
		this.#change(old).replacement = nodes;
	}

	setAttribute(owner: XmlElement, name: string, value: string): void {
		this.#mayGo(owner, contentStart(owner));
		this.#change(owner).attributes.set(name, value);
	}

	/** Gives a property a value, where the document has it already or not. */
	setProperty(owner: XmlElement, name: string, value: string): void {
		const written = element('property', value, { name });
		const old = propertyElement(owner, name);
		const last = children(owner, 'property').at(-1);
		const first = children(owner)[0];
		if (old) this.replace(old, written);
		else if (last) this.after(last, written);
		else if (first) this.before(first, written);
		else this.append(owner, written);
	}

	changes(): readonly Replacement[] {
		const changes: Replacement[] = [];
		this.#write(this.document.root, changes);
		return changes;
	}

	#mayGo(target: XmlElement, end: number): void {
		if (this.#old === 'comment') commentable(target, sourceOf(target).slice(target.start, end));
	}

	#change(target: XmlElement): Change {
		const known = this.#changes.get(target);
		if (known) return known;
		const change: Change = {
			before: [],
			after: [],
			inside: [],
			attributes: new Map(),
			replacement: null,
		};
		this.#changes.set(target, change);
		return change;
	}

	/** In document order, so that changes at one offset stand in the right order. */
	#write(target: XmlElement, to: Replacement[]): void {
		const change = this.#changes.get(target);
		const add = (offset: number, text: string) => {
			if (text !== '') to.push({ offset, length: 0, text });
		};
		/** Puts a text in the place of another, after the lead where that stays as a comment. */
		const instead = (from: number, end: number, lead: string, text: string) => {
			if (this.#old === 'gone') {
				to.push({ offset: from, length: end - from, text });
				return;
			}
			add(from, '<!--');
			add(end, text === '' ? '-->' : `-->${lead}${text}`);
		};
		if (!change) {
			for (const inner of children(target)) this.#write(inner, to);
			return;
		}
		const source = sourceOf(target);
		const indent = indentationAt(source, target.start) ?? '';
		const outer = target.parent === null ? target : (target.parent as XmlElement);
		const style = styleAt(outer);
		const lead = style.lineEnding === '' ? '' : style.lineEnding + indent;
		const trailing = (nodes: readonly NewElement[]) =>
			nodes.map((node) => lead + writeXml(node, style, indent)).join('');
		const end = endOf(target);
		add(target.start, change.before.map((node) => writeXml(node, style, indent) + lead).join(''));
		if (change.replacement) {
			const nodes = change.replacement.map((node) => writeXml(node, style, indent));
			instead(target.start, end, lead, nodes.join(lead));
			add(end, trailing(change.after));
			return;
		}
		const tag = openTag(target, change.attributes);
		if (isSelfClosing(target)) {
			const body = writeChildren(target, change.inside, style, indent);
			const written = body === '' ? `${tag}/>` : `${tag}>${body}</${target.name}>`;
			const changed = change.attributes.size > 0 || body !== '';
			if (changed) instead(target.start, end, lead, written);
		} else {
			if (change.attributes.size > 0) {
				instead(target.start, contentStart(target), '', `${tag}>`);
			}
			if (change.inside.length > 0) {
				add(contentStart(target), writeChildren(target, change.inside, style, indent));
			}
			for (const inner of children(target)) this.#write(inner, to);
		}
		add(end, trailing(change.after));
	}
}

function writeChildren(
	parent: XmlElement,
	nodes: readonly NewElement[],
	style: XmlStyle,
	indent: string,
): string {
	if (nodes.length === 0) return '';
	const lineEnding = style.lineEnding || lineEndingOf(sourceOf(parent), parent.start);
	const inner = `${lineEnding}${indent}${style.indentUnit}`;
	const body = nodes.map((node) => inner + writeXml(node, style, indent + style.indentUnit));
	return `${body.join('')}${isSelfClosing(parent) ? `${lineEnding}${indent}` : ''}`;
}

/** The start tag with other attributes, up to but without its `>` or `/>`. */
function openTag(target: XmlElement, changed: ReadonlyMap<string, string>): string {
	const attributes = { ...target.attributes, ...Object.fromEntries(changed) };
	const written = writeXml({ name: target.name, attributes, content: [] }, ONE_LINE);
	return written.slice(0, -'/>'.length);
}

const ONE_LINE: XmlStyle = { lineEnding: '', indentUnit: '' };

/** XML has no way to comment out text with two hyphens in it. */
function commentable(target: XmlElement, text: string): void {
	if (!text.includes('--')) return;
	const where = pathOf(target);
	const id = attribute(target, 'id');
	throw new PickupError(
		'timeline-unsupported',
		`${where}${id ? ` "${id}"` : ''} (line ${lineOf(target)}): expected text without "--", which cannot be made a comment`,
		{ field: where, action: 'Save the project once more in its editor, then try again.' },
	);
}
