import {
	getNodePath,
	type Node,
	type ParseError,
	parseTree,
	printParseErrorCode,
} from 'jsonc-parser';
import { type ErrorCode, PickupError } from '../../../protocol/errors.ts';

export type Json = Node;

/** The largest JSON text that is parsed, in characters: the tree takes many times as much. */
const LONGEST = 128 * 1024 * 1024;
/** Real timelines nest a few dozen deep; more is an attack on the stack. */
const DEEPEST = 250;

const sources = new WeakMap<Json, string>();

/**
 * Parses a document strictly (no comments, no trailing commas) and returns its root, with offsets
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
	const plain = withoutOddTokens(text);
	const errors: ParseError[] = [];
	const root = parseTree(plain, errors, { disallowComments: true, allowTrailingComma: false });
	const first = errors[0];
	if (first || !root) {
		const line = lineAt(text, first?.offset ?? 0);
		const what = first ? spaced(printParseErrorCode(first.error)) : 'nothing';
		throw new PickupError(
			'timeline-malformed',
			`Expected well-formed JSON, got ${what} on line ${line}`,
			{
				field: `line ${line}`,
			},
		);
	}
	sources.set(root, text);
	return root;
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
	return object.children?.find((property) => property.children?.[0]?.value === key);
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
	let root = node;
	while (root.parent) root = root.parent;
	return sources.get(root) ?? '';
}

export function pathOf(node: Json): string {
	const path = getNodePath(node)
		.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
		.join('');
	return (path.startsWith('.') ? path.slice(1) : path).slice(-300) || 'the top';
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

/** Puts strings of the same length in the place of NaN and infinity, and measures the depth. */
function withoutOddTokens(text: string): string {
	const parts: string[] = [];
	let from = 0;
	const put = (start: number, length: number, value: string) => {
		parts.push(text.slice(from, start), value);
		from = start + length;
	};
	if (text.startsWith('\uFEFF')) put(0, 1, ' ');
	let depth = 0;
	let quoted = false;
	for (let at = from; at < text.length; at += 1) {
		const character = text[at];
		if (character === '"') quoted = !quoted;
		else if (quoted) at += character === '\\' ? 1 : 0;
		else if (character === '{' || character === '[') depth += 1;
		else if (character === '}' || character === ']') depth -= 1;
		else if (character === 'N' || character === 'I' || character === '-') {
			const token = /^(NaN|-?Inf(inity)?)(?![\w.+-])/.exec(text.slice(at, at + 10))?.[0];
			if (token === undefined) continue;
			put(at, token.length, `"${'.'.repeat(token.length - 2)}"`);
			at += token.length - 1;
		}
		if (depth > DEEPEST) throw tooDeep(text, at);
	}
	return parts.length === 0 ? text : parts.join('') + text.slice(from);
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
