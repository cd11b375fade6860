import type { Value } from '../graph/graph.ts';
import type { Scope } from '../graph/scope.ts';
import {
	activate,
	convolve,
	normalise,
	type Padding,
	resBlock,
	type Stride,
	spaceToDepth,
	statistics,
	strideOf,
	type VideoVaeConfig,
	type Watch,
} from './video-vae.ts';

/**
 * Pixels [1, 3, 8 · k + 1, height, width] in −1…1, height and width multiples of 32, to the
 * normalised latent [1, 128, k + 1, height / 32, width / 32]: the mean of what the network tells,
 * nothing is drawn. `m` is the VAE.
 */
export function videoVaeEncoder(
	m: Scope,
	pixels: Value,
	config: VideoVaeConfig,
	watch: Watch = () => {},
): Value {
	const { latent_channels: channels, patch_size: patch, encoder_blocks: blocks } = config;
	checkSize(m, pixels, config);
	const encoder = m.at('encoder');
	const padding: Padding = { causal: true, space: config.spatial_padding_mode ?? 'zeros' };
	let x = spaceToDepth(encoder, pixels, [1, patch, patch], 'twh');
	watch('patchified', x);
	x = convolve(encoder.at('conv_in'), x, channels, padding);
	watch('conv_in', x);
	for (const [i, [kind, options]] of blocks.entries()) {
		const block = encoder.at('down_blocks').at(i);
		if (kind === 'res_x') {
			for (let j = 0; j < options.num_layers; j++) {
				x = resBlock(block.at('res_blocks').at(j), x, padding);
			}
		} else x = compress(block, x, options.multiplier, strideOf(kind), padding);
		watch(`down_block${i}`, x);
	}
	// The last channel is a log-variance that all others share.
	x = convolve(encoder.at('conv_out'), activate(encoder, x), channels + 1, padding);
	watch('conv_out', x);
	return normalise(encoder, encoder.slice(x, 1, 0, channels), statistics(m, channels));
}

/**
 * s2d(conv(x)) + the mean over groups of channels of s2d(x), after another first frame where
 * frames are joined.
 */
function compress(m: Scope, x: Value, multiplier: number, stride: Stride, padding: Padding): Value {
	const channels = x.shape[1]! * multiplier;
	const long = stride[0] === 1 ? x : m.concat([m.slice(x, 2, 0, 1), x], 2);
	const skip = spaceToDepth(m, long, stride);
	const [, depth, ...size] = skip.shape as [number, number, number, number, number];
	const change = convolve(m.at('conv'), long, (channels * x.shape[1]!) / depth, padding);
	const mean = m.mean(m.reshape(skip, [channels, depth / channels, ...size]), [1]);
	return m.add(spaceToDepth(m, change, stride), m.reshape(mean, [1, channels, ...size]));
}

function checkSize(m: Scope, { shape }: Value, { patch_size, encoder_blocks }: VideoVaeConfig) {
	const scale = [1, patch_size, patch_size];
	for (const [kind] of encoder_blocks) {
		if (kind === 'res_x') continue;
		for (const [axis, stride] of strideOf(kind).entries()) scale[axis]! *= stride;
	}
	const [time, height, width] = scale as [number, number, number];
	const [batch, colours, frames, h, w] = shape;
	const fits = shape.length === 5 && batch === 1 && colours === 3;
	if (fits && (frames! - 1) % time === 0 && h! % height === 0 && w! % width === 0) return;
	throw m.mismatch(
		`pixels [1, 3, ${time} · k + 1, ${height} · h, ${width} · w]; crop or pad them`,
		`[${shape}]`,
	);
}
