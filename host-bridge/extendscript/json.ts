/**
 * JSON text of a value: ExtendScript has no `JSON`. Numbers that JSON lacks are null, what is
 * undefined is left out. Whatever is not plain ASCII is escaped, so that the text means the same
 * in whatever encoding it travels, and in a script as well.
 */
export function jsonOf(value: unknown): string {
	if (value === null || value === undefined) return 'null';
	if (typeof value === 'string') return textOf(value);
	if (typeof value === 'number') return numberOf(value);
	if (typeof value === 'boolean') return value ? 'true' : 'false';
	const parts: string[] = [];
	if (value instanceof Array) {
		for (let at = 0; at < value.length; at += 1) parts.push(jsonOf(value[at]));
		return `[${parts.join(',')}]`;
	}
	const fields = value as { [name: string]: unknown };
	for (const name in fields) {
		if (fields.hasOwnProperty(name) && fields[name] !== undefined) {
			parts.push(`${textOf(name)}:${jsonOf(fields[name])}`);
		}
	}
	return `{${parts.join(',')}}`;
}

function numberOf(value: number): string {
	// Its decimal point is a setting of the engine.
	return isFinite(value) ? String(value).split(',').join('.') : 'null';
}

function textOf(text: string): string {
	let written = '"';
	for (let at = 0; at < text.length; at += 1) {
		const code = text.charCodeAt(at);
		const character = text.charAt(at);
		if (character === '"' || character === '\\') written += `\\${character}`;
		else if (code >= 0x20 && code < 0x7f) written += character;
		else written += `\\u${`0000${code.toString(16)}`.slice(-4)}`;
	}
	return `${written}"`;
}
