import { frameBytes, planesOf } from '../../media/pixels.ts';
import type { Frame, PixelFormat } from '../../media/types.ts';
import type { Size, WorkSize } from './diffusion/window.ts';
import { halved, scaleAcross, scaleRow, type Taps, tapsFor } from './scaling.ts';

/** Planar red, green and blue in −1…1, as the video VAE has it. */
export type Planar = Size & { readonly data: Float32Array };

/**
 * A picture, packed RGB or planar 4:2:0, in the middle of the work's canvas; its edge goes on to the
 * canvas's own.
 */
export function toCanvas(frame: Frame, work: WorkSize): Planar {
	const { width, height } = work;
	const data = new Float32Array(3 * width * height);
	if (frame.format === 'yuv420p') drawYuv(frame, work, data);
	else drawPacked(frame, work, data);
	for (let c = 0; c < 3; c++) {
		spreadEdges(data.subarray(c * width * height, (c + 1) * width * height), work);
	}
	return { width, height, data };
}

/** Packed RGB bytes to planes in −1…1. */
export function planarOf(frame: Frame): Planar {
	checkPacked(frame);
	const { width, height, data } = frame;
	const plane = width * height;
	const planar = new Float32Array(3 * plane);
	for (let i = 0, at = 0; i < plane; i++, at += 3) {
		planar[i] = data[at]! / HALF - 1;
		planar[plane + i] = data[at + 1]! / HALF - 1;
		planar[2 * plane + i] = data[at + 2]! / HALF - 1;
	}
	return { width, height, data: planar };
}

/**
 * Makes the encoder's frames of canvases: what lies in the middle of a canvas, clipped to −1…1, at
 * `size`, in video range, chroma the mean of the pixels that share it. A frame lasts until the next
 * one is made.
 */
export function frameMaker(
	work: WorkSize,
	size: Size,
	format: Exclude<PixelFormat, 'rgb24'>,
): (canvas: Planar) => Frame {
	const { inner } = work;
	const deep = format === 'yuv422p10le';
	const data = new Uint8Array(frameBytes(format, size));
	const values = deep ? new Uint16Array(data.buffer) : data;
	const luma = {
		across: tapsFor(inner.width, size.width),
		down: tapsFor(inner.height, size.height),
	};
	const chroma = { across: halved(luma.across), down: deep ? luma.down : halved(luma.down) };
	const plane = inner.width * inner.height;
	const levels = new Float32Array(3 * plane);
	const planes = planesOf(format, size).map(({ width, height, offset, bytesPerSample }, part) => {
		const start = offset / bytesPerSample;
		return {
			taps: part === 0 ? luma : chroma,
			from: levels.subarray(part * plane, (part + 1) * plane),
			to: values.subarray(start, start + width * height),
		};
	});
	const between = new Float32Array(inner.height * size.width);
	return (canvas) => {
		toLevels(canvas, work, deep ? 4 : 1, levels);
		for (const { taps, from, to } of planes) {
			scaleAcross(from, taps.across, between);
			const { to: width } = taps.across;
			for (let y = 0; y < taps.down.to; y++) {
				scaleRow(between, width, taps.down, y, to, y * width);
			}
		}
		return { width: size.width, height: size.height, format, data };
	};
}

/** The middle of a canvas as packed RGB, at its own size. */
export function packed({ width, height, data }: Planar, work: WorkSize): Frame {
	const { inner } = work;
	const [left, top] = marginsOf(work);
	const bytes = new Uint8ClampedArray(3 * inner.width * inner.height);
	for (let y = 0, out = 0; y < inner.height; y++) {
		let at = (y + top) * width + left;
		for (let x = 0; x < inner.width; x++, at++) {
			for (let c = 0; c < 3; c++, out++) {
				bytes[out] = (data[c * width * height + at]! + 1) * HALF;
			}
		}
	}
	return { ...inner, format: 'rgb24', data: new Uint8Array(bytes.buffer) };
}

const HALF = 127.5;

function drawPacked(frame: Frame, work: WorkSize, canvas: Float32Array): void {
	checkPacked(frame);
	const { inner, width, height } = work;
	const [left, top] = marginsOf(work);
	const [across, down] = [tapsFor(frame.width, inner.width), tapsFor(frame.height, inner.height)];
	const between = packedAcross(frame, across);
	const narrow = inner.width * frame.height;
	for (let c = 0; c < 3; c++) {
		const from = between.subarray(c * narrow, (c + 1) * narrow);
		for (let y = 0; y < inner.height; y++) {
			scaleRow(from, inner.width, down, y, canvas, (c * height + y + top) * width + left);
		}
	}
}

/** Packed bytes to planes in −1…1 of the same height, `to` wide. */
function packedAcross(
	{ width, height, data }: Frame,
	{ to, count, first, weights }: Taps,
): Float32Array {
	const plane = to * height;
	const result = new Float32Array(3 * plane);
	for (let y = 0, out = 0; y < height; y++) {
		for (let x = 0; x < to; x++, out++) {
			let [red, green, blue] = [0, 0, 0];
			for (let k = 0, at = 3 * (y * width + first[x]!); k < count; k++, at += 3) {
				const weight = weights[x * count + k]!;
				red += weight * data[at]!;
				green += weight * data[at + 1]!;
				blue += weight * data[at + 2]!;
			}
			result[out] = red / HALF - 1;
			result[plane + out] = green / HALF - 1;
			result[2 * plane + out] = blue / HALF - 1;
		}
	}
	return result;
}

/** Video range; the planes are scaled first, so that colours are worked out for few pixels. */
function drawYuv(frame: Frame, work: WorkSize, canvas: Float32Array): void {
	const { inner, width, height } = work;
	const [left, top] = marginsOf(work);
	const planes = planesOf(frame.format, frame).map(({ width: columns, height: rows, offset }) => {
		const plane = frame.data.subarray(offset, offset + columns * rows);
		const between = new Float32Array(rows * inner.width);
		scaleAcross(plane, tapsFor(columns, inner.width), between);
		return { between, down: tapsFor(rows, inner.height), row: new Float32Array(inner.width) };
	});
	const [y, cb, cr] = planes.map(({ row }) => row) as [Float32Array, Float32Array, Float32Array];
	const plane = width * height;
	for (let line = 0; line < inner.height; line++) {
		for (const { between, down, row } of planes) {
			scaleRow(between, inner.width, down, line, row, 0);
		}
		let at = (line + top) * width + left;
		for (let x = 0; x < inner.width; x++, at++) {
			const luma = (y[x]! - 16) / 219;
			const red = luma + (2 * (1 - KR) * (cr[x]! - 128)) / 224;
			const blue = luma + (2 * (1 - KB) * (cb[x]! - 128)) / 224;
			const green = (luma - KR * red - KB * blue) / KG;
			canvas[at] = Math.min(1, Math.max(-1, 2 * red - 1));
			canvas[plane + at] = Math.min(1, Math.max(-1, 2 * green - 1));
			canvas[2 * plane + at] = Math.min(1, Math.max(-1, 2 * blue - 1));
		}
	}
}

function checkPacked({ format }: Frame): void {
	if (format !== 'rgb24') throw new TypeError(`Expected an RGB picture, got ${format}`);
}

function spreadEdges(plane: Float32Array, work: WorkSize): void {
	const { width, height, inner } = work;
	const [left, top] = marginsOf(work);
	const [right, bottom] = [left + inner.width, top + inner.height];
	for (let y = top; y < bottom; y++) {
		plane.fill(plane[y * width + left]!, y * width, y * width + left);
		plane.fill(plane[y * width + right - 1]!, y * width + right, (y + 1) * width);
	}
	for (let y = 0; y < top; y++) plane.copyWithin(y * width, top * width, (top + 1) * width);
	for (let y = bottom; y < height; y++) {
		plane.copyWithin(y * width, (bottom - 1) * width, bottom * width);
	}
}

/** BT.709 luma and chroma of red, green and blue in 0…1 (ITU-R BT.709-6, item 3). */
const [KR, KB] = [0.2126, 0.0722];
const KG = 1 - KR - KB;

/**
 * The middle of a canvas as luma and both chromas in video range, `unit` levels for one of 8 bits,
 * and half of one more: rounded where its fraction is lost.
 */
function toLevels(canvas: Planar, work: WorkSize, unit: number, levels: Float32Array): void {
	const { inner, width, height } = work;
	const { data } = canvas;
	const [left, top] = marginsOf(work);
	const [from, to] = [width * height, inner.width * inner.height];
	// Colours are in −1…1: differences are twice as large as in 0…1.
	const toBlue = (unit * 224) / (4 * (1 - KB));
	const toRed = (unit * 224) / (4 * (1 - KR));
	const white = (unit * 219) / 2;
	const black = unit * 16 + white + 0.5;
	const grey = unit * 128 + 0.5;
	for (let y = 0; y < inner.height; y++) {
		let at = (y + top) * width + left;
		const end = (y + 1) * inner.width;
		for (let out = y * inner.width; out < end; out++, at++) {
			const red = clipped(data[at]!);
			const green = clipped(data[from + at]!);
			const blue = clipped(data[2 * from + at]!);
			const luma = KR * red + KG * green + KB * blue;
			levels[out] = black + white * luma;
			levels[to + out] = grey + toBlue * (blue - luma);
			levels[2 * to + out] = grey + toRed * (red - luma);
		}
	}
}

function clipped(value: number): number {
	return value > 1 ? 1 : value > -1 ? value : -1;
}

function marginsOf({ width, height, inner }: WorkSize): readonly [left: number, top: number] {
	return [Math.floor((width - inner.width) / 2), Math.floor((height - inner.height) / 2)];
}
