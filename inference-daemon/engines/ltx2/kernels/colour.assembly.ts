// Colours as the video VAE has them, planes of red, green and blue, and as files have them: luma and
// both chromas in video range. Planes that belong together lie `step` bytes apart, a multiple of 16.
// What is written reaches up to 12 bytes beyond a plane's end.

import { storeFour } from './scale.assembly';

/** Of red, green and blue (ITU-R BT.709-6, item 3). */
const RED: f32 = 0.2126;
const BLUE: f32 = 0.0722;
const GREEN: f32 = 1 - RED - BLUE;
/** Chroma of a colour in 0…1 for one that differs by so much from luma. */
const REDDISH: f32 = 2 * (1 - RED);
const BLUISH: f32 = 2 * (1 - BLUE);

/** Levels of 8 bits, as floats, to bytes of colour. */
export function toColours(luma: usize, blueness: usize, redness: usize, count: i32, target: usize, step: usize): void {
	for (let at: usize = 0; at < <usize>count << 2; at += 16, target += 4) {
		const y = f32x4.mul(f32x4.sub(v128.load(luma + at), f32x4.splat(16)), f32x4.splat(1.0 / 219));
		const cb = f32x4.mul(f32x4.sub(v128.load(blueness + at), f32x4.splat(128)), f32x4.splat(BLUISH / 224));
		const cr = f32x4.mul(f32x4.sub(v128.load(redness + at), f32x4.splat(128)), f32x4.splat(REDDISH / 224));
		const red = f32x4.add(y, cr);
		const blue = f32x4.add(y, cb);
		const others = f32x4.add(f32x4.mul(red, f32x4.splat(RED)), f32x4.mul(blue, f32x4.splat(BLUE)));
		const green = f32x4.mul(f32x4.sub(y, others), f32x4.splat(1 / GREEN));
		storeFour<u8>(target, rounded(red, 255));
		storeFour<u8>(target + step, rounded(green, 255));
		storeFour<u8>(target + 2 * step, rounded(blue, 255));
	}
}

/**
 * Colours in −1…1, clipped, to levels, `unit` of them for one of 8 bits, and half of one more: rounded
 * where the fraction is lost.
 */
export function toLevels(source: usize, count: i32, unit: f32, target: usize, step: usize): void {
	const white: f32 = (unit * 219) / 2;
	const black: f32 = unit * 16 + white + 0.5;
	const grey: f32 = unit * 128 + 0.5;
	for (let at: usize = 0; at < <usize>count << 2; at += 16) {
		const red = clipped(v128.load(source + at));
		const green = clipped(v128.load(source + step + at));
		const blue = clipped(v128.load(source + 2 * step + at));
		const others = f32x4.add(f32x4.mul(red, f32x4.splat(RED)), f32x4.mul(blue, f32x4.splat(BLUE)));
		const luma = f32x4.add(others, f32x4.mul(green, f32x4.splat(GREEN)));
		v128.store(target + at, f32x4.add(f32x4.splat(black), f32x4.mul(luma, f32x4.splat(white))));
		// Colours in −1…1 differ twice as much as in 0…1.
		const bluish = f32x4.mul(f32x4.sub(blue, luma), f32x4.splat((unit * 112) / BLUISH));
		const reddish = f32x4.mul(f32x4.sub(red, luma), f32x4.splat((unit * 112) / REDDISH));
		v128.store(target + step + at, f32x4.add(f32x4.splat(grey), bluish));
		v128.store(target + 2 * step + at, f32x4.add(f32x4.splat(grey), reddish));
	}
}

/** Red, green and blue in bytes beside each other, to a plane of bytes each. */
export function toPlanes(source: usize, count: i32, target: usize, step: usize): void {
	for (let i = 0; i < count; i++, source += 3) {
		store<u8>(target + i, load<u8>(source));
		store<u8>(target + step + i, load<u8>(source, 1));
		store<u8>(target + 2 * step + i, load<u8>(source, 2));
	}
}

/** Floats to bytes, rounded. */
export function toBytes(source: usize, count: i32, target: usize): void {
	for (const end = source + (<usize>count << 2); source < end; source += 16, target += 4) {
		storeFour<u8>(target, rounded(v128.load(source), 1));
	}
}

@inline function rounded(values: v128, scale: f32): v128 {
	return f32x4.add(f32x4.mul(values, f32x4.splat(scale)), f32x4.splat(0.5));
}

/** What is no number becomes −1. */
@inline function clipped(values: v128): v128 {
	return f32x4.pmin(f32x4.splat(1), f32x4.pmax(f32x4.splat(-1), values));
}
