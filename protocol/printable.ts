/**
 * Control characters, C1 ones too, and those that turn the direction of writing: in a name they would
 * move a terminal's cursor, change its colours or hide what is said. New lines and tabs stay.
 */
const UNSEEN =
	// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is being looked for
	/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Text for a terminal or a log: what cannot be seen is written as `\u001b`. */
export function printable(text: string): string {
	return text.replaceAll('\r\n', '\n').replaceAll(UNSEEN, (character) => {
		return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
	});
}
