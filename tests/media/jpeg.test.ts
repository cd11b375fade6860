import { describe, expect, it } from 'vitest';
import { jpegOf, type RgbPicture } from '../../inference-daemon/media/jpeg.ts';
import { rgbOfJpeg } from './rgb.ts';

/** Waves of colour, as smooth as a small picture is. */
function drawn(width: number, height: number): RgbPicture {
	const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
		const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
		return 127.5 + 127 * Math.sin(x / 9 + (i % 3)) * Math.cos(y / (5 + (i % 3)));
	});
	return { width, height, data };
}

/** Root mean square of what two pictures differ by, in steps of 8 bits. */
function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
	expect(a.length).toBe(b.length);
	let sum = 0;
	for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
	return Math.sqrt(sum / a.length);
}

describe('a JPEG made in this process', () => {
	it.each([
		[192, 128],
		[191, 127],
		[9, 1],
		[1, 1],
	])('of %i×%i comes back in its size and colours', async (width, height) => {
		const picture = drawn(width, height);
		const back = await rgbOfJpeg(jpegOf(picture));
		expect(difference(back, picture.data)).toBeLessThan(3);
		// The measure tells pictures apart.
		const negative = Uint8Array.from(picture.data, (value) => 255 - value);
		expect(difference(back, negative)).toBeGreaterThan(30);
	});

	it('keeps pure colours', async () => {
		const colours = ['ffffff', '000000', 'ff0000', '00ff00', '0000ff', '12c85a'];
		const [width, height] = [colours.length * 8, 8];
		const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
			const x = Math.floor(i / 3) % width;
			return Buffer.from(colours[Math.floor(x / 8)]!, 'hex')[i % 3]!;
		});
		const back = await rgbOfJpeg(jpegOf({ width, height, data }));
		expect(back).toHaveLength(data.length);
		expect(Math.max(...back.map((value, i) => Math.abs(value - data[i]!)))).toBeLessThanOrEqual(3);
	});

	it('takes the hardest contrasts, larger than expected too', async () => {
		let state = 1;
		const random = () => {
			state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
			return state / 2 ** 32;
		};
		const [width, height] = [200, 120];
		const data = Uint8Array.from({ length: width * height * 3 }, () => (random() < 0.5 ? 0 : 255));
		const jpeg = jpegOf({ width, height, data });
		expect(jpeg.length).toBeGreaterThan(width * height);
		expect(difference(await rgbOfJpeg(jpeg), data)).toBeLessThan(12);
	});

	it('is one file of segments that end where they say', async () => {
		const jpeg = Buffer.from(jpegOf(drawn(64, 40)));
		expect(jpeg.subarray(0, 2).toString('hex')).toBe('ffd8');
		expect(jpeg.subarray(6, 11).toString('latin1')).toBe('JFIF\0');
		const found: number[] = [];
		let at = 2;
		while (jpeg[at] === 0xff && jpeg[at + 1] !== 0xda) {
			found.push(jpeg[at + 1]!);
			at += 2 + jpeg.readUInt16BE(at + 2);
		}
		expect(found).toEqual([0xe0, 0xdb, 0xc0, 0xc4]);
		expect(jpeg.indexOf(Buffer.of(0xff, 0xd9))).toBe(jpeg.length - 2);
	});

	it('refuses a size and data that do not belong together', () => {
		const data = new Uint8Array(12);
		for (const [width, height] of [
			[0, 0],
			[2, 3],
			[2.5, 1.6],
			[Number.NaN, 2],
			[65_536, 1],
		] as const) {
			expect(() => jpegOf({ width, height, data })).toThrow(RangeError);
		}
	});
});
