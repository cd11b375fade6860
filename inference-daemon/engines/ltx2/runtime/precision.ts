import type { Precision } from '../graph/graph.ts';
import type { Provider } from './provider.ts';

/** What was found out about the device behind a provider. */
export type Adapter = {
	/** As its driver calls it; null where nothing tells. */
	readonly name: string | null;
	/** In which matrices multiply there and give what they give on the CPU. */
	readonly precisions: readonly Precision[];
};

/**
 * The types that a provider can gain by; on the CPU float32 is fastest and the reference. WebGPU adds
 * float16 up in float16, 1 to 2 % off where rows are as long as here, and has no bfloat16.
 */
const PREFERRED: Readonly<Record<Provider, readonly Precision[]>> = {
	cpu: [],
	webgpu: [],
	cuda: ['bfloat16', 'float16'],
};

/**
 * In which type a network's matrices and convolutions multiply: bfloat16, the type that LTX-2 was
 * trained in, where it exists; else float16. What flows between them is float32 either way.
 */
export function precisionFor(provider: Provider, adapter: Adapter): Precision {
	return PREFERRED[provider].find((type) => adapter.precisions.includes(type)) ?? 'float32';
}
