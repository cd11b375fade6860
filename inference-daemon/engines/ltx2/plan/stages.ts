import { PickupError } from '../../../../protocol/errors.ts';
import type { GenerationRequest } from '../../../../protocol/generation.ts';
import type { Guidance } from '../diffusion/guidance.ts';
import { tokensOf, videoShape } from '../diffusion/latent.ts';
import {
	DISTILLED,
	DISTILLED_STAGE_2,
	devSchedule,
	distilledSchedule,
	scheduleFrom,
} from '../diffusion/schedule.ts';
import type { Model } from '../model/open-model.ts';
import type { Checkpoint } from '../weights/checkpoint.ts';
import { describe } from '../weights/describe.ts';
import { checkHoles } from '../weights/holes.ts';
import { isLora, type Lora, referenceFactors } from '../weights/lora.ts';
import { type Part, partOf } from '../weights/parts.ts';
import { readWeights } from '../weights/shards.ts';
import type { Work } from './plan.ts';
import type { Sampler, Settings } from './settings.ts';

/** How one stage is made. */
export type Stage = {
	/** With the LoRAs of this stage. */
	readonly checkpoint: Checkpoint;
	readonly sampler: Sampler;
	/** From the first noise level to 0. */
	readonly sigmas: readonly number[];
	readonly guidance: Guidance | null;
	/** Of an IC-LoRA's reference clip: encoded `scale` times smaller and `pace` times shorter. */
	readonly reference: { readonly scale: number; readonly pace: number } | null;
	/** Whether the sound is what this stage makes of it, or stays the earlier one's. */
	readonly makesSound: boolean;
};

/** Lightricks/LTX-2, pipelines' constants. */
const GUIDANCE = {
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
const FIRST = { steps: 40, stgBlock: 29 } as const;
const LATER = { steps: 30, stgBlock: 28 } as const;
const LATER_FROM = 2.3;
const RES_2S_STEPS = 15;
/** A retake of strength 0 still goes through the model, with no noise to speak of. */
const LEAST_STRENGTH = 0.002;

export type Loras = {
	readonly loras: readonly Lora[];
	/** IC-LoRAs are for the first stage alone. */
	readonly withoutReference: readonly Lora[];
	readonly reference: Stage['reference'];
};

/** The LoRAs that a request names. Throws PickupError `bad-weights` or `bad-request`. */
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
			await checkHoles(file.tensors);
			return { file, strength };
		}),
	);
	const factors = loras.map(({ file }) => referenceFactors(file));
	const first = factors.find((found) => found !== null);
	if (request.reference && !first) {
		throw new PickupError('bad-request', 'Expected an IC-LoRA for the reference clip, got none', {
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

function checkFits(lora: Lora, model: Model, field: string): void {
	const { checkpoint, description, changeable } = model;
	const { path } = lora.file;
	const action = 'Choose a LoRA that was made for this model.';
	const { families } = describe([lora.file]);
	const ours = description.families.join(' or ');
	if (families.length > 0 && !families.some((family) => description.families.includes(family))) {
		const theirs = families.join(' or ');
		throw new PickupError('bad-weights', `Expected a LoRA for ${ours}, got ${path} for ${theirs}`, {
			field,
			action,
		});
	}
	const refused = (wrong: readonly string[], cause?: unknown) => {
		const more = wrong.length > NAMED ? `; and ${wrong.length - NAMED} more` : '';
		const named = `${wrong.slice(0, NAMED).join('; ')}${more}`;
		const message = `Expected a LoRA for ${ours}, got ${path}: ${named}`;
		return new PickupError('bad-weights', message, { field, action, cause });
	};
	let changed: readonly string[];
	try {
		changed = checkpoint.withLoras([lora]).changed;
	} catch (cause) {
		throw refused(cause instanceof Error ? cause.message.split('; ') : [String(cause)], cause);
	}
	const useless = changed.filter((name) => !changeable.has(name) || !CHANGED.has(partOf(name)));
	if (useless.length === 0) return;
	throw refused(useless.map((name) => `no network lets a LoRA change ${name}`));
}

/** What a LoRA changes the numbers of. */
const CHANGED: ReadonlySet<Part> = new Set(['transformer', 'connectors', 'text projection']);

/** How each stage of the work is made. */
export function stagesFor(
	request: GenerationRequest,
	settings: Settings,
	model: Model,
	{ sizes, passes }: Work,
	loras: Loras,
): readonly Stage[] {
	const { width, height } = sizes[0]!;
	const tokens = tokensOf(videoShape(passes[0]!.window.frames, width, height));
	const { distilled, checkpoint, version } = model;
	const isAncestral = distilled && version >= ANCESTRAL_FROM;
	const sampler = settings.sampler ?? (isAncestral ? 'ancestral' : 'euler');
	const { stgBlock } = version < LATER_FROM ? FIRST : LATER;
	const guidance = {
		...GUIDANCE[sampler === 'res_2s' ? 'res_2s' : 'euler'],
		stgBlocks: [stgBlock],
	};
	const usual = sampler === 'res_2s' && !distilled ? RES_2S_STEPS : usualSteps(model);
	const steps = settings.steps ?? usual;
	const whole = distilled
		? distilledSchedule(steps)
		: devSchedule(steps, sampler === 'res_2s' ? tokens : null);
	const strength = request.kind === 'retake' ? Math.max(request.strength, LEAST_STRENGTH) : 1;
	const from = (sigmas: readonly number[]) =>
		strength < sigmas[0]! ? scheduleFrom(sigmas, strength) : sigmas;
	const one: Stage = {
		checkpoint: checkpoint.withLoras(loras.loras),
		sampler,
		sigmas: from(whole),
		guidance: distilled ? null : guidance,
		reference: loras.reference,
		makesSound: true,
	};
	if (sizes.length === 1) return [one];
	const finishing: readonly Lora[] = model.distilledLora
		? [...loras.withoutReference, { file: model.distilledLora, strength: 1 }]
		: loras.withoutReference;
	const two: Stage = {
		checkpoint: checkpoint.withLoras(finishing),
		sigmas: from(DISTILLED_STAGE_2),
		sampler: sampler === 'res_2s' ? sampler : 'euler',
		guidance: null,
		reference: null,
		makesSound: distilled,
	};
	return [one, two];
}

/** Steps of a first stage, unless the sampler or the request has it otherwise. */
export function usualSteps({ distilled, version }: Model): number {
	if (distilled) return DISTILLED.length - 1;
	return (version < LATER_FROM ? FIRST : LATER).steps;
}
