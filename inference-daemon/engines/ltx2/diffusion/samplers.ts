import { ancestralEuler, euler, renewNoise, res2sCoefficients } from './steps.ts';

/** A latent being made, [tokens, channels], and what of it is given. */
export type Stream = {
	readonly latent: Float32Array;
	/** What conditioned tokens show. */
	readonly clean: Float32Array;
	/** Per token, 1: made by the model, 0: as `clean`, between: its share. */
	readonly mask: Float32Array;
};

/** The streams' latents by name ('video', 'audio'), all at one noise level. */
export type Latents = Readonly<Record<string, Float32Array>>;

/** What the model takes the clean latents to be: new arrays, which become the caller's. */
export type Denoise = (latents: Latents, sigma: number) => Promise<Latents>;

/** Fresh noise for a stream; asked for in the streams' order at every draw. */
export type Draw = (stream: string, length: number) => Float32Array;

export type Step = {
	/** Good until the next step. */
	readonly latents: Latents;
	/** What the clean latents were taken to be; good for a preview. */
	readonly clean: Latents;
};

type Streams = Readonly<Record<string, Stream>>;

const SAMPLERS = {
	euler: sampleEuler,
	ancestral: sampleAncestral,
	res_2s: sampleRes2s,
} as const;

/** Denoises by the sampler of that name. */
export function sampleBy(
	name: keyof typeof SAMPLERS,
	streams: Streams,
	sigmas: readonly number[],
	denoise: Denoise,
	draw: Draw,
): AsyncGenerator<Step, void, void> {
	return SAMPLERS[name](streams, sigmas, denoise, draw);
}

/** How often a sampler denoises on the way through a schedule. */
export function evaluationsOf(name: keyof typeof SAMPLERS, sigmas: readonly number[]): number {
	const steps = sigmas.length - 1;
	return name === 'res_2s' ? 2 * steps + (sigmas.at(-1) === 0 ? 1 : 0) : steps;
}

/** Plain Euler; one evaluation a step. */
export async function* sampleEuler(
	streams: Streams,
	sigmas: readonly number[],
	denoise: Denoise,
): AsyncGenerator<Step, void, void> {
	let latents = latentsOf(streams);
	let own: Latents = {};
	for (const [sigma, next] of pairs(sigmas)) {
		const clean = applyMask(streams, await denoise(latents, sigma));
		latents = each(latents, (x, name) => euler(x, clean[name]!, sigma, next, own[name]));
		own = latents;
		yield { latents, clean };
	}
}

/** Euler with fresh noise in every step, kept off what is given. */
export async function* sampleAncestral(
	streams: Streams,
	sigmas: readonly number[],
	denoise: Denoise,
	draw: Draw,
): AsyncGenerator<Step, void, void> {
	let latents = latentsOf(streams);
	for (const [sigma, next] of pairs(sigmas)) {
		const clean = applyMask(streams, await denoise(latents, sigma));
		const step = (x: Float32Array, name: string) =>
			ancestralEuler(x, clean[name]!, draw(name, x.length), sigma, next);
		latents = next === 0 ? clean : applyMask(streams, each(latents, step));
		yield { latents, clean };
	}
}

/** Latents while res_2s counts with them. */
type Latents64 = Readonly<Record<string, Float64Array>>;

/** Share of the noise that res_2s makes anew. */
const RENEWED = 0.5;
/** Where res_2s goes on from when the schedule ends at 0. */
const LOWEST_SIGMA = 0.0011;

/**
 * A second-order exponential step with noise renewed half way and at its end (res_2s): two
 * evaluations a step and one at the end. Float64 but for what the model is shown.
 */
export async function* sampleRes2s(
	streams: Streams,
	sigmas: readonly number[],
	denoise: Denoise,
	draw: Draw,
): AsyncGenerator<Step, void, void> {
	const steps = sigmas.at(-1) === 0 ? [...sigmas.slice(0, -1), LOWEST_SIGMA] : [...sigmas];
	let latents: Latents64 = each(latentsOf(streams), (x) => new Float64Array(x));
	const asFloat32 = (at: Latents64) => each(at, (x) => new Float32Array(x));
	const evaluate = async (at: Latents64, sigma: number) =>
		applyMask(streams, await denoise(asFloat32(at), sigma));
	for (const [sigma, next] of pairs(steps)) {
		const h = Math.log(sigma / next);
		const { a21, b1, b2 } = res2sCoefficients(h);
		const first = await evaluate(latents, sigma);
		const middle = Math.sqrt(sigma * next);
		const noisy = each(latents, (x, name) => {
			const moved = towards(x, [[first[name]!, h * a21]]);
			return renewNoise(x, moved, draw(name, x.length), sigma, middle, RENEWED);
		});
		const half = applyMask(streams, noisy);
		const refine = h < 0.5 && sigma > 0.03;
		const anchors = each(latents, (x, name) => {
			if (!refine) return x;
			return anchorOf(half[name]!, first[name]!, h * a21);
		});
		const second = await evaluate(half, middle);
		const whole = each(anchors, (anchor, name) => {
			const moved = towards(anchor, [
				[first[name]!, h * b1],
				[second[name]!, h * b2],
			]);
			return renewNoise(anchor, moved, draw(name, anchor.length), sigma, next, RENEWED);
		});
		latents = applyMask(streams, whole);
		yield { latents: asFloat32(latents), clean: second };
	}
	if (sigmas.at(-1) !== 0) return;
	const clean = await evaluate(latents, LOWEST_SIGMA);
	yield { latents: clean, clean };
}

/**
 * The start from which the first half step would have led to `half`: a = half − step · (x0 − a), which
 * the reference goes back and forth for a hundred times.
 */
function anchorOf(half: Float64Array, x0: Float32Array, step: number): Float64Array {
	const anchor = new Float64Array(half.length);
	for (let i = 0; i < half.length; i++) anchor[i] = (half[i]! - step * x0[i]!) / (1 - step);
	return anchor;
}

/** x + Σ share · (aim − x). */
function towards(
	x: Float64Array,
	aims: readonly (readonly [aim: Float32Array, share: number])[],
): Float64Array {
	const moved = x.slice();
	for (const [aim, share] of aims) {
		for (let i = 0; i < x.length; i++) moved[i]! += share * (aim[i]! - x[i]!);
	}
	return moved;
}

/** x0 · mask + clean · (1 − mask), in place. */
function applyMask<T extends Float32Array | Float64Array>(
	streams: Streams,
	x0: Readonly<Record<string, T>>,
): Readonly<Record<string, T>> {
	for (const [name, values] of Object.entries(x0)) {
		const { clean, mask } = streams[name]!;
		const width = values.length / mask.length;
		for (let token = 0; token < mask.length; token++) {
			const share = mask[token]!;
			if (share === 1) continue;
			for (let i = token * width; i < (token + 1) * width; i++) {
				values[i] = values[i]! * share + clean[i]! * (1 - share);
			}
		}
	}
	return x0;
}

function latentsOf(streams: Streams): Latents {
	return Object.fromEntries(Object.entries(streams).map(([name, { latent }]) => [name, latent]));
}

function pairs(sigmas: readonly number[]): (readonly [number, number])[] {
	return sigmas.slice(0, -1).map((sigma, i) => [sigma, sigmas[i + 1]!]);
}

function each<A, B>(
	values: Readonly<Record<string, A>>,
	work: (value: A, name: string) => B,
): Record<string, B> {
	return Object.fromEntries(
		Object.entries(values).map(([name, value]) => [name, work(value, name)]),
	);
}
