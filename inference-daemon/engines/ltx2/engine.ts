import type { EngineDescription } from '../../../protocol/engines.ts';
import { PickupError } from '../../../protocol/errors.ts';
import type { GenerationRequest } from '../../../protocol/generation.ts';
import type { Ffmpeg } from '../../media/types.ts';
import type { Engine } from '../engine.ts';
import { generate, sigmasFor } from './generate.ts';
import { openModel } from './open-model.ts';
import { planOf, workFor } from './plan.ts';

/**
 * LTX-2 in ONNX Runtime: picture and sound together, from the prompt and from both sides of the
 * cut. The request's setting `model` names the folder with the weights.
 */
export const ltx2: Engine = {
	name: 'ltx2',
	describe,
	async plan(request) {
		const model = await openModel(String(request.settings.model ?? ''));
		const steps = sigmasFor(model, request).length - 1;
		return planOf(request, workFor(request), { steps, distilled: model.distilled });
	},
	generate,
};

async function describe(
	ffmpeg: Ffmpeg | null,
	settings: GenerationRequest['settings'] = {},
): Promise<EngineDescription> {
	const lack = await lackOf(settings.model);
	return {
		name: 'ltx2',
		title: 'LTX-2',
		summary: 'Picture and sound from a prompt and from both sides of the cut, on this machine.',
		draft: false,
		kinds: ['fill', 'extend', 'insert', 'retake', 'soundtrack', 'animate'],
		sound: true,
		frameGrid: { step: 8, offset: 1 },
		sizeGrid: 32,
		maxFrames: MOST_FRAMES,
		rates: null,
		...{ takes: { loras: false, reference: false, openLength: false }, model: null },
		ready: ffmpeg !== null && lack === null,
		needs: [
			{
				what: 'ffmpeg',
				present: ffmpeg !== null,
				action: 'Install ffmpeg (Debian: apt install ffmpeg), or run `pickup setup`.',
			},
			{
				what: `its weights (${lack ?? 'there'})`,
				present: lack === null,
				action:
					'Put an LTX-2 checkpoint (ltx-2-19b-distilled.safetensors, 43.3 GB) and the folder of Gemma 3 12B (25 GB) into one folder and name it: --model DIR.',
			},
		],
		settings: [
			{ name: 'model', title: 'Folder with the weights', default: '' },
			{ name: 'context', title: 'Seconds of context on each side', default: 1 },
			{ name: 'pixels', title: 'Pixels to work at', default: 768 * 512 },
		],
	};
}

/** 20 s, all that the model was trained for, at the highest rate that editors use. */
const MOST_FRAMES = 1200;

/** Why the model in a folder will not do; null where it will. */
async function lackOf(folder: unknown): Promise<string | null> {
	if (typeof folder !== 'string' || folder === '') return 'no folder is named';
	try {
		await openModel(folder);
		return null;
	} catch (error) {
		if (error instanceof PickupError) return error.message;
		throw error;
	}
}
