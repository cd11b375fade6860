import { Graph } from '../graph/graph.ts';
import { Scope } from '../graph/scope.ts';
import { audioDecoder, audioEncoder, audioVaeConfig } from '../networks/audio-vae.ts';
import { connectorGraph } from '../networks/connector.ts';
import { durationConfig, durationHeadGraph } from '../networks/duration-head.ts';
import {
	type Gemma,
	gemmaEmbeddingGraph,
	gemmaLayerGraph,
	gemmaNormGraph,
} from '../networks/gemma.ts';
import { gemma3 } from '../networks/gemma3.ts';
import { gemma4 } from '../networks/gemma4.ts';
import { textConfig, textFeaturesGraph } from '../networks/text-features.ts';
import {
	blocksGraph,
	captionGraph,
	headGraph,
	TRANSFORMER,
	type TransformerSizes,
	tailGraph,
} from '../networks/transformer.ts';
import { transformerConfig } from '../networks/transformer-config.ts';
import { upsampler, upsamplerConfig } from '../networks/upsampler.ts';
import { videoVaeConfig } from '../networks/video-vae.ts';
import { videoVaeDecoder } from '../networks/video-vae-decoder.ts';
import { videoVaeEncoder } from '../networks/video-vae-encoder.ts';
import { vocoder, vocoderConfig } from '../networks/vocoder.ts';
import type { TextEncoder } from '../prompt/encoder.ts';
import type { Checkpoint } from '../weights/checkpoint.ts';
import { reasonUnused } from '../weights/known-unused.ts';
import { type Part, partOf } from '../weights/parts.ts';

export type CheckOptions = {
	/** `config.json` beside a Gemma; LTX-2's own stands in for it. */
	readonly gemmaConfig?: unknown;
};

/**
 * Builds, at the smallest size and without running any, every graph that reads a part which the
 * checkpoint holds. Throws PickupError `bad-weights` that names every tensor that is missing or
 * misshapen. Gives the names of those that nothing reads and that are not known to be unused. A
 * text projection without the transformer whose configuration tells its size is not judged: open
 * both together.
 */
export function checkWeights(
	checkpoint: Checkpoint,
	options: CheckOptions = {},
): { readonly unused: readonly string[] } {
	const names = [...checkpoint.names()].filter((name) => reasonUnused(name) === null);
	const parts = new Set(names.map(partOf));
	if (checkpoint.config.transformer === undefined) parts.delete('text projection');
	for (const [part, build] of Object.entries(BUILDERS)) {
		if (parts.has(part as Part)) build(checkpoint, options);
	}
	checkpoint.check();
	const isStrange = (name: string) => reasonUnused(name) === null && isJudged(partOf(name), parts);
	return { unused: checkpoint.unused().filter(isStrange) };
}

/** As `checkWeights` for a text encoder that is open. */
export function checkGemma({ gemma, checkpoint }: TextEncoder): readonly string[] {
	buildLayers(gemma);
	checkpoint.check();
	return checkpoint
		.unused()
		.filter((name) => reasonUnused(name) === null && partOf(name) === 'text encoder');
}

function isJudged(part: Part, parts: ReadonlySet<Part>): boolean {
	return part !== 'text projection' || parts.has(part);
}

const BUILDERS: Partial<Record<Part, (checkpoint: Checkpoint, options: CheckOptions) => void>> = {
	transformer: buildTransformer,
	connectors: buildConnectors,
	'text projection': buildTextFeatures,
	'text encoder': buildGemma,
	'duration head'(checkpoint) {
		durationHeadGraph(checkpoint.at('duration_head'), durationConfig(checkpoint.config), 1);
	},
	'video encoder'(checkpoint) {
		const m = new Scope(new Graph('video encoder'), checkpoint.at('vae'));
		const pixels = m.graph.input('pixels', [1, 3, 9, 64, 64]);
		videoVaeEncoder(m, pixels, videoVaeConfig(checkpoint));
	},
	'video decoder'(checkpoint) {
		const config = videoVaeConfig(checkpoint);
		const m = new Scope(new Graph('video decoder'), checkpoint.at('vae'));
		videoVaeDecoder(m, m.graph.input('latent', [1, config.latent_channels, 2, 2, 2]), config);
	},
	'audio encoder'(checkpoint) {
		const config = audioVaeConfig(checkpoint);
		const m = new Scope(new Graph('audio encoder'), checkpoint.at('audio_vae'));
		audioEncoder(m, m.graph.input('mel', [1, config.in_channels, 8, config.mel_bins]), config);
	},
	'audio decoder'(checkpoint) {
		const config = audioVaeConfig(checkpoint);
		const m = new Scope(new Graph('audio decoder'), checkpoint.at('audio_vae'));
		const shape = [1, config.z_channels, 2, config.mel_bins / 4];
		audioDecoder(m, m.graph.input('latent', shape), config);
	},
	vocoder(checkpoint) {
		const m = new Scope(new Graph('vocoder'), checkpoint.at('vocoder'));
		vocoder(m, m.graph.input('mel', [1, 2, 4, 64]), vocoderConfig(checkpoint));
	},
	upsampler(checkpoint) {
		const config = upsamplerConfig(checkpoint);
		const m = new Scope(new Graph('upsampler'), checkpoint.root);
		upsampler(m, m.graph.input('latent', [1, config.in_channels, 2, 2, 2]), config);
	},
};

function buildTransformer(checkpoint: Checkpoint): void {
	const config = transformerConfig(checkpoint.config.transformer);
	const size = { tokens: 1, timesteps: 1, contextTokens: 1 };
	const work: TransformerSizes = { video: { ...size, keyframes: true }, audio: size };
	const model = { weights: checkpoint.at(TRANSFORMER), config, work };
	headGraph(model);
	if (config.captionChannels !== null) captionGraph(model);
	for (let block = 0; block < config.blocks; block++) blocksGraph(model, block);
	tailGraph(model);
}

function buildConnectors(checkpoint: Checkpoint): void {
	const config = textConfig(checkpoint.config.transformer);
	for (const stream of ['video', 'audio'] as const) {
		const weights = checkpoint.at(`${TRANSFORMER}.${stream}_embeddings_connector`);
		connectorGraph(weights, config[stream], 1, { length: config[stream].registers });
	}
}

/** As many layers of the text model as the projection's columns have room for. */
function buildTextFeatures(checkpoint: Checkpoint): void {
	const config = textConfig(checkpoint.config.transformer);
	const weights = checkpoint.at('text_embedding_projection');
	textFeaturesGraph(weights, config, [1, 1, projectionColumns(checkpoint) ?? 1]);
}

/** How many numbers the text projection reads of each token: all layers' together. */
export function projectionColumns(checkpoint: Checkpoint): number | undefined {
	return ['aggregate_embed', 'video_aggregate_embed', 'audio_aggregate_embed']
		.map((name) => checkpoint.shape(`text_embedding_projection.${name}.weight`)?.[1])
		.find((found) => found !== undefined);
}

function buildGemma(checkpoint: Checkpoint, { gemmaConfig }: CheckOptions): void {
	const isFourth = checkpoint.find('model.layers.0.layer_scalar') !== null;
	buildLayers((isFourth ? gemma4 : gemma3)(checkpoint, gemmaConfig));
}

function buildLayers(gemma: Gemma): void {
	gemmaEmbeddingGraph(gemma, 1);
	for (let layer = 0; layer < gemma.config.spans.length; layer++) gemmaLayerGraph(gemma, 1, layer);
	gemmaNormGraph(gemma, 1);
}
