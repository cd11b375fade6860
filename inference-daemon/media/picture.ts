import type { Size } from '../../protocol/schemas.ts';
import { divide, multiply, type Rational, rational, toNumber } from '../../protocol/time.ts';
import { BT709, type Colour, colourConversion, colourOf, isSameColour } from './colour.ts';
import type { Picture, PixelFormat, VideoStream } from './types.ts';

export type PictureWanted = {
	readonly size: Size;
	readonly pixelAspect: Rational;
	readonly format: PixelFormat;
	readonly colour?: Colour | undefined;
};

/**
 * The filters that bring a decoded picture into a sequence's frame: in the colour wanted (BT.709's
 * matrix, video range for YUV), fitted inside with its shape kept, centred on black. What shows
 * through is black too.
 */
export function pictureFilters(video: VideoStream & Picture, wanted: PictureWanted): string {
	const { width, height } = wanted.size;
	const { left, top, ...inside } = placeInside(video, wanted);
	const isRgb = RGB.test(video.pixelFormat);
	const [from, to] = [colourOf(video), wanted.colour ?? BT709];
	const own = { matrix: isRgb ? 'gbr' : ZSCALE_NAMES[matrixOf(video)]!, range: rangeOf(video) };
	const conversion = isSameColour(from, to) ? [] : colourConversion(from, to, own);
	// Of RGB both sides must name one matrix: swscale goes through YUV and back.
	const matrix = isRgb || conversion.length > 0 ? 'bt709' : matrixOf(video);
	const range = conversion.length > 0 ? 'tv' : own.range;
	const scale = [
		`scale=${inside.width}:${inside.height}`,
		'flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp',
		...[`in_color_matrix=${matrix}`, 'out_color_matrix=bt709'],
		...[`in_range=${range}`, `out_range=${wanted.format === 'rgb24' ? 'pc' : 'tv'}`],
	].join(':');
	const onBlack = hasAlpha(video) ? ['premultiply=inplace=1'] : [];
	const filters = [...onBlack, ...conversion, scale, `format=${wanted.format}`];
	if (inside.width !== width || inside.height !== height) {
		filters.push(`pad=${width}:${height}:${left}:${top}:black`);
	}
	return filters.join(',');
}

/** Whether a picture lets through what is under it; colours that nobody sees may stand there. */
export function hasAlpha({ pixelFormat, codec }: Pick<VideoStream, 'pixelFormat' | 'codec'>) {
	// JPEG has none: its four channels are inks, given as colours beside an alpha that hides nothing.
	if (codec === 'mjpeg') return false;
	return /^(yuva|rgba|bgra|argb|abgr|gbrap|ya\d|pal8|ayuv|vuya)/.test(pixelFormat);
}

const RGB = /^(x2)?(rgb|bgr|gbr|argb|abgr|0rgb|0bgr|pal8)/;

function rangeOf(video: VideoStream & Picture): 'pc' | 'tv' {
	if (video.range === 'pc' || video.range === 'tv') return video.range;
	return RGB.test(video.pixelFormat) || /^(yuvj|gray|ya|mono)/.test(video.pixelFormat)
		? 'pc'
		: 'tv';
}

/** Where the picture lies, in the sequence's pixels. */
export function placeInside(
	source: Pick<VideoStream, 'size' | 'pixelAspect'>,
	wanted: Pick<PictureWanted, 'size' | 'pixelAspect'>,
): Size & { readonly left: number; readonly top: number } {
	const inside = fitInside(source, wanted);
	const left = even((wanted.size.width - inside.width) / 2);
	const top = even((wanted.size.height - inside.height) / 2);
	return { ...inside, left, top };
}

/** Size of the picture in the sequence's pixels; even, so that chroma lies as luma does. */
export function fitInside(
	source: { readonly size: Size; readonly pixelAspect: Rational },
	wanted: { readonly size: Size; readonly pixelAspect: Rational },
): Size {
	const { width, height } = wanted.size;
	// How wide the source is for its height, counted in the sequence's pixels.
	const aspect = toNumber(
		multiply(
			rational(source.size.width, source.size.height),
			divide(source.pixelAspect, wanted.pixelAspect),
		),
	);
	const widthAtFullHeight = height * aspect;
	if (widthAtFullHeight <= width) return { width: fitted(widthAtFullHeight, width), height };
	return { width, height: fitted(width / aspect, height) };
}

/** Nobody wants a bar of one line because of rounding: close to full is full. */
function fitted(value: number, full: number): number {
	const nearest = Math.max(2, 2 * Math.round(value / 2));
	return nearest >= full - 1 ? full : nearest;
}

function even(value: number): number {
	return 2 * Math.floor(value / 2);
}

/** Untagged pictures are taken as editors take them: small ones as BT.601, others as BT.709. */
function matrixOf(video: VideoStream & Picture): string {
	switch (video.matrix) {
		case 'bt709':
			return 'bt709';
		case 'smpte170m':
		case 'bt470bg':
			return 'bt601';
		case 'fcc':
			return 'fcc';
		case 'smpte240m':
			return 'smpte240m';
		case 'bt2020nc':
		case 'bt2020c':
			return 'bt2020';
		default: {
			const turned = video.rotation === 90 || video.rotation === 270;
			const lines = turned ? video.size.width : video.size.height;
			return lines <= 576 ? 'bt601' : 'bt709';
		}
	}
}

/** zscale's names for what swscale calls so. */
const ZSCALE_NAMES: Readonly<Record<string, string>> = {
	bt709: 'bt709',
	bt601: 'smpte170m',
	fcc: 'fcc',
	smpte240m: 'smpte240m',
	bt2020: 'bt2020nc',
};
