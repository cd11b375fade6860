/** Luma of one picture, rows without padding. */
export type Luma = {
	readonly width: number;
	readonly height: number;
	readonly values: Float32Array;
};

/** Weights of five scales, each half the size of the one before (Wang, Simoncelli, Bovik 2003). */
const WEIGHTS = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];
const REACH = 5;
const GAUSS = Float32Array.from({ length: 2 * REACH + 1 }, (_, i) =>
	Math.exp(-((i - REACH) ** 2) / (2 * 1.5 ** 2)),
);
const SUM = GAUSS.reduce((sum, value) => sum + value, 0);

/** MS-SSIM of 8-bit luma, 0…1: windows of 11 × 11 whose edge pixels are repeated beyond the picture. */
export function msSsim(a: Luma, b: Luma): number {
	let product = 1;
	for (const [scale, weight] of WEIGHTS.entries()) {
		const { structure, whole } = ssim(a, b);
		const isLast = scale === WEIGHTS.length - 1;
		product *= Math.max(0, isLast ? whole : structure) ** weight;
		[a, b] = [halved(a), halved(b)];
	}
	return product;
}

/** Peak signal to noise of 8-bit luma, dB. */
export function psnr(a: Luma, b: Luma): number {
	const squares = a.values.reduce((sum, value, i) => sum + (value - b.values[i]!) ** 2, 0);
	return 10 * Math.log10((255 ** 2 * a.values.length) / Math.max(1, squares));
}

/** Means over the picture: contrast and structure alone, and with brightness. */
function ssim(a: Luma, b: Luma): { readonly structure: number; readonly whole: number } {
	const times = (x: Luma, y: Luma): Luma => ({
		...x,
		values: x.values.map((v, i) => v * y.values[i]!),
	});
	const [ma, mb, aa, bb, ab] = [a, b, times(a, a), times(b, b), times(a, b)].map(blurred);
	const [c1, c2] = [(0.01 * 255) ** 2, (0.03 * 255) ** 2];
	let structure = 0;
	let whole = 0;
	for (let i = 0; i < a.values.length; i++) {
		const [x, y] = [ma![i]!, mb![i]!];
		const cs = (2 * (ab![i]! - x * y) + c2) / (aa![i]! - x * x + bb![i]! - y * y + c2);
		structure += cs;
		whole += (cs * (2 * x * y + c1)) / (x * x + y * y + c1);
	}
	return { structure: structure / a.values.length, whole: whole / a.values.length };
}

function blurred({ width, height, values }: Luma): Float32Array {
	const across = blurRows(values, width, height, 1, width);
	return blurRows(across, height, width, width, 1);
}

/** `count` rows of `length` values that stand `step` apart; rows start `stride` apart. */
function blurRows(
	values: Float32Array,
	length: number,
	count: number,
	step: number,
	stride: number,
): Float32Array {
	const result = new Float32Array(values.length);
	const row = new Float32Array(length + 2 * REACH);
	for (let n = 0; n < count; n++) {
		for (let i = -REACH; i < length + REACH; i++) {
			row[i + REACH] = values[n * stride + Math.max(0, Math.min(length - 1, i)) * step]!;
		}
		for (let i = 0; i < length; i++) {
			let sum = 0;
			for (let k = 0; k <= 2 * REACH; k++) sum += row[i + k]! * GAUSS[k]!;
			result[n * stride + i * step] = sum / SUM;
		}
	}
	return result;
}

function halved({ width, height, values }: Luma): Luma {
	const [w, h] = [Math.max(1, width >> 1), Math.max(1, height >> 1)];
	const half = new Float32Array(w * h);
	for (let y = 0; y < h; y++) {
		const below = 2 * y + 1 < height ? width : 0;
		for (let x = 0; x < w; x++) {
			const at = 2 * y * width + 2 * x;
			const right = 2 * x + 1 < width ? 1 : 0;
			half[y * w + x] =
				(values[at]! + values[at + right]! + values[at + below]! + values[at + below + right]!) / 4;
		}
	}
	return { width: w, height: h, values: half };
}
