/**
 * Forward passes beside the first (`cond`), from whose predictions guidance leads away: with the
 * negative prompt; with self-attention skipped in some blocks (spatio-temporal guidance); without
 * attention between picture and sound.
 */
export type GuidancePass = 'uncond' | 'perturbed' | 'isolated';

export type GuidanceScales = {
	/** 1 is none. */
	readonly cfg: number;
	/** 0 is none. */
	readonly stg: number;
	/** 1 is none. */
	readonly modality: number;
	/** 0…1: how far the spread of values is brought back to that of `cond`. */
	readonly rescale: number;
};

/** How a checkpoint that is not distilled is guided. */
export type Guidance = {
	readonly video: GuidanceScales;
	readonly audio: GuidanceScales;
	/** Blocks whose self-attention is skipped in the `perturbed` pass. */
	readonly stgBlocks: readonly number[];
};

/** A latent [tokens, channels] and how noisy each of its tokens is. */
export type Noisy = { readonly latent: Float32Array; readonly timesteps: Float32Array };

/**
 * cond + (cfg − 1)(cond − uncond) + stg (cond − perturbed) + (modality − 1)(cond − isolated), then
 * brought back in part to the standard deviation of cond over the whole tensor
 * (Lightricks/LTX-2, `guiders.py`). Each of these is x − velocity · timestep per token, rounded to a
 * float, from velocities that are added one after the other, as they come. One serves all steps.
 */
export class GuidanceSum {
	readonly #scales: GuidanceScales;
	#noisy: Noisy | null = null;
	#cond: Float32Array = new Float32Array(0);
	#sum = new Float64Array(0);

	constructor(scales: GuidanceScales) {
		this.#scales = scales;
	}

	/** A step, by the velocity of `cond`. */
	begin(noisy: Noisy, velocity: Float32Array): void {
		this.#noisy = noisy;
		this.#cond = cleanLatent(noisy, velocity);
		this.#sum = Float64Array.from(this.#cond);
	}

	/** Each that is needed, once. */
	add(name: GuidancePass, velocity: Float32Array): void {
		const { cfg, stg, modality } = this.#scales;
		const share = { uncond: cfg - 1, perturbed: stg, isolated: modality - 1 }[name];
		const [sum, cond, other] = [this.#sum, this.#cond, cleanLatent(this.#noisy!, velocity)];
		for (let i = 0; i < sum.length; i++) sum[i]! += share * (cond[i]! - other[i]!);
	}

	/** What the clean latent is taken to be. */
	result(): Float32Array {
		const { rescale } = this.#scales;
		const guided = Float32Array.from(this.#sum);
		if (rescale === 0) return guided;
		const factor = rescale * (deviationOf(this.#cond) / deviationOf(guided)) + 1 - rescale;
		return guided.map((value) => value * factor);
	}
}

/** x − velocity · timestep. */
export function cleanLatent({ latent, timesteps }: Noisy, velocity: Float32Array): Float32Array {
	const clean = new Float32Array(latent.length);
	const channels = latent.length / timesteps.length;
	for (let token = 0, i = 0; token < timesteps.length; token++) {
		const timestep = timesteps[token]!;
		for (const end = i + channels; i < end; i++) clean[i] = latent[i]! - velocity[i]! * timestep;
	}
	return clean;
}

/** Standard deviation of a sample, over n − 1. */
function deviationOf(values: Float32Array): number {
	let [sum, squares] = [0, 0];
	for (let i = 0; i < values.length; i++) {
		const value = values[i]!;
		sum += value;
		squares += value * value;
	}
	return Math.sqrt((squares - sum ** 2 / values.length) / (values.length - 1));
}

/** The passes that these scales need beside `cond`. */
export function guidancePasses(scales: GuidanceScales): readonly GuidancePass[] {
	return [
		...(scales.cfg !== 1 ? (['uncond'] as const) : []),
		...(scales.stg !== 0 ? (['perturbed'] as const) : []),
		...(scales.modality !== 1 ? (['isolated'] as const) : []),
	];
}
