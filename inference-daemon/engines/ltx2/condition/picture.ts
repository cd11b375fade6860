import { frameBytes, planesOf } from '../../../media/pixels.ts';
import type { Frame, PixelFormat } from '../../../media/types.ts';
import { align } from '../../kernels.ts';
import type { Size, WorkSize } from '../plan/window.ts';
import { openVectorKernels, type VectorKernels } from '../vector-kernels.ts';
import { byteScaler, halved, integerScaler, tapsFor } from './scaling.ts';

/** Red, green and blue, each [height, width], in −1…1, as the video VAE has it. */
export type Planar = Size & { readonly planes: readonly Float32Array[] };

/** Red, green and blue of a canvas, each as large as the work, a byte for −1…1. */
export type Planes = readonly [Uint8Array, Uint8Array, Uint8Array];

/**
 * Puts pictures, packed RGB or planar 4:2:0, in the middle of a work's canvas; their edges go on to
 * the canvas's own. Throws TypeError for other formats.
 */
export async function canvasPainter(
	work: WorkSize,
): Promise<(frame: Frame, canvas: Planes) => void> {
	const kernels = await openVectorKernels();
	const scale = byteScaler(kernels);
	const { inner } = work;
	const count = inner.width * inner.height;
	const step = align(count + 12);
	return (frame, canvas) => {
		kernels.clear();
		const planes = bytePlanes(kernels, frame).map(({ at, ...size }) => scale(at, size, inner));
		const target = kernels.allocate(3 * step);
		if (frame.format === 'yuv420p') {
			const [luma, blueness, redness] = planes as [number, number, number];
			kernels.run.toColours(luma, blueness, redness, count, target, step);
		} else {
			for (const [c, at] of planes.entries()) kernels.run.toBytes(at, count, target + c * step);
		}
		for (const [c, plane] of canvas.entries()) {
			setMiddle(plane, work, kernels.bytes(target + c * step, count));
			spreadEdges(plane, work);
		}
	};
}

/**
 * Makes the encoder's frames of canvases: what lies in the middle of a canvas, clipped to −1…1, at
 * `size`, in video range, chroma the mean of the pixels that share it. A frame lasts until the next
 * one is made.
 */
export async function frameMaker(
	work: WorkSize,
	size: Size,
	format: Exclude<PixelFormat, 'rgb24'>,
): Promise<(canvas: Planar) => Frame> {
	const kernels = await openVectorKernels();
	const { inner } = work;
	const isDeep = format === 'yuv422p10le';
	const luma = {
		across: tapsFor(inner.width, size.width),
		down: tapsFor(inner.height, size.height),
	};
	const chroma = { across: halved(luma.across), down: isDeep ? luma.down : halved(luma.down) };
	const count = inner.width * inner.height;
	const step = align(4 * count);
	const [colours, levels] = [kernels.allocate(3 * step), kernels.allocate(3 * step)];
	const data = new Uint8Array(frameBytes(format, size));
	const bytes = kernels.allocate(data.length);
	const planes = planesOf(format, size).map(({ offset, bytesPerSample }, part) => {
		const scale = integerScaler(kernels, part === 0 ? luma : chroma, bytesPerSample);
		return () => scale(levels + part * step, bytes + offset);
	});
	return (canvas) => {
		for (const [c, plane] of canvas.planes.entries()) {
			readMiddle(plane, work, kernels.floats(colours + c * step, count));
		}
		kernels.run.toLevels(colours, count, isDeep ? 4 : 1, levels, step);
		for (const scale of planes) scale();
		data.set(kernels.bytes(bytes, data.length));
		return { width: size.width, height: size.height, format, data };
	};
}

/** The middle of a canvas as packed RGB, at its own size; a copy. */
export function packed({ width, planes }: Planar, work: WorkSize): Frame {
	const { inner } = work;
	const [left, top] = marginsOf(work);
	const bytes = new Uint8ClampedArray(3 * inner.width * inner.height);
	for (const [c, plane] of planes.entries()) {
		for (let y = 0, out = c; y < inner.height; y++) {
			const from = (y + top) * width + left;
			for (let x = 0; x < inner.width; x++, out += 3) {
				bytes[out] = (plane[from + x]! + 1) * HALF;
			}
		}
	}
	return { ...inner, format: 'rgb24', data: new Uint8Array(bytes.buffer) };
}

const HALF = 127.5;

type PlaneAt = Size & { readonly at: number };

/** The three planes of a picture, in bytes, in the kernels' memory. */
function bytePlanes(kernels: VectorKernels, frame: Frame): readonly PlaneAt[] {
	const { format, data } = frame;
	if (format !== 'yuv420p' && format !== 'rgb24') {
		throw new TypeError(`Expected a picture in RGB or 4:2:0, got ${format}`);
	}
	const start = kernels.allocate(data.length);
	kernels.bytes(start, data.length).set(data);
	if (format === 'yuv420p') {
		return planesOf(format, frame).map(({ width, height, offset }) => {
			return { width, height, at: start + offset };
		});
	}
	const { width, height } = frame;
	const step = align(width * height);
	const planes = kernels.allocate(3 * step);
	kernels.run.toPlanes(start, width * height, planes, step);
	return [0, 1, 2].map((c) => ({ width, height, at: planes + c * step }));
}

function setMiddle(plane: Uint8Array, work: WorkSize, middle: Uint8Array): void {
	const { width, length, start } = rowsOf(work);
	for (let from = 0, to = start; from < middle.length; from += length, to += width) {
		plane.set(middle.subarray(from, from + length), to);
	}
}

function readMiddle(plane: Float32Array, work: WorkSize, middle: Float32Array): void {
	const { width, length, start } = rowsOf(work);
	for (let to = 0, from = start; to < middle.length; to += length, from += width) {
		middle.set(plane.subarray(from, from + length), to);
	}
}

/** Where the rows of the middle are in a plane; those that lie behind one another are one. */
function rowsOf(work: WorkSize) {
	const { width, inner } = work;
	const [left, top] = marginsOf(work);
	const length = inner.width === width ? width * inner.height : inner.width;
	return { width, length, start: top * width + left };
}

function spreadEdges(plane: Uint8Array, work: WorkSize): void {
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

function marginsOf({ width, height, inner }: WorkSize): readonly [left: number, top: number] {
	return [Math.floor((width - inner.width) / 2), Math.floor((height - inner.height) / 2)];
}
