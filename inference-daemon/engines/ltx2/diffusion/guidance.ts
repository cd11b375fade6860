/**
 * What the model takes the clean latent to be without what is to be brought out: with the negative
 * prompt; with self-attention skipped in some blocks (spatio-temporal guidance); with picture and
 * sound apart.
 */
export type Added = 'uncond' | 'perturbed' | 'isolated';

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
 * (Lightricks/LTX-2, `guiders.py`). Predictions are added one after the other, as they come. One
 * serves all steps, which takes no memory anew.
 */
export class Guiding {
	readonly #guidance: Guidance;
	#cond: Float32Array = new Float32Array(0);
	#sum = new Float64Array(0);
	#deviation = 0;

	constructor(guidance: Guidance) {
		this.#guidance = guidance;
	}

	/** The array is taken over. */
	begin(cond: Float32Array): void {
		this.#cond = cond;
		if (this.#sum.length !== cond.length) this.#sum = new Float64Array(cond.length);
		this.#sum.set(cond);
		this.#deviation = this.#guidance.rescale === 0 ? 0 : deviation(cond);
	}

	/** Each that is needed, once. */
	add(name: Added, prediction: Float32Array): void {
		const { cfg, stg, modality } = this.#guidance;
		const share = { uncond: cfg - 1, perturbed: stg, isolated: modality - 1 }[name];
		const [sum, cond] = [this.#sum, this.#cond];
		for (let i = 0; i < sum.length; i++) sum[i]! += share * (cond[i]! - prediction[i]!);
	}

	/** In the array that it began with. */
	result(): Float32Array {
		const guided = this.#cond;
		guided.set(this.#sum);
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
