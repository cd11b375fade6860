import { PickupError } from '../../protocol/errors.ts';

type TextEncoding = 'utf-8' | 'utf-16le' | 'utf-16be';

/** A text with what it takes to write it back byte for byte; a byte order mark stays in the text. */
type DecodedText = { readonly text: string; readonly encoding: TextEncoding };

/**
 * Reads UTF-8, or UTF-16 where a byte order mark or the first characters show it. Throws
 * PickupError `timeline-unsupported` for other encodings, `timeline-malformed` for broken text.
 */
export function decodeText(bytes: Uint8Array): DecodedText {
	const encoding = encodingOf(bytes);
	let text: string;
	try {
		text = new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(bytes);
	} catch {
		const whole = new TextDecoder(encoding).decode(bytes);
		const line = whole.slice(0, whole.indexOf('\uFFFD')).split('\n').length;
		throw new PickupError(
			'timeline-malformed',
			`Expected text in ${encoding.toUpperCase()}, got bytes that are not on line ${line}`,
			{ field: `line ${line}`, action: 'Export the timeline again as UTF-8.' },
		);
	}
	const declared = /^\uFEFF?<\?xml[^>]*?\sencoding\s*=\s*["']([^"']*)["']/.exec(text)?.[1];
	if (declared !== undefined && !/^(?:utf-?8|utf-?16(?:le|be)?)$/i.test(declared)) {
		throw new PickupError(
			'timeline-unsupported',
			`Expected a timeline in UTF-8 or UTF-16, got one that declares ${declared}`,
			{ field: 'encoding', action: 'Export the timeline again as UTF-8.' },
		);
	}
	return { text, encoding };
}

export function encodeText(text: string, encoding: TextEncoding): Uint8Array {
	if (encoding === 'utf-8') return Buffer.from(text, 'utf8');
	const bytes = Buffer.from(text, 'utf16le');
	return encoding === 'utf-16be' ? bytes.swap16() : bytes;
}

function encodingOf(bytes: Uint8Array): TextEncoding {
	const [a, b, c, d] = bytes;
	if ((a === 0xff && b === 0xfe) || (a !== 0 && b === 0 && c !== 0 && d === 0)) return 'utf-16le';
	if ((a === 0xfe && b === 0xff) || (a === 0 && b !== 0 && c === 0 && d !== 0)) return 'utf-16be';
	return 'utf-8';
}
