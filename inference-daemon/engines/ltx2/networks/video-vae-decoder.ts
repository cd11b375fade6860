import { closeSync, openSync, readSync } from 'node:fs';
import type { Value } from '../graph/graph.ts';
import { linear } from '../graph/layers.ts';
import type { Scope } from '../graph/scope.ts';
import type { Table } from './rope.ts';
import { sinusoids } from './timestep.ts';
import {
	activate,
	convolve,
	depthToSpace,
	type Modulation,
	type Padding,
	resBlock,
	type Stride,
	statistics,
	strideOf,
	unnormalise,
	type VideoVaeConfig,
	type Watch,
} from './video-vae.ts';

/** The timestep at which a timestep-conditioned decoder runs, and the share of noise it is given. */
export const DECODE_TIMESTEP = 0.05;
export const DECODE_NOISE = 0.025;

/** Early 19B files hold such a decoder: what tells is the tensor, not the version. */
export function isTimestepConditioned(m: Scope): boolean {
	const decoder = m.at('decoder');
	return decoder.has(MULTIPLIER) && decoder.weights.tensor(MULTIPLIER, []) !== null;
}

const MULTIPLIER = 'timestep_scale_multiplier';

/** The sinusoid [1, 256] of the decoder's timestep times the multiplier in its file. */
export function decodeSinusoid(m: Scope): Table {
	const tensor = m.at('decoder').weights.tensor(MULTIPLIER, []);
	if (tensor === null) throw m.mismatch(`decoder.${MULTIPLIER}, one number`, 'none');
	const number = Buffer.alloc(4);
	const file = openSync(tensor.path, 'r');
	// A bfloat16 is the upper half of a float32.
	readSync(file, number, 4 - tensor.bytes, tensor.bytes, tensor.offset);
	closeSync(file);
	return sinusoids([DECODE_TIMESTEP], number.readFloatLE());
}

/**
 * A normalised latent [1, 128, k + 1, height, width] to pixels [1, 3, 8 · k + 1, 32 · height,
 * 32 · width] around −1…1, not yet clipped. `m` is the VAE. A timestep-conditioned decoder adds two
 * inputs to the graph: Gaussian `noise` of the latent's shape and the `sinusoid` [1, 256].
 */
export function videoVaeDecoder(
	m: Scope,
	latent: Value,
	config: VideoVaeConfig,
	watch: Watch = () => {},
): Value {
	const decoder = m.at('decoder');
	const blocks = config.decoder_blocks?.toReversed();
	if (!blocks)
		throw m.mismatch('decoder_blocks in its configuration; of 2.5, use the conv VAE', 'none');
	const space = config.spatial_padding_mode ?? 'reflect';
	const padding: Padding = { causal: config.causal_decoder, space };
	checkLatent(m, latent, config.latent_channels, space === 'reflect' ? 2 : 1);
	const sinusoid = isTimestepConditioned(m) ? m.graph.input('sinusoid', [1, 256]) : null;
	let x = sinusoid === null ? latent : noisy(decoder, latent);
	x = unnormalise(decoder, x, statistics(m, config.latent_channels));
	x = convolve(decoder.at('conv_in'), x, 8 * config.decoder_base_channels, padding);
	watch('conv_in', x);
	for (const [i, [kind, options]] of blocks.entries()) {
		const block = decoder.at('up_blocks').at(i);
		if (kind === 'res_x') {
			const time = sinusoid && embed(block.at('time_embedder'), sinusoid, 4 * x.shape[1]!);
			for (let j = 0; j < options.num_layers; j++) {
				const layer = block.at('res_blocks').at(j);
				x = resBlock(layer, x, padding, modulations(layer, 'scale_shift_table', time, 2));
			}
		} else x = expand(block, x, options, strideOf(kind), padding);
		watch(`up_block${i}`, x);
	}
	const time = sinusoid && embed(decoder.at('last_time_embedder'), sinusoid, 2 * x.shape[1]!);
	const [last] = modulations(decoder, 'last_scale_shift_table', time, 1);
	const patch = config.patch_size;
	x = convolve(decoder.at('conv_out'), activate(decoder, x, last), 3 * patch ** 2, padding);
	return depthToSpace(decoder, x, [1, patch, patch], 'twh');
}

/** d2s(conv(x)) (+ d2s(x), over and over along the channels), without the first frame where there are more. */
function expand(
	m: Scope,
	x: Value,
	{ multiplier, residual }: { readonly multiplier: number; readonly residual: boolean },
	stride: Stride,
	padding: Padding,
): Value {
	const cells = stride[0] * stride[1] * stride[2];
	const wide = convolve(m.at('conv'), x, (x.shape[1]! * cells) / multiplier, padding);
	const change = depthToSpace(m, wide, stride);
	let y = change;
	if (residual) {
		const skip = depthToSpace(m, x, stride);
		const times = change.shape[1]! / skip.shape[1]!;
		y = m.add(m.reshape(change, [times, ...skip.shape.slice(1)]), skip);
		y = m.reshape(y, change.shape);
	}
	return stride[0] === 1 ? y : m.slice(y, 2, 1, y.shape[2]!);
}

function noisy(m: Scope, z: Value): Value {
	const noise = m.graph.input('noise', z.shape);
	return m.add(m.mul(z, 1 - DECODE_NOISE), m.mul(noise, DECODE_NOISE));
}

/** linear₂(SiLU(linear₁(sinusoid))), [1, width]. */
function embed(m: Scope, sinusoid: Value, width: number): Value {
	const embedder = m.at('timestep_embedder');
	const h = linear(embedder.at('linear_1'), sinusoid, width);
	return linear(embedder.at('linear_2'), m.silu(h), width);
}

/** Rows (shift, scale), `pairs` times, of the table plus the embedding. */
function modulations(m: Scope, table: string, time: Value | null, pairs: number): Modulation[] {
	if (time === null) return [];
	const shape = [2 * pairs, time.shape[1]! / (2 * pairs)];
	const rows = m.add(m.param(table, shape), m.reshape(time, shape));
	const row = (i: number) => m.reshape(m.slice(rows, 0, i, i + 1), [1, shape[1]!, 1, 1, 1]);
	return Array.from({ length: pairs }, (_, i) => ({ shift: row(2 * i), scale: row(2 * i + 1) }));
}

function checkLatent(m: Scope, { shape }: Value, channels: number, least: number): void {
	const [batch, depth, frames = 0, height = 0, width = 0] = shape;
	const fits = shape.length === 5 && batch === 1 && depth === channels && frames >= 1;
	if (fits && height >= least && width >= least) return;
	const size = `frames, height ≥ ${least}, width ≥ ${least}`;
	throw m.mismatch(`a latent [1, ${channels}, ${size}]`, `[${shape}]`);
}
