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
	const { cond } = predictions;
	const pulls = [
		{ away: predictions.uncond, by: guidance.cfg - 1 },
		{ away: predictions.perturbed, by: guidance.stg },
		{ away: predictions.isolated, by: guidance.modality - 1 },
	].filter(({ by }) => by !== 0);
	const guided = Float32Array.from(cond, (value, i) =>
		pulls.reduce((sum, { away, by }) => sum + by * (value - away![i]!), value),
	);
	if (guidance.rescale === 0) return guided;
	const ratio = deviation(cond) / deviation(guided);
	const factor = guidance.rescale * ratio + 1 - guidance.rescale;
	return guided.map((value) => value * factor);
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
	const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
	const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
	return Math.sqrt(squares / (values.length - 1));
}
