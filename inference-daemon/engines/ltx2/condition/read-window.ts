import { setImmediate as turn } from 'node:timers/promises';
import type { GenerationRequest } from '../../../../protocol/generation.ts';
import { type FrameRange, samplesForFrames } from '../../../../protocol/time.ts';
import { pictureIn } from '../../../media/frames.ts';
import { examine } from '../../../media/probe.ts';
import type { Ffmpeg, Frame, Sound, VideoStream } from '../../../media/types.ts';
import { pictureOfAs, type UsableSpan } from '../../cut-picture.ts';
import { readMix, readOwnSound } from '../../cut-sound.ts';
import { colourBeside } from '../../neighbour-media.ts';
import type { Pass } from '../plan/passes.ts';
import type { Work } from '../plan/plan.ts';
import { type Size, snapUp, type WorkSize } from '../plan/window.ts';
import type { NdArray } from '../runtime/values.ts';
import { heardBeside } from '../sound/joins.ts';
import { canvasOf } from './picture.ts';
import { type Area, asInSequence, covering } from './scaling.ts';
import type { StillPicture } from './still.ts';

/** What a pass is made from. */
export type PassSource = {
	readonly ffmpeg: Ffmpeg;
	readonly request: GenerationRequest;
	readonly work: Work;
	readonly pass: Pass;
	/** The pass before, whose end this one begins with; null for the first. */
	readonly previous: PreviousPass | null;
	readonly signal: AbortSignal;
};

/** The frames of a pass, packed RGB at the last stage's inner size, and their sound at 48 kHz. */
export type PreviousPass = { readonly frames: readonly Frame[]; readonly sound: Sound | null };

/** What the window shows: 16 bits for −1…1, [1, 3, frames, height, width], and its first frame on the right. */
export type Pictures = { readonly pixels: NdArray; readonly firstRight: NdArray | null };

/**
 * The window's pictures: the neighbours' own, and in the gap the clip's where it is made again. Else
 * the first one on the right stands there: the encoder looks back, and would colour what is kept on
 * the right by anything else. The last one stands on to the window's end.
 */
export async function readPictures(source: PassSource, size: WorkSize): Promise<Pictures> {
	const { work, pass, previous } = source;
	const { window, range } = pass;
	const tensor = new FrameTensor(window.frames, size);
	const whole = { left: 0, top: 0, ...size.inner };
	if (previous !== null && work.picture !== 'given') {
		for (const frame of lastOf(previous.frames, window.left)) {
			tensor.add(canvasOf(frame, whole, size));
		}
	} else await copy(source, work.left, range.start - window.left, range.start, tensor);
	const last = tensor.next > 0 ? tensor.next - 1 : null;
	tensor.next = window.gap.end;
	await copy(source, work.right, range.end, range.end + window.right, tensor);
	const first = tensor.next > window.gap.end ? window.gap.end : null;
	const end = tensor.next - 1;
	tensor.next = window.gap.start;
	const own = work.picture === 'made' ? null : work.own;
	await copy(source, own, range.start, range.end, tensor);
	await repeatFrame(tensor, window.gap.end, first ?? last);
	const held = first === null ? tensor.next - 1 : end;
	tensor.next = window.gap.end + window.right;
	await repeatFrame(tensor, window.frames, held);
	return { pixels: tensor.pixels, firstRight: first === null ? null : tensor.at(first) };
}

/** Repeats a frame up to frame `end`; other work of this thread has its turn in between. */
async function repeatFrame(tensor: FrameTensor, end: number, index: number | null): Promise<void> {
	for (; tensor.next < end; await turn()) tensor.repeat(index);
}

/** A still covers what lies in the middle of the work's canvas: [1, 3, 1, height, width]. */
export function onCanvas({ picture, pixelAspect }: StillPicture, size: WorkSize): NdArray {
	const { width, height } = picture;
	const area = covering({ size: { width, height }, pixelAspect }, size.inner);
	return { data: canvasOf(picture, area, size), shape: [1, 3, 1, size.height, size.width] };
}

/**
 * What an IC-LoRA goes by: every `pace`th frame of the reference, from the pass's first new frame on,
 * 8k + 1 of them, which cover the picture.
 */
export async function readReference(
	source: PassSource,
	size: WorkSize,
	pace: number,
): Promise<NdArray> {
	const { request, pass } = source;
	const { range } = request.context;
	const { path, start } = request.reference!;
	const span: UsableSpan = {
		name: 'reference',
		track: '',
		enabled: true,
		speed: { num: 1, den: 1 },
		source: { kind: 'file', path },
		sourceIn: start,
		range: { start: range.start, end: range.end },
	};
	const count = snapUp(Math.ceil((pass.range.end - pass.range.start) / pace));
	const tensor = new FrameTensor(count, size);
	const to = pass.range.start + (count - 1) * pace + 1;
	const frames = { start: pass.range.start, end: to };
	let index = 0;
	for await (const canvas of canvasesOf(source, span, frames, size, covering)) {
		if (index % pace === 0) tensor.add(canvas);
		index += 1;
	}
	return tensor.pixels;
}

async function copy(
	source: PassSource,
	span: UsableSpan | null,
	from: number,
	to: number,
	tensor: FrameTensor,
): Promise<void> {
	if (span === null || to <= from) return;
	const { sequence } = source.request.context;
	const place: Place = (video, target) => asInSequence(video, sequence, target);
	const range = { start: from, end: to };
	for await (const canvas of canvasesOf(source, span, range, tensor.size, place)) {
		tensor.add(canvas);
	}
}

/** Where a picture lies in the middle of the canvas. */
type Place = (video: VideoStream, target: Size) => Area;

/** A clip's pictures, read at their own size, each on the work's canvas. */
async function* canvasesOf(
	{ ffmpeg, request, work, signal }: PassSource,
	span: UsableSpan,
	range: FrameRange,
	canvas: WorkSize,
	place: Place,
): AsyncGenerator<Uint16Array, void, void> {
	const { source, pictureStream } = span;
	const media = await examine(ffmpeg, source.path, signal, { picture: pictureStream });
	const video = pictureIn(media, pictureStream);
	const { size, pixelAspect } = video;
	const area = place(video, canvas.inner);
	const { rate } = request.context.sequence;
	const colour = await colourBeside(ffmpeg, [work.left, work.right], signal);
	const shape = { rate, size, pixelAspect, colour, format: 'rgb24' } as const;
	const make = (frame: Frame) => canvasOf(frame, area, canvas);
	const keep = { make, bytes: 6 * canvas.width * canvas.height };
	yield* pictureOfAs(ffmpeg, span, range, shape, keep, signal);
}

/**
 * 48 kHz sound of the window: what the cut has beside the gap and silence in it, or the clip's own
 * where that is given or made again; from the second pass on, on the left what was made.
 */
export async function readWindowSound(source: PassSource): Promise<Sound> {
	const { request, work, pass, previous } = source;
	const { rate } = request.context.sequence;
	const at = (frame: number) => samplesForFrames(frame, rate);
	const start = at(pass.range.start - pass.window.left);
	const heard =
		work.own === null || work.sound === 'made'
			? await heardInCut(source)
			: await heardInClip(source, work.own);
	if (previous?.sound && work.sound !== 'given') {
		const length = at(pass.range.start) - start;
		heard.left.set(previous.sound.left.slice(-length));
		heard.right.set(previous.sound.right.slice(-length));
	}
	return heard;
}

async function heardInCut({ ffmpeg, request, work, pass, signal }: PassSource): Promise<Sound> {
	const { context } = request;
	const { rate } = context.sequence;
	const at = (frame: number) => samplesForFrames(frame, rate);
	const first = pass.range.start - pass.window.left;
	const range = { start: at(first), end: at(first + pass.window.frames) };
	const spans = work.sound === 'made' ? [] : heardBeside(context.sound, work.range);
	const mix = await readMix(ffmpeg, spans, range, rate, signal);
	const silent = [at(pass.range.start) - range.start, at(work.range.end) - range.start] as const;
	mix.left.fill(0, ...silent);
	mix.right.fill(0, ...silent);
	return mix;
}

function heardInClip(
	{ ffmpeg, request, pass, signal }: PassSource,
	own: UsableSpan,
): Promise<Sound> {
	const { rate } = request.context.sequence;
	const first = pass.range.start - pass.window.left;
	const [start, end] = [first, first + pass.window.frames].map((frame) =>
		samplesForFrames(frame, rate),
	) as [number, number];
	return readOwnSound(ffmpeg, own, request.context.sound, { start, end }, rate, signal);
}

function lastOf<T>(values: readonly T[], count: number): readonly T[] {
	return values.slice(Math.max(0, values.length - count));
}

/** Canvases one after the other, [1, 3, frames, height, width], as the video encoder takes them. */
class FrameTensor {
	readonly size: WorkSize;
	readonly pixels: NdArray & { readonly data: Uint16Array };
	/** Where the next one goes. */
	next = 0;

	constructor(frames: number, size: WorkSize) {
		const { width, height } = size;
		const data = new Uint16Array(3 * frames * width * height);
		this.size = size;
		this.pixels = { data, shape: [1, 3, frames, height, width] };
	}

	/** Of red, green and blue behind one another. */
	add(canvas: Uint16Array): void {
		const length = canvas.length / 3;
		for (const [c, plane] of this.#planes(this.next).entries()) {
			plane.set(canvas.subarray(c * length, (c + 1) * length));
		}
		this.next += 1;
	}

	/** Shows an earlier one again; without one, black. */
	repeat(index: number | null): void {
		const shown = index === null ? null : this.#planes(index);
		for (const [c, plane] of this.#planes(this.next).entries()) {
			if (shown === null) plane.fill(0);
			else plane.set(shown[c]!);
		}
		this.next += 1;
	}

	/** One of them by itself. */
	at(index: number): NdArray {
		const [height, width] = this.pixels.shape.slice(3) as [number, number];
		const data = new Uint16Array(3 * height * width);
		for (const [c, plane] of this.#planes(index).entries()) data.set(plane, c * height * width);
		return { data, shape: [1, 3, 1, height, width] };
	}

	#planes(index: number): readonly Uint16Array[] {
		const [frames, height, width] = this.pixels.shape.slice(2) as [number, number, number];
		return [0, 1, 2].map((c) => {
			const at = (c * frames + index) * height * width;
			return this.pixels.data.subarray(at, at + height * width);
		});
	}
}
