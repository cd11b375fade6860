import type { Frame } from '../../../inference-daemon/media/types.ts';

/** A plane of smooth random texture that can be looked at anywhere. */
export type Texture = (x: number, y: number) => number;

/** Noise of four sizes, finest 3 pixels: sharp enough to follow, no repetition. */
export function texture(seed: number): Texture {
	return (x, y) => {
		let sum = 0;
		for (const [size, height] of [
			[29, 52],
			[13, 40],
			[7, 30],
			[3.3, 16],
		] as const) {
			sum += height * (lattice(x / size, y / size, seed + size) - 0.5);
		}
		return 126 + sum * 1.3;
	};
}

function lattice(x: number, y: number, seed: number): number {
	const [i, j] = [Math.floor(x), Math.floor(y)];
	const ease = (t: number) => t * t * (3 - 2 * t);
	const [fx, fy] = [ease(x - i), ease(y - j)];
	const at = (di: number, dj: number) => hash((i + di) * 57.3 + (j + dj) * 131.7 + seed * 17.9);
	const top = at(0, 0) + (at(1, 0) - at(0, 0)) * fx;
	const low = at(0, 1) + (at(1, 1) - at(0, 1)) * fx;
	return top + (low - top) * fy;
}

/** A frame whose luma is `look` at each pixel; chroma is plain. */
export function frame(
	width: number,
	height: number,
	look: Texture,
	format: 'yuv420p' | 'yuv422p10le' = 'yuv420p',
): Frame {
	const chroma = Math.ceil(width / 2) * (format === 'yuv420p' ? Math.ceil(height / 2) : height);
	const samples = width * height + 2 * chroma;
	const unit = format === 'yuv420p' ? 1 : 4;
	const values = unit === 1 ? new Uint8Array(samples) : new Uint16Array(samples);
	values.fill(128 * unit);
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) {
			values[y * width + x] = Math.round(Math.max(16, Math.min(235, look(x, y))) * unit);
		}
	}
	const data = new Uint8Array(values.buffer);
	return { width, height, format, data };
}

/** Peak signal to noise of luma (8 bit), dB. */
export function psnr(a: Uint8Array, b: Uint8Array, pixels: number): number {
	let sum = 0;
	for (let i = 0; i < pixels; i++) sum += (a[i]! - b[i]!) ** 2;
	return 10 * Math.log10((255 * 255 * pixels) / Math.max(1, sum));
}

export function dissolve(a: Frame, b: Frame, share: number): Uint8Array {
	return a.data.map((value, i) => Math.round(value * (1 - share) + b.data[i]! * share));
}

/** Mean absolute difference of luma. */
export function change(a: Uint8Array, b: Uint8Array, pixels: number): number {
	let sum = 0;
	for (let i = 0; i < pixels; i++) sum += Math.abs(a[i]! - b[i]!);
	return sum / pixels;
}

/** Mean squared step from pixel to pixel: halves when two unrelated pictures are mixed. */
export function edgeEnergy(data: Uint8Array, width: number, height: number): number {
	let sum = 0;
	for (let y = 0; y < height; y++) {
		for (let x = 1; x < width; x++) sum += (data[y * width + x]! - data[y * width + x - 1]!) ** 2;
	}
	return sum / (width * height);
}

function hash(n: number): number {
	const s = Math.sin(n * 127.1 + 11.7) * 43758.5453;
	return s - Math.floor(s);
}
