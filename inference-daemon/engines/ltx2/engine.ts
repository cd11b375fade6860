import type { Engine } from '../engine.ts';
import { generate } from './generate.ts';
import { describeLtx2 } from './model/description.ts';
import { planOf } from './plan/plan.ts';
import { prepare } from './plan/prepare.ts';
import { checkProviders } from './runtime/check-providers.ts';

/**
 * LTX-2 in ONNX Runtime: picture and sound together, from the prompt and from both sides of the
 * cut. The request's setting `model` names the folder with the weights.
 */
export const ltx2: Engine = {
	name: 'ltx2',
	describe: describeLtx2,
	check: checkProviders,
	async plan(request) {
		const { model, planned } = await prepare(request);
		const { work, stages } = planned();
		const steps = stages.reduce((sum, { sigmas }) => sum + sigmas.length - 1, 0);
		return planOf(request, work, { steps, distilled: model.distilled });
	},
	generate,
};
