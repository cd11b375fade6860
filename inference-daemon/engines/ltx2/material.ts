import type { GenerationRequest } from '../../../protocol/generation.ts';
import { samplesForFrames } from '../../../protocol/time.ts';
import { readFrames } from '../../media/frames.ts';
import { readSound } from '../../media/sound.ts';
import type { Ffmpeg, Sound } from '../../media/types.ts';
import { pictureOf, sourceTime, type UsableSpan } from '../cut-picture.ts';
import { distinct, readMix } from '../cut-sound.ts';
import type { WorkSize } from './diffusion/window.ts';
import { type Planar, planarOf, toCanvas } from './picture.ts';
import type { Work } from './plan.ts';
import type { Numbers } from './runtime/session.ts';

/** What the window shows: pixels [1, 3, frames, height, width] and which frames are real. */
export type Pictures = {
	readonly pixels: Numbers;
	/** The first frame on the right, for a keyframe of its own. */
	readonly firstRight: Planar | null;
};

/**
 * The window's pictures: the neighbours' own, in the gap the clip's where it is made again, else a
 * cross-fade, which only colours what the encoder sees of the edges; then the last one on.
 */
export async function readPictures(
	ffmpeg: Ffmpeg,
	request: GenerationRequest,
	work: Work,
	signal: AbortSignal,
): Promise<Pictures> {
	const { window, size, left, right, own } = work;
	const { start, end } = request.context.range;
	const read = (span: UsableSpan | null, from: number, to: number) =>
		canvases(ffmpeg, request, span, { from, to }, size, signal);
	const before = await read(left, start - window.left, start);
	const inside = await read(own, start, end);
	const after = await read(right, end, end + window.right);
	const firstRight = after[0] ?? null;
	const last = before.at(-1) ?? firstRight ?? blank(size);
	const next = firstRight ?? last;
	const length = window.gap.end - window.gap.start;
	const gap =
		inside.length > 0
			? inside
			: Array.from({ length }, (_, i) => crossFade(last, next, (i + 1) / (length + 1)));
	const shown = [...before, ...gap, ...after];
	while (shown.length < window.frames) shown.push(shown.at(-1)!);
	return { pixels: stacked(shown), firstRight };
}

/** A still on the work's canvas, [1, 3, 1, height, width]. */
export async function readStill(
	ffmpeg: Ffmpeg,
	path: string,
	request: GenerationRequest,
	size: WorkSize,
	signal: AbortSignal,
): Promise<Numbers> {
	const { size: whole, pixelAspect } = request.context.sequence;
	const at = [{ num: 0, den: 1 }];
	const wanted = { path, at, size: whole, pixelAspect, format: 'rgb24' } as const;
	const [frame] = await readFrames(ffmpeg, wanted, signal);
	return stacked([toCanvas(frame!, size)]);
}

async function canvases(
	ffmpeg: Ffmpeg,
	request: GenerationRequest,
	span: UsableSpan | null,
	{ from, to }: { readonly from: number; readonly to: number },
	size: WorkSize,
	signal: AbortSignal,
): Promise<Planar[]> {
	if (span === null || to <= from) return [];
	const { sequence } = request.context;
	const range = { start: from, end: to };
	const found: Planar[] = [];
	for await (const frame of pictureOf(ffmpeg, span, range, sequence, 'rgb24', signal)) {
		found.push(toCanvas(frame, size));
	}
	return found;
}

/**
 * 48 kHz sound of the window: what the cut has beside the gap and silence in it, or the clip's own
 * where that is given or made again.
 */
export async function readWindowSound(
	ffmpeg: Ffmpeg,
	request: GenerationRequest,
	work: Work,
	signal: AbortSignal,
): Promise<Sound> {
	const { context } = request;
	const { rate } = context.sequence;
	const { window, own } = work;
	const first = context.range.start - window.left;
	const at = (frame: number) => samplesForFrames(frame, rate);
	const samples = at(first + window.frames) - at(first);
	if (own !== null) {
		const from = sourceTime(own, { num: first, den: 1 }, rate);
		return readSound(ffmpeg, { path: own.source.path, from, samples, speed: own.speed }, signal);
	}
	const heard = distinct(context.sound).filter((span) => span.enabled);
	const range = { start: at(first), end: at(first) + samples };
	const mix = await readMix(ffmpeg, heard, range, rate, signal);
	const [from, to] = [at(context.range.start) - at(first), at(context.range.end) - at(first)];
	mix.left.fill(0, from, to);
	mix.right.fill(0, from, to);
	return mix;
}

function blank(size: WorkSize): Planar {
	return planarOf({
		...{ width: size.width, height: size.height, format: 'rgb24' },
		data: new Uint8Array(size.width * size.height * 3),
	});
}

function crossFade(a: Planar, b: Planar, share: number): Planar {
	return { ...a, data: a.data.map((value, i) => value + (b.data[i]! - value) * share) };
}

function stacked(frames: readonly Planar[]): Numbers {
	const { width, height } = frames[0]!;
	const plane = width * height;
	const data = new Float32Array(3 * frames.length * plane);
	for (const [i, { data: picture }] of frames.entries()) {
		for (let c = 0; c < 3; c++) {
			const from = picture.subarray(c * plane, (c + 1) * plane);
			data.set(from, (c * frames.length + i) * plane);
		}
	}
	return { data, shape: [1, 3, frames.length, height, width] };
}
