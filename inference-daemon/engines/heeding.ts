import type { EngineDescription } from '../../protocol/engines.ts';
import type { GenerationRequest } from '../../protocol/generation.ts';

/** A part of a request that not every engine heeds. */
export type Wish = { readonly field: string; readonly what: string };

/** The first part of a request beside its kind that an engine does not heed; null for none. */
export function unheeded(
	request: GenerationRequest,
	{ takes }: Pick<EngineDescription, 'takes'>,
): Wish | null {
	if ((request.loras?.length ?? 0) > 0 && !takes.loras) {
		return { field: 'request.loras', what: 'LoRAs' };
	}
	if (request.reference !== undefined && !takes.reference) {
		return { field: 'request.reference', what: 'a reference clip' };
	}
	if (request.kind === 'insert' && request.length === 'model' && !takes.openLength) {
		return { field: 'request.length', what: 'a length that is left to the model' };
	}
	return null;
}
