/**
 * Goes through the bytes of JSON, in UTF-8, from front to back. Each step leaves out the white space
 * before what it takes, and throws SyntaxError where something else is there.
 */
export class JsonCursor {
	/** How many bytes are behind it. */
	at = 0;
	/** Bytes of the last string as it is written, without the quotes: no fewer than what it says. */
	written = 0;
	readonly #bytes: Buffer;

	constructor(bytes: Buffer) {
		this.#bytes = bytes;
	}

	take(byte: number): void {
		if (this.takes(byte)) return;
		throw new SyntaxError(`Expected ${String.fromCharCode(byte)} at byte ${this.at}`);
	}

	/** Whether this byte is next; it is taken only then. */
	takes(byte: number): boolean {
		this.#skipSpace();
		if (this.#bytes[this.at] !== byte) return false;
		this.at++;
		return true;
	}

	/** Takes an object that is not empty: `takeValue` is told each name, and takes what has it. */
	takeMembers(takeValue: (name: string) => void): void {
		this.take(OPEN_BRACE);
		do {
			const start = this.at;
			this.takeString();
			const name = JSON.parse(this.#bytes.toString('utf8', start, this.at));
			this.take(COLON);
			takeValue(name);
		} while (this.takes(COMMA));
		this.take(CLOSE_BRACE);
	}

	/** Takes a member's value, of which only strings and the depth of brackets are looked at. */
	skipValue(): void {
		for (let depth = 0; this.at < this.#bytes.length; ) {
			const byte = this.#bytes[this.at]!;
			if (depth === 0 && (byte === COMMA || byte === CLOSE_BRACE)) return;
			if (byte === QUOTE) {
				this.takeString();
				continue;
			}
			if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
			if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
			this.at++;
		}
	}

	/** Takes a whole number without a sign. */
	takeNumber(): void {
		this.#skipSpace();
		const start = this.at;
		while (isDigit(this.#bytes[this.at])) this.at++;
		const digits = this.at - start;
		if (digits === 0 || (digits > 1 && this.#bytes[start] === ZERO))
			throw new SyntaxError(`Expected a number at byte ${start}`);
	}

	/** Takes a string; gives the `nextHash` of all it says, in UTF-8, behind what has a hash. */
	takeString(before = 0): number {
		this.take(QUOTE);
		const bytes = this.#bytes;
		const start = this.at;
		let hash = before;
		for (let at = start; at < bytes.length; at++) {
			const byte = bytes[at]!;
			if (byte === QUOTE) {
				this.at = at + 1;
				this.written = at - start;
				return hash;
			}
			if (byte < SPACE) break;
			if (byte !== BACKSLASH) {
				hash = nextHash(hash, byte);
				continue;
			}
			const said = ESCAPED[bytes[++at]!];
			if (said === undefined) return this.#takeEscaped(start, before);
			hash = nextHash(hash, said);
		}
		throw new SyntaxError(`Expected a string at byte ${start}`);
	}

	/** Any string, from behind its first quote. */
	#takeEscaped(start: number, before: number): number {
		const bytes = this.#bytes;
		let end = start;
		while (end < bytes.length && bytes[end] !== QUOTE) end += bytes[end] === BACKSLASH ? 2 : 1;
		this.at = end + 1;
		this.written = end - start;
		const text = JSON.parse(bytes.toString('utf8', start - 1, this.at)) as string;
		return Buffer.from(text).reduce(nextHash, before);
	}

	#skipSpace(): void {
		const bytes = this.#bytes;
		let at = this.at;
		while (at < bytes.length && isSpace(bytes[at]!)) at++;
		this.at = at;
	}
}

/** The hash of bytes with one more behind them: 32 bits of FNV-1a (Fowler, Noll, Vo 1991). */
export function nextHash(hash: number, byte: number): number {
	return Math.imul(hash ^ byte, 0x01000193);
}

const SPACE = 0x20;
const TAB = 0x09;
const LINE_FEED = 0x0a;
const RETURN = 0x0d;
const QUOTE = 0x22;
export const COMMA = 0x2c;
export const COLON = 0x3a;
const BACKSLASH = 0x5c;
const ZERO = 0x30;
const NINE = 0x39;
export const OPEN_BRACE = 0x7b;
export const CLOSE_BRACE = 0x7d;
export const OPEN_BRACKET = 0x5b;
export const CLOSE_BRACKET = 0x5d;

/** What a byte behind a backslash stands for; more than one byte follows a `u`. */
const ESCAPED: readonly (number | undefined)[] = [...Array(0x80).keys()].map((byte) => {
	const place = '"\\/bfnrt'.indexOf(String.fromCharCode(byte));
	return place < 0 ? undefined : '"\\/\b\f\n\r\t'.charCodeAt(place);
});

function isDigit(byte: number | undefined): boolean {
	return byte !== undefined && byte >= ZERO && byte <= NINE;
}

function isSpace(byte: number): boolean {
	return byte === SPACE || byte === LINE_FEED || byte === RETURN || byte === TAB;
}
