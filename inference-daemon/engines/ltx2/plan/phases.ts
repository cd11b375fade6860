import { looksOf } from '../denoise/denoise.ts';
import { CELL } from '../diffusion/latent.ts';
import { evaluationsOf } from '../diffusion/samplers.ts';
import { type Model, transformerParameters } from '../model/open-model.ts';
import type { Work } from './plan.ts';
import type { Phase } from './progress.ts';
import type { Recipe } from './stages.ts';

/** Operations for each pixel of a frame that the video VAE encodes or decodes, about. */
const VAE = { encode: 4e5, decode: 1e6 } as const;
/** Tokens of a prompt, about; each goes through all of Gemma. */
const PROMPT = 256;
const GEMMA = 12e9;

const PROMPT_PHASE = 'prompt';

/** A job's parts, each with its operations. */
export function phasesOf(model: Model, work: Work, recipes: readonly Recipe[]): readonly Phase[] {
	const phases: Phase[] = [
		{ name: PROMPT_PHASE, title: 'Reading the prompt', work: 2 * GEMMA * PROMPT },
	];
	const part =
		work.passes.length > 1 ? (i: number) => ` (part ${i + 1} of ${work.passes.length})` : () => '';
	for (const { index, window } of work.passes) {
		let pixels = 0;
		for (const [stage, { sampler, sigmas, led }] of recipes.entries()) {
			const { width, height } = work.stages[stage]!;
			pixels = width * height * window.frames;
			const tokens = pixels / CELL.size ** 2 / CELL.frames;
			const eachLook = 2 * transformerParameters(model) * tokens;
			phases.push(
				{ name: 'look', title: 'Looking at the neighbours', work: VAE.encode * pixels },
				{
					name: 'make',
					title: `${stage > 0 ? 'Finishing' : 'Making'} the shot${part(index)}`,
					work: evaluationsOf(sampler, sigmas) * looksOf(led) * eachLook,
				},
			);
		}
		phases.push({
			name: 'draw',
			title: `Drawing the picture${part(index)}`,
			work: VAE.decode * pixels,
		});
	}
	return phases;
}

/** The same after the prompt has been read. */
export function withoutPrompt(phases: readonly Phase[]): readonly Phase[] {
	return phases.filter(({ name }) => name !== PROMPT_PHASE);
}
