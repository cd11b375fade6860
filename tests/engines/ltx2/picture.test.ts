import { describe, expect, it } from 'vitest';
import {
	canvasPainter,
	frameMaker,
	type Planar,
	packed as pack,
} from '../../../inference-daemon/engines/ltx2/condition/picture.ts';
import { type WorkSize, workSize } from '../../../inference-daemon/engines/ltx2/plan/window.ts';
import { frameBytes } from '../../../inference-daemon/media/pixels.ts';
import type { Frame } from '../../../inference-daemon/media/types.ts';

type Size = { readonly width: number; readonly height: number };

/** Sequences, and how many pixels the model works at: larger, smaller, upright, odd, very small. */
const WORKS = [
	[{ width: 160, height: 90 }, 64 * 32],
	[{ width: 90, height: 160 }, 64 * 32],
	[{ width: 128, height: 64 }, 128 * 64],
	[{ width: 50, height: 38 }, 64 * 64],
	[{ width: 8, height: 66 }, 64 * 64],
] as const;

describe.each(WORKS)('a picture of %o, worked at in %i pixels', (size, pixels) => {
	const work = workSize(size, pixels, 32);

	it('comes onto the canvas as a plain triangle filter has it', async () => {
		const frame = packed(size);
		const wanted = scaled(colours(frame), size, work.inner);
		const canvas = at(await drawn(frame, work));
		const [left, top] = margins(work);
		let apart = 0;
		everyPixel(work, (c, x, y) => {
			const inside = [within(x - left, work.inner.width), within(y - top, work.inner.height)];
			const expected = wanted(c, inside[0]!, inside[1]!);
			apart = Math.max(apart, Math.abs(canvas(c, x, y) - expected));
		});
		// Rounded to bytes.
		expect(apart).toBeLessThan(1 / 255 + 1e-6);
	});

	it.each(['yuv420p', 'yuv422p10le'] as const)(
		'leaves it in %s within one level',
		async (format) => {
			// H.264 takes even sizes only.
			const whole = { width: size.width + (size.width % 2), height: size.height };
			const canvas = noise(work);
			const [left, top] = margins(work);
			const middle = (c: number, x: number, y: number) =>
				Math.min(1, Math.max(-1, at(canvas)(c, x + left, y + top)));
			const wanted = encoded(scaled(middle, work.inner, whole), whole, format);
			const make = await frameMaker(work, whole, format);
			make({ ...canvas, planes: canvas.planes.map((plane) => plane.map(() => 0.3)) });
			const frame = make(canvas);
			expect(frame).toMatchObject({ ...whole, format });
			expect(frame.data.length).toBe(frameBytes(format, whole));
			const found =
				format === 'yuv420p'
					? frame.data
					: new Uint16Array(frame.data.buffer, frame.data.byteOffset);
			expect(found.length).toBe(wanted.length);
			const apart = wanted.map((value, i) => Math.abs(found[i]! - value));
			expect(Math.max(...apart)).toBeLessThanOrEqual(1);
			// A value just between two levels may be rounded either way; few are.
			expect(apart.filter((levels) => levels > 0).length).toBeLessThan(wanted.length / 1000 + 2);
		},
	);
});

it.each(WORKS)('a 4:2:0 picture of %o comes onto the canvas as it was', async (size, pixels) => {
	const whole = { width: size.width + (size.width % 2), height: size.height + (size.height % 2) };
	// Soft colours, of which halved chroma and rounding lose little.
	const { planes } = noise(whole);
	everyPixel(whole, (c, x, y) => {
		planes[c]![y * whole.width + x] = 0.7 * Math.sin(x / 30 + c) * Math.cos(y / 25);
	});
	const make = await frameMaker({ ...whole, inner: whole }, whole, 'yuv420p');
	const frame = make({ ...whole, planes });
	const work = workSize(whole, pixels, 32);
	const wanted = scaled(at({ ...whole, planes }), whole, work.inner);
	const canvas = at(await drawn(frame, work));
	const [left, top] = margins(work);
	let apart = 0;
	everyPixel(work.inner, (c, x, y) => {
		apart = Math.max(apart, Math.abs(canvas(c, x + left, y + top) - wanted(c, x, y)));
	});
	expect(apart).toBeLessThan(0.03);
});

it('colours beyond the range of a 4:2:0 picture are clipped', async () => {
	const size = { width: 32, height: 32 };
	const data = new Uint8Array(32 * 48).fill(255);
	const work = { ...size, inner: size };
	const { planes } = await drawn({ ...size, format: 'yuv420p', data }, work);
	expect(planes.map((plane) => plane[0])).toEqual([1, expect.closeTo(0.439, 2), 1]);
});

it('the middle of a canvas, packed, is what came onto it', async () => {
	const size = { width: 40, height: 32 };
	const work = { width: 64, height: 32, inner: size };
	const frame = packed(size);
	expect(pack(await drawn(frame, work), work)).toEqual(frame);
	const plane = new Float32Array(64 * 32).fill(1.7);
	const beyond = { width: 64, height: 32, planes: [plane, plane, plane] };
	expect(new Set(pack(beyond, work).data)).toEqual(new Set([255]));
});

it('white, black and red are those of BT.709 in video range', async () => {
	const size = { width: 4, height: 4 };
	const make = await frameMaker({ ...size, inner: size }, size, 'yuv420p');
	const of = (...colour: readonly [number, number, number]) => {
		const planes = colour.map((value) => new Float32Array(16).fill(value));
		const { data: bytes } = make({ ...size, planes });
		return [bytes[5], bytes[17], bytes[21]];
	};
	expect(of(1, 1, 1)).toEqual([235, 128, 128]);
	expect(of(-3, -1, -1)).toEqual([16, 128, 128]);
	expect(of(1, -1, -1)).toEqual([63, 102, 240]);
	expect(of(Number.NaN, Number.NaN, Number.NaN)).toEqual([16, 128, 128]);
});

it('a format that none of this reads is refused', async () => {
	const frame: Frame = { width: 2, height: 2, format: 'yuv422p10le', data: new Uint8Array(16) };
	const work = { width: 32, height: 32, inner: { width: 32, height: 32 } };
	await expect(drawn(frame, work)).rejects.toThrow(
		'Expected a picture in RGB or 4:2:0, got yuv422p10le',
	);
});

/** By a painter that has painted something else before. */
async function drawn(frame: Frame, work: WorkSize): Promise<Planar> {
	const { width, height } = work;
	const data = new Uint8Array(3 * width * height);
	const plane = (c: number) => data.subarray(c * width * height, (c + 1) * width * height);
	const canvas = [plane(0), plane(1), plane(2)] as const;
	const paint = await canvasPainter(work);
	paint({ ...frame, data: frame.data.map((value) => 255 - value) }, canvas);
	paint(frame, canvas);
	const planes = canvas.map((bytes) => Float32Array.from(bytes, (value) => value / 127.5 - 1));
	return { width, height, planes };
}

/** A value of a channel at a place. */
type Field = (c: number, x: number, y: number) => number;

function at({ width, planes }: Planar): Field {
	return (c, x, y) => planes[c]![y * width + x]!;
}

/** Of packed bytes. */
function colours({ width, data }: Frame): Field {
	return (c, x, y) => data[(y * width + x) * 3 + c]! / 127.5 - 1;
}

/** The same filter with no thought of speed. */
function scaled(picture: Field, from: Size, to: Size): Field {
	const [across, down] = [taps(from.width, to.width), taps(from.height, to.height)];
	const planes = [0, 1, 2].map(() => new Float32Array(to.width * to.height));
	everyPixel(to, (c, x, y) => {
		let sum = 0;
		for (const [row, share] of down[y]!) {
			for (const [column, weight] of across[x]!) sum += share * weight * picture(c, column, row);
		}
		planes[c]![y * to.width + x] = sum;
	});
	return at({ ...to, planes });
}

/** For each pixel of the result, which ones of the source it is made of, and with what weight. */
function taps(from: number, to: number): readonly (readonly (readonly [number, number])[])[] {
	const reach = Math.max(1, from / to);
	return Array.from({ length: to }, (_, i) => {
		const centre = ((i + 0.5) * from) / to - 0.5;
		const all = Array.from({ length: from }, (_, k) => [k, 1 - Math.abs(k - centre) / reach]);
		const some = all.filter(([, weight]) => weight! > 0) as [number, number][];
		const total = some.reduce((sum, [, weight]) => sum + weight, 0);
		return some.map(([k, weight]) => [k, weight / total]);
	});
}

function encoded(rgb: Field, { width, height }: Size, format: 'yuv420p' | 'yuv422p10le') {
	const unit = format === 'yuv420p' ? 1 : 4;
	const [KR, KB] = [0.2126, 0.0722];
	const share: Field = (c, x, y) => (rgb(c, x, y) + 1) / 2;
	const luma = (x: number, y: number) =>
		KR * share(0, x, y) + (1 - KR - KB) * share(1, x, y) + KB * share(2, x, y);
	const values: number[] = [];
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) values.push(Math.round(unit * (16 + 219 * luma(x, y))));
	}
	const high = format === 'yuv420p' ? 2 : 1;
	for (const [c, k] of [
		[2, KB],
		[0, KR],
	] as const) {
		for (let y = 0; y < height; y += high) {
			for (let x = 0; x < width; x += 2) {
				const shared = [0, 1, width, width + 1]
					.map((step) => [x + (step % width), y + Math.floor(step / width)] as const)
					.filter(([px, py]) => px < width && py < Math.min(height, y + high));
				const chroma = shared.map(([px, py]) => (share(c, px, py) - luma(px, py)) / (2 * (1 - k)));
				const mean = chroma.reduce((sum, value) => sum + value, 0) / chroma.length;
				values.push(Math.round(unit * (128 + 224 * mean)));
			}
		}
	}
	return values;
}

function packed({ width, height }: Size): Frame {
	const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => hashed(i) * 255);
	return { width, height, format: 'rgb24', data };
}

/** Values that go beyond −1…1 here and there, as a decoder's do. */
function noise({ width, height }: Size): Planar {
	const count = width * height;
	const planes = [0, 1, 2].map((c) =>
		Float32Array.from({ length: count }, (_, i) => 2.4 * hashed(c * count + i) - 1.2),
	);
	return { width, height, planes };
}

function hashed(i: number): number {
	return (Math.imul(i + 1, 2_654_435_761) >>> 0) / 2 ** 32;
}

function everyPixel({ width, height }: Size, look: (c: number, x: number, y: number) => void) {
	for (let c = 0; c < 3; c++) {
		for (let y = 0; y < height; y++) {
			for (let x = 0; x < width; x++) look(c, x, y);
		}
	}
}

function margins(work: Size & { readonly inner: Size }): readonly [number, number] {
	const { inner } = work;
	return [Math.floor((work.width - inner.width) / 2), Math.floor((work.height - inner.height) / 2)];
}

function within(i: number, length: number): number {
	return Math.min(length - 1, Math.max(0, i));
}
