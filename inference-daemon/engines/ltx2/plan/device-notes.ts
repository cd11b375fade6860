import { forwardsPerStep } from '../denoise/predict.ts';
import { audioTokens, tokensOf, videoShape } from '../diffusion/latent.ts';
import type { Device } from '../runtime/device.ts';
import { memoryPlanFor } from './memory-of-job.ts';
import type { Planned, Prepared } from './prepare.ts';

/**
 * What a plan says of the device: why it is not the card that is there, where it is not, and whether the
 * model's blocks stay in its memory, and in which weights.
 */
export function deviceNotes(
	device: Device,
	{ model, request }: Pick<Prepared, 'model' | 'request'>,
	{ work, stages }: Pick<Planned, 'work' | 'stages'>,
): readonly string[] {
	const { width, height } = work.sizes.at(-1)!;
	const frames = Math.max(...work.passes.map(({ window }) => window.frames));
	const video = tokensOf(videoShape(frames, width, height));
	const audio = audioTokens(frames, request.context.sequence.rate);
	const passes = Math.max(...stages.map(({ guidance }) => forwardsPerStep(guidance)));
	const { line } = memoryPlanFor(device, model, {
		tokens: { video, audio },
		masked: false,
		passes,
	});
	return device.note === null ? [line] : [device.note, line];
}
