import type { Table } from '../networks/rope.ts';
import { distinct, sinusoids } from '../networks/timestep.ts';
import type { TransformerConfig } from '../networks/transformer-config.ts';
import type { NdArray } from './values.ts';

export type Inputs = Readonly<Record<string, NdArray>>;

/** The noise of a stream at a step. */
export type Noise = {
	/** Per token: sigma · mask. */
	readonly timesteps: Float32Array;
	/** 0 where the stream is frozen. */
	readonly sigma: number;
};

/**
 * What the graphs take that changes with each step: `s.sinusoids`, `s.sigma`, `s.other_sigma` and
 * `s.rows`. Work of as many `timesteps` as `s.sinusoids` has rows.
 */
export function noiseInputs(
	c: TransformerConfig,
	noise: { readonly video: Noise | null; readonly audio: Noise | null },
): Inputs {
	const inputs: Record<string, NdArray> = {};
	for (const [name, other] of [
		['video', 'audio'],
		['audio', 'video'],
	] as const) {
		const [own, others] = [noise[name], noise[other]];
		if (!own) continue;
		const { values, rows } = distinct(own.timesteps);
		inputs[`${name}.sinusoids`] = sinusoids(values, c.timestepScale);
		inputs[`${name}.rows`] = { data: rows, shape: [rows.length] };
		inputs[`${name}.sigma`] = sinusoids([own.sigma], c.timestepScale);
		if (others) inputs[`${name}.other_sigma`] = sinusoids([others.sigma], c.crossTimestepScale);
	}
	return inputs;
}

/**
 * A bias of scores from how much each token may see each other one, `mask` [1, tokens, tokens] in
 * 0…1: log m, or where m is 0 the lowest number; float16 sees one that it can hold.
 */
export function maskBias({ data, shape }: Table, precision = 'float32'): Table {
	const lowest = precision === 'float16' ? -30_000 : -3.4028234663852886e38;
	return { data: data.map((m) => (m > 0 ? Math.log(m) : lowest)), shape };
}
