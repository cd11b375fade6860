/**
 * Cuts prompts into tokens. In a thread of its own, as its pieces are some 120 MB of small objects
 * which each of the engine's garbage collections would go through.
 */
import { createHash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import { Tokenizer } from '@huggingface/tokenizers';
import { isRecord } from '../weights/shards.ts';

export type TokensWanted = {
	/** The bytes of `tokenizer.json`. */
	readonly json: Uint8Array;
	/** The token that every text begins with. */
	readonly first: string;
	readonly text: string;
};

export type TokensReply =
	| { readonly tokens: readonly number[] }
	/** What the file is instead of a tokenizer with that token. */
	| { readonly failure: string };

parentPort!.on('message', (wanted: TokensWanted) => {
	parentPort!.postMessage(replyTo(wanted));
});

function replyTo({ json, first, text }: TokensWanted): TokensReply {
	try {
		const pieces = piecesOf(json);
		// What is set for other programs would change how the text is cut; only the name is of use.
		const begin = pieces.token_to_id(first);
		if (begin === undefined) return { failure: `no token ${first}` };
		const { ids } = pieces.encode(text, { add_special_tokens: false });
		return { tokens: [begin, ...ids] };
	} catch (error) {
		return { failure: error instanceof Error ? error.message : String(error) };
	}
}

let last: { readonly key: string; readonly pieces: Tokenizer } | null = null;

/** The last one stays open, as its pieces take a second to set up. */
function piecesOf(bytes: Uint8Array): Tokenizer {
	const key = createHash('sha256').update(bytes).digest('base64');
	if (last?.key !== key) {
		const json: unknown = JSON.parse(new TextDecoder().decode(bytes));
		if (!isRecord(json)) throw new Error('something else');
		last = { key, pieces: new Tokenizer(json, {}) };
	}
	return last.pieces;
}
