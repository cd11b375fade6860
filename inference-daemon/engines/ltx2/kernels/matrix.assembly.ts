// Products of matrices whose rows lie behind one another.

/** Floats: a [rows, terms] times b [terms, columns], columns a multiple of 16. */
export function multiply(a: usize, rows: i32, terms: i32, b: usize, columns: i32, target: usize): void {
	const line = <usize>columns << 2;
	for (let row = 0; row < rows; row++, target += line) {
		const end = a + (<usize>terms << 2);
		for (let from: usize = 0; from < line; from += 64) {
			let first = f32x4.splat(0);
			let second = first;
			let third = first;
			let fourth = first;
			let at = b + from;
			for (let term = a; term < end; term += 4, at += line) {
				const factor = v128.load32_splat(term);
				first = f32x4.add(first, f32x4.mul(factor, v128.load(at)));
				second = f32x4.add(second, f32x4.mul(factor, v128.load(at, 16)));
				third = f32x4.add(third, f32x4.mul(factor, v128.load(at, 32)));
				fourth = f32x4.add(fourth, f32x4.mul(factor, v128.load(at, 48)));
			}
			v128.store(target + from, first);
			v128.store(target + from, second, 16);
			v128.store(target + from, third, 32);
			v128.store(target + from, fourth, 48);
		}
		a = end;
	}
}

/**
 * Doubles: adds aᵀ b, of a [rows, across] and b [rows, columns], to sums [across, columns]; columns is
 * a multiple of 4.
 */
export function addProducts(a: usize, across: i32, b: usize, columns: i32, rows: i32, sums: usize): void {
	const step = <usize>across << 3;
	const line = <usize>columns << 3;
	for (let i = 0; i < across; i++, a += 8) {
		for (let from: usize = 0; from < line; from += 32, sums += 32) {
			let first = v128.load(sums);
			let second = v128.load(sums, 16);
			let term = a;
			let at = b + from;
			for (let row = 0; row < rows; row++, term += step, at += line) {
				const factor = v128.load64_splat(term);
				first = f64x2.add(first, f64x2.mul(factor, v128.load(at)));
				second = f64x2.add(second, f64x2.mul(factor, v128.load(at, 16)));
			}
			v128.store(sums, first);
			v128.store(sums, second, 16);
		}
	}
}
