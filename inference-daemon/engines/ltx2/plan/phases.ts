import { forwardsPerStep } from '../denoise/predict.ts';
import { CELL } from '../diffusion/latent.ts';
import { evaluationsOf } from '../diffusion/samplers.ts';
import { type Model, transformerParameters } from '../model/open-model.ts';
import type { Work } from './plan.ts';
import type { Phase } from './progress.ts';
import type { Stage } from './stages.ts';

/** Operations for each pixel of a frame that the video VAE encodes or decodes, about. */
const VAE = { encode: 4e5, decode: 1e6 } as const;
/** Tokens of a prompt, about; each goes through all of Gemma. */
const PROMPT = 256;
const GEMMA = 12e9;

/** What comes before the others. */
export const READING: Phase = {
	name: 'prompt',
	title: 'Reading the prompt',
	work: 2 * GEMMA * PROMPT,
};

/** The parts of a job that follow the prompt, each with its operations; none that is `done`. */
export function phasesOf(
	model: Model,
	work: Work,
	stages: readonly Stage[],
	done: (pass: number) => { readonly stages: number } = () => ({ stages: 0 }),
): readonly Phase[] {
	const phases: Phase[] = [];
	const part =
		work.passes.length > 1 ? (i: number) => ` (part ${i + 1} of ${work.passes.length})` : () => '';
	for (const { index, window } of work.passes) {
		let pixels = 0;
		for (const [stage, { sampler, sigmas, guidance }] of stages.entries()) {
			const { width, height } = work.sizes[stage]!;
			pixels = width * height * window.frames;
			const tokens = pixels / CELL.size ** 2 / CELL.frames;
			if (stage < done(index).stages) continue;
			const eachForward = 2 * transformerParameters(model) * tokens;
			phases.push(
				{ name: 'condition', title: 'Looking at the neighbours', work: VAE.encode * pixels },
				{
					name: 'denoise',
					title: `${stage > 0 ? 'Finishing' : 'Making'} the shot${part(index)}`,
					work: evaluationsOf(sampler, sigmas) * forwardsPerStep(guidance) * eachForward,
				},
			);
		}
		phases.push({
			name: 'decode',
			title: `Drawing the picture${part(index)}`,
			work: VAE.decode * pixels,
		});
	}
	return phases;
}
