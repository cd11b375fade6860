/**
 * One step of each sampler, from noise level `sigma` to the lower `next`. `x` is the latent, `x0`
 * what the model takes the clean latent to be. Lightricks/LTX-2, `diffusion_steps.py`.
 */

/** x + (x − x0) / σ · (σ' − σ), to `moved`, which may be `x` itself. */
export function euler(
	x: Float32Array,
	x0: Float32Array,
	sigma: number,
	next: number,
	moved: Float32Array = new Float32Array(x.length),
): Float32Array {
	const step = (next - sigma) / sigma;
	for (let i = 0; i < x.length; i++) moved[i] = x[i]! + (x[i]! - x0[i]!) * step;
	return moved;
}

/**
 * Euler down to less noise than is due, then fresh noise up to what is due. `eta` 0…1 is the share
 * that is made anew, `scale` that of the noise.
 */
export function ancestralEuler(
	x: Float32Array,
	x0: Float32Array,
	noise: Float32Array,
	sigma: number,
	next: number,
	{ eta = 1, scale = 1 }: { readonly eta?: number; readonly scale?: number } = {},
): Float32Array {
	if (next === 0) return x0.slice();
	const down = next * (1 + (next / sigma - 1) * eta);
	const keep = (1 - next) / (1 - down);
	const fresh = scale * Math.sqrt(Math.max(0, next ** 2 - (down * keep) ** 2));
	const ratio = down / sigma;
	const moved = new Float32Array(x.length);
	for (let i = 0; i < x.length; i++) {
		const lower = ratio * x[i]! + (1 - ratio) * x0[i]!;
		moved[i] = keep * lower + fresh * noise[i]!;
	}
	return moved;
}

/** Coefficients of a second-order exponential step of length h = ln(σ / σ'), middle at h / 2. */
export function res2sCoefficients(h: number): { a21: number; b1: number; b2: number } {
	const phi1 = (z: number) => Math.expm1(z) / z;
	const phi2 = (z: number) => (Math.expm1(z) - z) / z ** 2;
	const b2 = 2 * phi2(-h);
	return { a21: phi1(-h / 2) / 2, b1: phi1(-h) - b2, b2 };
}

type Latent = Float32Array | Float64Array;

/** Of the noise due at `next`, the share `eta` is made anew; `x` went to `moved` without noise. */
export function renewNoise(
	x: Latent,
	moved: Latent,
	noise: Float32Array,
	sigma: number,
	next: number,
	eta: number,
): Float64Array {
	const fresh = next * eta;
	const kept = Math.sqrt(next ** 2 - fresh ** 2);
	const total = 1 - next + kept;
	const renewed = new Float64Array(x.length);
	for (let i = 0; i < x.length; i++) {
		const velocity = (x[i]! - moved[i]!) / (sigma - next);
		const x0 = x[i]! - sigma * velocity;
		renewed[i] = total * (x0 + (kept / total) * velocity) + fresh * noise[i]!;
	}
	return renewed;
}
