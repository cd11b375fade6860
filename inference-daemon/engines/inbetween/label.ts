import type { Layout } from './planes.ts';

/** DRAFT in dots of 5 × 7, a space between letters. */
const ROWS = [
	'####. ####. .###. ##### #####',
	'#...# #...# #...# #.... ..#..',
	'#...# #...# #...# #.... ..#..',
	'#...# ####. ##### ####. ..#..',
	'#...# #.#.. #...# #.... ..#..',
	'#...# #..#. #...# #.... ..#..',
	'####. #...# #...# #.... ..#..',
];

const MARGIN = 2;

/**
 * Writes DRAFT onto a frame, inside the upper left of the title-safe area. Pictures that
 * are too small for it stay as they are.
 */
export function drawLabel(frame: Uint8Array, layout: Layout): void {
	const luma = layout.planes[0]!;
	// So that it is read in a panel of 360 px too.
	const dot = Math.max(1, Math.round(luma.height / 180));
	const columns = ROWS[0]!.length + 2 * MARGIN;
	const rows = ROWS.length + 2 * MARGIN;
	const left = even(luma.width * 0.05);
	const top = even(luma.height * 0.05);
	if (luma.width < columns * dot * 3 || luma.height < rows * dot * 3) return;
	const unit = layout.bits === 8 ? 1 : 4;
	const samples =
		layout.bytes === 1
			? frame
			: new Uint16Array(frame.buffer, frame.byteOffset, frame.byteLength >> 1);
	for (let y = 0; y < rows * dot; y++) {
		const line = ROWS[Math.floor(y / dot) - MARGIN];
		const start = (top + y) * luma.width + left;
		for (let x = 0; x < columns * dot; x++) {
			const isInk = line?.[Math.floor(x / dot) - MARGIN] === '#';
			const under = samples[start + x]!;
			samples[start + x] = isInk ? 215 * unit : Math.round((under - 16 * unit) * 0.4) + 16 * unit;
		}
	}
	// Chroma fades towards grey as the box darkens, so that the letters carry no tint.
	for (const plane of layout.planes.slice(1)) {
		const first = plane.offset / layout.bytes;
		for (let y = 0; y < (rows * dot) >> plane.shiftY; y++) {
			const start = first + ((top >> plane.shiftY) + y) * plane.width + (left >> plane.shiftX);
			for (let x = 0; x < (columns * dot) >> plane.shiftX; x++) {
				samples[start + x] = Math.round((samples[start + x]! - 128 * unit) * 0.4) + 128 * unit;
			}
		}
	}
}

function even(value: number): number {
	return 2 * Math.round(value / 2);
}
