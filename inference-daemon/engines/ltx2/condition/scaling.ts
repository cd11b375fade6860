import type { Size } from '../../../../protocol/schemas.ts';
import { placeInside } from '../../../media/picture.ts';
import type { Frame, VideoStream } from '../../../media/types.ts';

/**
 * Where the whole of a picture comes to lie, in pixels of a target, which need not be whole: what is
 * beyond the target is cut off.
 */
export type Area = Size & { readonly left: number; readonly top: number };

/** A picture's own size and the shape of its pixels. */
type Source = Pick<VideoStream, 'size' | 'pixelAspect'>;

/** All of the target, unstretched, cut in the middle (Lightricks/LTX-2, `resize_and_center_crop`). */
export function covering({ size, pixelAspect }: Source, target: Size): Area {
	const wide = (size.width * pixelAspect.num) / pixelAspect.den;
	const scale = Math.max(target.height / size.height, target.width / wide);
	const width = Math.ceil(wide * scale);
	const height = Math.ceil(size.height * scale);
	const left = -Math.floor((width - target.width) / 2);
	return { width, height, left, top: -Math.floor((height - target.height) / 2) };
}

/** As a sequence shows it, inside and with bars, where the target is all of the sequence. */
export function asInSequence(source: Source, sequence: Source, target: Size): Area {
	const { left, top, width, height } = placeInside(source, sequence);
	const across = target.width / sequence.size.width;
	const down = target.height / sequence.size.height;
	return {
		left: left * across,
		top: top * down,
		width: width * across,
		height: height * down,
	};
}

/** What a level of 8 bits is in 16. */
const UNIT = 257;

/**
 * Draws packed RGB into a part of planes of 16 bits, whose rows are `width` long: each pixel is mixed
 * of the four around it, however many lie between (torch's `interpolate`, `bilinear`, without
 * `align_corners` or `antialias`), and so the numbers are the reference's. Beside `area` nothing is
 * drawn.
 */
export function drawBilinear(
	{ data, ...size }: Frame,
	area: Area,
	planes: readonly Uint16Array[],
	{ width, part }: { readonly width: number; readonly part: Area },
): void {
	const across = mixOf(size.width, area.left, area.width, part.width);
	const down = mixOf(size.height, area.top, area.height, part.height);
	const line = 3 * size.width;
	for (let y = down.start; y < down.end; y++) {
		const upper = down.first[y]! * line;
		const lower = down.second[y]! * line;
		const below = down.share[y]!;
		const row = (part.top + y) * width + part.left;
		for (let x = across.start; x < across.end; x++) {
			const left = 3 * across.first[x]!;
			const right = 3 * across.second[x]!;
			const beside = across.share[x]!;
			for (let c = 0; c < 3; c++) {
				const high = data[upper + left + c]!;
				const low = data[lower + left + c]!;
				const above = high + (data[upper + right + c]! - high) * beside;
				const under = low + (data[lower + right + c]! - low) * beside;
				planes[c]![row + x] = UNIT * (above + (under - above) * below) + 0.5;
			}
		}
	}
}

/** For each of `count` results from `start` to `end` the two it is mixed of, and how much of the second. */
function mixOf(from: number, begin: number, length: number, count: number) {
	const start = Math.max(0, Math.ceil(begin - 0.5));
	const end = Math.min(count, Math.ceil(begin + length - 0.5));
	const [first, second] = [new Int32Array(count), new Int32Array(count)];
	const share = new Float64Array(count);
	for (let i = start; i < end; i++) {
		const at = Math.max(0, ((i + 0.5 - begin) * from) / length - 0.5);
		first[i] = Math.min(from - 1, Math.floor(at));
		second[i] = Math.min(from - 1, first[i]! + 1);
		share[i] = at - first[i]!;
	}
	return { start, end, first, second, share };
}
