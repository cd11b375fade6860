import { PickupError } from '../../../../protocol/errors.ts';
import type { Graph, Precision } from '../graph/graph.ts';
import {
	CONTEXT_TOKENS,
	type ConnectorConfig,
	connectorGraph,
	connectorRows,
} from '../networks/connector.ts';
import {
	type Gemma,
	gemmaEmbeddingGraph,
	gemmaInputs,
	gemmaLayerGraph,
	gemmaNormGraph,
} from '../networks/gemma.ts';
import type { RotaryTable } from '../networks/rope.ts';
import { textConfig, textFeaturesGraph } from '../networks/text-features.ts';
import { Kernels } from '../runtime/kernels.ts';
import type { Provider } from '../runtime/provider.ts';
import { Session } from '../runtime/session.ts';
import type { NdArray } from '../runtime/values.ts';
import type { Checkpoint } from '../weights/checkpoint.ts';
import type { TextEncoder } from './encoder.ts';

/** [length, width] each: what the transformer's streams see of a prompt; all tokens count. */
export type Context = { readonly video: Features; readonly audio: Features };

export type Features = { readonly data: Float32Array; readonly shape: readonly number[] };

export type EncodeOptions = {
	readonly provider?: Provider;
	readonly precision?: Precision;
	/** Tokens of context, a multiple of the connectors' registers; default CONTEXT_TOKENS. */
	readonly length?: number;
	/** Ends it before the next node of a network. */
	readonly signal?: AbortSignal;
	/** 0…1, after each session. */
	readonly onProgress?: (fraction: number) => void;
};

/**
 * Tokens → Gemma → projection → connectors. `checkpoint` holds the last two. One network at a
 * time, and no session when it returns or throws. Throws PickupError `bad-weights` or `engine-failed`,
 * or the signal's reason.
 */
export async function encodeTokens(
	{ gemma, checkpoint: encoder }: TextEncoder,
	checkpoint: Checkpoint,
	tokens: readonly number[],
	options: EncodeOptions = {},
): Promise<Context> {
	checkTokens(gemma, tokens);
	const steps = textSteps(gemma, checkpoint, tokens.length, options);
	encoder.check();
	checkpoint.check();
	const kernels = new Kernels(options.provider ?? 'cpu');
	const run = oneAtATime(steps.all, kernels, options);
	const tables = new Map<string, RotaryTable>();
	try {
		const hidden_states = await hiddenStates(gemma, tokens, steps, run);
		const features = await run(steps.features, { hidden_states });
		const connect = async (stream: Stream) => {
			const { step, config } = steps.connectors[stream];
			// 19B's streams see the prompt in one width.
			const key = JSON.stringify([config.width, config.heads, config.maxPosition]);
			const rows = tables.get(key) ?? connectorRows(config, step.rows);
			tables.set(key, rows);
			const { context } = await run(step, { ...rows, features: features[stream]! });
			return { data: context!.data as Float32Array, shape: context!.shape };
		};
		return { video: await connect('video'), audio: await connect('audio') };
	} finally {
		await kernels.release();
	}
}

type Stream = 'video' | 'audio';

/** A graph and how many rows its matrices are multiplied with. */
type Step = { readonly graph: Graph; readonly rows: number };

type Steps = {
	readonly embedding: Step;
	readonly layers: readonly Step[];
	readonly norm: Step;
	readonly features: Step;
	readonly connectors: Record<Stream, { step: Step; config: ConnectorConfig }>;
	readonly all: readonly Step[];
};

type Run = (step: Step, inputs: Record<string, NdArray>) => Promise<Record<string, NdArray>>;

/** All graphs before the first runs, so that all that is missing is told at once and early. */
function textSteps(
	gemma: Gemma,
	checkpoint: Checkpoint,
	n: number,
	{ precision, length = CONTEXT_TOKENS }: EncodeOptions,
): Steps {
	const { hidden, spans } = gemma.config;
	const config = textConfig(checkpoint.config.transformer);
	const ofTokens = (graph: Graph): Step => ({ graph, rows: n });
	const connector = (stream: Stream) => {
		const weights = checkpoint.at(`model.diffusion_model.${stream}_embeddings_connector`);
		const graph = connectorGraph(weights, config[stream], n, {
			length,
			...(precision && { precision }),
		});
		return { step: { graph, rows: length }, config: config[stream] };
	};
	const projection = checkpoint.at('text_embedding_projection');
	const size = [spans.length + 1, n, hidden] as const;
	const embedding = ofTokens(gemmaEmbeddingGraph(gemma, n));
	const layers = spans.map((_, i) => ofTokens(gemmaLayerGraph(gemma, n, i, precision)));
	const norm = ofTokens(gemmaNormGraph(gemma, n));
	const features = ofTokens(textFeaturesGraph(projection, config, size, precision));
	const connectors = { video: connector('video'), audio: connector('audio') };
	const ends = [connectors.video.step, connectors.audio.step];
	const all = [embedding, ...layers, norm, features, ...ends];
	return { embedding, layers, norm, features, connectors, all };
}

/** [layers + 1, n, hidden]: the embedding, the layers' outputs, the last of them after the norm. */
async function hiddenStates(
	gemma: Gemma,
	tokens: readonly number[],
	{ embedding, layers, norm }: Steps,
	run: Run,
): Promise<NdArray> {
	const { hidden } = gemma.config;
	const shape = [layers.length + 1, tokens.length, hidden];
	const data = new Float32Array((layers.length + 1) * tokens.length * hidden);
	const keep = (index: number, state: NdArray) =>
		data.set(state.data as Float32Array, index * tokens.length * hidden);
	const inputs = gemmaInputs(gemma, tokens);
	let state = (await run(embedding, { tokens: inputs.tokens })).next!;
	for (const [i, layer] of layers.entries()) {
		keep(i, state);
		state = (await run(layer, { ...inputs, state })).next!;
	}
	keep(layers.length, (await run(norm, { state })).next!);
	return { data, shape };
}

/** A weight is read in about the time in which it is multiplied with so many rows. */
const READING = 256;

/** Runs steps, each in a session that is gone before the next one opens. */
function oneAtATime(all: readonly Step[], kernels: Kernels, options: EncodeOptions): Run {
	const { provider = 'cpu', signal, onProgress } = options;
	const [table] = all;
	const costs = new Map(all.map((step) => [step, step === table ? 0 : costOf(step)]));
	const whole = [...costs.values()].reduce((sum, cost) => sum + cost, 0);
	let done = 0;
	return async (step, inputs) => {
		signal?.throwIfAborted();
		// Of the table of tokens a few rows are read, which a GPU would want as a whole.
		const where = step === table ? 'cpu' : provider;
		if (where === provider) await kernels.keep();
		const opening = { provider: where, weights: 'mapped', signal } as const;
		const outputs = await Session.once(step.graph, inputs, opening);
		if (where === provider) await kernels.used(step.graph);
		done += costs.get(step)!;
		onProgress?.(Math.min(1, done / whole));
		return outputs;
	};
}

function costOf({ graph, rows }: Step): number {
	return graph.tensors.reduce((sum, { bytes }) => sum + bytes, 0) * (READING + rows);
}

function checkTokens({ config }: Gemma, tokens: readonly number[]): void {
	const strange = tokens.find((token) => token >= config.vocabulary);
	if (strange === undefined) return;
	throw new PickupError(
		'bad-weights',
		`Expected a tokenizer of the text encoder’s ${config.vocabulary} tokens, got token ${strange}`,
		{ action: 'Put tokenizer.json of the same Gemma beside its weights.' },
	);
}
