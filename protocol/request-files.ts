import type { GenerationRequest } from './generation.ts';
import type { ClipSpan } from './timeline.ts';

/** A file that a request names, and the field that names it. */
export type RequestFile = readonly [field: string, path: string];

/** All files that a request's clip is made from, but those of the model. */
export function* requestFiles(request: GenerationRequest): Generator<RequestFile, void, void> {
	const { left, right, sound } = request.context;
	yield* fileOf('request.context.left', left);
	yield* fileOf('request.context.right', right);
	for (const [index, span] of sound.entries()) {
		yield* fileOf(`request.context.sound.${index}`, span);
	}
	if ('clip' in request) yield* fileOf('request.clip', request.clip);
	if (request.kind === 'insert') {
		for (const [index, image] of request.images.entries()) {
			yield [`request.images.${index}.path`, image.path];
		}
	}
	if (request.kind === 'animate' && request.firstFrame !== undefined) {
		yield ['request.firstFrame', request.firstFrame];
	}
	for (const [index, lora] of (request.loras ?? []).entries()) {
		yield [`request.loras.${index}.path`, lora.path];
	}
	if (request.reference !== undefined) yield ['request.reference.path', request.reference.path];
}

function* fileOf(field: string, span: ClipSpan | null): Generator<RequestFile, void, void> {
	if (span?.source.kind === 'file') yield [`${field}.source.path`, span.source.path];
}
