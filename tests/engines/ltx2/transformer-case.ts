import {
	rotaryGraph,
	type StreamPositions,
} from '../../../inference-daemon/engines/ltx2/networks/rotary-graph.ts';
import {
	type StreamSizes,
	TRANSFORMER,
	type Transformer,
} from '../../../inference-daemon/engines/ltx2/networks/transformer.ts';
import type { SkippedSelfAttention } from '../../../inference-daemon/engines/ltx2/networks/transformer-block.ts';
import { transformerConfig } from '../../../inference-daemon/engines/ltx2/networks/transformer-config.ts';
import {
	maskBias,
	noiseInputs,
} from '../../../inference-daemon/engines/ltx2/runtime/transformer-inputs.ts';
import type { NdArray } from '../../../inference-daemon/engines/ltx2/runtime/values.ts';
import { type Case, goldenCase, goldenWeights, runGraph } from './golden.ts';

/** A case as the transformer's graphs take it. */
export async function readCase(network: string, name: string) {
	const checkpoint = await goldenWeights(network);
	const { tensors, parameters } = await goldenCase(network, name);
	const config = transformerConfig(checkpoint.config.transformer);
	const skipSelfAttention = new Map<number, SkippedSelfAttention>();
	const perturbations = parameters.perturbations as [string, number[] | null][];
	for (const [kind, blocks] of perturbations) {
		for (const block of kind.endsWith('SELF_ATTN') ? blocks! : []) {
			const stream = kind === 'SKIP_VIDEO_SELF_ATTN' ? 'video' : 'audio';
			skipSelfAttention.set(block, { ...skipSelfAttention.get(block), [stream]: true });
		}
	}
	const given: Record<string, NdArray> = {};
	const noise = { video: noiseOf(tensors, 'video'), audio: noiseOf(tensors, 'audio') };
	Object.assign(given, noiseInputs(config, noise));
	const sizes: { video: StreamSizes | null; audio: StreamSizes | null } = {
		video: null,
		audio: null,
	};
	const positions: StreamPositions[] = [];
	for (const stream of [config.video, config.audio]) {
		const { name: s } = stream;
		if (!noise[s]) continue;
		const of = (what: string) => tensors[`in.${s}_${what}`];
		given[`${s}.latent`] = drop(of('latent')!);
		given[`${s}.${config.captionChannels ? 'caption' : 'context'}`] = drop(of('context')!);
		positions.push({ stream, bounds: drop(of('positions')!) });
		const [mask, keyframes] = [of('attention_mask'), of('keyframes_mask')];
		if (mask) given[`${s}.bias`] = maskBias(mask);
		if (keyframes) given[`${s}.keyframes`] = drop(keyframes);
		sizes[s] = {
			tokens: noise[s].timesteps.length,
			timesteps: given[`${s}.sinusoids`]!.shape[0]!,
			contextTokens: of('context')!.shape[1]!,
			masked: mask !== undefined,
			keyframes: keyframes !== undefined,
		};
	}
	const { graph, inputs } = rotaryGraph(config, positions);
	Object.assign(given, await runGraph(graph, inputs));
	const isolated = perturbations.some(([kind]) => kind === 'SKIP_A2V_CROSS_ATTN');
	const model: Transformer = {
		weights: checkpoint.at(TRANSFORMER),
		config,
		work: { ...sizes, isolated },
	};
	return { checkpoint, model, given, tensors, skipSelfAttention };
}

export type Shot = Awaited<ReturnType<typeof readCase>>;

export function noiseOf(tensors: Case['tensors'], stream: string) {
	const timesteps = tensors[`in.${stream}_timesteps`];
	if (!timesteps) return null;
	return { timesteps: timesteps.data, sigma: tensors[`in.${stream}_sigma`]!.data[0]! };
}

/** Without the axis of one batch. */
function drop<T extends NdArray>({
	data,
	shape,
}: T): { data: T['data']; shape: readonly number[] } {
	return { data, shape: shape.slice(1) };
}
