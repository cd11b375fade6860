import { openVectorKernels, type VectorKernels } from '../vector-kernels.ts';

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

/** A latent [tokens, channels] and how noisy each of its tokens is. */
export type Noisy = { readonly latent: Float32Array; readonly timesteps: Float32Array };

/**
 * cond + (cfg − 1)(cond − uncond) + stg (cond − perturbed) + (modality − 1)(cond − isolated), then
 * brought back in part to the standard deviation of cond over the whole tensor
 * (Lightricks/LTX-2, `guiders.py`). Each of these is x − velocity · timestep per token, rounded to a
 * float, from velocities that are added one after the other, as they come. One serves all steps.
 */
export class Guiding {
	readonly #kernels: VectorKernels;
	readonly #guidance: Guidance;
	readonly #tokens: number;
	readonly #channels: number;
	/** Where the kernels have it. */
	readonly #at: Readonly<
		Record<'x' | 'velocity' | 'timesteps' | 'cond' | 'sum' | 'totals', number>
	>;
	#deviation = 0;

	private constructor(
		kernels: VectorKernels,
		guidance: Guidance,
		tokens: number,
		channels: number,
	) {
		const floats = (count: number) => kernels.allocate(4 * count);
		const count = tokens * channels;
		this.#kernels = kernels;
		this.#guidance = guidance;
		this.#tokens = tokens;
		this.#channels = channels;
		this.#at = {
			...{ x: floats(count), velocity: floats(count), cond: floats(count) },
			...{ timesteps: floats(tokens), sum: floats(2 * count), totals: floats(4) },
		};
	}

	/** For latents of so many tokens and channels. */
	static async open(guidance: Guidance, tokens: number, channels: number): Promise<Guiding> {
		return new Guiding(await openVectorKernels(), guidance, tokens, channels);
	}

	/** A step, by the velocity of `cond`. */
	begin({ latent, timesteps }: Noisy, velocity: Float32Array): void {
		const { x, timesteps: times, cond, sum, totals } = this.#at;
		this.#put(x, latent);
		this.#put(times, timesteps);
		this.#put(this.#at.velocity, velocity);
		const size = [this.#tokens, this.#channels] as const;
		this.#kernels.run.beginGuiding(x, this.#at.velocity, times, ...size, cond, sum, totals);
		this.#deviation = this.#deviationTold();
	}

	/** Each that is needed, once. */
	add(name: Added, velocity: Float32Array): void {
		const { cfg, stg, modality } = this.#guidance;
		const share = { uncond: cfg - 1, perturbed: stg, isolated: modality - 1 }[name];
		const { x, timesteps, cond, sum } = this.#at;
		this.#put(this.#at.velocity, velocity);
		const size = [this.#tokens, this.#channels] as const;
		this.#kernels.run.addGuiding(x, this.#at.velocity, timesteps, ...size, cond, sum, share);
	}

	/** What the clean latent is taken to be. */
	result(): Float32Array {
		const { sum, cond, totals } = this.#at;
		const count = this.#tokens * this.#channels;
		this.#kernels.run.endGuiding(sum, count, cond, totals);
		const { rescale } = this.#guidance;
		const factor = rescale * (this.#deviation / this.#deviationTold()) + 1 - rescale;
		if (rescale !== 0) this.#kernels.run.scaleAll(cond, count, factor);
		return this.#kernels.floats(cond, count).slice();
	}

	#put(at: number, values: Float32Array): void {
		this.#kernels.floats(at, values.length).set(values);
	}

	/** Standard deviation of a sample, over n − 1. */
	#deviationTold(): number {
		const [sum = 0, squares = 0] = this.#kernels.doubles(this.#at.totals, 2);
		const count = this.#tokens * this.#channels;
		return Math.sqrt((squares - sum ** 2 / count) / (count - 1));
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
