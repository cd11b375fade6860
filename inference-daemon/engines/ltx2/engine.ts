import type { Engine } from '../engine.ts';
import { describeLtx2 } from './description.ts';
import { generate, sigmasFor } from './generate.ts';
import { modelAt } from './known-model.ts';
import { planOf, workFor } from './plan.ts';

/**
 * LTX-2 in ONNX Runtime: picture and sound together, from the prompt and from both sides of the
 * cut. The request's setting `model` names the folder with the weights.
 */
export const ltx2: Engine = {
	name: 'ltx2',
	describe: describeLtx2,
	async plan(request) {
		const model = await modelAt(String(request.settings.model ?? ''));
		const steps = sigmasFor(model, request).length - 1;
		return planOf(request, workFor(request), { steps, distilled: model.distilled });
	},
	generate,
};
