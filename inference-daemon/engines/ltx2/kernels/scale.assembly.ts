// Planes made larger or smaller: each number of a result is the weighted mean of `count` neighbouring
// ones of its source, from `first` (i32) on, by `weights` (f32, [results, count]). Vectors reach up to
// 12 bytes beyond an end. Rows are written from the first to the last: what one writes beyond its
// end the next one puts right.

/** Rows of `width` bytes to `rows` rows of floats. */
export function bytesDown(source: usize, width: i32, rows: i32, count: i32, first: usize, weights: usize, target: usize): void {
	down<u8, f32>(source, width, rows, count, first, weights, target);
}

/** Rows of `width` floats to `rows` rows of bytes, without their fraction. */
export function downToBytes(source: usize, width: i32, rows: i32, count: i32, first: usize, weights: usize, target: usize): void {
	down<f32, u8>(source, width, rows, count, first, weights, target);
}

/** Rows of `width` floats to `rows` rows of 16-bit integers, without their fraction. */
export function downToWords(source: usize, width: i32, rows: i32, count: i32, first: usize, weights: usize, target: usize): void {
	down<f32, u16>(source, width, rows, count, first, weights, target);
}

/**
 * Each of `rows` rows of `from` floats to one of `to`, four of them side by side in `scratch`, which
 * takes 16 (from + to + 8) bytes.
 */
export function across(source: usize, rows: i32, from: i32, to: i32, count: i32, first: usize, weights: usize, target: usize, scratch: usize): void {
	const line = <usize>from << 2;
	const result = scratch + <usize>((from + 4) << 4);
	for (let row = 0; row < rows; row += 4) {
		const least = min(3, rows - 1 - row);
		const start = source + <usize>row * line;
		const second = start + <usize>min(1, least) * line;
		const third = start + <usize>min(2, least) * line;
		sideBySide(start, second, third, start + <usize>least * line, from, scratch);
		let weight = weights;
		for (let x = 0; x < to; x++) {
			let at = scratch + (<usize>load<i32>(first + <usize>(x << 2)) << 4);
			let sum = f32x4.splat(0);
			for (let k = 0; k < count; k++, at += 16, weight += 4) {
				sum = f32x4.add(sum, f32x4.mul(v128.load(at), v128.load32_splat(weight)));
			}
			v128.store(result + <usize>(x << 4), sum);
		}
		apart(result, to, least + 1, target + <usize>(row * to) * 4);
	}
}

@inline function down<S, T>(source: usize, width: i32, rows: i32, count: i32, first: usize, weights: usize, target: usize): void {
	const line = <usize>(width * sizeof<S>());
	for (let row = 0; row < rows; row++) {
		const from = source + <usize>load<i32>(first + <usize>(row << 2)) * line;
		const to = target + <usize>row * <usize>(width * sizeof<T>());
		for (let x = 0; x < width; x += 4) {
			let at = from + <usize>(x * sizeof<S>());
			let weight = weights + <usize>(row * count) * 4;
			let sum = f32x4.splat(0);
			for (let k = 0; k < count; k++, at += line, weight += 4) {
				sum = f32x4.add(sum, f32x4.mul(four<S>(at), v128.load32_splat(weight)));
			}
			storeFour<T>(to + <usize>(x * sizeof<T>()), sum);
		}
	}
}

@inline function four<S>(at: usize): v128 {
	if (isFloat<S>()) return v128.load(at);
	return f32x4.convert_i32x4_u(i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(at))));
}

/** Clipped, without their fraction, where they are to be integers. */
@inline export function storeFour<T>(at: usize, values: v128): void {
	if (isFloat<T>()) return v128.store(at, values);
	const whole = i32x4.trunc_sat_f32x4_s(values);
	const words = i16x8.narrow_i32x4_u(whole, whole);
	if (sizeof<T>() == 2) v128.store_lane<u64>(at, words, 0);
	else v128.store_lane<u32>(at, i8x16.narrow_i16x8_u(words, words), 0);
}

/** Four rows become one of their numbers at each place. */
function sideBySide(first: usize, second: usize, third: usize, fourth: usize, length: i32, target: usize): void {
	const end = <usize>length << 2;
	for (let at: usize = 0; at < end; at += 16) {
		turn(v128.load(first + at), v128.load(second + at), v128.load(third + at), v128.load(fourth + at), target + 4 * at, 16);
	}
}

/** What `sideBySide` made of `rows` rows, of one to four, as rows again. */
function apart(source: usize, length: i32, rows: i32, target: usize): void {
	const line = <usize>length << 2;
	const whole = rows == 4 ? length & ~3 : 0;
	for (let x = 0; x < whole; x += 4) {
		const at = source + <usize>(x << 4);
		turn(v128.load(at), v128.load(at, 16), v128.load(at, 32), v128.load(at, 48), target + <usize>(x << 2), line);
	}
	for (let x = whole; x < length; x++) {
		for (let row = 0; row < rows; row++) {
			store<f32>(target + <usize>row * line + <usize>(x << 2), load<f32>(source + <usize>(4 * x + row) * 4));
		}
	}
}

/** Writes the columns of four rows of four as rows, `apart` bytes from each other. */
@inline function turn(a: v128, b: v128, c: v128, d: v128, target: usize, apart: usize): void {
	const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
	const cd = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
	const low = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
	const high = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
	v128.store(target, v128.shuffle<i64>(ab, cd, 0, 2));
	v128.store(target + apart, v128.shuffle<i64>(ab, cd, 1, 3));
	v128.store(target + 2 * apart, v128.shuffle<i64>(low, high, 0, 2));
	v128.store(target + 3 * apart, v128.shuffle<i64>(low, high, 1, 3));
}
