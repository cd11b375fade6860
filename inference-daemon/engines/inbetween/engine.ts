import { INBETWEEN_OPTIONS } from '../../../protocol/engine-options/inbetween.ts';
import { readOptions } from '../../../protocol/engine-options/option.ts';
import type { EngineDescription } from '../../../protocol/engines.ts';
import type { GenerationRequest, Plan } from '../../../protocol/generation.ts';
import type { Clip } from '../../../protocol/jobs.ts';
import type { Size } from '../../../protocol/schemas.ts';
import { clipSizeFor, encodeClip, pixelFormatFor } from '../../media/encode.ts';
import type { Ffmpeg, Frame, Sound } from '../../media/types.ts';
import { type Canvas, pictureOf } from '../cut-picture.ts';
import type { Engine, Reporting, Workplace } from '../engine.ts';
import { colourBeside, mediaNotes, plannedMediaNotes } from '../neighbour-media.ts';
import type { Side } from './bridge.ts';
import { readSide } from './neighbours.ts';
import { type Painter, type Picture, startPainter } from './picture.ts';
import { KINDS, MAX_FRAMES, planDraft, type Sides, sidesOf } from './plan.ts';
import { growBed } from './sound/bed.ts';
import { heardIn, readSurroundings } from './sound/mix.ts';

/**
 * A draft in seconds without a model: picture moves from one side of the gap to the other along
 * the motion that both have, over a bed of sound grown from both.
 */
export const inbetween: Engine = {
	name: 'inbetween',
	describe: async (ffmpeg) => describeInbetween(ffmpeg),
	plan,
	generate,
};

const PREVIEW_WIDTH = 640;

async function plan(request: GenerationRequest, place?: Pick<Workplace, 'ffmpeg'>): Promise<Plan> {
	const planned = planDraft(request);
	const notes = place ? await plannedMediaNotes(place.ffmpeg, neighboursOf(request)) : [];
	return { ...planned, notes: [...planned.notes, ...notes] };
}

function neighboursOf(request: GenerationRequest) {
	const { left, right } = sidesOf(request);
	const { rate } = request.context.sequence;
	const { codec } = request.output;
	return { beside: [left, right], heard: heardIn(request.context), codec, rate };
}

/** The whole draft, top to bottom. */
async function generate(
	request: GenerationRequest,
	{ ffmpeg, clipPath }: Workplace,
	{ report, signal: outerSignal, gate }: Reporting,
): Promise<Clip> {
	const stop = new AbortController();
	const signal = AbortSignal.any([outerSignal, stop.signal]);
	const plan = planDraft(request);
	const { sequence } = request.context;
	const codec = request.output.codec;
	const running: Promise<unknown>[] = [];
	const tell = (progress: number, phase: string) => report({ kind: 'progress', progress, phase });
	try {
		tell(0, 'Looking at the neighbours');
		const sides = sidesOf(request);
		const size = clipSizeFor(codec, sequence.size);
		const neighbours = neighboursOf(request);
		const [colour, notes] = await Promise.all([
			colourBeside(ffmpeg, neighbours.beside, signal),
			mediaNotes(ffmpeg, neighbours, signal),
		]);
		const canvas = { ...sequence, size, colour };
		const reading = readNeighbours(request, sides, canvas, ffmpeg, signal);
		const looking = reading.then((found) => startPicture(request, plan, found, size, signal));
		// Made while the drawing thread looks, not while pictures still come in.
		const sound =
			plan.samples > 0 ? soundAfter(reading, request, plan, sides, ffmpeg, signal) : null;
		for (const work of [looking, sound]) work?.catch(() => {});
		running.push(looking, ...(sound ? [sound] : []));
		await reading;
		tell(0.08, 'Finding the motion');

		async function* watched(): AsyncGenerator<Frame, void, void> {
			let drawn = 0;
			for await (const frame of await looking) {
				await gate.open(signal);
				yield frame;
				drawn += 1;
				tell(0.15 + (0.8 * drawn) / plan.frames, 'Drawing the picture');
			}
			tell(0.96, 'Finishing the file');
		}
		const encoding = encodeClip(
			ffmpeg,
			{
				path: clipPath,
				size,
				pixelAspect: sequence.pixelAspect,
				rate: sequence.rate,
				colour,
				codec,
				frameCount: plan.frames,
				frames: watched(),
				sound,
				tags: {
					title: `Draft ${request.output.name}`,
					comment: 'A draft by Pickup (inbetween), for judging timing only.',
				},
				still: {
					frame: Math.floor(plan.frames / 2),
					width: PREVIEW_WIDTH,
					take: (png: Uint8Array) => report({ kind: 'preview', png }),
				},
			},
			signal,
		);
		running.push(encoding);
		const clip = await encoding;
		tell(1, 'Done');
		return {
			...clip,
			draft: true,
			engine: 'inbetween',
			seed: request.seed,
			...(notes.length > 0 && { notes }),
		};
	} finally {
		stop.abort(new Error('The draft was given up'));
		await Promise.allSettled(running);
	}
}

function describeInbetween(ffmpeg: Ffmpeg | null): EngineDescription {
	return {
		name: 'inbetween',
		title: 'In-between draft',
		summary: 'Motion between the two cuts over a bed of their sound. No model, for timing only.',
		draft: true,
		kinds: KINDS,
		sound: true,
		frameGrid: { step: 1, offset: 0 },
		sizeGrid: 1,
		maxFrames: MAX_FRAMES,
		rates: null,
		takes: { loras: false, reference: false, openLength: false },
		model: null,
		ready: ffmpeg !== null,
		needs: [
			{
				what: 'ffmpeg',
				present: ffmpeg !== null,
				action: 'Install ffmpeg (Debian: apt install ffmpeg), or run `pickup setup`.',
			},
		],
		settings: INBETWEEN_OPTIONS,
	};
}

type Neighbours =
	| {
			readonly kind: 'sides';
			readonly left: Side | null;
			readonly right: Side | null;
			readonly painter: Painter;
	  }
	/** The clip's own picture, for a retake of its sound. */
	| { readonly kind: 'existing'; readonly frames: AsyncIterable<Frame> };

async function readNeighbours(
	request: GenerationRequest,
	sides: Sides,
	canvas: Canvas,
	ffmpeg: Ffmpeg,
	signal: AbortSignal,
): Promise<Neighbours> {
	const { range } = request.context;
	const format = pixelFormatFor(request.output.codec);
	if (request.kind === 'retake' && request.replace === 'sound') {
		const frames = pictureOf(ffmpeg, request.clip, range, { ...canvas, format }, signal);
		return { kind: 'existing', frames };
	}
	const [painter, left, right] = await Promise.all([
		startPainter(signal),
		sides.left && readSide(ffmpeg, sides.left, range.start - 1, -1, canvas, format, signal),
		sides.right && readSide(ffmpeg, sides.right, range.end, 1, canvas, format, signal),
	]);
	return { kind: 'sides', painter, left, right };
}

async function startPicture(
	request: GenerationRequest,
	plan: Plan,
	neighbours: Neighbours,
	size: Size,
	signal: AbortSignal,
): Promise<AsyncIterable<Frame>> {
	if (neighbours.kind === 'existing') return neighbours.frames;
	const { rate } = request.context.sequence;
	const { painter, left, right } = neighbours;
	const picture = await painter.look({
		left,
		right,
		count: plan.frames,
		settle: Math.max(6, Math.round(rate.num / rate.den)),
		label: readOptions(INBETWEEN_OPTIONS, request.settings).label,
	});
	signal.throwIfAborted();
	return framesOf(picture, size, pixelFormatFor(request.output.codec));
}

async function* framesOf(
	picture: Picture,
	size: Size,
	format: Frame['format'],
): AsyncGenerator<Frame, void, void> {
	for await (const data of picture.frames()) yield { ...size, format, data };
}

async function soundAfter(
	reading: Promise<unknown>,
	request: GenerationRequest,
	plan: Plan,
	sides: Sides,
	ffmpeg: Ffmpeg,
	signal: AbortSignal,
): Promise<Sound> {
	await reading;
	const surroundings = await readSurroundings(ffmpeg, request, signal);
	return growBed({
		...surroundings,
		samples: plan.samples,
		openLeft: sides.left === null,
		openRight: sides.right === null,
		seed: request.seed,
	});
}
