import { isRecord } from '../weights/shards.ts';

type Json = Readonly<Record<string, unknown>>;

/**
 * Makes copies of a `tokenizer.json` without the pieces that cannot be in a text: such a one cuts that
 * text as the whole does, which with its 262,144 pieces would take seconds to set up. One that is not
 * made as Gemma's is, where only spaces change before a text is cut, stays as it is.
 */
export function piecesFor(tokenizer: Json): (text: string) => Json {
	const { model, normalizer } = tokenizer;
	const space = markOf(normalizer);
	if (space === null || !isRecord(model) || !isRecord(model.vocab)) return () => tokenizer;
	const { vocab, merges, unk_token: unknown } = model;
	if (!Array.isArray(merges) || !merges.every(isPair)) return () => tokenizer;
	const longest = longestIn(vocab);
	const always = [...BYTES, ...namesIn(tokenizer), unknown];
	return (text) => {
		const known = partsOf(text.replaceAll(' ', space), longest);
		const numbered = [...known, ...always].flatMap((piece) =>
			typeof piece === 'string' && Object.hasOwn(vocab, piece) ? [[piece, vocab[piece]]] : [],
		);
		const few = {
			...model,
			vocab: Object.fromEntries(numbered),
			merges: merges.filter(([a, b]) => known.has(a) && known.has(b) && known.has(a + b)),
		};
		return { ...tokenizer, model: few };
	};
}

/** A byte that is no piece's is told by its number. */
const BYTES = Array.from(
	{ length: 256 },
	(_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
);

/** What stands for a space, where nothing else is changed in a text. */
function markOf(normalizer: unknown): string | null {
	if (!isRecord(normalizer) || normalizer.type !== 'Replace') return null;
	const { pattern, content } = normalizer;
	const isSpace = isRecord(pattern) && pattern.String === ' ';
	return isSpace && typeof content === 'string' ? content : null;
}

function isPair(merge: unknown): merge is readonly [string, string] {
	return Array.isArray(merge) && typeof merge[0] === 'string' && typeof merge[1] === 'string';
}

/** All that stands in a text, up to a length. */
function partsOf(text: string, longest: number): ReadonlySet<string> {
	const parts = new Set<string>();
	for (let start = 0; start < text.length; start++) {
		const most = Math.min(text.length, start + longest);
		for (let end = start + 1; end <= most; end++) parts.add(text.slice(start, end));
	}
	return parts;
}

function longestIn(vocab: Json): number {
	let longest = 0;
	for (const piece in vocab) longest = Math.max(longest, piece.length);
	return longest;
}

/** Pieces that stand for something else than text. */
function namesIn({ added_tokens: added }: Json): readonly unknown[] {
	return Array.isArray(added) ? added.map((token) => isRecord(token) && token.content) : [];
}
