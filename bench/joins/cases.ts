import { spawnSync } from 'node:child_process';
import { basename, join } from 'node:path';
import { bridgeWithinBars } from '../../inference-daemon/engines/inbetween/bars.ts';
import type { Kernels } from '../../inference-daemon/engines/inbetween/kernels.ts';
import { type JoinMedia, LOOK } from '../../inference-daemon/joins/join-scores.ts';
import { median } from '../../inference-daemon/joins/statistics.ts';
import { readFrames } from '../../inference-daemon/media/frames.ts';
import { probe } from '../../inference-daemon/media/probe.ts';
import { readSound } from '../../inference-daemon/media/sound.ts';
import type { Ffmpeg, Frame, Sound } from '../../inference-daemon/media/types.ts';
import { type FrameRate, multiply, ONE, toNumber } from '../../protocol/time.ts';

export type JoinCase = { readonly kind: string; readonly media: JoinMedia };

/** Joins of one clip are looked at as many frames apart at least, and no more of them than this. */
const APART = 40;
const MOST = 5;

const WIDTH = 480;

type Film = {
	readonly rate: FrameRate;
	/** Of the picture as it is, in that of the frames. */
	readonly scale: number;
	readonly frames: readonly Frame[];
	/** Of another file of the same pictures, encoded once more and with less care. */
	readonly coarse: readonly Frame[];
	readonly hasSound: boolean;
};

/** Places of a clip with nothing wrong, then with each of the faults that a take may have. */
export async function* casesOf(
	ffmpeg: Ffmpeg,
	path: string,
	folder: string,
	kernels: Kernels,
): AsyncGenerator<JoinCase, void, void> {
	const film = await readFilm(ffmpeg, path, folder);
	if (!film) return;
	const { frames, scale } = film;
	const around = (at: number) =>
		[frames.slice(at - LOOK, at), frames.slice(at, at + LOOK)] as const;
	const picture = (before: readonly Frame[], after: readonly Frame[]): JoinMedia => ({
		picture: { before, after, scale },
		sound: null,
	});
	const cuts = cutsIn(frames);
	for (const at of cuts
		.filter((cut) => cut >= LOOK && cut + LOOK <= frames.length)
		.slice(0, MOST)) {
		yield { kind: 'a hard cut, as edited', media: picture(...around(at)) };
	}
	const isWhole = (from: number, to: number) => !cuts.some((cut) => from < cut && cut < to);
	const step = Math.max(APART, Math.floor(frames.length / MOST));
	for (let at = LOOK + 8; at + LOOK + 40 < frames.length; at += step) {
		if (!isWhole(at - LOOK, at + LOOK + 4)) continue;
		const [before, after] = around(at);
		const later = (skipped: number) => frames.slice(at + skipped, at + skipped + LOOK);
		yield { kind: 'none: the shot goes on', media: picture(before, after) };
		yield {
			kind: 'encoded again, coarsely',
			media: picture(before, film.coarse.slice(at, at + LOOK)),
		};
		yield { kind: 'the last frame once more', media: picture(before, later(-1)) };
		yield { kind: 'a frame is missing', media: picture(before, later(1)) };
		yield { kind: 'three frames are missing', media: picture(before, later(3)) };
		yield { kind: 'half the speed', media: picture(before, slowed(after)) };
		yield {
			kind: 'standing still',
			media: picture(
				before,
				after.map(() => after[0]!),
			),
		};
		for (const [kind, change] of COLOURS) {
			yield { kind, media: picture(before, after.map(change)) };
		}
		for (const length of [12, 24]) {
			if (!isWhole(at - LOOK, at + length + LOOK)) continue;
			const drawn = draft(kernels, frames, at, length);
			yield {
				kind: `a draft of ${length} frames, in`,
				media: picture(before, drawn.slice(0, LOOK)),
			};
			const rest = frames.slice(at + length, at + length + LOOK);
			yield { kind: `a draft of ${length} frames, out`, media: picture(drawn.slice(-LOOK), rest) };
		}
		if (film.hasSound) yield* soundsAt(ffmpeg, path, at, film.rate);
	}
}

/** Every change is to the whole picture, as a model's or a converter's would be. */
const COLOURS: readonly (readonly [kind: string, change: (frame: Frame) => Frame])[] = [
	[
		'2 % brighter',
		(frame) =>
			changed(
				frame,
				(y) => 16 + (y - 16) * 1.02,
				(c) => c,
			),
	],
	[
		'5 % brighter',
		(frame) =>
			changed(
				frame,
				(y) => 16 + (y - 16) * 1.05,
				(c) => c,
			),
	],
	[
		'10 % brighter',
		(frame) =>
			changed(
				frame,
				(y) => 16 + (y - 16) * 1.1,
				(c) => c,
			),
	],
	[
		'warmer by 4 levels of chroma',
		(frame) =>
			changed(
				frame,
				(y) => y,
				(c, isRed) => c + (isRed ? 4 : -4),
			),
	],
	[
		'a fifth less colour',
		(frame) =>
			changed(
				frame,
				(y) => y,
				(c) => 128 + (c - 128) * 0.8,
			),
	],
	[
		'video range taken for full',
		(frame) =>
			changed(
				frame,
				(y) => 16 + (y * 219) / 255,
				(c) => 128 + ((c - 128) * 224) / 255,
			),
	],
];

function changed(
	frame: Frame,
	luma: (y: number) => number,
	chroma: (c: number, isRed: boolean) => number,
): Frame {
	const pixels = frame.width * frame.height;
	const red = pixels + (frame.data.length - pixels) / 2;
	const clamped = (value: number) => Math.max(0, Math.min(255, Math.round(value)));
	const data = frame.data.map((value, i) =>
		clamped(i < pixels ? luma(value) : chroma(value, i >= red)),
	);
	return { ...frame, data };
}

/** Each second frame is the one before it once more, as slowed footage plays. */
function slowed(frames: readonly Frame[]): readonly Frame[] {
	return frames.map((_frame, i) => frames[i >> 1]!);
}

function draft(kernels: Kernels, frames: readonly Frame[], at: number, length: number): Frame[] {
	kernels.clear();
	const bridge = bridgeWithinBars(kernels, {
		left: { edge: frames[at - 1]!, inner: frames[at - 4]!, distance: 3 },
		right: { edge: frames[at + length]!, inner: frames[at + length + 3]!, distance: 3 },
		count: length,
		settle: 24,
	});
	const drawn = Array.from({ length }, (_, i) => ({
		...frames[at]!,
		data: Uint8Array.from(bridge.draw(i)),
	}));
	kernels.clear();
	return drawn;
}

const SECOND = 48_000;

async function* soundsAt(
	ffmpeg: Ffmpeg,
	path: string,
	at: number,
	rate: FrameRate,
): AsyncGenerator<JoinCase, void, void> {
	const from = { num: at * rate.den - rate.num, den: rate.num };
	if (from.num < 0) return;
	const heard = await readSound(ffmpeg, { path, from, samples: 2 * SECOND, speed: ONE });
	for (const [kind, gain] of [
		['none: the shot goes on', 1],
		['2 dB louder', 10 ** (2 / 20)],
		['6 dB louder', 10 ** (6 / 20)],
		['12 dB softer', 10 ** (-12 / 20)],
	] as const) {
		const louder = (channel: Float32Array) =>
			channel.map((value, i) => (i < SECOND ? value : value * gain));
		const sound: Sound = { left: louder(heard.left), right: louder(heard.right) };
		yield { kind, media: { picture: null, sound: { heard: sound, join: SECOND } } };
	}
}

async function readFilm(ffmpeg: Ffmpeg, path: string, folder: string): Promise<Film | null> {
	const { video, audio, duration } = await probe(ffmpeg, path);
	if (!video?.rate || !duration) return null;
	const { rate, size, pixelAspect } = video;
	const count = Math.min(900, Math.floor(toNumber(multiply(duration, rate)) - 0.5));
	const shown = (size.width * pixelAspect.num) / pixelAspect.den;
	const width = Math.min(WIDTH, Math.floor(shown / 2) * 2);
	const height = Math.round((size.height * width) / shown / 2) * 2;
	const coarse = join(folder, `${basename(path)}.mp4`);
	spawnSync(ffmpeg.path, [
		...['-v', 'error', '-y', '-i', path, '-an', '-c:v', 'libx264', '-preset', 'veryfast'],
		...['-crf', '28', coarse],
	]);
	const read = (file: string) =>
		readFrames(ffmpeg, {
			path: file,
			at: Array.from({ length: count }, (_, i) => ({
				num: (2 * i + 1) * rate.den,
				den: 2 * rate.num,
			})),
			size: { width, height },
			pixelAspect: ONE,
			format: 'yuv420p',
		});
	return {
		rate,
		scale: shown / width,
		frames: await read(path),
		coarse: await read(coarse),
		hasSound: audio !== null,
	};
}

/** Frames that differ from the one before them far more than others do. */
function cutsIn(frames: readonly Frame[]): readonly number[] {
	const pixels = frames[0]!.width * frames[0]!.height;
	const steps = frames.slice(1).map((frame, i) => {
		let sum = 0;
		for (let at = 0; at < pixels; at++) sum += Math.abs(frame.data[at]! - frames[i]!.data[at]!);
		return sum / pixels;
	});
	return steps.flatMap((step, i) => {
		const near = median(steps.slice(Math.max(0, i - 12), i + 12));
		return step > Math.max(15, Math.min(40, 4 * near)) ? [i + 1] : [];
	});
}
