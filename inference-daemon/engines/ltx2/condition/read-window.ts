import { setImmediate as turn } from 'node:timers/promises';
import type { GenerationRequest } from '../../../../protocol/generation.ts';
import { samplesForFrames } from '../../../../protocol/time.ts';
import type { Ffmpeg, Frame, Sound } from '../../../media/types.ts';
import { pictureOf, type UsableSpan } from '../../cut-picture.ts';
import { readMix, readOwnSound } from '../../cut-sound.ts';
import { colourBeside } from '../../neighbour-media.ts';
import type { Pass } from '../plan/passes.ts';
import type { Work } from '../plan/plan.ts';
import { snapUp, type WorkSize } from '../plan/window.ts';
import type { NdArray } from '../runtime/resident.ts';
import { heardBeside } from '../sound/joins.ts';
import { canvasPainter, type Planes } from './picture.ts';

/** What there is to look at for a pass. */
export type Material = {
	readonly ffmpeg: Ffmpeg;
	readonly request: GenerationRequest;
	readonly work: Work;
	readonly pass: Pass;
	/** The end of what the last pass made; null for the first. */
	readonly carried: Carried | null;
	readonly signal: AbortSignal;
};

/** Packed RGB at the last stage's inner size, and their sound at 48 kHz. */
export type Carried = { readonly frames: readonly Frame[]; readonly sound: Sound | null };

/** What the window shows: bytes [1, 3, frames, height, width], and its first frame on the right. */
export type Pictures = { readonly pixels: NdArray; readonly firstRight: NdArray | null };

/**
 * The window's pictures: the neighbours' own, and in the gap the clip's where it is made again. Else
 * the first one on the right stands there: the encoder looks back, and would colour what is kept on
 * the right by anything else. The last one stands on to the window's end.
 */
export async function readPictures(material: Material, size: WorkSize): Promise<Pictures> {
	const { work, pass, carried } = material;
	const { window, range } = pass;
	const stack = await Stack.open(window.frames, size);
	if (carried !== null && work.picture !== 'given') {
		for (const frame of lastOf(carried.frames, window.left)) stack.draw(frame);
	} else await copy(material, work.left, range.start - window.left, range.start, stack);
	const last = stack.next > 0 ? stack.next - 1 : null;
	stack.next = window.gap.end;
	await copy(material, work.right, range.end, range.end + window.right, stack);
	const first = stack.next > window.gap.end ? window.gap.end : null;
	const end = stack.next - 1;
	stack.next = window.gap.start;
	const own = work.picture === 'made' ? null : work.own;
	await copy(material, own, range.start, range.end, stack);
	await standStill(stack, window.gap.end, first ?? last);
	const held = first === null ? stack.next - 1 : end;
	stack.next = window.gap.end + window.right;
	await standStill(stack, window.frames, held);
	return { pixels: stack.pixels, firstRight: first === null ? null : stack.at(first) };
}

/** Shows one of them until another frame; what networks' results wait for comes in between. */
async function standStill(stack: Stack, end: number, index: number | null): Promise<void> {
	for (; stack.next < end; await turn()) stack.repeat(index);
}

/** A picture on the work's canvas, bytes [1, 3, 1, height, width]. */
export async function onCanvas(frame: Frame, size: WorkSize): Promise<NdArray> {
	const stack = await Stack.open(1, size);
	stack.draw(frame);
	return stack.pixels;
}

/**
 * What an IC-LoRA goes by: every `pace`th frame of the reference, from the pass's first new frame on,
 * 8k + 1 of them, in bytes.
 */
export async function readReference(
	material: Material,
	size: WorkSize,
	pace: number,
): Promise<NdArray> {
	const { ffmpeg, request, work, pass, signal } = material;
	const { sequence, range } = request.context;
	const colour = await colourBeside(ffmpeg, [work.left, work.right], signal);
	const canvas = { ...sequence, colour };
	const { path, start } = request.reference!;
	const span: UsableSpan = {
		...{ name: 'reference', track: '', enabled: true, speed: { num: 1, den: 1 } },
		...{ source: { kind: 'file', path }, sourceIn: start },
		range: { start: range.start, end: range.end },
	};
	const count = snapUp(Math.ceil((pass.range.end - pass.range.start) / pace));
	const stack = await Stack.open(count, size);
	const to = pass.range.start + (count - 1) * pace + 1;
	const frames = { start: pass.range.start, end: to };
	let index = 0;
	for await (const frame of pictureOf(ffmpeg, span, frames, canvas, 'yuv420p', signal)) {
		if (index % pace === 0) stack.draw(frame);
		index += 1;
	}
	return stack.pixels;
}

async function copy(
	{ ffmpeg, request, work, signal }: Material,
	span: UsableSpan | null,
	from: number,
	to: number,
	stack: Stack,
): Promise<void> {
	if (span === null || to <= from) return;
	const colour = await colourBeside(ffmpeg, [work.left, work.right], signal);
	const canvas = { ...request.context.sequence, colour };
	const range = { start: from, end: to };
	for await (const frame of pictureOf(ffmpeg, span, range, canvas, 'yuv420p', signal)) {
		stack.draw(frame);
	}
}

/**
 * 48 kHz sound of the window: what the cut has beside the gap and silence in it, or the clip's own
 * where that is given or made again; from the second pass on, on the left what was made.
 */
export async function readWindowSound(material: Material): Promise<Sound> {
	const { request, work, pass, carried } = material;
	const { rate } = request.context.sequence;
	const at = (frame: number) => samplesForFrames(frame, rate);
	const start = at(pass.range.start - pass.window.left);
	const heard =
		work.own === null || work.sound === 'made'
			? await heardInCut(material)
			: await heardInClip(material, work.own);
	if (carried?.sound && work.sound !== 'given') {
		const length = at(pass.range.start) - start;
		heard.left.set(carried.sound.left.slice(-length));
		heard.right.set(carried.sound.right.slice(-length));
	}
	return heard;
}

async function heardInCut({ ffmpeg, request, work, pass, signal }: Material): Promise<Sound> {
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

function heardInClip({ ffmpeg, request, pass, signal }: Material, own: UsableSpan): Promise<Sound> {
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

type Paint = (frame: Frame, canvas: Planes) => void;

/** Pictures one after the other, [1, 3, frames, height, width], as the video encoder takes them. */
class Stack {
	readonly pixels: NdArray & { readonly data: Uint8Array };
	/** Where the next picture goes. */
	next = 0;
	readonly #paint: Paint;

	private constructor(frames: number, { width, height }: WorkSize, paint: Paint) {
		const data = new Uint8Array(3 * frames * width * height);
		this.pixels = { data, shape: [1, 3, frames, height, width] };
		this.#paint = paint;
	}

	static async open(frames: number, size: WorkSize): Promise<Stack> {
		return new Stack(frames, size, await canvasPainter(size));
	}

	draw(frame: Frame): void {
		this.#paint(frame, this.#planes(this.next));
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
		const data = new Uint8Array(3 * height * width);
		for (const [c, plane] of this.#planes(index).entries()) data.set(plane, c * height * width);
		return { data, shape: [1, 3, 1, height, width] };
	}

	#planes(index: number): Planes {
		const [frames, height, width] = this.pixels.shape.slice(2) as [number, number, number];
		const plane = (c: number) => {
			const at = (c * frames + index) * height * width;
			return this.pixels.data.subarray(at, at + height * width);
		};
		return [plane(0), plane(1), plane(2)];
	}
}
