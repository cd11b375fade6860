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

/** What guidance adds to `cond`. */
export type Added = Exclude<keyof Predictions, 'cond'>;

/**
 * cond + (cfg − 1)(cond − uncond) + stg (cond − perturbed) + (modality − 1)(cond − isolated), then
 * brought back in part to the standard deviation of cond over the whole tensor
 * (Lightricks/LTX-2, `guiders.py`).
 */
export function guide(predictions: Predictions, guidance: Guidance): Float32Array {
	const guiding = new Guiding(predictions.cond, guidance);
	for (const name of neededFor(guidance)) guiding.add(name, predictions[name]!);
	return guiding.result();
}

/** `guide` with predictions one after the other, as they come. */
export class Guiding {
	readonly #cond: Float32Array;
	readonly #guidance: Guidance;
	readonly #sum: Float64Array;
	readonly #deviation: number;

	constructor(cond: Float32Array, guidance: Guidance) {
		this.#cond = cond;
		this.#guidance = guidance;
		this.#sum = new Float64Array(cond);
		this.#deviation = guidance.rescale === 0 ? 0 : deviation(cond);
	}

	/** Each that is needed, once. */
	add(name: Added, prediction: Float32Array): void {
		const { cfg, stg, modality } = this.#guidance;
		const share = { uncond: cfg - 1, perturbed: stg, isolated: modality - 1 }[name];
		const [sum, cond] = [this.#sum, this.#cond];
		for (let i = 0; i < sum.length; i++) sum[i]! += share * (cond[i]! - prediction[i]!);
	}

	result(): Float32Array {
		const guided = new Float32Array(this.#sum);
		const { rescale } = this.#guidance;
		if (rescale === 0) return guided;
		const factor = rescale * (this.#deviation / deviation(guided)) + 1 - rescale;
		for (let i = 0; i < guided.length; i++) guided[i]! *= factor;
		return guided;
	}
}

/** Which predictions a guidance needs beside `cond`. */
export function neededFor(guidance: Guidance): readonly Added[] {
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
