import { PickupError } from '../../../../protocol/errors.ts';
import { CONTEXT_TOKENS } from '../networks/connector.ts';
import { textConfig } from '../networks/text-features.ts';
import type { Checkpoint } from '../weights/checkpoint.ts';
import { partOf } from '../weights/parts.ts';
import { type ContextCache, contextKey, recall, remember } from './cache.ts';
import { type Context, type EncodeOptions, encodeTokens } from './encode.ts';
import type { TextEncoder } from './encoder.ts';

export type ContextOptions = EncodeOptions & {
	/**
	 * What becomes of a prompt of more tokens than `length`: it is refused, or, as the reference
	 * does with negative prompts, cut at its end. Default `refuse`.
	 */
	readonly overlong?: 'refuse' | 'cut';
	/** Where contexts are kept, so that the same prompt never opens Gemma again. */
	readonly cache?: ContextCache;
};

/**
 * What the transformer sees of a prompt, which may be empty. `checkpoint` holds the text projection and
 * the connectors, with its LoRAs. No network is in memory when it
 * returns or throws. Throws PickupError: `bad-request` for a prompt that is too long, with the
 * count, `bad-weights` or `engine-failed`; or the signal's reason.
 */
export async function promptContext(
	prompt: string,
	encoder: TextEncoder,
	checkpoint: Checkpoint,
	options: ContextOptions = {},
): Promise<Context> {
	const { cache, signal, onProgress } = options;
	signal?.throwIfAborted();
	const key = cache && (await keyOf(prompt, encoder, checkpoint, options));
	const known = cache && (await recall(cache, key!));
	if (known) {
		onProgress?.(1);
		return known;
	}
	const tokens = await tokensOf(prompt, encoder, options);
	const context = await encodeTokens(encoder, checkpoint, tokens, options);
	if (cache) await remember(cache, key!, context);
	return context;
}

async function tokensOf(
	prompt: string,
	encoder: TextEncoder,
	{ length = CONTEXT_TOKENS, overlong = 'refuse' }: ContextOptions,
): Promise<readonly number[]> {
	const tokens = await encoder.tokens(prompt);
	if (tokens.length <= length) return tokens;
	if (overlong === 'cut') return tokens.slice(0, length);
	throw new PickupError(
		'bad-request',
		`Expected a prompt of at most ${length} tokens, got ${tokens.length}`,
		{ field: 'prompt', action: 'Describe the shot in fewer words.' },
	);
}

function keyOf(
	prompt: string,
	encoder: TextEncoder,
	checkpoint: Checkpoint,
	{ length = CONTEXT_TOKENS, precision = 'float32', overlong = 'refuse' }: ContextOptions,
): Promise<string> {
	const tensors = [...checkpoint.names()].filter((name) => PARTS.includes(partOf(name)));
	const files = tensors.map((name) => checkpoint.find(name)!.path);
	const config = textConfig(checkpoint.config.transformer);
	const changes = tensors.flatMap((name) => {
		const own = checkpoint.lowRanks(name).map(({ a, strength }) => ({ path: a.path, strength }));
		return own.length === 0 ? [] : [own];
	});
	const loras = [...new Set(changes.map((own) => JSON.stringify(own)))];
	const told = [prompt.trim(), overlong, length, precision, config, ...loras];
	const paths = changes.flat().map(({ path }) => path);
	return contextKey(told, [...encoder.files, ...files, ...paths]);
}

const PARTS: readonly string[] = ['connectors', 'text projection'];
