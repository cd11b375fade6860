import { isUtf8 } from 'node:buffer';
import { isRecord } from '../weights/shards.ts';
import { Cuts } from './cuts.ts';

export type Json = Readonly<Record<string, unknown>>;

/**
 * Makes copies of a `tokenizer.json`, given as its bytes, without the pieces that cannot be in a
 * text: such a one cuts that text as the whole does, which with its 262,144 pieces would take
 * seconds to read and to set up. One that is not made as Gemma's is, where only spaces change before
 * a text is cut, stays as it is. Null where the bytes are no JSON of an object.
 */
export function piecesFor(bytes: Buffer): ((text: string) => Json) | null {
	const cuts = isUtf8(bytes) ? Cuts.find(bytes) : null;
	const frame = cuts && objectIn(cuts.keep([]));
	const space = frame && markOf(frame);
	if (cuts === null || frame === null || space === null) {
		const whole = objectIn(bytes);
		return whole && (() => whole);
	}
	const always = [...BYTES, ...unknownIn(frame)];
	return (text) => objectIn(cuts.keep([...always, text.replaceAll(' ', space)]))!;
}

/** Null for what is no JSON of an object. */
export function objectIn(text: string | Buffer): Json | null {
	try {
		const json: unknown = JSON.parse(text.toString());
		return isRecord(json) ? json : null;
	} catch {
		return null;
	}
}

/** What stands for a space, where nothing else is changed in a text or its parts. */
function markOf({ normalizer, pre_tokenizer: splitter, model }: Json): string | null {
	if (!isRecord(normalizer) || normalizer.type !== 'Replace') return null;
	if (splitter && !(isRecord(splitter) && splitter.type === 'Split')) return null;
	if (!isRecord(model) || model.type !== 'BPE') return null;
	if (model.end_of_word_suffix || model.continuing_subword_suffix) return null;
	const { pattern, content } = normalizer;
	const isSpace = isRecord(pattern) && pattern.String === ' ';
	return isSpace && typeof content === 'string' ? content : null;
}

/** A byte that is no piece's is told by its number. */
const BYTES = Array.from(
	{ length: 256 },
	(_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
);

/** The piece that stands for what is none. Tokens that are added need not be among the pieces. */
function unknownIn({ model }: Json): readonly string[] {
	const name = isRecord(model) && model.unk_token;
	return typeof name === 'string' ? [name] : [];
}
