// Full-size pictures from two sources, along maps with a node every 8 luma pixels.
// A map value is a displacement in 1/128 luma pixel: output pixel x shows source x + value / 128.

const ONE: i32 = 32767;
// A source with less than this share (1.2 %) is not looked up.
const FAINT: i32 = 400;

@inline function mirror(at: i32, length: i32): i32 {
	const period = max(1, 2 * (length - 1));
	let k = at % period;
	if (k < 0) k += period;
	return k < length ? k : period - k;
}

/** Copies a plane with `pad` mirrored pixels on every side; `bytes` per pixel is 1 or 2. */
export function padPlane(source: usize, width: i32, height: i32, bytes: i32, pad: i32, target: usize): void {
	const stride = (width + 2 * pad) * bytes;
	for (let y = 0; y < height; y++) {
		const from = source + y * width * bytes;
		const to = target + (y + pad) * stride;
		memory.copy(to + pad * bytes, from, width * bytes);
		for (let x = 1; x <= pad; x++) {
			const l = x < width ? x : mirror(-x, width);
			const r = x < width ? width - 1 - x : mirror(width - 1 + x, width);
			if (bytes == 1) {
				store<u8>(to + pad - x, load<u8>(from + l));
				store<u8>(to + pad + width - 1 + x, load<u8>(from + r));
			} else {
				store<u16>(to + ((pad - x) << 1), load<u16>(from + (l << 1)));
				store<u16>(to + ((pad + width - 1 + x) << 1), load<u16>(from + (r << 1)));
			}
		}
	}
	for (let y = 1; y <= pad; y++) {
		memory.copy(target + (pad - y) * stride, target + (pad + mirror(-y, height)) * stride, stride);
		memory.copy(target + (pad + height - 1 + y) * stride, target + (pad + mirror(height - 1 + y, height)) * stride, stride);
	}
}

@inline function lerp(a: v128, b: v128, share: v128): v128 {
	return i16x8.add(a, i16x8.q15mulr_sat_s(i16x8.sub(b, a), share));
}

@inline function ramp(): v128 {
	return i16x8(0, 1, 2, 3, 4, 5, 6, 7);
}

/** Eight pixels as they are, scaled to 15 bits. */
@inline function eight<T>(p: usize): v128 {
	return sizeof<T>() == 1 ? i16x8.shl(v128.load_ext<u8>(p), 7) : i16x8.shl(v128.load(p), 5);
}

/** Eight pixels of one source, bilinear, scaled to 15 bits. Displacements at the first pixel and eight on. */
@inline function sample<T>(plane: usize, stride: i32, x: i32, y: i32, ax: i32, ay: i32, bx: i32, by: i32): v128 {
	const relX = i16x8.add(i16x8.splat(<i16>(ax & 127)), i16x8.shr_s(i16x8.mul(i16x8.splat(<i16>max(-4000, min(4000, bx - ax))), ramp()), 3));
	const relY = i16x8.add(i16x8.splat(<i16>(ay & 127)), i16x8.shr_s(i16x8.mul(i16x8.splat(<i16>max(-4000, min(4000, by - ay))), ramp()), 3));
	const cellsX = i16x8.shr_s(relX, 7);
	const cellsY = i16x8.shr_s(relY, 7);
	const shareX = i16x8.shl(v128.and(relX, i16x8.splat(127)), 8);
	const shareY = i16x8.shl(v128.and(relY, i16x8.splat(127)), 8);
	const p = plane + <usize>(((y + (ay >> 7)) * stride + x + (ax >> 7)) * sizeof<T>());
	const line = <usize>(stride * sizeof<T>());
	const scale = sizeof<T>() == 1 ? 7 : 5;
	let a: v128;
	let b: v128;
	let c: v128;
	let d: v128;
	if (v128.any_true(v128.or(cellsX, cellsY)) == false) {
		if (sizeof<T>() == 1) {
			a = v128.load_ext<u8>(p);
			b = v128.load_ext<u8>(p, 1);
			c = v128.load_ext<u8>(p + line);
			d = v128.load_ext<u8>(p + line, 1);
		} else {
			a = v128.load(p);
			b = v128.load(p, 2);
			c = v128.load(p + line);
			d = v128.load(p + line, 2);
		}
	} else {
		// Displacements run straight across the block, so lane 0 (cell 0) or lane 7 is the least.
		const lastX = i16x8.extract_lane_s(cellsX, 7);
		const lastY = i16x8.extract_lane_s(cellsY, 7);
		const leastX = min(0, lastX);
		const leastY = min(0, lastY);
		if (abs(lastX) < 8 && abs(lastY) < 2) {
			const q = p + <usize>((leastY * stride + leastX) * sizeof<T>());
			const lane = i16x8.add(i16x8.sub(cellsX, i16x8.splat(<i16>leastX)), ramp());
			const first = lerpRow<T>(q, lane, shareX);
			const second = lerpRow<T>(q + line, lane, shareX);
			if (lastY == 0) return lerp(first, second, shareY);
			const third = lerpRow<T>(q + 2 * line, lane, shareX);
			const upper = i16x8.eq(cellsY, i16x8.splat(<i16>leastY));
			return lerp(v128.bitselect(first, second, upper), v128.bitselect(second, third, upper), shareY);
		}
		const p0 = place<T>(p, stride, i16x8.extract_lane_s(cellsX, 0), i16x8.extract_lane_s(cellsY, 0), 0);
		const p1 = place<T>(p, stride, i16x8.extract_lane_s(cellsX, 1), i16x8.extract_lane_s(cellsY, 1), 1);
		const p2 = place<T>(p, stride, i16x8.extract_lane_s(cellsX, 2), i16x8.extract_lane_s(cellsY, 2), 2);
		const p3 = place<T>(p, stride, i16x8.extract_lane_s(cellsX, 3), i16x8.extract_lane_s(cellsY, 3), 3);
		const p4 = place<T>(p, stride, i16x8.extract_lane_s(cellsX, 4), i16x8.extract_lane_s(cellsY, 4), 4);
		const p5 = place<T>(p, stride, i16x8.extract_lane_s(cellsX, 5), i16x8.extract_lane_s(cellsY, 5), 5);
		const p6 = place<T>(p, stride, i16x8.extract_lane_s(cellsX, 6), i16x8.extract_lane_s(cellsY, 6), 6);
		const p7 = place<T>(p, stride, i16x8.extract_lane_s(cellsX, 7), i16x8.extract_lane_s(cellsY, 7), 7);
		if (sizeof<T>() == 1) {
			const top = pairs(p0, p1, p2, p3, p4, p5, p6, p7, 0);
			const low = pairs(p0, p1, p2, p3, p4, p5, p6, p7, line);
			const byte = i16x8.splat(255);
			a = v128.and(top, byte);
			b = i16x8.shr_u(top, 8);
			c = v128.and(low, byte);
			d = i16x8.shr_u(low, 8);
		} else {
			const t0 = wide(p0, p1, p2, p3, 0);
			const t1 = wide(p4, p5, p6, p7, 0);
			const l0 = wide(p0, p1, p2, p3, line);
			const l1 = wide(p4, p5, p6, p7, line);
			a = v128.shuffle<i16>(t0, t1, 0, 2, 4, 6, 8, 10, 12, 14);
			b = v128.shuffle<i16>(t0, t1, 1, 3, 5, 7, 9, 11, 13, 15);
			c = v128.shuffle<i16>(l0, l1, 0, 2, 4, 6, 8, 10, 12, 14);
			d = v128.shuffle<i16>(l0, l1, 1, 3, 5, 7, 9, 11, 13, 15);
		}
	}
	const top = lerp(i16x8.shl(a, scale), i16x8.shl(b, scale), shareX);
	const low = lerp(i16x8.shl(c, scale), i16x8.shl(d, scale), shareX);
	return lerp(top, low, shareY);
}

/** Pixels `lane` and `lane` + 1 (0…15 after `p`) of one row, blended, in 15 bits. */
@inline function lerpRow<T>(p: usize, lane: v128, share: v128): v128 {
	if (sizeof<T>() == 1) {
		const row = v128.load(p);
		// Two bytes per lane: the pixel's index, and one that selects nothing.
		const pick = v128.or(lane, i16x8.splat(<i16>0x8000));
		const next = i16x8.add(pick, i16x8.splat(1));
		return lerp(i16x8.shl(i8x16.swizzle(row, pick), 7), i16x8.shl(i8x16.swizzle(row, next), 7), share);
	}
	const low = v128.load(p);
	const high = v128.load(p, 16);
	const pick = i16x8.add(i16x8.mul(lane, i16x8.splat(0x0202)), i16x8.splat(0x0100));
	const next = i16x8.add(pick, i16x8.splat(0x0202));
	const half = i8x16.splat(16);
	const a = v128.or(i8x16.swizzle(low, pick), i8x16.swizzle(high, i8x16.sub(pick, half)));
	const b = v128.or(i8x16.swizzle(low, next), i8x16.swizzle(high, i8x16.sub(next, half)));
	return lerp(i16x8.shl(a, 5), i16x8.shl(b, 5), share);
}

@inline function place<T>(p: usize, stride: i32, dx: i32, dy: i32, lane: i32): usize {
	return p + <usize>((dy * stride + dx + lane) * sizeof<T>());
}

@inline function pairs(p0: usize, p1: usize, p2: usize, p3: usize, p4: usize, p5: usize, p6: usize, p7: usize, line: usize): v128 {
	let v = i16x8.splat(0);
	v = v128.load_lane<u16>(p0 + line, v, 0);
	v = v128.load_lane<u16>(p1 + line, v, 1);
	v = v128.load_lane<u16>(p2 + line, v, 2);
	v = v128.load_lane<u16>(p3 + line, v, 3);
	v = v128.load_lane<u16>(p4 + line, v, 4);
	v = v128.load_lane<u16>(p5 + line, v, 5);
	v = v128.load_lane<u16>(p6 + line, v, 6);
	return v128.load_lane<u16>(p7 + line, v, 7);
}

@inline function wide(p0: usize, p1: usize, p2: usize, p3: usize, line: usize): v128 {
	let v = i16x8.splat(0);
	v = v128.load_lane<u32>(p0 + line, v, 0);
	v = v128.load_lane<u32>(p1 + line, v, 1);
	v = v128.load_lane<u32>(p2 + line, v, 2);
	return v128.load_lane<u32>(p3 + line, v, 3);
}

/** Value · (1 + gain) + offset, both in Q15 of the 15-bit range, kept from going below zero. */
@inline function grade(v: v128, gain: v128, offset: v128): v128 {
	const graded = i16x8.add_sat_s(i16x8.add_sat_s(v, i16x8.q15mulr_sat_s(v, gain)), offset);
	return i16x8.max_s(graded, i16x8.splat(0));
}

/** Map values part way (in eighths) from one row to the next. */
@inline function between(at: usize, row: i32, part: v128): v128 {
	const a = v128.load(at);
	return i32x4.add(a, i32x4.shr_s(i32x4.mul(i32x4.sub(v128.load(at + row), a), part), 3));
}

@inline function warp<T>(
	target: usize, width: i32, height: i32, shiftX: i32, shiftY: i32,
	left: usize, right: usize, pad: i32, maps: usize, columns: i32, rows: i32, scratch: usize,
	gainLeft: i32, offsetLeft: i32, gainRight: i32, offsetRight: i32, time: i32,
): void {
	const stride = width + 2 * pad;
	const plane = (columns * rows) << 2;
	const row = columns << 2;
	const leftAt = left + <usize>((pad * stride + pad) * sizeof<T>());
	const rightAt = right + <usize>((pad * stride + pad) * sizeof<T>());
	const gl = i16x8.splat(<i16>gainLeft);
	const ol = i16x8.splat(<i16>offsetLeft);
	const gr = i16x8.splat(<i16>gainRight);
	const or = i16x8.splat(<i16>offsetRight);
	const scale = sizeof<T>() == 1 ? 7 : 5;
	const half = i16x8.splat(sizeof<T>() == 1 ? 64 : 16);
	const plainShare = i16x8.splat(<i16>time);
	for (let y = 0; y < height; y++) {
		const luma = y << shiftY;
		const part = i32x4.splat(luma & 7);
		const first = maps + (luma >> 3) * row;
		let least = i32x4.splat(ONE);
		let most = i32x4.splat(0);
		for (let n = 0; n < row; n += 16) {
			const share = between(first + 4 * plane + n, row, part);
			v128.store(scratch + 4 * row + n, share);
			least = i32x4.min_s(least, share);
			most = i32x4.max_s(most, share);
		}
		if (v128.any_true(i32x4.lt_s(least, i32x4.splat(ONE - FAINT)))) {
			for (let n = 0; n < row; n += 16) {
				v128.store(scratch + n, between(first + n, row, part));
				v128.store(scratch + row + n, between(first + plane + n, row, part));
			}
		}
		if (v128.any_true(i32x4.gt_s(most, i32x4.splat(FAINT)))) {
			for (let n = 0; n < row; n += 16) {
				v128.store(scratch + 2 * row + n, between(first + 2 * plane + n, row, part));
				v128.store(scratch + 3 * row + n, between(first + 3 * plane + n, row, part));
			}
		}
		let dissolves = false;
		if (time >= 0) {
			let any = i32x4.splat(0);
			for (let n = 0; n < row; n += 16) {
				const much = between(first + 5 * plane + n, row, part);
				v128.store(scratch + 5 * row + n, much);
				any = i32x4.max_s(any, much);
			}
			dissolves = v128.any_true(i32x4.gt_s(any, i32x4.splat(FAINT)));
		}
		const out = target + <usize>(y * width * sizeof<T>());
		for (let x = 0; x < width; x += 8) {
			const n0 = scratch + ((x >> 3) << shiftX << 2);
			const n1 = scratch + (((x >> 3) + 1) << shiftX << 2);
			const wa = load<i32>(n0 + 4 * row);
			const wb = load<i32>(n1 + 4 * row);
			let value: v128;
			if (wa <= FAINT && wb <= FAINT) {
				value = grade(sample<T>(
					leftAt, stride, x, y,
					load<i32>(n0) >> shiftX, load<i32>(n0 + row) >> shiftY,
					load<i32>(n1) >> shiftX, load<i32>(n1 + row) >> shiftY,
				), gl, ol);
			} else if (wa >= ONE - FAINT && wb >= ONE - FAINT) {
				value = grade(sample<T>(
					rightAt, stride, x, y,
					load<i32>(n0 + 2 * row) >> shiftX, load<i32>(n0 + 3 * row) >> shiftY,
					load<i32>(n1 + 2 * row) >> shiftX, load<i32>(n1 + 3 * row) >> shiftY,
				), gr, or);
			} else {
				const l = grade(sample<T>(
					leftAt, stride, x, y,
					load<i32>(n0) >> shiftX, load<i32>(n0 + row) >> shiftY,
					load<i32>(n1) >> shiftX, load<i32>(n1 + row) >> shiftY,
				), gl, ol);
				const r = grade(sample<T>(
					rightAt, stride, x, y,
					load<i32>(n0 + 2 * row) >> shiftX, load<i32>(n0 + 3 * row) >> shiftY,
					load<i32>(n1 + 2 * row) >> shiftX, load<i32>(n1 + 3 * row) >> shiftY,
				), gr, or);
				const share = i16x8.add(i16x8.splat(<i16>wa), i16x8.mul(i16x8.splat(<i16>((wb - wa) >> 3)), ramp()));
				value = lerp(l, r, share);
			}
			if (dissolves) {
				const ma = load<i32>(n0 + 5 * row);
				const mb = load<i32>(n1 + 5 * row);
				if (ma > FAINT || mb > FAINT) {
					const at = <usize>((y * stride + x) * sizeof<T>());
					const plain = lerp(eight<T>(leftAt + at), eight<T>(rightAt + at), plainShare);
					value = lerp(value, plain, i16x8.add(i16x8.splat(<i16>ma), i16x8.mul(i16x8.splat(<i16>((mb - ma) >> 3)), ramp())));
				}
			}
			const rounded = i16x8.shr_u(i16x8.add_sat_s(value, half), scale);
			if (sizeof<T>() == 1) {
				v128.store64_lane(out + x, i8x16.narrow_i16x8_u(rounded, rounded), 0);
			} else {
				v128.store(out + (x << 1), rounded);
			}
		}
	}
}

/**
 * One plane of the result, written row by row without padding (up to 16 bytes are written past
 * its end). `maps` holds left x, left y, right x, right y, share and, where `time` (0…32767, the
 * share of the right in a plain dissolve) is not negative, how much of it is dissolved.
 */
export function warp8(
	target: usize, width: i32, height: i32, shiftX: i32, shiftY: i32, left: usize, right: usize, pad: i32,
	maps: usize, columns: i32, rows: i32, scratch: usize, gainLeft: i32, offsetLeft: i32, gainRight: i32, offsetRight: i32, time: i32,
): void {
	warp<u8>(target, width, height, shiftX, shiftY, left, right, pad, maps, columns, rows, scratch, gainLeft, offsetLeft, gainRight, offsetRight, time);
}

export function warp10(
	target: usize, width: i32, height: i32, shiftX: i32, shiftY: i32, left: usize, right: usize, pad: i32,
	maps: usize, columns: i32, rows: i32, scratch: usize, gainLeft: i32, offsetLeft: i32, gainRight: i32, offsetRight: i32, time: i32,
): void {
	warp<u16>(target, width, height, shiftX, shiftY, left, right, pad, maps, columns, rows, scratch, gainLeft, offsetLeft, gainRight, offsetRight, time);
}
