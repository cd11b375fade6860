import type { Table } from './rope.ts';

const HALF = 128;

/**
 * Sinusoids of scaled timesteps τ (sigma · mask · 1000), in the reference's float32 steps
 * (github huggingface/diffusers, `get_timestep_embedding` with `flip_sin_to_cos`):
 *
 *     f_i = exp(−ln 10000 · i / 128);  [cos(τ f_0 … τ f_127), sin(τ f_0 … τ f_127)]
 *
 * [timesteps, 256].
 */
export function sinusoids(timesteps: ArrayLike<number>, scale: number): Table {
	const data = new Float32Array(timesteps.length * 2 * HALF);
	for (let row = 0; row < timesteps.length; row++) {
		const scaled = Math.fround(timesteps[row]! * scale);
		for (let i = 0; i < HALF; i++) {
			const angle = Math.fround(scaled * FREQUENCIES[i]!);
			data[row * 2 * HALF + i] = Math.cos(angle);
			data[row * 2 * HALF + HALF + i] = Math.sin(angle);
		}
	}
	return { data, shape: [timesteps.length, 2 * HALF] };
}

const FREQUENCIES = Float32Array.from({ length: HALF }, (_, i) =>
	Math.exp(Math.fround(Math.fround(-Math.log(10_000)) * i) / HALF),
);

/** The different values among `timesteps`, in the order in which they come, and which one each token has. */
export function distinct(timesteps: Float32Array): {
	readonly values: Float32Array;
	readonly rows: BigInt64Array;
} {
	const row = new Map<number, bigint>();
	const rows = new BigInt64Array(timesteps.length);
	let current = 0n;
	for (let i = 0; i < timesteps.length; i++) {
		const timestep = timesteps[i]!;
		// Most tokens have what the one before them has.
		if (i === 0 || timestep !== timesteps[i - 1]) {
			current = row.get(timestep) ?? BigInt(row.size);
			row.set(timestep, current);
		}
		rows[i] = current;
	}
	return { values: Float32Array.from(row.keys()), rows };
}
