import { gigabytes } from '../../../../files/room.ts';
import { forwardsPerStep } from '../denoise/predict.ts';
import { audioTokens, tokensOf, videoShape } from '../diffusion/latent.ts';
import type { Device } from '../runtime/device.ts';
import { preparedBytes } from '../weights/prepared-layout.ts';
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
	const plan = memoryPlanFor(device, model, { tokens: { video, audio }, masked: false, passes });
	const isMadeAnew = plan.format === 'int8' && plan.streamed > 0 && !plan.job.isPrepared;
	const told = isMadeAnew ? [plan.line, toPrepare(model)] : [plan.line];
	return device.note === null ? told : [device.note, ...told];
}

function toPrepare({ checkpoint }: Prepared['model']): string {
	const size = gigabytes(preparedBytes(checkpoint));
	return `Every step makes the 8-bit weights anew: \`pickup models prepare\` keeps them, ${size}, and makes steps shorter.`;
}
