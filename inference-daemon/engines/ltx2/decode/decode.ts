import type { GenerationRequest } from '../../../../protocol/generation.ts';
import type { Size } from '../../../../protocol/schemas.ts';
import { clipSizeFor, pixelFormatFor } from '../../../media/encode.ts';
import type { Frame, Sound } from '../../../media/types.ts';
import { pictureOf } from '../../cut-picture.ts';
import { colourBeside } from '../../neighbour-media.ts';
import { middleOf, type Planar, packed } from '../condition/picture.ts';
import type { PreviousPass } from '../condition/read-window.ts';
import { normalNoise } from '../diffusion/noise.ts';
import type { Latents } from '../diffusion/samplers.ts';
import { goOnInLess, inLessMemory, smallerTiles } from '../less-memory.ts';
import type { Work } from '../plan/plan.ts';
import { type PassRun, pictureLatent, type Run } from '../run.ts';
import type { NdArray } from '../runtime/values.ts';
import type { DecodedFrame } from '../vae/vae.ts';
import { joined, ownSound, readJoins, soundOfPass } from './clip-sound.ts';
import { ClipWriter } from './clip-writer.ts';

/** Starts the encoder of the clip. */
export async function openClipWriter({
	request,
	work,
	workplace,
	signal,
}: Omit<Run, 'vae' | 'writer'>): Promise<ClipWriter> {
	const colour = await colourBeside(workplace.ffmpeg, [work.left, work.right], signal);
	const { output, context } = request;
	const { rate, pixelAspect } = context.sequence;
	const wanted = {
		path: workplace.clipPath,
		size: sizeOf(request),
		pixelAspect,
		rate,
		codec: output.codec,
		colour,
		frameCount: work.range.end - work.range.start,
		...(isGiven(work)
			? {}
			: { drawn: { size: work.sizes.at(-1)!.inner, format: 'gbrp16le' } as const }),
		tags: { title: output.name, comment: 'Made with LTX-2 by Pickup.' },
	};
	return new ClipWriter(workplace.ffmpeg, wanted, { hasSound: work.hasSound, signal });
}

/** A pass's latents into the film: the sound first, so that the picture has all of the memory. */
export async function decodePass(run: PassRun, latents: Latents): Promise<PreviousPass> {
	run.tell(run.meter.at('decode', 0));
	const sound = await writeSound(run, latents);
	return { sound, frames: await writePicture(run, latents) };
}

/** Gives the last frames, as many as the next pass goes on from. */
async function writePicture(run: PassRun, latents: Latents): Promise<Frame[]> {
	const { work, pass, writer, meter, tell, signal, gate } = run;
	const carries = work.passes[pass.index + 1]?.window.left ?? 0;
	const size = work.sizes.at(-1)!;
	// The encoder has taken a frame before the next one is made.
	const levels = new Uint16Array(3 * size.inner.width * size.inner.height);
	const count = pass.range.end - pass.range.start;
	const frames: Frame[] = [];
	let drawn = 0;
	for await (const picture of oneAhead(picturesOf(run, latents))) {
		await gate.open(signal);
		const isDone = 'format' in picture;
		const frame = isDone ? picture : middleOf(picture, size, levels);
		if (!isDone && count - drawn <= carries) frames.push(packed(frame));
		await writer.write(frame);
		drawn += 1;
		tell(meter.at('decode', drawn / count));
	}
	return frames;
}

/** Gives what was made, which the next pass goes on from. */
async function writeSound(run: PassRun, latents: Latents): Promise<Sound | null> {
	const { request, work, pass, model, vae, writer, workplace, prefetch, signal, gate } = run;
	const source = { ffmpeg: workplace.ffmpeg, request, work, pass, previous: null, signal };
	if (!work.hasSound) return null;
	if (work.sound === 'given') {
		writer.writeSound(await ownSound(source));
		return null;
	}
	const decode = async () => {
		await gate.open(signal);
		return soundOfPass(source, latents.audio!, vae, model.checkpoint);
	};
	const { sound, continuation } = await inLessMemory(run, 'making the sound', decode);
	const joins = await (prefetch?.joins() ?? readJoins(source));
	writer.writeSound(joined(source, sound, joins), continuation);
	return sound;
}

/** The pass's new pictures, on the work's canvas; or the clip's own, where they are given. */
async function* picturesOf(
	run: PassRun,
	latents: Latents,
): AsyncGenerator<Planar | Frame, void, void> {
	const { request, work, pass, workplace, signal } = run;
	if (isGiven(work)) {
		const { ffmpeg } = workplace;
		const colour = await colourBeside(ffmpeg, [work.left, work.right], signal);
		const { rate, pixelAspect } = request.context.sequence;
		const format = pixelFormatFor(request.output.codec);
		const shape = { rate, size: sizeOf(request), pixelAspect, colour, format };
		yield* pictureOf(ffmpeg, work.own!, pass.range, shape, signal);
		return;
	}
	const stage = work.sizes.length - 1;
	const { width, height } = work.sizes[stage]!;
	const latent = pictureLatent(run, stage, latents);
	for await (const { planes } of framesOf(run, latent)) yield { width, height, planes };
}

/** The frames of the gap. Where memory runs out, those that are not drawn yet come in smaller tiles. */
async function* framesOf(run: PassRun, latent: NdArray): AsyncGenerator<DecodedFrame, void, void> {
	const { request, pass, vae, signal } = run;
	const key = { seed: request.seed, stream: 'decoder', draw: pass.index };
	const noise = (length: number) => normalNoise(key, length);
	const { start, end } = pass.window.gap;
	for (let next = start; next < end; ) {
		try {
			for await (const frame of vae.decodeFrames(latent, { noise, frames: [next, end], signal })) {
				next = frame.index + 1;
				yield frame;
			}
		} catch (error) {
			await goOnInLess(run, 'drawing the picture', error, () => smallerTiles(vae));
		}
	}
}

/** Whether the clip's own picture is used as it is. */
function isGiven({ picture, own }: Work): boolean {
	return picture === 'given' && own !== null;
}

function sizeOf({ context, output }: GenerationRequest): Size {
	return clipSizeFor(output.codec, context.sequence.size);
}

/** What a source gives next is made while the last of it is in use. */
async function* oneAhead<T>(source: AsyncGenerator<T, void, void>): AsyncGenerator<T, void, void> {
	let next = source.next();
	try {
		for (;;) {
			const { done, value } = await next;
			if (done) return;
			next = source.next();
			next.catch(() => {});
			yield value;
		}
	} finally {
		await next.catch(() => {});
		await source.return();
	}
}
