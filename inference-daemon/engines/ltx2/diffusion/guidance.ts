/** What the model takes the clean latent to be, with and without what is to be brought out. */
export type Predictions = {
	readonly cond: Float32Array;
	/** With the negative prompt. */
	readonly uncond?: Float32Array;
	/** With self-attention skipped in some blocks (spatio-temporal guidance). */
	readonly perturbed?: Float32Array;
	/** With picture and sound apart. */
	readonly isolated?: Float32Array;
};

export type Guidance = {
	/** 1 is none. */
	readonly cfg: number;
	/** 0 is none. */
	readonly stg: number;
	/** 1 is none. */
	readonly modality: number;
	/** 0…1: how far the spread of values is brought back to that of `cond`. */
	readonly rescale: number;
};

/**
 * cond + (cfg − 1)(cond − uncond) + stg (cond − perturbed) + (modality − 1)(cond − isolated), then
 * brought back in part to the standard deviation of cond over the whole tensor
 * (Lightricks/LTX-2, `guiders.py`).
 */
export function guide(predictions: Predictions, guidance: Guidance): Float32Array {
	const guided = combined(predictions, guidance);
	if (guidance.rescale === 0) return guided;
	const ratio = deviation(predictions.cond) / deviation(guided);
	const factor = guidance.rescale * ratio + 1 - guidance.rescale;
	for (let i = 0; i < guided.length; i++) guided[i]! *= factor;
	return guided;
}

/** In one go over the four, since each is larger than the processor's nearest memory. */
function combined(predictions: Predictions, { cfg, stg, modality }: Guidance): Float32Array {
	const { cond } = predictions;
	const uncond = cfg === 1 ? cond : predictions.uncond!;
	const perturbed = stg === 0 ? cond : predictions.perturbed!;
	const isolated = modality === 1 ? cond : predictions.isolated!;
	const guided = new Float32Array(cond.length);
	for (let i = 0; i < cond.length; i++) {
		const x = cond[i]!;
		guided[i] =
			x +
			(cfg - 1) * (x - uncond[i]!) +
			stg * (x - perturbed[i]!) +
			(modality - 1) * (x - isolated[i]!);
	}
	return guided;
}

/** Which predictions a guidance needs beside `cond`. */
export function neededFor(guidance: Guidance): readonly (keyof Predictions)[] {
	return [
		...(guidance.cfg !== 1 ? (['uncond'] as const) : []),
		...(guidance.stg !== 0 ? (['perturbed'] as const) : []),
		...(guidance.modality !== 1 ? (['isolated'] as const) : []),
	];
}

/** Standard deviation of a sample, over n − 1. */
function deviation(values: Float32Array): number {
	let sum = 0;
	let squares = 0;
	for (let i = 0; i < values.length; i++) {
		sum += values[i]!;
		squares += values[i]! * values[i]!;
	}
	return Math.sqrt((squares - sum ** 2 / values.length) / (values.length - 1));
}
