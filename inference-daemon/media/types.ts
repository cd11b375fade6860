import type { Codec } from '../../protocol/generation.ts';
import type { Size } from '../../protocol/schemas.ts';
import type { FrameRate, Rational } from '../../protocol/time.ts';
import type { ClipSound, Stream } from '../../protocol/timeline.ts';
import type { Colour } from './colour.ts';

/** The ffmpeg in use. Everything in this room takes it as its first argument. */
export type Ffmpeg = {
	readonly path: string;
	readonly version: string;
	readonly origin: 'setting' | 'ffmpeg-static' | 'PATH';
	/** Its processes give way to others. */
	readonly isInBackground?: boolean;
};

/**
 * Planar 4:2:0 8 bit, planar 4:2:2 10 bit in 16-bit words, packed RGB, or planes of green, blue and red
 * in 16 bits; in BT.709's matrix and video range for YUV.
 */
export type PixelFormat = 'yuv420p' | 'yuv422p10le' | 'rgb24' | 'gbrp16le';

/** One picture: planes one after the other, rows without padding. */
export type Frame = {
	readonly width: number;
	readonly height: number;
	readonly format: PixelFormat;
	readonly data: Uint8Array;
};

/** 48 kHz sound: one Float32Array per channel (left, right), nominal range −1…1. */
export type Sound = { readonly left: Float32Array; readonly right: Float32Array };

export type VideoStream = {
	/** Coded size turned by the rotation, before pixel aspect is applied. */
	readonly size: Size;
	readonly pixelAspect: Rational;
	/** Degrees clockwise that the picture is to be turned for display: 0, 90, 180 or 270. */
	readonly rotation: number;
	/** Average rate; null where the container does not say. */
	readonly rate: FrameRate | null;
	readonly pixelFormat: string;
	readonly codec: string;
	/** Presentation time of the first frame in the container's clock, seconds; may be negative. */
	readonly start: Rational;
};

/** What this room knows of a stream of picture beside that. */
export type Picture = {
	/** As ffmpeg names them: tv or pc; bt709, smpte170m, … or unknown. */
	readonly range: string;
	readonly matrix: string;
	readonly primaries: string;
	readonly transfer: string;
	readonly interlaced: boolean;
	/** The file says that there is alpha, and the decoder in use gives none. */
	readonly lostAlpha: boolean;
	/** Seconds per tick of the stream's clock. */
	readonly timeBase: Rational;
};

export type AudioStream = {
	readonly channels: number;
	readonly layout: string;
	readonly sampleRate: number;
	readonly codec: string;
	readonly start: Rational;
};

export type MediaInfo = {
	readonly path: string;
	/** Seconds; null where the container does not say (stills). */
	readonly duration: Rational | null;
	readonly video: VideoStream | null;
	readonly audio: AudioStream | null;
};

/** Frames at source times: seconds after the first video frame of the file. */
export type FramesWanted = {
	readonly path: string;
	/** Default: the first stream of picture. */
	readonly stream?: Stream | undefined;
	/**
	 * In any order. Each gives the frame on screen then (the last whose time is ≤ it); before the
	 * first frame the first, after the last the last.
	 */
	readonly at: readonly Rational[];
	/** Instead of the frame on screen the one that starts nearest to the time; the later of two. */
	readonly nearest?: boolean;
	readonly size: Size;
	/** Pixel aspect of the frames wanted; the picture is fitted inside `size`, centred on black. */
	readonly pixelAspect: Rational;
	/** A picture of another colour is brought to it. Default: BT.709. */
	readonly colour?: Colour | undefined;
	readonly format: PixelFormat;
};

/** Sound from a source time on the same clock as frames; outside the stream there is silence. */
export type SoundWanted = {
	readonly path: string;
	/** What of the file is heard. Default: the first stream of sound, mixed down. */
	readonly sound?: Pick<ClipSound, 'stream' | 'channels'> | undefined;
	/** The stream of picture whose first frame is at time 0. Default: the first. */
	readonly pictureStream?: Stream | undefined;
	readonly from: Rational;
	/** Sample frames at 48 kHz. */
	readonly samples: number;
	/** Seconds of source per second of result; negative reads backwards from `from`. */
	readonly speed: Rational;
};

export type Drawn = { readonly size: Size; readonly format: 'gbrp16le' };

export type ClipWanted = {
	/** Where the finished file is to stand. Written as `<path>.part`, counted, synced, renamed. */
	readonly path: string;
	readonly size: Size;
	readonly pixelAspect: Rational;
	readonly rate: FrameRate;
	readonly codec: Codec;
	/** What the frames' values stand for, and the file is tagged with. Default: BT.709. */
	readonly colour?: Colour | undefined;
	/** Exactly this many frames must come, neither fewer nor more. */
	readonly frameCount: number;
	/** Frames as they come, in the pixel format of `pixelFormatFor(codec)` or as `drawn` says. */
	readonly frames: AsyncIterable<Frame>;
	/** Where frames come in RGB, and not yet at `size`. */
	readonly drawn?: Drawn | undefined;
	/**
	 * Exactly `samplesForFrames(frameCount, rate)` long, whole or piece by piece; null makes a clip
	 * without sound. The encoder takes only so many frames as there is sound for, and some seconds more.
	 */
	readonly sound: Sound | Promise<Sound> | AsyncIterable<Sound> | null;
	/** Short tags for the file, e.g. title, comment. */
	readonly tags: Readonly<Record<string, string>>;
	/** One frame as a PNG no wider than `width`, handed over as soon as it has been drawn. */
	readonly still?: {
		readonly frame: number;
		readonly width: number;
		readonly take: (png: Uint8Array) => void;
	};
};
