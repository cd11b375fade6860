import type { Frame } from '../../../media/types.ts';
import type { Size, WorkSize } from '../plan/window.ts';
import { type Area, drawBilinear } from './scaling.ts';

/** Red, green and blue, each [height, width], in −1…1, as the video VAE has it. */
export type Planar = Size & { readonly planes: readonly Float32Array[] };

/**
 * A picture, packed RGB, on a work's canvas: [3, height, width], 16 bits for −1…1. `area` is where it
 * lies in the middle of the canvas; what it leaves free there is black, and the middle's edges go on
 * to the canvas's own.
 */
export function canvasOf(frame: Frame, area: Area, work: WorkSize): Uint16Array {
	const { width, height, inner } = work;
	const canvas = new Uint16Array(3 * width * height);
	const planes = [0, 1, 2].map((c) =>
		canvas.subarray(c * width * height, (c + 1) * width * height),
	);
	drawBilinear(frame, area, planes, { width, part: { ...inner, ...marginsOf(work) } });
	for (const plane of planes) spreadEdges(plane, work);
	return canvas;
}

/**
 * The middle of a canvas as planes of green, blue and red, clipped to −1…1; what is no number is black.
 * `levels` may be those of a frame that nobody needs any more.
 */
export function middleOf(
	{ width, planes }: Planar,
	work: WorkSize,
	levels = new Uint16Array(3 * work.inner.width * work.inner.height),
): Frame {
	const { inner } = work;
	const { left, top } = marginsOf(work);
	let to = 0;
	for (const plane of [planes[1]!, planes[2]!, planes[0]!]) {
		for (let y = 0; y < inner.height; y++) {
			const from = (y + top) * width + left;
			for (let x = from; x < from + inner.width; x++, to++) {
				const level = plane[x]! * HALF + (HALF + 0.5);
				levels[to] = level > 0 ? (level < MOST ? level : MOST) : 0;
			}
		}
	}
	return { ...inner, format: 'gbrp16le', data: new Uint8Array(levels.buffer) };
}

/** The same as packed RGB. */
export function packed({ width, height, data }: Frame): Frame {
	const count = width * height;
	const levels = new Uint16Array(data.buffer, data.byteOffset, 3 * count);
	const bytes = new Uint8Array(3 * count);
	for (const [c, plane] of [2, 0, 1].entries()) {
		for (let i = 0; i < count; i++) bytes[3 * i + c] = levels[plane * count + i]! / 257 + 0.5;
	}
	return { width, height, format: 'rgb24', data: bytes };
}

const MOST = 65_535;
const HALF = MOST / 2;

function spreadEdges(plane: Uint16Array, work: WorkSize): void {
	const { width, height, inner } = work;
	const { left, top } = marginsOf(work);
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

function marginsOf({ width, height, inner }: WorkSize) {
	const left = Math.floor((width - inner.width) / 2);
	return { left, top: Math.floor((height - inner.height) / 2) };
}
