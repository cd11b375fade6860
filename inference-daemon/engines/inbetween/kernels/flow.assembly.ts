// Dense motion between two small pictures, patch by patch, coarse to fine.

import { alongXX, alongXY, alongYY, difference, limit, origin, PAD, PATCH, pixel, structure, sum } from './patch.assembly';

// Written by `slope`: the gradient of the cost along x and y.
let slopeX: f32 = 0;
let slopeY: f32 = 0;

/** One Gauss–Newton step's right-hand side into slopeX and slopeY. */
function slope(a: usize, b: usize, alongX: usize, alongY: usize, width: i32, height: i32, x: i32, y: i32, u: f32, v: f32): void {
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
	let offset = pixel(0, stride, x, y);
	let there = pixel(b, stride, ix, iy);
	const line = stride << 2;
	let bx = f32x4.splat(0);
	let by = f32x4.splat(0);
	for (let row = 0; row < PATCH; row++) {
		for (let half: usize = 0; half < 32; half += 16) {
			const p = there + half;
			const q = p + line;
			const value = f32x4.add(
				f32x4.add(f32x4.mul(v128.load(p), w00), f32x4.mul(v128.load(p, 4), w01)),
				f32x4.add(f32x4.mul(v128.load(q), w10), f32x4.mul(v128.load(q, 4), w11)),
			);
			const d = f32x4.sub(value, v128.load(a + offset + half));
			bx = f32x4.add(bx, f32x4.mul(d, v128.load(alongX + offset + half)));
			by = f32x4.add(by, f32x4.mul(d, v128.load(alongY + offset + half)));
		}
		offset += line;
		there += line;
	}
	slopeX = sum(bx);
	slopeY = sum(by);
}

/** As `difference` for whole pixels; may stop early with more than `bound`. */
function wholeDifference(a: usize, b: usize, width: i32, x: i32, y: i32, tx: i32, ty: i32, bound: f32): f32 {
	const stride = width + 2 * PAD;
	let here = pixel(a, stride, x, y);
	let there = pixel(b, stride, tx, ty);
	const line = stride << 2;
	let cost: f32 = 0;
	for (let half = 0; half < 2; half++) {
		let total = f32x4.splat(0);
		for (let row = 0; row < PATCH / 2; row++) {
			const d = f32x4.sub(v128.load(there), v128.load(here));
			const e = f32x4.sub(v128.load(there, 16), v128.load(here, 16));
			total = f32x4.add(total, f32x4.add(f32x4.mul(d, d), f32x4.mul(e, e)));
			here += line;
			there += line;
		}
		cost += sum(total);
		if (cost > bound) break;
	}
	return cost;
}

/** Tries every whole-pixel position inside `b` for every patch of `a`; for the coarsest level. */
export function search(a: usize, b: usize, width: i32, height: i32, columns: i32, rows: i32, motion: usize, distancePenalty: f32): void {
	for (let j = 0; j < rows; j++) {
		for (let i = 0; i < columns; i++) {
			const x = origin(i, width);
			const y = origin(j, height);
			let best: f32 = f32.MAX_VALUE;
			let u: f32 = 0;
			let v: f32 = 0;
			for (let ty = min(0, height - PATCH); ty <= max(0, height - PATCH); ty++) {
				for (let tx = min(0, width - PATCH); tx <= max(0, width - PATCH); tx++) {
					const du = <f32>(tx - x);
					const dv = <f32>(ty - y);
					const away = distancePenalty * (abs(du) + abs(dv));
					const cost = wholeDifference(a, b, width, x, y, tx, ty, best - away) + away;
					if (cost >= best) continue;
					best = cost;
					u = du;
					v = dv;
				}
			}
			const at = motion + ((j * columns + i) << 3);
			store<f32>(at, u);
			store<f32>(at, v, 4);
		}
	}
}

/**
 * Looks through all of `b` for the patches that still fit badly, as small things that went far
 * do; returns how many have found a far better place.
 */
export function searchAgain(
	a: usize, b: usize, width: i32, height: i32, columns: i32, rows: i32,
	motion: usize, costs: usize, zero: usize, flat: f32, distancePenalty: f32,
): i32 {
	let changed = 0;
	for (let j = 0; j < rows; j++) {
		for (let i = 0; i < columns; i++) {
			const x = origin(i, width);
			const y = origin(j, height);
			const index = j * columns + i;
			const energy = difference(zero, a, width, height, x, y, 0, 0);
			const now = load<f32>(costs + (index << 2));
			if (energy < flat || now < 0.6 * energy) continue;
			let best = now * 0.4;
			let u: f32 = 0;
			let v: f32 = 0;
			let isBetter = false;
			for (let ty = 0; ty <= height - PATCH; ty++) {
				for (let tx = 0; tx <= width - PATCH; tx++) {
					const du = <f32>(tx - x);
					const dv = <f32>(ty - y);
					const away = distancePenalty * (abs(du) + abs(dv));
					const cost = wholeDifference(a, b, width, x, y, tx, ty, best - away) + away;
					if (cost >= best) continue;
					best = cost;
					u = du;
					v = dv;
					isBetter = true;
				}
			}
			if (!isBetter) continue;
			changed++;
			store<f32>(motion + (index << 3), u);
			store<f32>(motion + (index << 3), v, 4);
			store<f32>(costs + (index << 2), best);
		}
	}
	return changed;
}

let bestCost: f32 = 0;
let bestU: f32 = 0;
let bestV: f32 = 0;

// Written by `expect`: the motion that a patch is expected to have, and what it costs to leave it.
let expectedU: f32 = 0;
let expectedV: f32 = 0;
let expectedWeight: f32 = 0;
let expectedRadius: f32 = 1;

/** Takes up what is expected of patch `index`: four f32 u, v, weight, radius (null pointer: nothing). */
@inline function expect(expected: usize, index: i32): void {
	if (!expected) return;
	const from = expected + (index << 4);
	expectedU = load<f32>(from);
	expectedV = load<f32>(from, 4);
	expectedWeight = load<f32>(from, 8);
	expectedRadius = load<f32>(from, 12);
}

/** Free within the radius, then dearer up to twice the radius: beyond that all motions cost the same. */
@inline function surprise(u: f32, v: f32): f32 {
	const away = sqrt<f32>((u - expectedU) * (u - expectedU) + (v - expectedV) * (v - expectedV));
	return expectedWeight * limit(away / expectedRadius - 1, 0, 1);
}

function attempt(a: usize, b: usize, width: i32, height: i32, x: i32, y: i32, u: f32, v: f32): void {
	const cost = difference(a, b, width, height, x, y, u, v) + surprise(u, v);
	if (cost < bestCost) {
		bestCost = cost;
		bestU = u;
		bestV = v;
	}
}

/**
 * Motion of one level from the motion of the next coarser one (null pointer: already in
 * `motion`). `affine` is six f32: u = a·x + b·y + c, v = d·x + e·y + f in this level's pixels;
 * `expected` as `expect` reads it.
 */
export function refine(
	a: usize, b: usize, alongX: usize, alongY: usize, width: i32, height: i32,
	columns: i32, rows: i32, motion: usize,
	coarse: usize, coarseColumns: i32, coarseRows: i32, affine: usize, costs: usize, sweeps: i32, expected: usize,
): void {
	expectedWeight = 0;
	for (let j = 0; j < rows; j++) {
		for (let i = 0; i < columns; i++) {
			const x = origin(i, width);
			const y = origin(j, height);
			const at = motion + ((j * columns + i) << 3);
			bestCost = f32.MAX_VALUE;
			expect(expected, j * columns + i);
			if (coarse) {
				const gx = limit(<f32>x * 0.125 - 0.5, 0, <f32>(coarseColumns - 1));
				const gy = limit(<f32>y * 0.125 - 0.5, 0, <f32>(coarseRows - 1));
				const i0 = <i32>gx;
				const j0 = <i32>gy;
				for (let k = 0; k < 4; k++) {
					const from = coarse + ((min(j0 + (k >> 1), coarseRows - 1) * coarseColumns + min(i0 + (k & 1), coarseColumns - 1)) << 3);
					attempt(a, b, width, height, x, y, load<f32>(from) * 2, load<f32>(from, 4) * 2);
				}
			} else {
				attempt(a, b, width, height, x, y, load<f32>(at), load<f32>(at, 4));
			}
			const cx = <f32>x + 4;
			const cy = <f32>y + 4;
			attempt(
				a, b, width, height, x, y,
				load<f32>(affine) * cx + load<f32>(affine, 4) * cy + load<f32>(affine, 8),
				load<f32>(affine, 12) * cx + load<f32>(affine, 16) * cy + load<f32>(affine, 20),
			);
			if (expectedWeight > 0 && surprise(bestU, bestV) > 0) {
				// Speeds are not known to a fraction of a pixel: what is expected is judged where it fits best.
				descend(a, b, alongX, alongY, width, height, x, y, expectedU, expectedV);
			}
			store<f32>(at, bestU);
			store<f32>(at, bestV, 4);
			store<f32>(costs + ((j * columns + i) << 2), bestCost);
		}
	}
	for (let sweep = 0; sweep < sweeps; sweep++) {
		const back = sweep & 1;
		for (let n = 0; n < columns * rows; n++) {
			const index = back ? columns * rows - 1 - n : n;
			const i = index % columns;
			const j = index / columns;
			visit(a, b, alongX, alongY, width, height, columns, rows, motion, costs, i, j, back, expected);
		}
	}
}

/** Takes over a neighbour's motion where it fits better, then descends. */
function visit(
	a: usize, b: usize, alongX: usize, alongY: usize, width: i32, height: i32,
	columns: i32, rows: i32, motion: usize, costs: usize, i: i32, j: i32, back: i32, expected: usize,
): void {
	const x = origin(i, width);
	const y = origin(j, height);
	expect(expected, j * columns + i);
	const at = motion + ((j * columns + i) << 3);
	bestU = load<f32>(at);
	bestV = load<f32>(at, 4);
	bestCost = load<f32>(costs + ((j * columns + i) << 2));
	const side = back ? i + 1 : i - 1;
	const above = back ? j + 1 : j - 1;
	if (side >= 0 && side < columns) {
		const from = motion + ((j * columns + side) << 3);
		attempt(a, b, width, height, x, y, load<f32>(from), load<f32>(from, 4));
	}
	if (above >= 0 && above < rows) {
		const from = motion + ((above * columns + i) << 3);
		attempt(a, b, width, height, x, y, load<f32>(from), load<f32>(from, 4));
	}
	descend(a, b, alongX, alongY, width, height, x, y, bestU, bestV);
	store<f32>(at, bestU);
	store<f32>(at, bestV, 4);
	store<f32>(costs + ((j * columns + i) << 2), bestCost);
}

/** Attempts the place of best fit near (u, v). */
function descend(
	a: usize, b: usize, alongX: usize, alongY: usize, width: i32, height: i32,
	x: i32, y: i32, startU: f32, startV: f32,
): void {
	let u = startU;
	let v = startV;
	structure(alongX, alongY, width, x, y);
	const hxx = alongXX + 0.5;
	const hxy = alongXY;
	const hyy = alongYY + 0.5;
	const determinant = hxx * hyy - hxy * hxy;
	for (let k = 0; k < 4; k++) {
		slope(a, b, alongX, alongY, width, height, x, y, u, v);
		const du = (hyy * slopeX - hxy * slopeY) / determinant;
		const dv = (hxx * slopeY - hxy * slopeX) / determinant;
		u -= limit(du, -2, 2);
		v -= limit(dv, -2, 2);
		if (du * du + dv * dv < 0.0004) break;
	}
	if (abs(u - startU) + abs(v - startV) < 6) attempt(a, b, width, height, x, y, u, v);
}

/** Lone patches take the median motion of their neighbours where that fits about as well. */
export function calm(a: usize, b: usize, width: i32, height: i32, columns: i32, rows: i32, motion: usize, costs: usize, scratch: usize, expected: usize): void {
	expectedWeight = 0;
	memory.copy(scratch, motion, (columns * rows) << 3);
	for (let j = 0; j < rows; j++) {
		for (let i = 0; i < columns; i++) {
			const u = median(scratch, columns, rows, i, j, 0);
			const v = median(scratch, columns, rows, i, j, 4);
			const index = j * columns + i;
			expect(expected, index);
			const cost = difference(a, b, width, height, origin(i, width), origin(j, height), u, v) + surprise(u, v);
			if (cost <= load<f32>(costs + (index << 2)) * 1.15 + 0.6) {
				store<f32>(motion + (index << 3), u);
				store<f32>(motion + (index << 3), v, 4);
				store<f32>(costs + (index << 2), cost);
			}
		}
	}
}

const sorted = memory.data(9 * 4, 16);

function median(motion: usize, columns: i32, rows: i32, i: i32, j: i32, part: usize): f32 {
	let n = 0;
	for (let dj = -1; dj <= 1; dj++) {
		for (let di = -1; di <= 1; di++) {
			const y = max(0, min(rows - 1, j + dj));
			const x = max(0, min(columns - 1, i + di));
			const value = load<f32>(motion + ((y * columns + x) << 3) + part);
			let k = n++;
			while (k > 0 && load<f32>(sorted + ((k - 1) << 2)) > value) {
				store<f32>(sorted + (k << 2), load<f32>(sorted + ((k - 1) << 2)));
				k--;
			}
			store<f32>(sorted + (k << 2), value);
		}
	}
	return load<f32>(sorted + 16);
}
