import { PickupError } from '../../protocol/errors.ts';

/** A text with what it takes to write it back byte for byte; a byte order mark stays in the text. */
type DecodedText = { readonly text: string; readonly encoding: string };

/**
 * Reads UTF-8, UTF-16 where a byte order mark or the first characters show it, and what an XML
 * declaration names of the encodings with one byte for each character (ISO-8859-1, Windows-1252,
 * US-ASCII, …). Throws PickupError `timeline-unsupported` for other encodings,
 * `timeline-malformed` for broken text.
 */
export function decodeText(bytes: Uint8Array): DecodedText {
	const encoding = encodingOf(bytes);
	try {
		return { text: decode(bytes, encoding, true), encoding };
	} catch {
		const whole = decode(bytes, encoding, false);
		const line = whole.slice(0, whole.indexOf('\uFFFD')).split('\n').length;
		throw new PickupError(
			'timeline-malformed',
			`Expected text in ${encoding.toUpperCase()}, got bytes that are not on line ${line}`,
			{ field: `line ${line}`, action: 'Export the timeline again as UTF-8.' },
		);
	}
}

export function encodeText(text: string, encoding: string): Uint8Array {
	if (encoding === 'utf-8' || encoding === ASCII) return Buffer.from(text, 'utf8');
	if (encoding.startsWith('utf-16')) {
		const bytes = Buffer.from(text, 'utf16le');
		return encoding === 'utf-16be' ? bytes.swap16() : bytes;
	}
	const byteOf = new Map([...alphabetOf(encoding)].map((character, byte) => [character, byte]));
	return Uint8Array.from(text, (character) => byteOf.get(character) ?? 0x3f);
}

/**
 * New XML for a document in that encoding: where it is not Unicode, characters beyond ASCII are
 * written as references (`&#233;`), which mean the same in every encoding.
 */
export function newXmlFor(encoding: string, xml: string): string {
	if (encoding.startsWith('utf-')) return xml;
	return xml.replaceAll(/[^\p{ASCII}]/gu, (character) => `&#${character.codePointAt(0)};`);
}

/** Read as UTF-8, which it is part of, so that an editor that only claims it is read as well. */
const ASCII = 'us-ascii';

function encodingOf(bytes: Uint8Array): string {
	const [a, b, c, d] = bytes;
	if ((a === 0xff && b === 0xfe) || (a !== 0 && b === 0 && c !== 0 && d === 0)) return 'utf-16le';
	if ((a === 0xfe && b === 0xff) || (a === 0 && b !== 0 && c === 0 && d !== 0)) return 'utf-16be';
	const start = Buffer.from(bytes.subarray(0, 1024)).toString('latin1');
	const declared = /^<\?xml[^>]*?\sencoding\s*=\s*["']([^"']*)["']/.exec(start)?.[1];
	if (declared === undefined) return 'utf-8';
	if (/^(us-)?ascii$|^ansi_x3\.4/i.test(declared)) return ASCII;
	const known = labelled(declared);
	if (known?.startsWith('utf-')) return 'utf-8';
	if (known !== undefined && isOneByteEach(known)) return known;
	throw new PickupError(
		'timeline-unsupported',
		`Expected a timeline in UTF-8, UTF-16 or one byte for each character, got one that declares ${declared.slice(0, 60)}`,
		{ field: 'encoding', action: 'Export the timeline again as UTF-8.' },
	);
}

/** The name of the encoding that a label stands for; undefined where nobody knows it. */
function labelled(label: string): string | undefined {
	try {
		return new TextDecoder(label).encoding;
	} catch {
		return undefined;
	}
}

function isOneByteEach(encoding: string): boolean {
	const alphabet = alphabetOf(encoding);
	return alphabet.length === 256 && !alphabet.slice(0, 128).includes('\uFFFD');
}

/** The characters of the bytes 0 to 255, where each is one. */
function alphabetOf(encoding: string): string {
	return decode(
		Uint8Array.from({ length: 256 }, (_, byte) => byte),
		encoding,
		false,
	);
}

function decode(bytes: Uint8Array, encoding: string, fatal: boolean): string {
	const known = encoding === ASCII ? 'utf-8' : encoding;
	const text = new TextDecoder(known, { fatal, ignoreBOM: true }).decode(bytes);
	if (encoding !== 'windows-1252') return text;
	// Node 20 leaves these as the control characters that ISO-8859-1 has in their places.
	return text.replaceAll(
		/[\u0080-\u009f]/g,
		(control) => QUOTES[control.charCodeAt(0) - 0x80] ?? '',
	);
}

/** What Windows-1252 has for the bytes 0x80 to 0x9f; five of them mean nothing. */
const QUOTES = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';
