import type { Codec } from '../../protocol/generation.ts';
import type { Size } from '../../protocol/schemas.ts';
import { divide, type FrameRate, rational } from '../../protocol/time.ts';
import { BT709, fileMatrix } from './colour.ts';
import type { ClipWanted, PixelFormat } from './types.ts';

/** The pixel format in which `encodeClip` takes frames for a codec. */
export function pixelFormatFor(codec: Codec): Exclude<PixelFormat, 'rgb24' | 'gbrp16le'> {
	return codec === 'h264-intra' ? 'yuv420p' : 'yuv422p10le';
}

/** The size of a clip of pictures of `size`: H.264 takes even ones only. */
export function clipSizeFor(codec: Codec, { width, height }: Size): Size {
	if (codec !== 'h264-intra') return { width, height };
	return { width: width + (width % 2), height: height + (height % 2) };
}

const ENCODERS: Record<Codec, readonly string[]> = {
	'prores-422-hq': ['prores_ks', '-profile:v', '3', '-vendor', 'apl0'],
	'dnxhr-hqx': ['dnxhd', '-profile:v', 'dnxhr_hqx'],
	// Every frame a key frame. At one quality the presets differ in size, not in what is seen:
	// ultrafast at 12 is at 49 dB and three times as fast as superfast.
	'h264-intra': ['libx264', '-preset', 'ultrafast', '-crf', '12', '-g', '1', '-bf', '0'],
};

/** What makes the stream progressive, tagged with its colour and exact in time. */
export function encoderArguments(
	wanted: Pick<ClipWanted, 'codec' | 'rate' | 'pixelAspect' | 'colour' | 'size' | 'drawn'>,
): readonly string[] {
	const { codec, rate, pixelAspect, colour = BT709, size, drawn } = wanted;
	const { primaries, transfer } = colour;
	const matrix = fileMatrix(colour);
	const aspect = `${pixelAspect.num}/${pixelAspect.den}`;
	const filters = [
		...(drawn || matrix !== 'bt709' ? [scaleTo(size, matrix, drawn ? 'pc' : 'tv')] : []),
		...(drawn ? [`format=${pixelFormatFor(codec)}`] : []),
		`setparams=field_mode=prog:range=tv:color_primaries=${primaries}:color_trc=${transfer}:colorspace=${matrix}`,
		`setsar=${aspect}`,
	];
	return [
		...['-c:v', ...ENCODERS[codec], '-pix_fmt', pixelFormatFor(codec)],
		...['-vf', filters.join(',')],
		...['-color_range', 'tv', '-colorspace', matrix],
		...['-color_primaries', primaries, '-color_trc', transfer],
		...['-field_order', 'progressive', '-fps_mode', 'passthrough'],
		...['-enc_time_base:v', `${rate.den}:${rate.num}`],
		...['-video_track_timescale', String(timescale(rate))],
		// ffmpeg takes the length of the last frame from the nearest rate with small numbers.
		...['-bsf:v', `setts=duration=${(timescale(rate) / rate.num) * rate.den}`],
		...['-movie_timescale', String(movieTimescale(rate))],
		// Everything starts at 0: an edit list could only be rounded wrong.
		...['-use_editlist', '0', '-movflags', '+write_colr', '-write_tmcd', '0'],
	];
}

/** Frames come in BT.709's matrix, or in RGB. */
function scaleTo({ width, height }: Size, matrix: string, range: 'pc' | 'tv'): string {
	return [
		`scale=${width}:${height}:flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp`,
		...['in_color_matrix=bt709', `out_color_matrix=${matrix.replace('nc', '')}`],
		...[`in_range=${range}`, 'out_range=tv'],
	].join(':');
}

/** Units per second such that a frame is a whole number of them. */
export function timescale(rate: FrameRate): number {
	return rate.num < 1000 ? rate.num * 1000 : rate.num;
}

/** Units in which both a frame and a sample are whole, as far as the field can hold. */
function movieTimescale(rate: FrameRate): number {
	const common = 48_000 * divide(rational(timescale(rate)), rational(48_000)).num;
	return common <= 0x7fff_ffff ? common : timescale(rate);
}
