import {
	type Gemma,
	gemmaEmbeddingGraph,
	gemmaInputs,
	gemmaLayerGraph,
	gemmaNormGraph,
} from '../../../inference-daemon/engines/ltx2/networks/gemma.ts';
import type { Provider } from '../../../inference-daemon/engines/ltx2/runtime/provider.ts';
import type { NdArray } from '../../../inference-daemon/engines/ltx2/runtime/values.ts';
import { runGraph } from './golden.ts';

/** The whole model in the pieces that run one after the other. */
export function gemmaGraphs(gemma: Gemma, n: number) {
	return {
		embedding: gemmaEmbeddingGraph(gemma, n),
		layers: gemma.config.spans.map((_, i) => gemmaLayerGraph(gemma, n, i)),
		norm: gemmaNormGraph(gemma, n),
	};
}

/** [n, hidden] each: the embedding, the layers' outputs, the last of them after the norm. */
export async function gemmaStates(
	gemma: Gemma,
	tokens: readonly number[],
	provider: Provider = 'cpu',
): Promise<NdArray[]> {
	const { embedding, layers, norm } = gemmaGraphs(gemma, tokens.length);
	const inputs = gemmaInputs(gemma, tokens);
	// As the product does: of the table a few rows are read, which a GPU would want as a whole.
	let state = (await runGraph(embedding, { tokens: inputs.tokens }, 'cpu')).next!;
	const states: NdArray[] = [];
	for (const layer of layers) {
		states.push(state);
		state = (await runGraph(layer, { ...inputs, state }, provider)).next!;
	}
	states.push((await runGraph(norm, { state }, provider)).next!);
	return states;
}
