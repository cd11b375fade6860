import type { Insertion, Replacement } from './format.ts';

/** A stretch of a text that an edit added: `start ≤ i < end`, in characters of the new text. */
export type InsertedSpan = { readonly start: number; readonly end: number };

/** Adds the insertions to the text. Those at one offset keep the order in which they are given. */
export function splice(
	text: string,
	insertions: readonly Insertion[],
): { readonly text: string; readonly spans: readonly InsertedSpan[] } {
	const ordered = [...insertions].sort((a, b) => a.offset - b.offset);
	const parts: string[] = [];
	const spans: InsertedSpan[] = [];
	let from = 0;
	let added = 0;
	for (const insertion of ordered) {
		if (insertion.offset < 0 || insertion.offset > text.length) {
			throw new RangeError(`Insertion at ${insertion.offset} is outside the text`);
		}
		parts.push(text.slice(from, insertion.offset), insertion.text);
		const start = insertion.offset + added;
		added += insertion.text.length;
		spans.push({ start, end: start + insertion.text.length });
		from = insertion.offset;
	}
	parts.push(text.slice(from));
	return { text: parts.join(''), spans };
}

/** Puts texts in the place of others, none of which overlap. */
export function replaceIn(text: string, replacements: readonly Replacement[]): string {
	const parts: string[] = [];
	let from = 0;
	for (const { offset, length, text: put } of replacements.toSorted(
		(a, b) => a.offset - b.offset,
	)) {
		if (offset < from || offset + length > text.length) {
			throw new RangeError(`Replacement at ${offset} overlaps another, or is outside the text`);
		}
		parts.push(text.slice(from, offset), put);
		from = offset + length;
	}
	return parts.join('') + text.slice(from);
}

/**
 * The spans of two splices, one after the other, in characters of the last text: `earlier` are
 * those of the first, and `later` those that the second added to its result.
 */
export function composeSpans(
	earlier: readonly InsertedSpan[],
	later: readonly InsertedSpan[],
): readonly InsertedSpan[] {
	const shifted = earlier.map((span) => {
		let { start, end } = span;
		for (const added of later) {
			const length = added.end - added.start;
			if (added.start <= start) start += length;
			if (added.start < end) end += length;
		}
		return { start, end };
	});
	const apart = later.filter(
		(added) => !shifted.some((span) => span.start <= added.start && added.end <= span.end),
	);
	return [...shifted, ...apart].sort((a, b) => a.start - b.start);
}
