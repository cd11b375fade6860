import { type Json, keysOf, sourceOf } from './json.ts';

/** How a document writes its JSON, so that what is added looks like what is there. */
export type Style = {
	/** null where the whole document is one line. */
	readonly newline: '\n' | '\r\n' | null;
	/** One level of indentation. */
	readonly unit: string;
	readonly colon: string;
	/** What follows a comma where no new line does. */
	readonly space: string;
	/** Whole numbers of time are written `24.0`. */
	readonly floats: boolean;
};

/** Text that goes into the document as it stands. */
export class Verbatim {
	readonly text: string;
	constructor(text: string) {
		this.text = text;
	}
}

export type Value =
	| string
	| number
	| boolean
	| null
	| Verbatim
	| readonly Value[]
	| { readonly [key: string]: Value };

export function styleOf(root: Json): Style {
	const text = sourceOf(root);
	const [first, second] = root.children ?? [];
	const head = text.slice(root.offset, first?.offset ?? root.offset);
	const newline = !head.includes('\n') ? null : head.includes('\r\n') ? '\r\n' : '\n';
	const unit = first
		? lineIndent(text, first.offset).slice(lineIndent(text, root.offset).length)
		: '';
	const [key, value] = first?.children ?? [];
	const between = key && value ? text.slice(key.offset + key.length, value.offset) : ': ';
	const after = first && second ? text.slice(first.offset + first.length, second.offset) : ', ';
	return {
		newline,
		unit: newline === null ? '' : unit,
		colon: /^ ?: ?$/.test(between) ? between : ': ',
		space: newline === null && /^,\S?$/.test(after) ? '' : ' ',
		floats: /"value"\s*:\s*-?\d+\.0\b/.test(text),
	};
}

/** White space at the start of the line on which an offset lies. */
export function lineIndent(text: string, offset: number): string {
	const start = text.lastIndexOf('\n', offset - 1) + 1;
	return /^[ \t]*/.exec(text.slice(start, offset))?.[0] ?? '';
}

/** JSON text of a value whose first line is already indented by `indent`. */
export function write(value: Value, style: Style, indent: string): string {
	if (value instanceof Verbatim) return value.text;
	if (value === null || typeof value !== 'object') return JSON.stringify(value);
	const inner = indent + style.unit;
	const parts = Array.isArray(value)
		? (value as readonly Value[]).map((item) => write(item, style, inner))
		: Object.entries(value as { readonly [key: string]: Value }).map(
				([key, item]) => `${JSON.stringify(key)}${style.colon}${write(item, style, inner)}`,
			);
	const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
	if (parts.length === 0) return open + close;
	if (style.newline === null) return open + parts.join(`,${style.space}`) + close;
	const lines = parts.join(`,${style.newline}${inner}`);
	return `${open}${style.newline}${inner}${lines}${style.newline}${indent}${close}`;
}

/** The comma between two items of an array. */
export function separator(style: Style, indent: string): string {
	return style.newline === null ? `,${style.space}` : `,${style.newline}${indent}`;
}

export function numberText(value: number, style: Style): Verbatim {
	const text = String(value);
	return new Verbatim(style.floats && /^-?\d+$/.test(text) ? `${text}.0` : text);
}

/** A key that the object does not have yet. */
export function freshKey(object: Json, wanted: string): string {
	const keys = new Set(keysOf(object));
	for (let number = 1; ; number += 1) {
		const key = number === 1 ? wanted : `${wanted}_${number}`;
		if (!keys.has(key)) return key;
	}
}
