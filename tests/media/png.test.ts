import { expect, it } from 'vitest';
import { pngOf } from '../../inference-daemon/media/png.ts';
import { rgbOfPng } from './rgb.ts';

it.each([
	[192, 128],
	[191, 127],
	[9, 1],
	[1, 1],
])('a PNG made in this process, of %i×%i, is read as what went in', async (width, height) => {
	const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
		return Math.imul(i + 1, 2_654_435_761) >>> 24;
	});
	expect((await rgbOfPng(pngOf({ width, height, data }))).equals(data)).toBe(true);
});

it('a size that is none, or data of another length, is refused', () => {
	for (const [width, height, length] of [
		[0, 1, 0],
		[1.5, 2, 9],
		[2, 2, 11],
	] as const) {
		expect(() => pngOf({ width, height, data: new Uint8Array(length) })).toThrow(RangeError);
	}
});
