import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createRandom } from '../../inference-daemon/engines/inbetween/sound/random.ts';

/** The tokenizer of a tiny Gemma: the same in all but the number of its pieces. */
export const TINY = fileURLToPath(
	new URL('../tests/golden/tiny-ltx2/gemma-3-tiny/', import.meta.url),
);

/** As many as Gemma 3's has. */
const PIECES = 262_144;
const MERGES = 514_906;
const LONGEST = 14;

type Json = {
	readonly added_tokens: readonly { readonly content: string }[];
	readonly model: {
		readonly vocab: Readonly<Record<string, number>>;
		readonly merges: readonly (readonly [string, string])[];
	};
};

/**
 * Writes `tokenizer.json` and what belongs to it into a folder, as large as Gemma 3's own: its
 * pieces are put together at random, so that it costs as much to read and cuts text as finely as it
 * likes.
 */
export async function writeLargeTokenizer(folder: string): Promise<void> {
	await mkdir(folder, { recursive: true });
	const json = JSON.parse(await readFile(join(TINY, 'tokenizer.json'), 'utf8')) as Json;
	const { vocab, merges } = json.model;
	const fixed = new Set(json.added_tokens.map(({ content }) => content));
	const isText = (piece: string) => !fixed.has(piece) && !/^<.*>$/.test(piece);
	const pieces = Object.keys(vocab).filter(isText);
	const all = new Map(Object.entries(vocab));
	const more = merges.map((pair) => [...pair]);
	// Most of two that are both long would be too long.
	const short = pieces.length;
	while (more.length < MERGES) {
		const [a, b] = [pieces[below(pieces.length)]!, pieces[below(short)]!];
		// A space begins a word.
		if (a.length + b.length > LONGEST || b.startsWith('▁')) continue;
		const isNew = !all.has(a + b);
		if (isNew && all.size >= PIECES) {
			const [whole, cut] = [pieces[below(pieces.length)]!, 1 + below(LONGEST - 1)];
			if (cut < whole.length) more.push([whole.slice(0, cut), whole.slice(cut)]);
			continue;
		}
		if (isNew) {
			all.set(a + b, all.size);
			pieces.push(a + b);
		}
		more.push([a, b]);
	}
	const model = { ...json.model, vocab: Object.fromEntries(all), merges: more };
	await writeFile(join(folder, 'tokenizer.json'), JSON.stringify({ ...json, model }, null, 2));
	await copyFile(join(TINY, 'tokenizer_config.json'), join(folder, 'tokenizer_config.json'));
}

const random = createRandom(1);

/** A whole number below `limit`. */
function below(limit: number): number {
	return random() % limit;
}
