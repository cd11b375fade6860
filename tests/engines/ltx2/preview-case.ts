import { normalNoise } from '../../../inference-daemon/engines/ltx2/diffusion/noise.ts';
import type { NdArray } from '../../../inference-daemon/engines/ltx2/runtime/values.ts';
import { rgbFrom } from '../../media/rgb.ts';

/** Floats, which a latent and pictures always are. */
export type Floats = NdArray & { readonly data: Float32Array };

/** A moving picture of ffmpeg's own as a VAE has it: [1, 3, frames, height, width] in −1…1. */
export async function film(
	source: string,
	{ width, height }: { readonly width: number; readonly height: number },
	frames: number,
): Promise<Floats> {
	const drawn = `${source}=s=${width}x${height}:r=24`;
	const raw = await rgbFrom(['-f', 'lavfi', '-i', drawn, '-frames:v', String(frames)]);
	const plane = width * height;
	const data = new Float32Array(3 * frames * plane);
	for (let i = 0; i < frames * plane; i++) {
		for (let c = 0; c < 3; c++) data[c * frames * plane + i] = raw[i * 3 + c]! / 127.5 - 1;
	}
	return { data, shape: [1, 3, frames, height, width] };
}

/** The frame that a preview of a cell in time stands for: means of 4 × 4 pixels, packed RGB. */
export function quarter({ data, shape }: Floats, cell: number): Float64Array {
	const [frames, height, width] = shape.slice(-3) as [number, number, number];
	const frame = cell === 0 ? 0 : 8 * cell - 4;
	const result = new Float64Array((width * height * 3) / 16);
	for (let c = 0; c < 3; c++) {
		for (let y = 0; y < height; y++) {
			for (let x = 0; x < width; x++) {
				const to = ((y >> 2) * (width >> 2) + (x >> 2)) * 3 + c;
				result[to]! += data[((c * frames + frame) * height + y) * width + x]! / 16;
			}
		}
	}
	return result;
}

/** A VAE that only takes means: 4 × 4 boxes of a cell's frames, mixed to so many channels. */
export function linearLatent({ data, shape }: Floats, channels: number): Floats {
	const [frames, height, width] = shape.slice(-3) as [number, number, number];
	const [f, h, w] = [(frames - 1) / 8 + 1, height / 32, width / 32];
	const mix = normalNoise({ seed: 3, stream: 'mix', draw: 0 }, channels * 192);
	const latent = new Float32Array(channels * f * h * w);
	for (let cell = 0; cell < f * h * w; cell++) {
		const [x, y, t] = [cell % w, Math.floor(cell / w) % h, Math.floor(cell / w / h)];
		const patch = new Float64Array(192);
		const [from, to] = t === 0 ? [0, 1] : [8 * t - 7, 8 * t + 1];
		for (let i = 0; i < 1024 * 3; i++) {
			const [column, row, c] = [i % 32, (i >> 5) & 31, i >> 10];
			for (let frame = from; frame < to; frame++) {
				const at = ((c * frames + frame) * height + y * 32 + row) * width + x * 32 + column;
				patch[(c * 8 + (row >> 2)) * 8 + (column >> 2)]! += data[at]! / 16 / (to - from);
			}
		}
		for (let k = 0; k < channels; k++) {
			let sum = 0;
			for (let i = 0; i < 192; i++) sum += mix[k * 192 + i]! * patch[i]!;
			latent[k * f * h * w + cell] = sum / 10;
		}
	}
	return { data: latent, shape: [1, channels, f, h, w] };
}

/** Pearson's, −1…1; NaN where one of both is flat. */
export function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
	if (a.length !== b.length) throw new Error(`Expected ${a.length} numbers, got ${b.length}`);
	const mean = (values: ArrayLike<number>) => {
		let sum = 0;
		for (let i = 0; i < values.length; i++) sum += values[i]!;
		return sum / values.length;
	};
	const [meanA, meanB] = [mean(a), mean(b)];
	let [ab, aa, bb] = [0, 0, 0];
	for (let i = 0; i < a.length; i++) {
		const [x, y] = [a[i]! - meanA, b[i]! - meanB];
		ab += x * y;
		aa += x * x;
		bb += y * y;
	}
	return ab / Math.sqrt(aa * bb);
}

/** A picture of 8 × 8 patches less their mean patch, which needs no latent to be known. */
export function withoutMeanPatch(picture: ArrayLike<number>, width: number): Float64Array {
	const mean = new Float64Array(192);
	const inPatch = (i: number) => {
		const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
		return ((y & 7) * 8 + (x & 7)) * 3 + (i % 3);
	};
	const cells = picture.length / 192;
	for (let i = 0; i < picture.length; i++) mean[inPatch(i)]! += picture[i]! / cells;
	return Float64Array.from(picture, (value, i) => value - mean[inPatch(i)]!);
}

/** A latent [c, f, h, w] of normal noise. */
export function noiseLatent(
	shape: readonly [number, number, number, number],
	seed: number,
): Floats {
	const [c, f, h, w] = shape;
	return { data: normalNoise({ seed, stream: 'latent', draw: 0 }, c * f * h * w), shape };
}

/**
 * What a linear decoder [channels + 1, 192] makes of a latent: 4 × 4 pixels of one colour in the
 * first frame and in the middle one of each eight; the others show something else.
 */
export function linearPixels(weights: Float32Array, { data, shape }: Floats): Floats {
	const [c, f, h, w] = shape as [number, number, number, number];
	const [frames, height, width] = [8 * (f - 1) + 1, h * 32, w * 32];
	const pixels = new Float32Array(3 * frames * height * width).map((_, i) => Math.sin(i));
	for (let cell = 0; cell < f * h * w; cell++) {
		const [x, y, t] = [cell % w, Math.floor(cell / w) % h, Math.floor(cell / w / h)];
		const frame = t === 0 ? 0 : 8 * t - 4;
		for (let i = 0; i < 192; i++) {
			let value = weights[c * 192 + i]!;
			for (let k = 0; k < c; k++) value += weights[k * 192 + i]! * data[k * f * h * w + cell]!;
			const [colour, column, row] = [i % 3, Math.floor(i / 3) % 8, Math.floor(i / 24)];
			for (let line = 0; line < 4; line++) {
				const above = (colour * frames + frame) * height + y * 32 + row * 4 + line;
				const from = above * width + x * 32 + column * 4;
				pixels.fill(value, from, from + 4);
			}
		}
	}
	return { data: pixels, shape: [3, frames, height, width] };
}
