import type { Size } from '../../protocol/schemas.ts';
import type { PixelFormat } from './types.ts';

/** Width, height and bytes per sample of each plane; chroma of odd sizes is rounded up. */
export type Plane = {
	readonly width: number;
	readonly height: number;
	readonly bytesPerSample: number;
	/** Where the plane starts in the frame's data. */
	readonly offset: number;
};

export function planesOf(format: PixelFormat, size: Size): readonly Plane[] {
	const { width, height } = size;
	const halfWidth = Math.ceil(width / 2);
	const halfHeight = Math.ceil(height / 2);
	switch (format) {
		case 'rgb24':
			return [{ width: width * 3, height, bytesPerSample: 1, offset: 0 }];
		case 'gbrp16le':
			return [0, 1, 2].map((plane) => {
				return { width, height, bytesPerSample: 2, offset: 2 * plane * width * height };
			});
		case 'yuv420p': {
			const chroma = { width: halfWidth, height: halfHeight, bytesPerSample: 1 };
			const luma = width * height;
			return [
				{ width, height, bytesPerSample: 1, offset: 0 },
				{ ...chroma, offset: luma },
				{ ...chroma, offset: luma + halfWidth * halfHeight },
			];
		}
		case 'yuv422p10le': {
			const chroma = { width: halfWidth, height, bytesPerSample: 2 };
			const luma = width * height * 2;
			return [
				{ width, height, bytesPerSample: 2, offset: 0 },
				{ ...chroma, offset: luma },
				{ ...chroma, offset: luma + halfWidth * height * 2 },
			];
		}
	}
}

/** Bytes of one frame. */
export function frameBytes(format: PixelFormat, size: Size): number {
	return planesOf(format, size).reduce(
		(sum, plane) => sum + plane.width * plane.height * plane.bytesPerSample,
		0,
	);
}
