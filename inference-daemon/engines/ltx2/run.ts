import type { GenerationRequest } from '../../../protocol/generation.ts';
import type { EngineOutput, Workplace } from '../engine.ts';
import type { Still } from './condition/condition.ts';
import type { Ahead } from './condition/prefetch.ts';
import type { Film } from './decode/clip-writer.ts';
import { fromTokens, videoShape } from './diffusion/latent.ts';
import type { Latents } from './diffusion/samplers.ts';
import type { Model } from './model/open-model.ts';
import { videoVaeConfig } from './networks/video-vae.ts';
import type { Pass } from './plan/passes.ts';
import type { Work } from './plan/plan.ts';
import type { Meter } from './plan/progress.ts';
import type { Recipe } from './plan/stages.ts';
import type { Previews } from './preview/preview.ts';
import type { Contexts } from './prompt/read-prompt.ts';
import type { Device } from './runtime/device.ts';
import type { NdArray } from './runtime/resident.ts';
import type { Vae } from './vae/vae.ts';

/** One request on its way, and what it needs however it is made. */
export type Job = {
	readonly request: GenerationRequest;
	readonly model: Model;
	readonly device: Device;
	readonly workplace: Workplace;
	readonly signal: AbortSignal;
	readonly meter: Meter;
	readonly previews: Previews;
	readonly tell: (output: EngineOutput) => void;
};

/** What a plan says, and what was read for it. */
export type Take = Job & {
	readonly work: Work;
	readonly recipes: readonly Recipe[];
	/** Memory has run out before. */
	readonly isSmall: boolean;
	readonly contexts: Contexts;
	readonly stills: readonly Still[];
	/** Of the first pass; null where there is another plan. */
	readonly ahead: Ahead | null;
	readonly vae: Vae;
	readonly film: Film;
};

/**
 * The picture among a pass's tokens, [1, channels, frames, height, width]; of all frames, or one cell
 * in time.
 */
export function pictureLatent(
	{ model, work }: Pick<Take, 'model' | 'work'>,
	{ window }: Pass,
	stage: number,
	{ video }: Latents,
	cell?: number,
): NdArray {
	const { latent_channels: channels } = videoVaeConfig(model.checkpoint);
	const { width, height } = work.stages[stage]!;
	const size = videoShape(window.frames, width, height);
	const frame = size.height * size.width * channels;
	const frames = cell === undefined ? size.frames : 1;
	const first = cell ?? 0;
	const data = fromTokens(video!.slice(first * frame, (first + frames) * frame), channels);
	return { data, shape: [1, channels, frames, size.height, size.width] };
}
