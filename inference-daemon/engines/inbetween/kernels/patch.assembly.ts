// Patches of 8 × 8 on a grid of 4. Every picture here is f32 with PAD replicated pixels around it;
// strides count pixels.

export const PAD: i32 = 16;
export const PATCH: i32 = 8;
export const STEP: i32 = 4;

@inline export function pixel(picture: usize, stride: i32, x: i32, y: i32): usize {
	return picture + (((y + PAD) * stride + x + PAD) << 2);
}

/** Where patch `index` of a grid starts along one axis. */
@inline export function origin(index: i32, length: i32): i32 {
	return max(0, min(index * STEP, length - PATCH));
}

@inline export function sum(v: v128): f32 {
	return f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3);
}

@inline export function limit(value: f32, low: f32, high: f32): f32 {
	return min(max(value, low), high);
}

/** Squared difference of the patch at (x, y) of `a` and the one (u, v) further on in `b`. */
export function difference(a: usize, b: usize, width: i32, height: i32, x: i32, y: i32, u: f32, v: f32): f32 {
	const stride = width + 2 * PAD;
	const tx = limit(<f32>x + u, 1 - <f32>PAD, <f32>(width + PAD - 10));
	const ty = limit(<f32>y + v, 1 - <f32>PAD, <f32>(height + PAD - 10));
	const ix = <i32>floor<f32>(tx);
	const iy = <i32>floor<f32>(ty);
	const fx = tx - <f32>ix;
	const fy = ty - <f32>iy;
	const w00 = f32x4.splat((1 - fx) * (1 - fy));
	const w01 = f32x4.splat(fx * (1 - fy));
	const w10 = f32x4.splat((1 - fx) * fy);
	const w11 = f32x4.splat(fx * fy);
	let here = pixel(a, stride, x, y);
	let there = pixel(b, stride, ix, iy);
	const line = stride << 2;
	let total = f32x4.splat(0);
	for (let row = 0; row < PATCH; row++) {
		for (let half: usize = 0; half < 32; half += 16) {
			const p = there + half;
			const q = p + line;
			const value = f32x4.add(
				f32x4.add(f32x4.mul(v128.load(p), w00), f32x4.mul(v128.load(p, 4), w01)),
				f32x4.add(f32x4.mul(v128.load(q), w10), f32x4.mul(v128.load(q, 4), w11)),
			);
			const d = f32x4.sub(value, v128.load(here + half));
			total = f32x4.add(total, f32x4.mul(d, d));
		}
		here += line;
		there += line;
	}
	const cost = sum(total);
	const cx = <f32>x + u + 4;
	const cy = <f32>y + v + 4;
	if (cx < 0 || cy < 0 || cx > <f32>width || cy > <f32>height) return cost * 1.5 + 8;
	return cost;
}

// Written by `structure`: how strongly the patch changes along x, along both, and along y.
export let alongXX: f32 = 0;
export let alongXY: f32 = 0;
export let alongYY: f32 = 0;

@inline export function structure(alongX: usize, alongY: usize, width: i32, x: i32, y: i32): void {
	const stride = width + 2 * PAD;
	let xx = f32x4.splat(0);
	let xy = f32x4.splat(0);
	let yy = f32x4.splat(0);
	let offset = pixel(0, stride, x, y);
	for (let row = 0; row < PATCH; row++) {
		for (let half: usize = 0; half < 32; half += 16) {
			const gx = v128.load(alongX + offset + half);
			const gy = v128.load(alongY + offset + half);
			xx = f32x4.add(xx, f32x4.mul(gx, gx));
			xy = f32x4.add(xy, f32x4.mul(gx, gy));
			yy = f32x4.add(yy, f32x4.mul(gy, gy));
		}
		offset += stride << 2;
	}
	alongXX = sum(xx);
	alongXY = sum(xy);
	alongYY = sum(yy);
}
