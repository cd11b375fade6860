import type { Frame } from '../../media/types.ts';
import type { Kernels } from './kernels.ts';

export type Plane = {
	readonly width: number;
	readonly height: number;
	/** Luma is 2 ** shift times as wide or high. */
	readonly shiftX: number;
	readonly shiftY: number;
	/** Bytes from the start of the frame. */
	readonly offset: number;
};

export type Layout = {
	readonly planes: readonly Plane[];
	/** Bytes per sample: 1 for 8 bit, 2 for 10 bit. */
	readonly bytes: 1 | 2;
	readonly bits: 8 | 10;
	/** Mirrored pixels around each plane that a source may be sampled in. */
	readonly pad: number;
};

/** How a frame's planes lie in its data. Chroma sizes are rounded up. */
export function layoutOf(frame: Frame): Layout {
	const { width, height, format } = frame;
	if (format === 'rgb24') throw new TypeError('Expected a planar YUV frame, got rgb24');
	const bytes = format === 'yuv420p' ? 1 : 2;
	const shiftY = format === 'yuv420p' ? 1 : 0;
	const chroma = { width: (width + 1) >> 1, height: (height + shiftY) >> shiftY };
	const luma = width * height * bytes;
	const part = chroma.width * chroma.height * bytes;
	return {
		planes: [
			{ width, height, shiftX: 0, shiftY: 0, offset: 0 },
			{ ...chroma, shiftX: 1, shiftY, offset: luma },
			{ ...chroma, shiftX: 1, shiftY, offset: luma + part },
		],
		bytes,
		bits: bytes === 1 ? 8 : 10,
		pad: 16 * Math.max(1, Math.min(16, Math.round(width / 128))),
	};
}

/** Copies a frame's planes into the kernels' memory with mirrored margins; where each starts. */
export function padPlanes(kernels: Kernels, frame: Frame, layout: Layout): readonly number[] {
	const { bytes, pad } = layout;
	const targets = layout.planes.map((plane) =>
		kernels.allocate((plane.width + 2 * pad) * (plane.height + 2 * pad) * bytes),
	);
	return kernels.scratch(() => {
		const source = load(kernels, frame.data);
		layout.planes.forEach((plane, p) => {
			const { width, height, offset } = plane;
			kernels.run.padPlane(source + offset, width, height, bytes, pad, targets[p]!);
		});
		return targets;
	});
}

/** Copies bytes into the kernels' memory. */
export function load(kernels: Kernels, data: Uint8Array): number {
	const pointer = kernels.allocate(data.length);
	kernels.bytes(pointer, data.length).set(data);
	return pointer;
}
