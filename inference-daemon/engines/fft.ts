/** As precise as the array that holds the numbers. */
type Reals = Float32Array | Float64Array;

/** An in-place complex Fourier transform of `size` values (a power of two), unscaled. */
export type Fft = (real: Reals, imaginary: Reals, inverse: boolean) => void;

export function createFft(size: number): Fft {
	const bits = Math.log2(size);
	if (!Number.isInteger(bits)) throw new RangeError(`Expected a power of two, got ${size}`);
	const cosine = Float64Array.from({ length: size / 2 }, (_, i) =>
		Math.cos((2 * Math.PI * i) / size),
	);
	const sine = Float64Array.from({ length: size / 2 }, (_, i) =>
		Math.sin((2 * Math.PI * i) / size),
	);
	const swapped = new Uint32Array(size);
	for (let i = 1; i < size; i++) swapped[i] = (swapped[i >> 1]! >> 1) | ((i & 1) << (bits - 1));

	return (real, imaginary, inverse) => {
		for (let i = 0; i < size; i++) {
			const j = swapped[i]!;
			if (j <= i) continue;
			const re = real[i]!;
			const im = imaginary[i]!;
			real[i] = real[j]!;
			imaginary[i] = imaginary[j]!;
			real[j] = re;
			imaginary[j] = im;
		}
		const sign = inverse ? 1 : -1;
		for (let length = 2; length <= size; length *= 2) {
			const half = length / 2;
			const stride = size / length;
			for (let start = 0; start < size; start += length) {
				for (let k = 0; k < half; k++) {
					const c = cosine[k * stride]!;
					const s = sign * sine[k * stride]!;
					const a = start + k;
					const b = a + half;
					const re = real[b]! * c - imaginary[b]! * s;
					const im = real[b]! * s + imaginary[b]! * c;
					real[b] = real[a]! - re;
					imaginary[b] = imaginary[a]! - im;
					real[a] = real[a]! + re;
					imaginary[a] = imaginary[a]! + im;
				}
			}
		}
	};
}
