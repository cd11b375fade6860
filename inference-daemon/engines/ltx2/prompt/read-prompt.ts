import { type Still, stillsOf } from '../condition/condition.ts';
import { readStill } from '../condition/still.ts';
import type { Job } from '../run.ts';
import type { Contexts } from '../runtime/transformer.ts';
import type { Checkpoint } from '../weights/checkpoint.ts';
import { promptContext } from './context.ts';
import { predictFrames } from './duration.ts';

/**
 * Gemma and the connectors, or what they gave for the same prompt before. `checkpoint` has the
 * request's LoRAs: what they change of the projection and the connectors counts for all stages.
 */
export async function readPrompts(
	{ model, device, request, workplace, signal, meter, tell }: Job,
	checkpoint: Checkpoint,
): Promise<Contexts> {
	const { encoder } = model;
	const { provider, precision } = device;
	const count = model.distilled ? 1 : 2;
	const read = (prompt: string, index: number, overlong: 'refuse' | 'cut') =>
		promptContext(prompt, encoder, checkpoint, {
			provider,
			precision,
			signal,
			overlong,
			cache: { folder: workplace.cache },
			onProgress: (share) => tell(meter.at('prompt', (0.99 * (index + share)) / count)),
		});
	const positive = await read(request.prompt, 0, 'refuse');
	const negative = model.distilled ? null : await read(request.negativePrompt ?? '', 1, 'cut');
	return { positive, negative };
}

/** How many frames to make: where the request leaves that to the model, enough for every still. */
export async function framesWanted(
	{ request, model, device, signal }: Job,
	{ positive }: Contexts,
) {
	const { range, sequence } = request.context;
	const most = range.end - range.start;
	if (request.kind !== 'insert' || request.length !== 'model') return most;
	const { provider } = device;
	const { rate } = sequence;
	const wanted = await predictFrames(positive, model.checkpoint, { rate, most, provider, signal });
	return Math.max(wanted, ...request.images.map(({ frame }) => frame + 1));
}

/** From this version on stills are less compressed (Lightricks/LTX-2, pipelines' constants). */
const CLEANER_FROM = 2.4;

/** The request's stills, as the model was trained to see them. */
export async function readStills({ request, model, workplace, signal }: Job): Promise<Still[]> {
	const crf = model.version >= CLEANER_FROM ? 18 : 33;
	return Promise.all(
		stillsOf(request).map(async ({ path, frame, strength }) => ({
			...(await readStill(workplace.ffmpeg, path, crf, signal)),
			frame,
			strength,
		})),
	);
}
