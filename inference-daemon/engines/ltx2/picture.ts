import { frameBytes, planesOf } from '../../media/pixels.ts';
import type { Frame, PixelFormat } from '../../media/types.ts';
import type { Size, WorkSize } from './diffusion/window.ts';

/** Planar red, green and blue in −1…1, as the video VAE has it. */
export type Planar = Size & { readonly data: Float32Array };

/** A picture in the middle of the work's canvas; its edge goes on to the canvas's own. */
export function toCanvas(frame: Frame, work: WorkSize): Planar {
	const { inner } = work;
	const small = scaled(planarOf(frame), inner);
	const [left, top] = marginsOf(work);
	const plane = work.width * work.height;
	const data = new Float32Array(3 * plane);
	for (let c = 0; c < 3; c++) {
		for (let y = 0; y < work.height; y++) {
			const row = clamp(y - top, inner.height) * inner.width + c * inner.width * inner.height;
			for (let x = 0; x < work.width; x++) {
				data[c * plane + y * work.width + x] = small.data[row + clamp(x - left, inner.width)]!;
			}
		}
	}
	return { width: work.width, height: work.height, data };
}

/** The picture out of a canvas, at its own size. */
export function fromCanvas(canvas: Planar, work: WorkSize, size: Size): Planar {
	const { inner } = work;
	const [left, top] = marginsOf(work);
	const plane = inner.width * inner.height;
	const data = new Float32Array(3 * plane);
	for (let c = 0; c < 3; c++) {
		for (let y = 0; y < inner.height; y++) {
			const from = (c * work.height + y + top) * work.width + left;
			data.set(canvas.data.subarray(from, from + inner.width), c * plane + y * inner.width);
		}
	}
	return scaled({ ...inner, data }, size);
}

/** The picture at another size: each pixel a weighted mean of those that it covers (a triangle filter). */
export function scaled(picture: Planar, size: Size): Planar {
	const { width, height, data } = picture;
	if (width === size.width && height === size.height) return picture;
	const across = taps(width, size.width);
	const down = taps(height, size.height);
	const narrow = new Float32Array(3 * height * size.width);
	for (let row = 0; row < 3 * height; row++) {
		for (let x = 0; x < size.width; x++) {
			const { first, weights } = across[x]!;
			let sum = 0;
			for (let k = 0; k < weights.length; k++) sum += weights[k]! * data[row * width + first + k]!;
			narrow[row * size.width + x] = sum;
		}
	}
	const result = new Float32Array(3 * size.width * size.height);
	for (let c = 0; c < 3; c++) {
		for (let y = 0; y < size.height; y++) {
			const { first, weights } = down[y]!;
			const to = (c * size.height + y) * size.width;
			for (let k = 0; k < weights.length; k++) {
				const from = (c * height + first + k) * size.width;
				for (let x = 0; x < size.width; x++) result[to + x]! += weights[k]! * narrow[from + x]!;
			}
		}
	}
	return { ...size, data: result };
}

type Taps = { readonly first: number; readonly weights: Float64Array };

/** For each pixel of the result, which ones of the source it is made of. */
function taps(from: number, to: number): Taps[] {
	const ratio = from / to;
	const reach = Math.max(1, ratio);
	return Array.from({ length: to }, (_, i) => {
		const centre = (i + 0.5) * ratio - 0.5;
		const first = Math.max(0, Math.ceil(centre - reach));
		const last = Math.min(from - 1, Math.floor(centre + reach));
		const weights = Float64Array.from({ length: last - first + 1 }, (_unused, k) =>
			Math.max(0, 1 - Math.abs(first + k - centre) / reach),
		);
		const total = weights.reduce((sum, weight) => sum + weight, 0);
		return { first, weights: weights.map((weight) => weight / total) };
	});
}

/** Packed RGB bytes to planes in −1…1. */
export function planarOf({ width, height, format, data }: Frame): Planar {
	if (format !== 'rgb24') throw new TypeError(`Expected an RGB picture, got ${format}`);
	const plane = width * height;
	const planar = new Float32Array(3 * plane);
	for (let i = 0; i < plane; i++) {
		for (let c = 0; c < 3; c++) planar[c * plane + i] = data[i * 3 + c]! / 127.5 - 1;
	}
	return { width, height, data: planar };
}

/** BT.709 luma and chroma of red, green and blue in 0…1 (ITU-R BT.709-6, item 3). */
const [KR, KB] = [0.2126, 0.0722];

/** A picture in the encoder's format: video range, chroma the mean of the pixels that share it. */
export function encodable(picture: Planar, format: Exclude<PixelFormat, 'rgb24'>): Frame {
	const { width, height, data } = picture;
	const planes = planesOf(format, { width, height });
	const bytes = new Uint8Array(frameBytes(format, { width, height }));
	const deep = format === 'yuv422p10le';
	const values = deep ? new Uint16Array(bytes.buffer) : bytes;
	const unit = deep ? 4 : 1;
	const plane = width * height;
	const unitValue = (value: number) => Math.min(1, Math.max(0, (value + 1) / 2));
	const luma = (i: number) => {
		const [r, g, b] = [data[i]!, data[plane + i]!, data[2 * plane + i]!].map(unitValue);
		return KR * r! + (1 - KR - KB) * g! + KB * b!;
	};
	const y = Float32Array.from({ length: plane }, (_, i) => luma(i));
	for (let i = 0; i < plane; i++) values[i] = Math.round((16 + 219 * y[i]!) * unit);
	for (const [part, k] of [
		[1, KB],
		[2, KR],
	] as const) {
		const { width: columns, height: rows, offset, bytesPerSample } = planes[part]!;
		const start = offset / bytesPerSample;
		const colour = (part === 1 ? 2 : 0) * plane;
		const high = rows < height ? 2 : 1;
		for (let row = 0; row < rows; row++) {
			for (let column = 0; column < columns; column++) {
				let sum = 0;
				let count = 0;
				for (let dy = 0; dy < high; dy++) {
					for (let dx = 0; dx < 2; dx++) {
						const [px, py] = [column * 2 + dx, row * high + dy];
						if (px >= width || py >= height) continue;
						const i = py * width + px;
						sum += (unitValue(data[colour + i]!) - y[i]!) / (2 * (1 - k));
						count += 1;
					}
				}
				values[start + row * columns + column] = Math.round((128 + (224 * sum) / count) * unit);
			}
		}
	}
	return { width, height, format, data: bytes };
}

function marginsOf({ width, height, inner }: WorkSize): readonly [left: number, top: number] {
	return [Math.floor((width - inner.width) / 2), Math.floor((height - inner.height) / 2)];
}

function clamp(at: number, length: number): number {
	return Math.min(length - 1, Math.max(0, at));
}
