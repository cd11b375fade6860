/**
 * Which light a picture's values stand for, as ffmpeg names it. Frames between programs are always
 * in BT.709's matrix, whatever their colour.
 */
export type Colour = { readonly primaries: string; readonly transfer: string };

export const BT709: Colour = { primaries: 'bt709', transfer: 'bt709' };

/** Primaries that editors do not take for BT.709. */
const WIDE: Readonly<Record<string, string>> = {
	bt2020: 'BT.2020',
	smpte431: 'DCI-P3',
	smpte432: 'Display P3',
};
const HIGH_RANGE: Readonly<Record<string, string>> = { smpte2084: 'PQ', 'arib-std-b67': 'HLG' };

/** BT.709 unless the file says that it is wider: SD and untagged pictures are shown as that too. */
export function colourOf({ primaries, transfer }: Colour): Colour {
	const isWide = Object.hasOwn(WIDE, primaries);
	if (Object.hasOwn(HIGH_RANGE, transfer)) {
		return { primaries: isWide ? primaries : 'bt2020', transfer };
	}
	if (!isWide) return BT709;
	return { primaries, transfer: /^(unknown|reserved)$/.test(transfer) ? 'bt709' : transfer };
}

export function isSameColour(a: Colour, b: Colour): boolean {
	return a.primaries === b.primaries && a.transfer === b.transfer;
}

/** `BT.2020 PQ`, `Display P3`, `BT.709`. */
export function colourName({ primaries, transfer }: Colour): string {
	const range = HIGH_RANGE[transfer];
	return `${WIDE[primaries] ?? 'BT.709'}${range ? ` ${range}` : ''}`;
}

/** The matrix that files of a colour are written in; programs know no other beside BT.2020. */
export function fileMatrix({ primaries }: Colour): 'bt709' | 'bt2020nc' {
	return primaries === 'bt2020' ? 'bt2020nc' : 'bt709';
}

/** White of a picture without high range among those that have it, in cd/m² (ITU-R BT.2408). */
const WHITE = 203;

/**
 * The filters that bring a picture from one colour to another, in BT.709's matrix and video range
 * from then on. `matrix` is zscale's name for the picture's own.
 */
export function colourConversion(
	from: Colour,
	to: Colour,
	source: { readonly matrix: string; readonly range: 'pc' | 'tv' },
): readonly string[] {
	const zscale = [
		...[`pin=${from.primaries}`, `tin=${from.transfer}`, `min=${source.matrix}`],
		...[`rin=${source.range}`, `p=${to.primaries}`, `t=${to.transfer}`, 'm=bt709', 'r=tv'],
		`npl=${WHITE}`,
	].join(':');
	return [`zscale=${zscale}`, 'format=yuv444p16le'];
}
