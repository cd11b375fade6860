import { PickupError } from '../../../protocol/errors.ts';
import type { GenerationRequest } from '../../../protocol/generation.ts';
import type { Guidance } from './diffusion/guidance.ts';
import { tokensOf, videoShape } from './diffusion/latent.ts';
import {
	DISTILLED_STAGE_2,
	devSchedule,
	distilledSchedule,
	scheduleFrom,
} from './diffusion/schedule.ts';
import type { Model } from './open-model.ts';
import type { Work } from './plan.ts';
import type { Sampler, Settings } from './settings.ts';
import type { Checkpoint } from './weights/checkpoint.ts';
import { describe } from './weights/describe.ts';
import { isLora, type Lora, referenceFactors } from './weights/lora.ts';
import { readWeights } from './weights/shards.ts';

/** How a model that is not distilled is led. */
export type Led = {
	readonly video: Guidance;
	readonly audio: Guidance;
	/** Blocks whose self-attention is skipped in the perturbed look. */
	readonly stgBlocks: readonly number[];
};

/** How one stage is made. */
export type Recipe = {
	/** With the LoRAs of this stage. */
	readonly checkpoint: Checkpoint;
	readonly sampler: Sampler;
	/** From the first noise level to 0. */
	readonly sigmas: readonly number[];
	readonly led: Led | null;
	/** Goes by the reference clip, `scale` times smaller and `pace` times shorter. */
	readonly reference: { readonly scale: number; readonly pace: number } | null;
	/** Whether the sound is what this stage makes of it, or stays the earlier one's. */
	readonly makesSound: boolean;
};

/** Lightricks/LTX-2, pipelines' constants. */
const LED = {
	euler: {
		video: { cfg: 3, stg: 1, modality: 3, rescale: 0.7 },
		audio: { cfg: 7, stg: 1, modality: 3, rescale: 0.7 },
	},
	res_2s: {
		video: { cfg: 3, stg: 0, modality: 3, rescale: 0.45 },
		audio: { cfg: 7, stg: 0, modality: 3, rescale: 1 },
	},
} as const;

/** From this version on a distilled model is sampled with fresh noise in every step. */
const ANCESTRAL_FROM = 2.5;
const STEPS = { first: 40, later: 30, res_2s: 15 } as const;
const STG_BLOCK = { first: 29, later: 28 } as const;

export type Loras = {
	readonly loras: readonly Lora[];
	/** Those that go by a reference are for the first stage alone. */
	readonly withoutReference: readonly Lora[];
	readonly reference: Recipe['reference'];
};

/** The LoRAs that a request names. Throws PickupError `bad-weights`, `bad-request` or `media-offline`. */
export async function lorasOf(request: GenerationRequest, model: Model): Promise<Loras> {
	const loras = await Promise.all(
		(request.loras ?? []).map(async ({ path, strength }, index): Promise<Lora> => {
			const file = await readWeights(path);
			const field = `loras.${index}.path`;
			if (!isLora(file)) {
				throw new PickupError('bad-weights', `Expected a LoRA, got ${path} without low ranks`, {
					field,
				});
			}
			checkFits({ file, strength }, model, field);
			return { file, strength };
		}),
	);
	const factors = loras.map(({ file }) => referenceFactors(file));
	const first = factors.find((found) => found !== null);
	if (request.reference && !first) {
		throw new PickupError('bad-request', 'Expected an IC-LoRA that goes by a reference, got none', {
			field: 'reference',
			action: 'Name the IC-LoRA among the LoRAs, or leave the reference out.',
		});
	}
	return {
		loras,
		withoutReference: loras.filter((_, index) => factors[index] === null),
		reference: request.reference && first ? { scale: first.space, pace: first.time } : null,
	};
}

/** How many of the tensors that do not fit are named. */
const NAMED = 3;

function checkFits(lora: Lora, { checkpoint, description }: Model, field: string): void {
	const { path } = lora.file;
	const action = 'Choose a LoRA that was made for this model.';
	const { families } = describe([lora.file]);
	const ours = description.families.join(' or ');
	if (families.length > 0 && !families.some((family) => description.families.includes(family))) {
		const theirs = families.join(' or ');
		throw new PickupError('bad-weights', `Expected a LoRA for ${ours}, got ${path} for ${theirs}`, {
			...{ field, action },
		});
	}
	try {
		checkpoint.withLoras([lora]);
	} catch (cause) {
		const wrong = cause instanceof Error ? cause.message.split('; ') : [String(cause)];
		const more = wrong.length > NAMED ? `; and ${wrong.length - NAMED} more` : '';
		throw new PickupError(
			'bad-weights',
			`Expected a LoRA for ${ours}, got ${path}: ${wrong.slice(0, NAMED).join('; ')}${more}`,
			{ field, action, cause },
		);
	}
}

/** How each stage of the work is made. */
export function recipesFor(
	request: GenerationRequest,
	settings: Settings,
	model: Model,
	{ stages, passes }: Work,
	loras: Loras,
): readonly Recipe[] {
	const { width, height } = stages[0]!;
	const tokens = tokensOf(videoShape(passes[0]!.window.frames, width, height));
	const { distilled, checkpoint } = model;
	const [major = 2, minor = 0] = (checkpoint.version ?? '2.0').split('.').map(Number);
	const isAncestral = distilled && major + minor / 10 >= ANCESTRAL_FROM;
	const sampler = settings.sampler ?? (isAncestral ? 'ancestral' : 'euler');
	const isFirst = checkpoint.version === null;
	const block = isFirst ? STG_BLOCK.first : STG_BLOCK.later;
	const led = { ...LED[sampler === 'res_2s' ? 'res_2s' : 'euler'], stgBlocks: [block] };
	const usual = sampler === 'res_2s' ? STEPS.res_2s : isFirst ? STEPS.first : STEPS.later;
	const whole = distilled
		? distilledSchedule(settings.steps ?? 8)
		: devSchedule(Math.max(2, settings.steps ?? usual), sampler === 'res_2s' ? tokens : null);
	const strength = request.kind === 'retake' ? request.strength : 1;
	const from = (sigmas: readonly number[]) =>
		strength < sigmas[0]! ? scheduleFrom(sigmas, strength) : sigmas;
	const one: Recipe = {
		...{ checkpoint: checkpoint.withLoras(loras.loras), sampler, sigmas: from(whole) },
		...{ led: distilled ? null : led, reference: loras.reference, makesSound: true },
	};
	if (stages.length === 1) return [one];
	const finishing: readonly Lora[] = model.distilledLora
		? [...loras.withoutReference, { file: model.distilledLora, strength: 1 }]
		: loras.withoutReference;
	const two: Recipe = {
		...{ checkpoint: checkpoint.withLoras(finishing), sigmas: from(DISTILLED_STAGE_2) },
		...{ sampler: sampler === 'res_2s' ? sampler : 'euler', led: null, reference: null },
		makesSound: distilled,
	};
	return [one, two];
}
