import type { InsertedSpan } from '../../host-bridge/timeline-file/splice.ts';

/** Takes the spans out again: of a spliced text, this is the original. */
export function unsplice(text: string, spans: readonly InsertedSpan[]): string {
	const parts: string[] = [];
	let from = 0;
	for (const span of [...spans].sort((a, b) => a.start - b.start)) {
		parts.push(text.slice(from, span.start));
		from = span.end;
	}
	parts.push(text.slice(from));
	return parts.join('');
}
