const ORDER = 64;

/**
 * Goes on from the end of a sound for `count` samples by linear prediction, so that the waveform
 * has no corner where it stops. Coefficients by Burg's method, which cannot run away.
 */
export function extrapolate(past: Float32Array, count: number): Float32Array {
	const result = new Float32Array(count);
	const order = Math.min(ORDER, Math.floor(past.length / 4));
	if (order < 1) return result;
	const coefficients = burg(past, order);
	const history = new Float64Array(order + count);
	history.set(past.subarray(past.length - order));
	for (let i = 0; i < count; i++) {
		let value = 0;
		for (let k = 1; k <= order; k++) value -= coefficients[k]! * history[order + i - k]!;
		history[order + i] = value;
		result[i] = value;
	}
	return result;
}

/** Prediction error filter 1, a₁ … aₚ (Burg 1975, in the recursion of Andersen 1978). */
function burg(signal: Float32Array, order: number): Float64Array {
	const length = signal.length;
	const forward = Float64Array.from(signal);
	const backward = Float64Array.from(signal);
	let coefficients = new Float64Array(order + 1);
	coefficients[0] = 1;
	for (let m = 1; m <= order; m++) {
		let numerator = 0;
		let denominator = 1e-12;
		for (let i = m; i < length; i++) {
			numerator += forward[i]! * backward[i - 1]!;
			denominator += forward[i]! ** 2 + backward[i - 1]! ** 2;
		}
		const reflection = (-2 * numerator) / denominator;
		const next = coefficients.slice();
		for (let k = 1; k <= m; k++) next[k] = coefficients[k]! + reflection * coefficients[m - k]!;
		coefficients = next;
		for (let i = length - 1; i >= m; i--) {
			const f = forward[i]!;
			const b = backward[i - 1]!;
			forward[i] = f + reflection * b;
			backward[i] = b + reflection * f;
		}
	}
	return coefficients;
}
