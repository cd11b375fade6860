import { LTX2_OPTIONS } from '../../../../protocol/engine-options/ltx2.ts';
import type { EngineOption } from '../../../../protocol/engine-options/option.ts';
import type { EngineDescription } from '../../../../protocol/engines.ts';
import { PickupError, type Problem } from '../../../../protocol/errors.ts';
import type { GenerationRequest } from '../../../../protocol/generation.ts';
import type { Ffmpeg } from '../../../media/types.ts';
import { longest } from '../plan/passes.ts';
import { mostStages } from '../plan/prepare.ts';
import { usualSteps } from '../plan/stages.ts';
import { modelAt } from './known-model.ts';
import { howToGetModel } from './needed-files.ts';
import type { Model } from './open-model.ts';

/** What LTX-2 can do with the checkpoint in the folder that the setting `model` names. */
export async function describeLtx2(
	ffmpeg: Ffmpeg | null,
	settings: GenerationRequest['settings'] = {},
): Promise<EngineDescription> {
	const folder = String(settings.model ?? '');
	const found = await modelOrLack(folder);
	const model = found.kind === 'model' ? found.model : null;
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
		takes: { loras: true, reference: true, openLength: model?.durationHead ?? true },
		ready: ffmpeg !== null && model !== null,
		needs: [
			{
				what: 'ffmpeg',
				present: ffmpeg !== null,
				action: 'Install ffmpeg (Debian: apt install ffmpeg), or run `pickup setup`.',
			},
			needOf(found),
		],
		model: model && {
			title: titleOf(model),
			folder,
			guided: !model.distilled,
			stages: mostStages(model),
			loras: [...model.loras],
		},
		settings: LTX2_OPTIONS.map((option) => withDefault(option, folder, model)),
	};
}

function withDefault(option: EngineOption, folder: string, model: Model | null): EngineOption {
	if (option.kind === 'folder') return { ...option, default: folder };
	if (option.name !== 'steps' || option.kind !== 'number' || model === null) return option;
	return { ...option, default: usualSteps(model) };
}

/** At a rate where the frames of a pass and not its seconds are the limit, and with nothing beside. */
const MOST_FRAMES = longest({ num: 60, den: 1 }, { context: 0, before: 0, after: 0 });

type Found =
	| { readonly kind: 'model'; readonly model: Model }
	| { readonly kind: 'lack'; readonly problem: Problem; readonly action: string };

async function modelOrLack(folder: string): Promise<Found> {
	try {
		if (folder === '') {
			throw new PickupError('engine-unavailable', 'Expected a folder with LTX-2, none is named');
		}
		return { kind: 'model', model: await modelAt(folder) };
	} catch (error) {
		if (!(error instanceof PickupError)) throw error;
		const problem = error.toProblem();
		const isIncomplete = problem.code === 'engine-unavailable';
		const action = isIncomplete ? howToGetModel(folder || 'a folder') : problem.action;
		return { kind: 'lack', problem, action };
	}
}

function needOf(found: Found): EngineDescription['needs'][number] {
	if (found.kind === 'model') return { what: 'its weights', present: true, action: '' };
	const what = `its weights: ${found.problem.message}`;
	return { what, present: false, action: found.action };
}

/** E.g. LTX-2 19B distilled. */
function titleOf({ description, distilled }: Model): string {
	const family = description.families.join(' or ') || 'LTX-2';
	return `${family} ${distilled ? 'distilled' : 'dev'}`;
}
