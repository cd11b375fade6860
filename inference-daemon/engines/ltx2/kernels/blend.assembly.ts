// Rows that fade into each other.

/**
 * Adds rows of floats to others, each number times its column's weight and its row's. Columns are a
 * multiple of 4.
 */
export function addWeighted(source: usize, rows: i32, columns: i32, across: usize, down: usize, target: usize): void {
	const line = <usize>columns << 2;
	for (let row = 0; row < rows; row++, down += 4) {
		const weight = v128.load32_splat(down);
		for (let at: usize = 0; at < line; at += 16, source += 16, target += 16) {
			const share = f32x4.mul(weight, v128.load(across + at));
			v128.store(target, f32x4.add(v128.load(target), f32x4.mul(share, v128.load(source))));
		}
	}
}
