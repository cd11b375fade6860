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
	const kinds = stages.some(({ guidance }) => guidance !== null) ? 2 : 1;
	const size = { tokens: { video, audio }, masked: false, passes: 1, kinds };
	const { line } = memoryPlanFor(device, model, size);
	return device.note === null ? [line] : [device.note, line];
}
