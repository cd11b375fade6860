import { type ParseError, parse, printParseErrorCode } from 'jsonc-parser';
import { type ErrorCode, PickupError } from '../../../protocol/errors.ts';

/** The largest JSON text that is read, in characters. */
const LONGEST = 128 * 1024 * 1024;
/** Real timelines nest a few dozen deep; more is an attack on the stack. */
const DEEPEST = 250;

type Document = {
	readonly text: string;
	/** The same where NaN and infinity are strings. */
	readonly plain: string;
	/** Where objects and arrays begin, ascending, and where each of them ends. */
	readonly starts: Uint32Array;
	readonly ends: Uint32Array;
};

/**
 * A value in a document, or a property of an object (with its key and value as children). Nothing
 * but its place is kept: what it holds is read from the text each time, so that a document takes
 * little more memory than its text.
 */
export class Json {
	readonly #document: Document;
	readonly type: 'object' | 'array' | 'property' | 'string' | 'number' | 'boolean' | 'null';
	readonly parent: Json | undefined;
	readonly offset: number;
	readonly length: number;

	constructor(document: Document, offset: number, end?: number, parent?: Json, property = false) {
		this.#document = document;
		this.offset = offset;
		this.length = (end ?? endOf(document, offset)) - offset;
		this.parent = parent;
		this.type = property ? 'property' : typeAt(document.plain, offset);
	}

	get source(): string {
		return this.#document.text;
	}

	/** Undefined for what holds nothing. */
	get value(): unknown {
		if (this.type === 'object' || this.type === 'array' || this.type === 'property')
			return undefined;
		return JSON.parse(this.#document.plain.slice(this.offset, this.offset + this.length));
	}

	get children(): readonly Json[] | undefined {
		const document = this.#document;
		if (this.type === 'property') {
			const { plain } = document;
			const key = new Json(document, this.offset, undefined, this);
			const colon = plain.indexOf(':', this.offset + key.length);
			return [key, new Json(document, skipSpace(plain, colon + 1), undefined, this)];
		}
		if (this.type !== 'object' && this.type !== 'array') return undefined;
		const found: Json[] = [];
		for (const { start, end } of this.#parts()) {
			found.push(new Json(document, start, end, this, this.type === 'object'));
		}
		return found;
	}

	/** The first property of that name; the others of an object are passed over. */
	property(key: string): Json | undefined {
		const { plain } = this.#document;
		const quoted = JSON.stringify(key);
		for (const { start, end } of this.#parts()) {
			const name = plain.slice(start, endOf(this.#document, start));
			const same = name === quoted || (name.includes('\\') && JSON.parse(name) === key);
			if (same) return new Json(this.#document, start, end, this, true);
		}
		return undefined;
	}

	/** Where the items of an array stand, or the properties of an object. */
	*#parts(): Generator<{ readonly start: number; readonly end: number }> {
		const document = this.#document;
		const { plain } = document;
		const last = this.offset + this.length - 1;
		for (let start = skipSpace(plain, this.offset + 1); start < last; ) {
			let end = endOf(document, start);
			if (this.type === 'object') {
				end = endOf(document, skipSpace(plain, plain.indexOf(':', end) + 1));
			}
			yield { start, end };
			start = skipSpace(plain, end);
			if (plain[start] === ',') start = skipSpace(plain, start + 1);
		}
	}
}

/**
 * Reads a document strictly (no comments, no trailing commas) and returns its root, with offsets
 * into `text` itself. The tokens `NaN`, `Inf` and `Infinity`, with a minus or without, which
 * OpenTimelineIO reads, are let through as values that are not numbers.
 * Throws PickupError `timeline-malformed` naming the line.
 */
export function parseJson(text: string): Json {
	if (text.length > LONGEST) {
		throw new PickupError(
			'timeline-malformed',
			`Expected a timeline of at most ${LONGEST / 1024 / 1024} million characters, got ${text.length}`,
			{ action: 'Export only the timeline that has the gap.' },
		);
	}
	const document = scan(text);
	try {
		JSON.parse(document.plain);
	} catch (error) {
		if (!(error instanceof SyntaxError)) throw error;
		throw notJson(document);
	}
	return new Json(document, skipSpace(document.plain, 0));
}

function notJson({ text, plain }: Document): PickupError {
	const errors: ParseError[] = [];
	parse(plain, errors, { disallowComments: true, allowTrailingComma: false });
	const [first] = errors;
	const line = lineAt(text, first?.offset ?? 0);
	const what = first ? spaced(printParseErrorCode(first.error)) : 'what is none';
	const message = `Expected well-formed JSON, got ${what} on line ${line}`;
	return new PickupError('timeline-malformed', message, { field: `line ${line}` });
}

function typeAt(text: string, offset: number): Exclude<Json['type'], 'property'> {
	switch (text[offset]) {
		case '{':
			return 'object';
		case '[':
			return 'array';
		case '"':
			return 'string';
		case 't':
		case 'f':
			return 'boolean';
		case 'n':
			return 'null';
		default:
			return 'number';
	}
}

/** Where the value at an offset ends. */
function endOf(document: Document, offset: number): number {
	const { plain, starts, ends } = document;
	const first = plain[offset];
	if (first === '"') {
		let end = offset + 1;
		while (plain[end] !== '"') end += plain[end] === '\\' ? 2 : 1;
		return end + 1;
	}
	if (first !== '{' && first !== '[') {
		let end = offset;
		while (end < plain.length && !/[\s,\]}]/.test(plain[end] ?? '')) end += 1;
		return end;
	}
	let [low, high] = [0, starts.length - 1];
	while (low < high) {
		const middle = (low + high) >> 1;
		if ((starts[middle] ?? 0) < offset) low = middle + 1;
		else high = middle;
	}
	return ends[low] ?? plain.length;
}

function skipSpace(text: string, offset: number): number {
	let at = offset;
	while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at += 1;
	return at;
}

/** The value of a key, or undefined where the object lacks it. JSON `null` counts as lacking. */
export function member(object: Json, key: string): Json | undefined {
	const value = propertyOf(object, key)?.children?.[1];
	return value?.type === 'null' ? undefined : value;
}

/** The value of a key, or `timeline-malformed` that says where it is missing. */
export function needMember(object: Json, key: string): Json {
	const value = member(object, key);
	if (value === undefined) {
		const got = propertyOf(object, key) ? 'null' : 'none';
		throw problem(object, `Expected a member "${key}" in ${place(object)}, got ${got}`, key);
	}
	return value;
}

/** The first of that key counts where there are several, as in OpenTimelineIO. */
export function propertyOf(object: Json, key: string): Json | undefined {
	if (object.type !== 'object') throw malformed(object, 'an object');
	return object.property(key);
}

export function keysOf(object: Json): readonly string[] {
	return object.children?.map((property) => String(property.children?.[0]?.value)) ?? [];
}

export function elements(node: Json): readonly Json[] {
	if (node.type !== 'array') throw malformed(node, 'an array');
	return node.children ?? [];
}

export function numberOf(node: Json): number {
	const { value } = node;
	if (node.type !== 'number' || typeof value !== 'number' || !Number.isFinite(value)) {
		throw malformed(node, 'a finite number');
	}
	return value;
}

export function stringOf(node: Json): string {
	const { value } = node;
	if (node.type !== 'string' || typeof value !== 'string' || sourceOf(node)[node.offset] !== '"') {
		throw malformed(node, 'a string');
	}
	return value;
}

export function textMember(object: Json, key: string): string | undefined {
	const value = member(object, key);
	return value === undefined ? undefined : stringOf(value);
}

/** A true or false, or `otherwise` where the key is missing. */
export function flagMember(object: Json, key: string, otherwise: boolean): boolean {
	const value = member(object, key);
	if (value === undefined) return otherwise;
	if (value.type !== 'boolean') throw malformed(value, 'true or false');
	return value.value === true;
}

/** What was expected of a node and what stands there, with its path and line. */
export function malformed(
	node: Json,
	expected: string,
	code: ErrorCode = 'timeline-malformed',
): PickupError {
	return problem(node, `Expected ${expected} at ${place(node)}, got ${excerpt(node)}`, null, code);
}

/** `tracks.children[0].name (line 12)`. */
export function place(node: Json): string {
	return `${pathOf(node)} (line ${lineAt(sourceOf(node), node.offset)})`;
}

export function sourceOf(node: Json): string {
	return node.source;
}

export function pathOf(node: Json): string {
	let path = '';
	for (let at: Json | undefined = node; at?.parent; at = at.parent) {
		const { parent, offset }: Json = at;
		if (parent?.type === 'property') path = `.${parent.children?.[0]?.value}${path}`;
		if (parent?.type === 'array') {
			path = `[${parent.children?.findIndex((child) => child.offset === offset)}]${path}`;
		}
	}
	return path.replace(/^\./, '').slice(-300) || 'the top';
}

function problem(
	node: Json,
	message: string,
	key: string | null,
	code: ErrorCode = 'timeline-malformed',
): PickupError {
	const path = pathOf(node);
	return new PickupError(code, message, { field: key === null ? path : `${path}.${key}` });
}

function excerpt(node: Json): string {
	if (node.type === 'object') return 'an object';
	if (node.type === 'array') return 'an array';
	const text = sourceOf(node).slice(node.offset, node.offset + node.length);
	return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** Finds objects and arrays, and puts strings of the same length in the place of odd tokens. */
function scan(text: string): Document {
	const parts: string[] = [];
	let from = 0;
	const put = (start: number, length: number, value: string) => {
		parts.push(text.slice(from, start), value);
		from = start + length;
	};
	if (text.startsWith('\uFEFF')) put(0, 1, ' ');
	const starts: number[] = [];
	const ends: number[] = [];
	const open: number[] = [];
	let quoted = false;
	for (let at = from; at < text.length; at += 1) {
		const character = text[at];
		if (character === '"') quoted = !quoted;
		else if (quoted) at += character === '\\' ? 1 : 0;
		else if (character === '{' || character === '[') {
			open.push(starts.length);
			starts.push(at);
		} else if (character === '}' || character === ']') {
			const begun = open.pop();
			if (begun !== undefined) ends[begun] = at + 1;
		} else if (character === 'N' || character === 'I' || character === '-') {
			const token = /^(NaN|-?Inf(inity)?)(?![\w.+-])/.exec(text.slice(at, at + 10))?.[0];
			if (token === undefined) continue;
			put(at, token.length, `"${'.'.repeat(token.length - 2)}"`);
			at += token.length - 1;
		}
		if (open.length > DEEPEST) throw tooDeep(text, at);
	}
	const plain = parts.length === 0 ? text : parts.join('') + text.slice(from);
	return { text, plain, starts: Uint32Array.from(starts), ends: Uint32Array.from(ends) };
}

function tooDeep(text: string, at: number): PickupError {
	const line = lineAt(text, at);
	return new PickupError(
		'timeline-malformed',
		`Expected at most ${DEEPEST} levels of nesting, got more on line ${line}`,
		{ field: `line ${line}` },
	);
}

function lineAt(text: string, offset: number): number {
	let line = 1;
	for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) {
		line += 1;
	}
	return line;
}

/** `CommaExpected` as words. */
function spaced(name: string): string {
	return name.replaceAll(/(?!^)[A-Z]/g, (letter) => ` ${letter}`).toLowerCase();
}
