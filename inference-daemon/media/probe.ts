import { stat } from 'node:fs/promises';
import { PickupError } from '../../protocol/errors.ts';
import {
	type FrameRate,
	multiply,
	type Rational,
	rational,
	toNumber,
} from '../../protocol/time.ts';
import type { Stream } from '../../protocol/timeline.ts';
import { inputArguments } from './files.ts';
import { hasAlpha } from './picture.ts';
import { FfmpegFailure, FfmpegTooSlow, runFfmpeg } from './process.ts';
import {
	type ColourTag,
	readShown,
	SHOW_PICTURE,
	SHOW_SOUND,
	SHOWINFO_LOGLEVEL,
	type Shown,
} from './showinfo.ts';
import type { AudioStream, Ffmpeg, MediaInfo, Picture, VideoStream } from './types.ts';

/** What this room knows of a file beyond what it tells others. */
export type Media = MediaInfo & {
	/** `-i` and all that goes before it. */
	readonly input: readonly string[];
	readonly still: boolean;
	/** End by the container's clock as far as it says, seconds to a hundredth. */
	readonly end: number | null;
	/** The container rounds times to a millisecond, which is coarser than a sample. */
	readonly coarseClock: boolean;
	/** Channels of every stream of sound, in the file's order, those that cannot be decoded too. */
	readonly channels: readonly number[];
	readonly video: (VideoStream & Picture & Mapped) | null;
	readonly audio: (AudioStream & Mapped & { readonly firstSamples: number }) | null;
};

/** Which of a file's streams are looked at; each the first of its kind where nothing is said. */
export type Streams = {
	readonly picture?: Stream | undefined;
	readonly sound?: Stream | undefined;
};

/** What `-map` takes for the stream. */
type Mapped = { readonly map: string };

/**
 * Looks at a file: its first picture stream and first sound stream, or those that are named, and
 * the exact time at which each starts. Times are those of frames that come out of the decoder, so edit lists, priming
 * samples and negative times are taken into account. Throws PickupError `media-offline`,
 * `not-a-regular-file` or `media-unreadable`, or the signal's reason.
 */
export async function probe(
	ffmpeg: Ffmpeg,
	path: string,
	signal?: AbortSignal,
): Promise<MediaInfo> {
	const { duration, video, audio, ...media } = await examine(ffmpeg, path, signal);
	return {
		path: media.path,
		duration,
		video: video && {
			size: video.size,
			pixelAspect: video.pixelAspect,
			rotation: video.rotation,
			rate: video.rate,
			pixelFormat: video.pixelFormat,
			codec: video.codec,
			start: video.start,
		},
		audio: audio && {
			channels: audio.channels,
			layout: audio.layout,
			sampleRate: audio.sampleRate,
			codec: audio.codec,
			start: audio.start,
		},
	};
}

const REMEMBERED = 64;
type Look = { readonly stamp: string; readonly media: Promise<Media> };
const remembered = new Map<string, Look>();

/** As `probe`, in full. A file that has not changed since is not looked at twice. */
export async function examine(
	ffmpeg: Ffmpeg,
	path: string,
	signal?: AbortSignal,
	{ picture, sound }: Streams = {},
): Promise<Media> {
	const input = await inputArguments(path);
	const facts = await stat(input.path, { bigint: true });
	const stamp = `${facts.ino} ${facts.size} ${facts.mtimeNs} ${ffmpeg.path}`;
	const maps: Maps = [mapOf(picture, 'V'), mapOf(sound, 'a')];
	const key = [...maps, input.path].join(' ');
	for (;;) {
		const known = remembered.get(key);
		if (known?.stamp !== stamp) {
			const media = look(ffmpeg, input, maps, signal);
			remember(key, { stamp, media });
			return media;
		}
		try {
			return await known.media;
		} catch (error) {
			// It was somebody else's look, and may have been given up for reasons of theirs.
			signal?.throwIfAborted();
			if (error instanceof PickupError) throw error;
		}
	}
}

/** Picture and sound, as `-map` takes them. */
type Maps = readonly [picture: string, sound: string];

function mapOf(stream: Stream | undefined, kind: 'V' | 'a'): string {
	return stream?.among === 'all' ? `0:${stream.index}` : `0:${kind}:${stream?.index ?? 0}`;
}

/** A look that is still going on is shared; one that failed is forgotten. */
function remember(key: string, look: Look): void {
	remembered.delete(key);
	remembered.set(key, look);
	look.media.catch(() => {
		if (remembered.get(key) === look) remembered.delete(key);
	});
	const [oldest] = remembered.keys();
	if (remembered.size > REMEMBERED && oldest !== undefined) remembered.delete(oldest);
}

type Input = Awaited<ReturnType<typeof inputArguments>>;

async function look(
	ffmpeg: Ffmpeg,
	input: Input,
	[picture, sound]: Maps,
	signal: AbortSignal | undefined,
): Promise<Media> {
	// A stream that this ffmpeg cannot decode must not hide the other one. What is no fault of a
	// stream, as a disk that does not answer, must not be taken for that.
	const selections = [[`${picture}?`, `${sound}?`], [picture], [sound]];
	let first: unknown;
	for (const selection of selections) {
		try {
			const media = await withAlpha(await lookAt(ffmpeg, input, selection, signal), (decoder) =>
				lookAt(ffmpeg, decoded(input, picture, decoder), selection, signal),
			);
			return {
				...media,
				video: media.video && { ...media.video, map: picture },
				audio: media.audio && { ...media.audio, map: sound },
			};
		} catch (error) {
			if (!(error instanceof FfmpegFailure)) throw error;
			first ??= error;
			if (error instanceof FfmpegTooSlow || /Input\/output error/.test(error.message)) break;
		}
	}
	const said = first instanceof Error ? first.message : String(first);
	const why = /not on whitelist/.test(said) ? 'files of this kind are not read here' : said;
	throw new PickupError(
		'media-unreadable',
		`Expected picture or sound that ffmpeg can read in ${input.path}: ${why}`,
		{ field: input.path, cause: first },
	);
}

/** Decoders that give alpha, by codecs of which ffmpeg's own decoders leave it out. */
const ALPHA_DECODERS: Readonly<Record<string, string>> = { vp8: 'libvpx', vp9: 'libvpx-vp9' };

/** Looked at again by a decoder that gives alpha, where it is left out and ffmpeg has such a one. */
async function withAlpha(
	media: Unmapped,
	again: (decoder: string) => Promise<Unmapped>,
): Promise<Unmapped> {
	const decoder = media.video?.lostAlpha ? ALPHA_DECODERS[media.video.codec] : undefined;
	if (!decoder) return media;
	return again(decoder).catch((error: unknown) => {
		if (error instanceof FfmpegFailure) return media;
		throw error;
	});
}

/** The input with its stream of picture decoded by the decoder named. */
function decoded(input: Input, picture: string, decoder: string): Input {
	const stream = picture.replace(/^0:/, '');
	return { ...input, args: [`-c:${stream}`, decoder, ...input.args] };
}

/** Headers can be made that ffmpeg reads for hours, as one with millions of tags. Ms. */
const LONGEST_LOOK = 60_000;

type Unmapped = Omit<Media, 'video' | 'audio'> & {
	readonly video: Omit<NonNullable<Media['video']>, 'map'> | null;
	readonly audio: Omit<NonNullable<Media['audio']>, 'map'> | null;
};

async function lookAt(
	ffmpeg: Ffmpeg,
	input: Input,
	selection: readonly string[],
	signal: AbortSignal | undefined,
): Promise<Unmapped> {
	const header: string[] = [];
	const shown: Shown[] = [];
	await runFfmpeg(ffmpeg, {
		args: [
			...SHOWINFO_LOGLEVEL,
			'-copyts',
			// More of them take longer to start than one frame takes.
			...['-threads', '1'],
			...input.args,
			...selection.flatMap((stream) => ['-map', stream]),
			...['-vf', `${SHOW_PICTURE},trim=end_frame=1`],
			...['-af', `${SHOW_SOUND},atrim=end_sample=1`],
			...['-fps_mode', 'passthrough', '-f', 'null', '-'],
		],
		signal,
		limit: LONGEST_LOOK,
		onLine: (line) => {
			shown.push(...readShown(line));
			if (header.length < 10_000) header.push(line.replace(/^\[info\] /, ''));
		},
	});
	const about = readHeader(header);
	const video = videoOf(shown, about);
	const audio = audioOf(shown, about);
	if (!video && !audio) throw new FfmpegFailure('it has neither picture nor sound');
	return {
		path: input.path,
		input: input.args,
		still: input.still,
		duration: input.still ? null : about.duration,
		end: about.duration && about.start !== null ? about.start + toNumber(about.duration) : null,
		coarseClock: /^(matroska|flv|asf)/.test(about.container),
		channels: channelsIn(about),
		video,
		audio,
	};
}

type StreamHeader = { readonly text: string; rotation: number; hasAlpha: boolean };
type Header = {
	container: string;
	duration: Rational | null;
	start: number | null;
	/** By their index. */
	readonly streams: Map<number, StreamHeader>;
	readonly chosen: Map<'video' | 'audio', StreamHeader>;
};

/** What ffmpeg prints of the input; the streams are those that it then says it maps. */
function readHeader(lines: readonly string[]): Header {
	const streams = new Map<number, StreamHeader>();
	const header: Header = {
		container: '',
		duration: null,
		start: null,
		streams,
		chosen: new Map(),
	};
	let current: StreamHeader | undefined;
	for (const line of lines) {
		if (line.startsWith('Output #')) break;
		header.container ||= /^Input #0, (\S+), from /.exec(line)?.[1] ?? '';
		const duration = /^ {2}Duration: (\d+):(\d\d):(\d\d)\.(\d\d)/.exec(line);
		if (duration) {
			const [hours = 0, minutes = 0, seconds = 0, hundredths = 0] = duration.slice(1).map(Number);
			header.duration = rational(((hours * 60 + minutes) * 60 + seconds) * 100 + hundredths, 100);
			header.start = Number(/, start: (-?[\d.]+)/.exec(line)?.[1] ?? Number.NaN);
			if (Number.isNaN(header.start)) header.start = null;
		}
		const mapped = /^ {2}Stream #0:(\d+) -> #0:\d+ /.exec(line)?.[1];
		if (mapped) {
			const stream = streams.get(Number(mapped));
			if (stream) header.chosen.set(/: Video: /.test(stream.text) ? 'video' : 'audio', stream);
			continue;
		}
		const id = /^ {2}Stream #0:(\d+)/.exec(line)?.[1];
		if (id) {
			current = { text: line, rotation: 0, hasAlpha: false };
			streams.set(Number(id), current);
		}
		if (current && /^ +alpha_mode +: 1$/i.test(line)) current.hasAlpha = true;
		const turned = /display ?matrix: rotation of (-?[\d.]+) degrees/i.exec(line)?.[1];
		// ffmpeg counts counter-clockwise.
		if (turned && current) current.rotation = ((-Math.round(Number(turned)) % 360) + 360) % 360;
	}
	return header;
}

const LAYOUTS: Readonly<Record<string, number>> = {
	mono: 1,
	stereo: 2,
	downmix: 2,
	quad: 4,
	hexagonal: 6,
	octagonal: 8,
	hexadecagonal: 16,
};

/** `stereo`, `5.1(side)`, `12 channels` and the like, of every stream of sound. */
function channelsIn({ streams }: Header): readonly number[] {
	const sounds = [...streams]
		.sort(([a], [b]) => a - b)
		.filter(([, { text }]) => /: Audio: /.test(text));
	return sounds.map(([, { text }]) => {
		const layout = /\d Hz, ([^,]+)/.exec(text)?.[1] ?? '';
		const counted = /^(\d+) channels/.exec(layout)?.[1];
		const parts = /^[\d.]+/.exec(layout)?.[0].split('.') ?? [];
		return (
			LAYOUTS[/^\w+/.exec(layout)?.[0] ?? ''] ??
			Number(counted ?? parts.reduce((sum, part) => sum + Number(part), 0))
		);
	});
}

function videoOf(shown: readonly Shown[], header: Header): Unmapped['video'] {
	const clock = shown.find((entry) => entry.kind === 'clock');
	const frame = shown.find((entry) => entry.kind === 'frame');
	if (!clock || !frame) return null;
	const stream = header.chosen.get('video');
	const told = new Map(
		shown.flatMap((entry) => ('name' in entry ? [[entry.kind, entry.name]] : [])),
	);
	const tag = (kind: ColourTag) => told.get(kind) ?? 'unknown';
	const codec = /: Video: (\w+)/.exec(stream?.text ?? '')?.[1] ?? 'unknown';
	const { pixelFormat } = frame;
	return {
		size: frame.size,
		pixelAspect: frame.pixelAspect,
		rotation: stream?.rotation ?? 0,
		rate: averageRate(stream?.text ?? '', clock.rate),
		pixelFormat,
		codec,
		start: multiply(rational(frame.pts ?? 0), clock.timeBase),
		range: tag('range'),
		matrix: tag('matrix'),
		primaries: tag('primaries'),
		transfer: tag('transfer'),
		interlaced: frame.interlaced,
		lostAlpha: stream?.hasAlpha === true && !hasAlpha({ pixelFormat, codec }),
		timeBase: clock.timeBase,
	};
}

function audioOf(shown: readonly Shown[], header: Header): Unmapped['audio'] {
	const first = shown.find((entry) => entry.kind === 'sound');
	if (!first || first.rate === 0) return null;
	const text = header.chosen.get('audio')?.text ?? '';
	return {
		channels: first.channels,
		layout: first.layout,
		sampleRate: first.rate,
		codec: /: Audio: (\w+)/.exec(text)?.[1] ?? 'unknown',
		start: rational(first.pts ?? 0, first.rate),
		firstSamples: first.samples,
	};
}

const NTSC_RATES = [24, 30, 48, 60, 120].map((nominal) => rational(nominal * 1000, 1001));

/** ffmpeg prints the average rate in few digits, `1k` for 1000; make it exact where a known rate fits. */
function averageRate(header: string, guessed: Rational | null): FrameRate | null {
	const [, digits, thousands] = /, ([\d.]+)(k?) fps\b/.exec(header) ?? [];
	const average = Number(digits) * (thousands ? 1000 : 1);
	if (!(average > 0)) return null;
	const fits = (rate: Rational) => Math.abs(toNumber(rate) - average) <= 0.0051;
	if (guessed && fits(guessed)) return guessed;
	return NTSC_RATES.find(fits) ?? rational(Math.round(average * 10_000), 10_000);
}
