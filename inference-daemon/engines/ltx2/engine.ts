import type { Engine } from '../engine.ts';
import { plannedMediaNotes } from '../neighbour-media.ts';
import { generate } from './generate.ts';
import { describeLtx2 } from './model/description.ts';
import { deviceNotes } from './plan/device-notes.ts';
import { planOf } from './plan/plan.ts';
import { prepare } from './plan/prepare.ts';
import { checkProviders } from './runtime/check-providers.ts';
import { deviceOfPlan } from './runtime/device.ts';

/**
 * LTX-2 in ONNX Runtime: picture and sound together, from the prompt and from both sides of the
 * cut. The request's setting `model` names the folder with the weights.
 */
export const ltx2: Engine = {
	name: 'ltx2',
	describe: describeLtx2,
	check: checkProviders,
	async plan(request, place) {
		const prepared = await prepare(request, place?.cache ?? null);
		const { settings, model } = prepared;
		const planned = prepared.planned();
		const { work, stages } = planned;
		const steps = stages.reduce((sum, { sigmas }) => sum + sigmas.length - 1, 0);
		const plan = planOf(request, work, { steps, model });
		if (!place) return plan;
		const beside = [work.left, work.right];
		const { sound: heard, sequence } = request.context;
		const neighbours = { beside, heard, codec: request.output.codec, rate: sequence.rate };
		const device = await deviceOfPlan(settings.provider, place.cache);
		const notes = [
			...(await plannedMediaNotes(place.ffmpeg, neighbours)),
			...(device === null ? [] : deviceNotes(device, prepared, planned)),
		];
		return { ...plan, notes: [...plan.notes, ...notes] };
	},
	generate,
};
