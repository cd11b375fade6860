import { openVectorKernels, type VectorKernels } from '../vector-kernels.ts';

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
	readonly #kernels: VectorKernels;
	readonly #scales: GuidanceScales;
	readonly #tokens: number;
	readonly #channels: number;
	/** Where the kernels have it. */
	readonly #at: Readonly<
		Record<'x' | 'velocity' | 'timesteps' | 'cond' | 'sum' | 'totals', number>
	>;
	#deviation = 0;

	private constructor(
		kernels: VectorKernels,
		scales: GuidanceScales,
		tokens: number,
		channels: number,
	) {
		const floats = (count: number) => kernels.allocate(4 * count);
		const count = tokens * channels;
		this.#kernels = kernels;
		this.#scales = scales;
		this.#tokens = tokens;
		this.#channels = channels;
		this.#at = {
			...{ x: floats(count), velocity: floats(count), cond: floats(count) },
			...{ timesteps: floats(tokens), sum: floats(2 * count), totals: floats(4) },
		};
	}

	/** For latents of so many tokens and channels. */
	static async open(
		scales: GuidanceScales,
		tokens: number,
		channels: number,
	): Promise<GuidanceSum> {
		return new GuidanceSum(await openVectorKernels(), scales, tokens, channels);
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
	add(name: GuidancePass, velocity: Float32Array): void {
		const { cfg, stg, modality } = this.#scales;
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
		const { rescale } = this.#scales;
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

/** The passes that these scales need beside `cond`. */
export function guidancePasses(scales: GuidanceScales): readonly GuidancePass[] {
	return [
		...(scales.cfg !== 1 ? (['uncond'] as const) : []),
		...(scales.stg !== 0 ? (['perturbed'] as const) : []),
		...(scales.modality !== 1 ? (['isolated'] as const) : []),
	];
}
