/** Rows under a head in columns two spaces apart, for a terminal. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
	const lines = [head, ...rows];
	const widths = head.map((_, column) => {
		return lines.reduce((most, cells) => Math.max(most, widthOf(cells[column] ?? '')), 0);
	});
	return lines
		.map((cells) => {
			const padded = cells.map((cell, column) => {
				return cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - widthOf(cell)));
			});
			return padded.join('  ').trimEnd();
		})
		.join('\n');
}

/** Columns that a terminal gives a text: two for East Asian and emoji, none for combining marks. */
function widthOf(text: string): number {
	let width = 0;
	for (const character of text) width += NONE.test(character) ? 0 : TWO.test(character) ? 2 : 1;
	return width;
}

const NONE = /[\p{Mn}\p{Me}\p{Cf}]/u;
const TWO = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{Emoji_Presentation}！-｠]/u;
