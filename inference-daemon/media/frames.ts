import { PickupError } from '../../protocol/errors.ts';
import {
	add,
	compare,
	multiply,
	type Rational,
	rational,
	toNumber,
	ZERO,
} from '../../protocol/time.ts';
import { pictureFilters } from './picture.ts';
import { frameBytes } from './pixels.ts';
import { examine, type Media } from './probe.ts';
import { FfmpegFailure, runFfmpeg } from './process.ts';
import { LOOKBACKS, seekArguments } from './seek.ts';
import {
	readShown,
	SHOW_KEPT_PICTURE,
	SHOW_PICTURE,
	SHOWINFO_LOGLEVEL,
	type Shown,
} from './showinfo.ts';
import type { Ffmpeg, Frame, FramesWanted } from './types.ts';

/** Times further apart than this are read by seeking anew, not by decoding what lies between. */
const CLUSTER_SECONDS = 2;
/** Frames right after a seek may lack what they refer to; this much is decoded and not used. */
const PREROLL_SECONDS = 0.3;

/**
 * The frames on screen at the given times, in the order of `wanted.at`; two times that fall on
 * one frame share it. Reads only the neighbourhood of the times. A still is the same at any time.
 * Throws PickupError `media-offline`, `not-a-regular-file`, `media-unreadable`, or the signal's
 * reason.
 */
export function readFrames(
	ffmpeg: Ffmpeg,
	wanted: FramesWanted,
	signal?: AbortSignal,
): Promise<readonly Frame[]> {
	return readFramesAs(ffmpeg, wanted, (frame) => frame, signal);
}

/** What `make` makes of each of them, as soon as it is read: the frames themselves are not kept. */
export async function readFramesAs<T>(
	ffmpeg: Ffmpeg,
	wanted: FramesWanted,
	make: (frame: Frame) => T,
	signal?: AbortSignal,
): Promise<readonly T[]> {
	const media = await examine(ffmpeg, wanted.path, signal, { picture: wanted.stream });
	const video = pictureIn(media, wanted.stream);
	// The frame nearest to a time is the one on screen half a frame later.
	const later =
		wanted.nearest && video.rate
			? rational(BigInt(video.rate.den), 2n * BigInt(video.rate.num))
			: ZERO;
	// From here on times are the container's.
	const times = wanted.at.map((time, index) => ({
		index,
		time: add(add(time.num < 0 ? ZERO : time, later), video.start),
	}));
	times.sort((a, b) => compare(a.time, b.time));
	const made: T[] = [];
	const groups = media.still ? [times].filter((group) => group.length > 0) : clusters(times);
	for (const group of groups) {
		const sorted = group.map(({ time }) => time);
		const found = await readCluster(ffmpeg, media, wanted, sorted, make, signal);
		group.forEach(({ index }, place) => {
			made[index] = found[place]!;
		});
	}
	return made;
}

/** Throws PickupError `media-unreadable` where there is none. */
export function pictureIn(
	{ video, path }: Media,
	stream?: FramesWanted['stream'],
): NonNullable<Media['video']> {
	if (video) return video;
	throw unreadable(
		path,
		`it has ${stream ? `no picture in stream ${stream.index}` : 'sound only'}`,
	);
}

type Timed = { readonly index: number; readonly time: Rational };

function clusters(times: readonly Timed[]): readonly (readonly Timed[])[] {
	const groups: Timed[][] = [];
	let previous = Number.NEGATIVE_INFINITY;
	for (const timed of times) {
		const seconds = toNumber(timed.time);
		if (seconds - previous > CLUSTER_SECONDS) groups.push([]);
		groups.at(-1)?.push(timed);
		previous = seconds;
	}
	return groups;
}

/** Frames for ascending times that lie close together. */
async function readCluster<T>(
	ffmpeg: Ffmpeg,
	media: Media,
	wanted: FramesWanted,
	times: readonly Rational[],
	make: (frame: Frame) => T,
	signal: AbortSignal | undefined,
): Promise<readonly T[]> {
	const first = times[0]!;
	const rate = media.video?.rate ? toNumber(media.video.rate) : 25;
	let margin = Math.min(1, 2 / rate);
	for (const lookback of LOOKBACKS) {
		const seek = media.still ? [] : seekArguments(media, toNumber(first) - lookback);
		const isWhole = seek.length === 0;
		let run = await readWindow(ffmpeg, media, wanted, times, { seek, margin }, make, signal);
		const reliable =
			isWhole ||
			(run.decodedFirst !== null &&
				toNumber(first) - toNumber(run.decodedFirst) >= PREROLL_SECONDS);
		if (!reliable) continue;
		if (!run.covers && run.decodedBefore !== null) {
			// The frame on screen began longer ago than the window: start the window with it.
			margin = toNumber(first) - toNumber(run.decodedBefore) + 1e-4;
			run = await readWindow(ffmpeg, media, wanted, times, { seek, margin }, make, signal);
		}
		if (run.frames.length === times.length && (run.covers || isWhole)) return run.frames;
		if (isWhole) break;
	}
	throw unreadable(media.path, `no picture could be decoded at ${toNumber(first).toFixed(3)} s`);
}

type WindowRun<T> = {
	/** One per time, or none where the window was empty. */
	readonly frames: readonly T[];
	/** The window began with or before the frame on screen at the first time. */
	readonly covers: boolean;
	readonly decodedFirst: Rational | null;
	/** The last frame decoded that is not after the first time. */
	readonly decodedBefore: Rational | null;
};

async function readWindow<T>(
	ffmpeg: Ffmpeg,
	media: Media,
	wanted: FramesWanted,
	times: readonly Rational[],
	window: { readonly seek: readonly string[]; readonly margin: number },
	make: (frame: Frame) => T,
	signal: AbortSignal | undefined,
): Promise<WindowRun<T>> {
	const video = media.video!;
	const first = times[0]!;
	const start = (toNumber(first) - window.margin).toFixed(6);
	// `trim` rounds to ticks of the time base and drops what is at its end: stay one tick clear.
	// Which frame is meant is decided by the chooser, exactly.
	const end = (toNumber(times.at(-1)!) + toNumber(video.timeBase) + 1e-6).toFixed(6);
	const { width, height } = wanted.size;
	const chosen = chooser(times, frameBytes(wanted.format, wanted.size), (data) =>
		make({ width, height, format: wanted.format, data }),
	);
	// Filters on the way may change the clock: the last to tell of one is where frames come out.
	let timeBase = video.timeBase;
	let decodedFirst: Rational | null = null;
	let decodedBefore: Rational | null = null;
	const take = (entry: Shown) => {
		if (entry.kind === 'clock') timeBase = entry.timeBase;
		if (entry.kind !== 'frame') return;
		const clock = entry.isKept ? timeBase : video.timeBase;
		const time = entry.pts === null ? null : multiply(rational(entry.pts), clock);
		if (entry.isKept) return chosen.shown(time);
		if (time === null) return;
		decodedFirst ??= time;
		if (compare(time, first) <= 0) decodedBefore = time;
	};
	try {
		await runFfmpeg(ffmpeg, {
			args: [
				...SHOWINFO_LOGLEVEL,
				...window.seek,
				'-copyts',
				...media.input,
				...['-map', video.map, '-an'],
				'-vf',
				[
					SHOW_PICTURE,
					...(video.interlaced ? ['bwdif=mode=send_frame:deint=interlaced'] : []),
					...(media.still ? [] : [`trim=start=${start}:end=${end}`]),
					SHOW_KEPT_PICTURE,
					pictureFilters(video, wanted),
				].join(','),
				...['-fps_mode', 'passthrough', '-f', 'rawvideo', 'pipe:1'],
			],
			signal,
			onOutput: chosen.bytes,
			onLine: (line) => readShown(line).forEach(take),
		});
	} catch (error) {
		if (!(error instanceof FfmpegFailure)) throw error;
		if (/No such filter: 'zscale'/.test(error.message)) throw noConversion(media.path, error);
		throw unreadable(media.path, error.message, error);
	}
	return { ...chosen.end(), decodedFirst, decodedBefore };
}

/**
 * Matches frames, which arrive as bytes, with their times, which arrive beside them, and keeps
 * those that are on screen at one of the ascending times.
 */
function chooser<T>(times: readonly Rational[], size: number, make: (data: Uint8Array) => T) {
	const shownAt: (Rational | null)[] = [];
	const waiting: Uint8Array[] = [];
	const frames: T[] = [];
	let filling: Uint8Array | null = null;
	let filled = 0;
	let settled = 0;
	const settle = (isEnd: boolean) => {
		while (waiting.length > 0 && (isEnd || settled + 1 < shownAt.length)) {
			const data = waiting.shift()!;
			settled += 1;
			const next = waiting.length === 0 && isEnd ? undefined : shownAt[settled];
			// A frame without a time of its own follows the one before it at once.
			if (next === null) continue;
			const isShown = () =>
				frames.length < times.length &&
				(next === undefined || compare(times[frames.length]!, next) < 0);
			if (!isShown()) continue;
			const made = make(data);
			while (isShown()) frames.push(made);
		}
	};
	return {
		shown(time: Rational | null) {
			shownAt.push(time);
			settle(false);
		},
		bytes(chunk: Uint8Array) {
			let from = 0;
			while (from < chunk.length) {
				filling ??= Buffer.allocUnsafeSlow(size);
				const part = chunk.subarray(from, from + size - filled);
				filling.set(part, filled);
				filled += part.length;
				from += part.length;
				if (filled < size) continue;
				waiting.push(filling);
				filling = null;
				filled = 0;
			}
			settle(false);
		},
		end() {
			settle(true);
			const start = shownAt[0];
			const covers = start !== undefined && start !== null && compare(start, times[0]!) <= 0;
			return { frames, covers };
		},
	};
}

/** Throws `ffmpeg-missing` where the colour of a picture could not be converted. */
export async function checkConversion(
	ffmpeg: Ffmpeg,
	path: string,
	signal: AbortSignal,
): Promise<void> {
	const chunks: Uint8Array[] = [];
	const onOutput = (chunk: Uint8Array) => chunks.push(chunk);
	await runFfmpeg(ffmpeg, { args: ['-filters'], signal, onOutput });
	if (!/ zscale /.test(Buffer.concat(chunks).toString('latin1'))) throw noConversion(path);
}

function noConversion(path: string, cause?: Error): PickupError {
	return new PickupError(
		'ffmpeg-missing',
		`Expected an ffmpeg that was built with zscale (libzimg), to convert the colour of ${path}`,
		{ field: path, cause },
	);
}

function unreadable(path: string, why: string, cause?: unknown): PickupError {
	return new PickupError(
		'media-unreadable',
		`Expected a picture that can be read in ${path}: ${why}`,
		{
			field: path,
			cause,
		},
	);
}
