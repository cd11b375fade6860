// Guidance: what the model takes a clean latent to be, from several looks at it. Latents are floats,
// [tokens, channels], and a timestep is a float for each token; sums are doubles.

/** x − velocity · timestep to `cond` and `sum`; to `totals` its sum and that of its squares. */
export function beginGuiding(x: usize, velocity: usize, timesteps: usize, tokens: i32, channels: i32, cond: usize, sum: usize, totals: usize): void {
	let all = f64x2.splat(0);
	let squares = all;
	let last: f64 = 0;
	let lastSquares: f64 = 0;
	for (let token = 0; token < tokens; token++, timesteps += 4) {
		const timestep = <f64>load<f32>(timesteps);
		const share = f64x2.splat(timestep);
		let channel = 0;
		for (; channel < channels - 1; channel += 2, x += 8, velocity += 8, cond += 8, sum += 16) {
			const rounded = f32x4.demote_f64x2_zero(clean(x, velocity, share));
			v128.store_lane<u64>(cond, rounded, 0);
			const values = f64x2.promote_low_f32x4(rounded);
			v128.store(sum, values);
			all = f64x2.add(all, values);
			squares = f64x2.add(squares, f64x2.mul(values, values));
		}
		for (; channel < channels; channel++, x += 4, velocity += 4, cond += 4, sum += 8) {
			const value = cleanOne(x, velocity, timestep);
			store<f32>(cond, value);
			store<f64>(sum, value);
			last += value;
			lastSquares += <f64>value * value;
		}
	}
	keepTotals(totals, all, squares, last, lastSquares);
}

/** Adds `share` times what `cond` has more than another look. */
export function addGuiding(x: usize, velocity: usize, timesteps: usize, tokens: i32, channels: i32, cond: usize, sum: usize, share: f64): void {
	const shares = f64x2.splat(share);
	for (let token = 0; token < tokens; token++, timesteps += 4) {
		const timestep = <f64>load<f32>(timesteps);
		const ofToken = f64x2.splat(timestep);
		let channel = 0;
		for (; channel < channels - 1; channel += 2, x += 8, velocity += 8, cond += 8, sum += 16) {
			const other = f64x2.promote_low_f32x4(f32x4.demote_f64x2_zero(clean(x, velocity, ofToken)));
			const apart = f64x2.sub(f64x2.promote_low_f32x4(v128.load64_zero(cond)), other);
			v128.store(sum, f64x2.add(v128.load(sum), f64x2.mul(shares, apart)));
		}
		for (; channel < channels; channel++, x += 4, velocity += 4, cond += 4, sum += 8) {
			const apart = <f64>load<f32>(cond) - <f64>cleanOne(x, velocity, timestep);
			store<f64>(sum, load<f64>(sum) + share * apart);
		}
	}
}

/** Sums as floats; to `totals` their sum and that of their squares. */
export function endGuiding(sum: usize, count: i32, result: usize, totals: usize): void {
	let all = f64x2.splat(0);
	let squares = all;
	let i = 0;
	for (; i < count - 1; i += 2, sum += 16, result += 8) {
		const rounded = f32x4.demote_f64x2_zero(v128.load(sum));
		v128.store_lane<u64>(result, rounded, 0);
		const values = f64x2.promote_low_f32x4(rounded);
		all = f64x2.add(all, values);
		squares = f64x2.add(squares, f64x2.mul(values, values));
	}
	let last: f64 = 0;
	if (i < count) {
		const value = <f32>load<f64>(sum);
		store<f32>(result, value);
		last = value;
	}
	keepTotals(totals, all, squares, last, last * last);
}

/** Floats times a double. */
export function scaleAll(values: usize, count: i32, factor: f64): void {
	const factors = f64x2.splat(factor);
	let i = 0;
	for (; i < count - 1; i += 2, values += 8) {
		const scaled = f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(values)), factors);
		v128.store_lane<u64>(values, f32x4.demote_f64x2_zero(scaled), 0);
	}
	if (i < count) store<f32>(values, <f32>(<f64>load<f32>(values) * factor));
}

@inline function clean(x: usize, velocity: usize, timestep: v128): v128 {
	const noise = f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(velocity)), timestep);
	return f64x2.sub(f64x2.promote_low_f32x4(v128.load64_zero(x)), noise);
}

@inline function cleanOne(x: usize, velocity: usize, timestep: f64): f32 {
	return <f32>(<f64>load<f32>(x) - <f64>load<f32>(velocity) * timestep);
}

@inline function keepTotals(totals: usize, all: v128, squares: v128, last: f64, lastSquares: f64): void {
	store<f64>(totals, f64x2.extract_lane(all, 0) + f64x2.extract_lane(all, 1) + last);
	store<f64>(totals, f64x2.extract_lane(squares, 0) + f64x2.extract_lane(squares, 1) + lastSquares, 8);
}
