// How good the motion found is, and what follows from it for patches whose own is not.

import { alongXX, alongXY, alongYY, difference, origin, structure } from './patch.assembly';

/** How well each patch fits: cost over the energy of both patches (0 perfect, 1 unrelated), and the energy of its own. */
export function fitness(a: usize, b: usize, width: i32, height: i32, columns: i32, rows: i32, motion: usize, residual: usize, texture: usize, zero: usize): void {
	for (let j = 0; j < rows; j++) {
		for (let i = 0; i < columns; i++) {
			const x = origin(i, width);
			const y = origin(j, height);
			const index = j * columns + i;
			const u = load<f32>(motion + (index << 3));
			const v = load<f32>(motion + (index << 3), 4);
			const own = difference(zero, a, width, height, x, y, 0, 0);
			const other = difference(zero, b, width, height, x, y, u, v);
			store<f32>(residual + (index << 2), difference(a, b, width, height, x, y, u, v) / (own + other + 6));
			store<f32>(texture + (index << 2), own);
		}
	}
}

/**
 * How well the patch tells each direction of its motion, as three f32 xx, xy, yy of a matrix whose
 * larger eigenvalue is 1: along a stripe it tells nothing.
 */
export function certainty(alongX: usize, alongY: usize, width: i32, height: i32, columns: i32, rows: i32, result: usize): void {
	for (let j = 0; j < rows; j++) {
		for (let i = 0; i < columns; i++) {
			structure(alongX, alongY, width, origin(i, width), origin(j, height));
			const mean = (alongXX + alongYY) * 0.5;
			const half = (alongXX - alongYY) * 0.5;
			const spread = sqrt<f32>(half * half + alongXY * alongXY);
			// Telling a sixth as much is telling enough; a slope like a corner's counts in full.
			const low = mean - spread;
			const high = mean + spread + 1e-3;
			const least = min(low * 6 / high, 1);
			const at = result + ((j * columns + i) * 12);
			const cos = spread > 1e-6 ? half / spread : 0;
			const sin = spread > 1e-6 ? alongXY / spread : 0;
			store<f32>(at, (1 + least) * 0.5 + (1 - least) * 0.5 * cos);
			store<f32>(at, (1 - least) * 0.5 * sin, 4);
			store<f32>(at, (1 + least) * 0.5 - (1 - least) * 0.5 * cos, 8);
		}
	}
}

/**
 * Spreads trusted motion over the grid: each patch moves towards its neighbours, the more so the
 * less it is trusted; neighbours of a different brightness count less. `certain` as `certainty`
 * writes it: along a stripe the neighbours tell how it moves.
 */
export function spread(columns: i32, rows: i32, motion: usize, trust: usize, certain: usize, luma: usize, result: usize, rounds: i32, pull: f32): void {
	memory.copy(result, motion, (columns * rows) << 3);
	for (let round = 0; round < rounds; round++) {
		const back = round & 1;
		for (let n = 0; n < columns * rows; n++) {
			const index = back ? columns * rows - 1 - n : n;
			const i = index % columns;
			const j = index / columns;
			const t = load<f32>(trust + (index << 2));
			const l = load<f32>(luma + (index << 2));
			const xx = t * load<f32>(certain + index * 12);
			const xy = t * load<f32>(certain + index * 12, 4);
			const yy = t * load<f32>(certain + index * 12, 8);
			const ownU = load<f32>(motion + (index << 3));
			const ownV = load<f32>(motion + (index << 3), 4);
			let weight: f32 = 1e-4;
			let u = xx * ownU + xy * ownV + weight * ownU;
			let v = xy * ownU + yy * ownV + weight * ownV;
			for (let k = 0; k < 4; k++) {
				const x = k == 0 ? i - 1 : k == 1 ? i + 1 : i;
				const y = k == 2 ? j - 1 : k == 3 ? j + 1 : j;
				if (x < 0 || y < 0 || x >= columns || y >= rows) continue;
				const other = y * columns + x;
				const gap = abs(load<f32>(luma + (other << 2)) - l);
				const w = pull / (1 + gap * gap * 0.02);
				weight += w;
				u += w * load<f32>(result + (other << 3));
				v += w * load<f32>(result + (other << 3), 4);
			}
			const determinant = (xx + weight) * (yy + weight) - xy * xy;
			store<f32>(result + (index << 3), ((yy + weight) * u - xy * v) / determinant);
			store<f32>(result + (index << 3), ((xx + weight) * v - xy * u) / determinant, 4);
		}
	}
}
