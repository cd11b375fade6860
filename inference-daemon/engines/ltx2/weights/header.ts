/**
 * The JSON of a safetensors header, read strictly: the format knows one shape of it only, and
 * JSON.parse would hide keys that come twice (github huggingface/safetensors, README "Format").
 */

/** A tensor as the header tells it; offsets count from the end of the header. */
export type Entry = {
	readonly name: string;
	readonly dtype: string;
	readonly shape: readonly number[];
	readonly start: number;
	readonly end: number;
};

export type Header = {
	readonly metadata: Readonly<Record<string, string>>;
	readonly entries: readonly Entry[];
};

/** Where the text stops being a header. `ended`: it is one as far as it goes, but not whole. */
export class HeaderFault extends Error {
	readonly ended: boolean;

	constructor(expected: string, at: number, ended: boolean) {
		super(`${expected} at character ${at}`);
		this.name = 'HeaderFault';
		this.ended = ended;
	}
}

/** Throws HeaderFault at the first character that is out of place. */
export function parseHeader(text: string): Header {
	const reader = new Reader(text);
	const entries: Entry[] = [];
	let metadata: [string, string][] = [];
	reader.open();
	reader.object((name) => {
		if (name === '__metadata__') metadata = parseMetadata(reader);
		else entries.push(parseEntry(reader, name));
	});
	reader.end();
	return { metadata: Object.fromEntries(metadata), entries };
}

function parseMetadata(reader: Reader): [string, string][] {
	const pairs: [string, string][] = [];
	reader.object((key) => pairs.push([key, reader.string()]));
	return pairs;
}

function parseEntry(reader: Reader, name: string): Entry {
	if (name === '') throw reader.fault('a tensor with a name');
	let dtype: string | undefined;
	let shape: number[] | undefined;
	let offsets: number[] | undefined;
	reader.object((key) => {
		if (key === 'dtype') dtype = reader.string();
		else if (key === 'shape') shape = reader.integers();
		else if (key === 'data_offsets') offsets = reader.integers();
		else throw reader.fault(`dtype, shape and data_offsets of ${name}, not ${key},`);
	});
	if (dtype === undefined || shape === undefined || offsets?.length !== 2) {
		throw reader.fault(`dtype, shape and two data_offsets of ${name}`);
	}
	return { name, dtype, shape, start: offsets[0]!, end: offsets[1]! };
}

const QUOTE = 34;
const BACKSLASH = 92;
const SPACE = 32;
const LONE_SURROGATE = /\p{Surrogate}/u;

class Reader {
	readonly #text: string;
	#at = 0;

	constructor(text: string) {
		this.#text = text;
	}

	/** The first character of all must be the brace, so that a wrong file is told at once. */
	open(): void {
		if (this.#text[0] !== '{') throw this.fault('{');
	}

	end(): void {
		if (this.#peek() !== '') throw this.fault('nothing but spaces after the header');
	}

	/** Calls `value` after each key, which then reads what belongs to it. */
	object(value: (key: string) => void): void {
		const keys = new Set<string>();
		this.#list('{', '}', () => {
			const key = this.string();
			if (keys.has(key)) throw this.fault(`each key once, not ${key} twice,`);
			keys.add(key);
			this.#skip(':');
			value(key);
		});
	}

	integers(): number[] {
		const found: number[] = [];
		this.#list('[', ']', () => found.push(this.#integer()));
		return found;
	}

	string(): string {
		this.#skip('"');
		const from = this.#at;
		let plain = true;
		for (let i = from; i < this.#text.length; i++) {
			const code = this.#text.charCodeAt(i);
			if (code === BACKSLASH) {
				plain = false;
				i++;
			} else if (code === QUOTE) {
				this.#at = i + 1;
				const inside = this.#text.slice(from, i);
				return plain ? inside : this.#unescape(inside);
			} else if (code < SPACE) throw new HeaderFault('no control character', i, false);
		}
		this.#at = this.#text.length;
		throw this.fault('the end of a string');
	}

	fault(expected: string): HeaderFault {
		return new HeaderFault(expected, this.#at, this.#at >= this.#text.length);
	}

	#unescape(inside: string): string {
		try {
			const text = JSON.parse(`"${inside}"`) as string;
			if (!LONE_SURROGATE.test(text)) return text;
		} catch {
			// Falls through: one answer for every string that is none.
		}
		throw new HeaderFault('a string without broken escapes', this.#at, false);
	}

	#integer(): number {
		this.#peek();
		const from = this.#at;
		while (isDigit(this.#text.charCodeAt(this.#at))) this.#at++;
		const digits = this.#text.slice(from, this.#at);
		const value = Number(digits);
		if (digits === '' || (digits.length > 1 && digits[0] === '0') || !Number.isSafeInteger(value)) {
			throw this.fault('a whole number from 0 to 2⁵³ − 1');
		}
		return value;
	}

	#list(open: string, close: string, item: () => void): void {
		this.#skip(open);
		for (let first = true; first || this.#peek() !== close; first = false) {
			if (first && this.#peek() === close) break;
			if (!first) this.#skip(',');
			item();
		}
		this.#skip(close);
	}

	#skip(character: string): void {
		if (this.#peek() !== character) throw this.fault(character);
		this.#at++;
	}

	/** The next character that is no space; '' at the end. */
	#peek(): string {
		for (; this.#at < this.#text.length; this.#at++) {
			const code = this.#text.charCodeAt(this.#at);
			if (code !== 32 && code !== 10 && code !== 13 && code !== 9) break;
		}
		return this.#text[this.#at] ?? '';
	}
}

function isDigit(code: number): boolean {
	return code >= 48 && code <= 57;
}
