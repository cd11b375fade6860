// Where the pixels of a frame between come from, worked out at nodes `unit` luma pixels apart
// (8, 16 …) and spread to the maps that `warp` reads, which have a node every 8.

const ONE: i32 = 32767;

@inline function limit(value: f32, low: f32, high: f32): f32 {
	return min(max(value, low), high);
}

@inline function smooth(t: f32): f32 {
	const x = limit(t, 0, 1);
	return x * x * (3 - 2 * x);
}

// Written by `sampleField`.
let fieldX: f32 = 0;
let fieldY: f32 = 0;
let cell: i32 = 0;
let cellX: f32 = 0;
let cellY: f32 = 0;

@inline function locate(x: f32, y: f32, columns: i32, rows: i32): void {
	const gx = limit(x, 0, <f32>(columns - 1));
	const gy = limit(y, 0, <f32>(rows - 1));
	const i = min(<i32>gx, columns - 2);
	const j = min(<i32>gy, rows - 2);
	cell = j * columns + i;
	cellX = gx - <f32>i;
	cellY = gy - <f32>j;
}

@inline function blend4(a: f32, b: f32, c: f32, d: f32): f32 {
	const top = a + (b - a) * cellX;
	return top + (c + (d - c) * cellX - top) * cellY;
}

@inline function sampleField(field: usize, columns: i32): void {
	const p = field + (cell << 3);
	const q = p + (columns << 3);
	fieldX = blend4(load<f32>(p), load<f32>(p, 8), load<f32>(q), load<f32>(q, 8));
	fieldY = blend4(load<f32>(p, 4), load<f32>(p, 12), load<f32>(q, 4), load<f32>(q, 12));
}

@inline function sampleValue(values: usize, columns: i32): f32 {
	const p = values + (cell << 2);
	const q = p + (columns << 2);
	return blend4(load<f32>(p), load<f32>(p, 4), load<f32>(q), load<f32>(q, 4));
}

/** The source's nodes move by `ka · a + kb · b + kc · c` (interleaved x, y in luma pixels): the sum in nodes. */
export function combine(a: usize, b: usize, c: usize, ka: f32, kb: f32, kc: f32, unit: f32, columns: i32, rows: i32, moved: usize): void {
	const n = columns * rows * 2;
	const va = f32x4.splat(ka / unit);
	const vb = f32x4.splat(kb / unit);
	const vc = f32x4.splat(kc / unit);
	for (let i = 0; i < n; i += 4) {
		const at = <usize>i << 2;
		v128.store(
			moved + at,
			f32x4.add(f32x4.mul(v128.load(a + at), va), f32x4.add(f32x4.mul(v128.load(b + at), vb), f32x4.mul(v128.load(c + at), vc))),
		);
	}
}

// Written by `settle`: the source position that moves to (x, y), and by how far it misses.
let settledX: f32 = 0;
let settledY: f32 = 0;
let missed: f32 = 0;

@inline function settle(moved: usize, columns: i32, rows: i32, x: f32, y: f32, startX: f32, startY: f32, rounds: i32): void {
	let px = startX;
	let py = startY;
	for (let k = 0; k < rounds; k++) {
		locate(px, py, columns, rows);
		sampleField(moved, columns);
		const nx = x - fieldX;
		const ny = y - fieldY;
		missed = abs(nx - px) + abs(ny - py);
		if (missed < 0.01) break;
		// Half steps later on: near motion edges full ones swing to and fro.
		px = k < 2 ? nx : (px + nx) * 0.5;
		py = k < 2 ? ny : (py + ny) * 0.5;
	}
	settledX = px;
	settledY = py;
}

/** Where each output node comes from in one source, in nodes, and by how far that misses. */
export function trace(moved: usize, columns: i32, rows: i32, found: usize, misses: usize): void {
	for (let j = 0; j < rows; j++) {
		for (let i = 0; i < columns; i++) {
			const index = j * columns + i;
			const at = index << 3;
			settle(moved, columns, rows, <f32>i, <f32>j, <f32>i - load<f32>(moved + at), <f32>j - load<f32>(moved + at, 4), 4);
			store<f32>(found + at, settledX);
			store<f32>(found + at, settledY, 4);
			store<f32>(misses + (index << 2), missed);
		}
	}
}

@inline function validity(miss: f32): f32 {
	const m = miss * 3;
	return 1 / (1 + m * m * m * m);
}

/**
 * Where two parts of a source move to one place, the one in front is seen: tries the place that
 * the other source's path leads to, and takes it where it is trusted more.
 */
export function reconsider(
	moved: usize, trust: usize, found: usize, misses: usize,
	other: usize, otherWay: usize, unit: f32, columns: i32, rows: i32,
): void {
	for (let j = 0; j < rows; j++) {
		for (let i = 0; i < columns; i++) {
			const index = j * columns + i;
			const at = index << 3;
			const ox = load<f32>(other + at);
			const oy = load<f32>(other + at, 4);
			locate(ox, oy, columns, rows);
			sampleField(otherWay, columns);
			const sx = ox + fieldX / unit;
			const sy = oy + fieldY / unit;
			const px = load<f32>(found + at);
			const py = load<f32>(found + at, 4);
			if (abs(sx - px) + abs(sy - py) < 0.3) continue;
			locate(px, py, columns, rows);
			const before = (0.02 + sampleValue(trust, columns)) * validity(load<f32>(misses + (index << 2)));
			settle(moved, columns, rows, <f32>i, <f32>j, sx, sy, 3);
			locate(settledX, settledY, columns, rows);
			if ((0.02 + sampleValue(trust, columns)) * validity(missed) <= before * 1.25) continue;
			store<f32>(found + at, settledX);
			store<f32>(found + at, settledY, 4);
			store<f32>(misses + (index << 2), missed);
		}
	}
}

/**
 * Source positions as a map, kept `pad` pixels around the picture: x values, then y values.
 * `columns` and `rows` are the nodes', `mapColumns` and `mapRows` the map's; `finer` is how often
 * the node spacing is halved to get to the map's. `line` is scratch for one row of nodes.
 */
export function toMap(
	found: usize, finer: i32, columns: i32, rows: i32,
	mapColumns: i32, mapRows: i32, width: i32, height: i32, pad: i32, map: usize, line: usize,
): void {
	const alongY = (mapColumns * mapRows) << 2;
	const mask = (1 << finer) - 1;
	const part: f32 = 1 / <f32>(1 << finer);
	const scale = f32x4.splat(<f32>(1024 << finer));
	const least = f32x4.splat(-<f32>(pad - 1) * 128);
	const right: f32 = <f32>(width + pad - 4) * 128;
	const bottom: f32 = <f32>(height + pad - 4) * 128;
	const most = f32x4(right, bottom, right, bottom);
	for (let j = 0; j < mapRows; j++) {
		// One row of nodes, in map units and inside the limits, which blending keeps.
		const above = found + ((min(j >> finer, rows - 1) * columns) << 3);
		const below = found + ((min((j >> finer) + 1, rows - 1) * columns) << 3);
		const share = f32x4.splat(<f32>(j & mask) * part);
		for (let n: usize = 0; n < <usize>(columns << 3); n += 16) {
			const a = v128.load(above + n);
			const v = f32x4.mul(f32x4.add(a, f32x4.mul(f32x4.sub(v128.load(below + n), a), share)), scale);
			v128.store(line + n, f32x4.min(f32x4.max(v, least), most));
		}
		for (let i = 0; i < mapColumns; i++) {
			const p = line + (min(i >> finer, columns - 1) << 3);
			const q = line + (min((i >> finer) + 1, columns - 1) << 3);
			const fx = <f32>(i & mask) * part;
			const x = load<f32>(p) + (load<f32>(q) - load<f32>(p)) * fx;
			const y = load<f32>(p, 4) + (load<f32>(q, 4) - load<f32>(p, 4)) * fx;
			const at = map + ((j * mapColumns + i) << 2);
			store<i32>(at, <i32>x - i * 1024);
			store<i32>(at + alongY, <i32>y - j * 1024);
		}
	}
}

/** Shares at nodes as a map of 0…32767. */
export function toShares(values: usize, finer: i32, columns: i32, rows: i32, mapColumns: i32, mapRows: i32, map: usize): void {
	const mask = (1 << finer) - 1;
	const part: f32 = 1 / <f32>(1 << finer);
	for (let j = 0; j < mapRows; j++) {
		const above = values + ((min(j >> finer, rows - 1) * columns) << 2);
		const below = values + ((min((j >> finer) + 1, rows - 1) * columns) << 2);
		const fy = <f32>(j & mask) * part;
		for (let i = 0; i < mapColumns; i++) {
			const p = min(i >> finer, columns - 1) << 2;
			const q = min((i >> finer) + 1, columns - 1) << 2;
			const fx = <f32>(i & mask) * part;
			const top = load<f32>(above + p) + (load<f32>(above + q) - load<f32>(above + p)) * fx;
			const low = load<f32>(below + p) + (load<f32>(below + q) - load<f32>(below + p)) * fx;
			store<i32>(map + ((j * mapColumns + i) << 2), <i32>((top + (low - top) * fy) * <f32>ONE));
		}
	}
}

/**
 * Share of the right source at each node, 0…1, where both sides show the same scene: by time,
 * but a side that looks outside its picture, or has nothing that moves to that place, gives way,
 * and where the sides disagree one of them is chosen rather than both shown.
 */
export function weighScene(
	left: usize, right: usize, missesLeft: usize, missesRight: usize,
	motion: usize, trustLeft: usize, trustRight: usize,
	unit: f32, columns: i32, rows: i32, width: i32, height: i32, time: f32, sharpness: f32, result: usize,
): void {
	const w = <f32>width / unit;
	const h = <f32>height / unit;
	// Never quite 0 or 1: what only the far side can show is shown at any time.
	const t = limit(time, 0.008, 0.992);
	for (let index = 0; index < columns * rows; index++) {
		const lx = load<f32>(left + (index << 3));
		const ly = load<f32>(left + (index << 3), 4);
		const rx = load<f32>(right + (index << 3));
		const ry = load<f32>(right + (index << 3), 4);
		locate(lx, ly, columns, rows);
		sampleField(motion, columns);
		const trustL = sampleValue(trustLeft, columns);
		const ex = lx + fieldX / unit - rx;
		const ey = ly + fieldY / unit - ry;
		locate(rx, ry, columns, rows);
		const trustR = sampleValue(trustRight, columns);
		const validL = validity(load<f32>(missesLeft + (index << 2)));
		const validR = validity(load<f32>(missesRight + (index << 2)));
		const apart = (ex * ex + ey * ey) * 1.5;
		const agree = min(trustL, trustR) * min(validL, validR) / (1 + apart * apart);
		const scoreL = (<f32>1 - t) * (0.15 + trustL) * inside(lx, ly, w, h) * (validL * validL) + 0.00001;
		const scoreR = t * (0.15 + trustR) * inside(rx, ry, w, h) * (validR * validR) + 0.00001;
		const share = scoreR / (scoreL + scoreR);
		const slope = <f32>1 + (<f32>1 - agree) * sharpness;
		const hard = smooth((share - 0.5) * slope + 0.5);
		const value = share * agree + hard * (<f32>1 - agree);
		store<f32>(result + (index << 2), value);
	}
}

@inline function inside(x: f32, y: f32, width: f32, height: f32): f32 {
	const margin = min(min(x, width - x), min(y, height - y));
	return limit(1 + margin * 0.5, 0.0005, 1);
}

/**
 * A map of shares: a soft edge that crosses the picture along (dx, dy). `place` 0 shows all left, 1
 * all right, also at the nodes beyond the picture: a side that is not shown may not be there.
 */
export function weighWipe(columns: i32, rows: i32, width: i32, height: i32, dx: f32, dy: f32, place: f32, softness: f32, result: usize): void {
	const reach = abs(dx) + abs(dy);
	for (let j = 0; j < rows; j++) {
		for (let i = 0; i < columns; i++) {
			const x = min<f32>(<f32>(i * 16) / <f32>width, 2) - 1;
			const y = min<f32>(<f32>(j * 16) / <f32>height, 2) - 1;
			const along = (x * dx + y * dy) / (2 * reach) + 0.5;
			const value = smooth((place * (1 + softness) - along) / softness);
			store<i32>(result + ((j * columns + i) << 2), <i32>(value * <f32>ONE));
		}
	}
}

@inline function lumaAt(luma: usize, width: i32, height: i32, x: f32, y: f32): f32 {
	const gx = limit(x, 0, <f32>(width - 1));
	const gy = limit(y, 0, <f32>(height - 1));
	const i = min(<i32>gx, width - 2);
	const j = min(<i32>gy, height - 2);
	const fx = gx - <f32>i;
	const fy = gy - <f32>j;
	const p = luma + ((j * width + i) << 2);
	const q = p + (width << 2);
	const top = load<f32>(p) + (load<f32>(p, 4) - load<f32>(p)) * fx;
	const low = load<f32>(q) + (load<f32>(q, 4) - load<f32>(q)) * fx;
	return top + (low - top) * fy;
}

/** Places of a node's surroundings that are looked at. */
const LOOKS: i32 = 4;
/** Differences of grey levels up to this count as none. */
const NOISE: f32 = 1;

/**
 * How much the sides differ around each node where they are looked at as `left` and `right` say
 * (null pointers: where they stand), as a sum of grey levels. `leftLuma` and `rightLuma` are
 * `width` × `height` (at least 2 × 2), `cell` of their pixels per node; right luma ≈ gain · left
 * luma + offset.
 */
export function differ(
	left: usize, right: usize, leftLuma: usize, rightLuma: usize, width: i32, height: i32, cell: f32,
	gain: f32, offset: f32, columns: i32, rows: i32, result: usize,
): void {
	const step = cell * 0.5;
	for (let j = 0; j < rows; j++) {
		for (let i = 0; i < columns; i++) {
			const index = j * columns + i;
			const at = index << 3;
			const lx = (left ? load<f32>(left + at) : <f32>i) * cell;
			const ly = (left ? load<f32>(left + at, 4) : <f32>j) * cell;
			const rx = (right ? load<f32>(right + at) : <f32>i) * cell;
			const ry = (right ? load<f32>(right + at, 4) : <f32>j) * cell;
			let sum: f32 = 0;
			for (let k = 0; k < LOOKS; k++) {
				const dx = (<f32>(k & 1) - 0.5) * step - 0.5;
				const dy = (<f32>(k >> 1) - 0.5) * step - 0.5;
				sum += abs(
					gain * lumaAt(leftLuma, width, height, lx + dx, ly + dy) + offset -
						lumaAt(rightLuma, width, height, rx + dx, ry + dy),
				);
			}
			store<f32>(result + (index << 2), sum);
		}
	}
}

/**
 * How much of each node's surroundings is to be dissolved, 0…1: all of it where what the two sides
 * bring there (`moved`) differs `most` as much as what stands there (`still`), nothing up to
 * `least`, and a quarter of that where one looks outside its picture (`width` × `height` nodes).
 */
export function weighDissolve(
	moved: usize, still: usize, left: usize, right: usize, width: f32, height: f32,
	least: f32, most: f32, columns: i32, rows: i32, result: usize,
): void {
	for (let j = 0; j < rows; j++) {
		for (let i = 0; i < columns; i++) {
			const at = (j * columns + i) << 3;
			const seen =
				inside(load<f32>(left + at), load<f32>(left + at, 4), width, height) *
				inside(load<f32>(right + at), load<f32>(right + at, 4), width, height);
			const ratio = around(moved, columns, rows, i, j) / (around(still, columns, rows, i, j) + <f32>9 * <f32>LOOKS * NOISE);
			store<f32>(result + (at >> 1), (0.25 + 0.75 * seen) * smooth((ratio - least) / (most - least)));
		}
	}
}

/** Sum over a node and its eight neighbours. */
@inline function around(values: usize, columns: i32, rows: i32, i: i32, j: i32): f32 {
	let total: f32 = 0;
	for (let y = j - 1; y <= j + 1; y++) {
		const row = values + ((max(0, min(rows - 1, y)) * columns) << 2);
		for (let x = i - 1; x <= i + 1; x++) total += load<f32>(row + (max(0, min(columns - 1, x)) << 2));
	}
	return total;
}
