import type { Size } from '../../protocol/schemas.ts';
import type { FrameRate } from '../../protocol/time.ts';
import { probe } from './probe.ts';
import type { Ffmpeg, VideoStream } from './types.ts';

/** What a person would say of a file: its size as shown, its rate, whether it has sound. */
export async function lookAt(
	ffmpeg: Ffmpeg,
	path: string,
): Promise<{ size: Size | null; rate: FrameRate | null; sound: boolean }> {
	const { video, audio } = await probe(ffmpeg, path);
	return {
		size: video && shownSize(video),
		rate: video?.rate ?? null,
		sound: audio !== null,
	};
}

/** Wide pixels make the picture wider; sizes are even, as every codec here wants them. */
function shownSize({ size, pixelAspect }: VideoStream): Size {
	const even = (value: number) => Math.max(2, Math.round(value / 2) * 2);
	return {
		width: even((size.width * pixelAspect.num) / pixelAspect.den),
		height: even(size.height),
	};
}
