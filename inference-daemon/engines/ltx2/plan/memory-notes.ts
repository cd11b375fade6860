import { audioTokens, tokensOf, videoShape } from '../diffusion/latent.ts';
import { chooseDevice, probeProgram } from '../runtime/device.ts';
import { nvidiaCard } from '../runtime/providers.ts';
import { memoryPlanFor } from './memory-of-job.ts';
import type { Planned, Prepared } from './prepare.ts';

/**
 * What a plan says of memory: whether the blocks stay, and in which weights. Nothing where the device
 * would have to be tried for it: that is done for a job.
 */
export async function memoryNotes(
	{ settings: { provider }, model, request }: Pick<Prepared, 'settings' | 'model' | 'request'>,
	{ work, stages }: Pick<Planned, 'work' | 'stages'>,
	folder: string,
): Promise<readonly string[]> {
	if (provider !== 'cpu' && (provider !== 'auto' || (await nvidiaCard()) === null)) return [];
	const device = await chooseDevice({ wanted: provider, program: probeProgram(), folder });
	const { width, height } = work.sizes.at(-1)!;
	const frames = Math.max(...work.passes.map(({ window }) => window.frames));
	const video = tokensOf(videoShape(frames, width, height));
	const audio = audioTokens(frames, request.context.sequence.rate);
	const kinds = stages.some(({ guidance }) => guidance !== null) ? 2 : 1;
	const size = { tokens: { video, audio }, masked: false, passes: 1, kinds };
	return [memoryPlanFor(device, model, size).line];
}
