import { PickupError } from '../../../../protocol/errors.ts';
import type { GenerationRequest } from '../../../../protocol/generation.ts';
import { stillsOf } from '../condition/condition.ts';
import { modelAt } from '../model/known-model.ts';
import type { Model } from '../model/open-model.ts';
import { openPrepared } from '../weights/prepared.ts';
import { type Means, type Work, workFor } from './plan.ts';
import { type Settings, settingsIn } from './settings.ts';
import { type Loras, lorasOf, type Stage, stagesFor } from './stages.ts';

/** A request that can be done, by headers and files alone: nothing was computed yet. */
export type Prepared = {
	readonly request: GenerationRequest;
	readonly settings: Settings;
	readonly model: Model;
	readonly loras: Loras;
	readonly planned: (means?: Partial<Means>) => Planned;
};

export type Planned = {
	readonly work: Work;
	readonly stages: readonly Stage[];
};

/**
 * `cache`: where `pickup models prepare` has put the model's weights in 8 bits, if it has. Throws
 * PickupError: `engine-unavailable`, `bad-weights`, `bad-request`, or as `workFor`.
 */
export async function prepare(request: GenerationRequest, cache: string | null): Promise<Prepared> {
	checkStills(request);
	const settings = settingsIn(request);
	const model = await modelAt(settings.model);
	const { checkpoint } = model;
	checkpoint.prepared = cache === null ? null : await openPrepared(checkpoint, cache);
	if (request.kind === 'insert' && request.length === 'model' && !model.durationHead) {
		throw new PickupError(
			'engine-cannot',
			'Expected a model with a duration head for an open length, as LTX-2.5 is; got one without',
			{ field: 'length', action: 'Name a length.' },
		);
	}
	const loras = await lorasOf(request, model);
	const usual: Means = {
		stages: mostStages(model),
		lacks: model.notes,
		referenceScale: loras.reference?.scale ?? 1,
	};
	const planned = (means: Partial<Means> = {}) => {
		const work = workFor(request, settings, { ...usual, ...means });
		const stages = stagesFor(request, settings, model, work, loras);
		return { work, stages };
	};
	return { request, settings, model, loras, planned };
}

/** 2 where the folder has what enlarges a latent and what finishes an enlarged one in few steps. */
export function mostStages({ upsampler, distilled, distilledLora }: Model): 1 | 2 {
	return upsampler !== null && (distilled || distilledLora !== null) ? 2 : 1;
}

function checkStills(request: GenerationRequest): void {
	const { start, end } = request.context.range;
	for (const [index, { frame }] of stillsOf(request).entries()) {
		if (frame < end - start) continue;
		throw new PickupError(
			'bad-request',
			`Expected a frame of the new clip, 0 to ${end - start - 1}, got ${frame}`,
			{ field: `images.${index}.frame` },
		);
	}
}
