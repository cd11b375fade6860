import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../inference-daemon/engines/inbetween/sound/random.ts';
import { piecesFor } from '../../../inference-daemon/engines/ltx2/prompt/pieces.ts';
import { TINY_GEMMA } from './tiny.ts';

type Json = Record<string, unknown>;
type Model = { vocab: Record<string, number>; merges: [string, string][] };

const TINY = JSON.parse(readFileSync(join(TINY_GEMMA, 'tokenizer.json'), 'utf8')) as Json;
const { vocab: VOCAB, merges: MERGES } = TINY.model as Model;
const TEXT = 'the vocab of a "street" at night \\ and\n\n\tnaïve café, 雨の夜 <start_of_turn>';

it('cut any text into the same tokens as all pieces do', () => {
	const [few, whole] = [piecesFor(bytesOf(TINY))!, new Tokenizer(TINY, {})];
	const odd = [
		...' ▁\n\t"\\/<>{}é雨😀♫\ud800\u0301\0',
		'  ',
		'<0x41>',
		'<unk>',
		'<eos>',
		'\\u00e9',
	];
	const parts = [...Object.keys(VOCAB), ...odd, ...odd];
	for (let i = 0; i < 300; i++) {
		const text = Array.from({ length: below(60) }, () => parts[below(parts.length)]).join('');
		expect(idsOf(few(text), text), JSON.stringify(text)).toEqual(cut(whole, text));
	}
});

describe('are few, and enough, however the JSON is written:', () => {
	const { model, ...rest } = TINY as { model: Json };
	const { vocab, merges, ...settings } = model;
	const escaped = (code: string) => `\\u${code.charCodeAt(0).toString(16).padStart(4, '0')}`;
	const layouts: Record<string, string> = {
		'on one line': JSON.stringify(TINY),
		'in many lines': JSON.stringify(TINY, null, '\t').replaceAll('\n', '\r\n '),
		'merges in front': JSON.stringify({ model: { merges, ...settings, vocab }, ...rest }),
		'every sign escaped': JSON.stringify(TINY).replace(/[^ -~]/g, escaped),
		'names escaped': JSON.stringify(TINY)
			.replace('"model"', '"mod\\u0065l"')
			.replace('"vocab":{', '"\\u0076ocab" : {'),
		'the same names elsewhere': JSON.stringify({
			vocab: { a: '"model":{"vocab":{', b: [{ vocab: {} }, '}'] },
			merges: [[]],
			...rest,
			model: { note: { vocab: [1], merges: '\\' }, ...model },
		}),
		'pieces of these names': JSON.stringify({
			...rest,
			model: {
				...model,
				vocab: { model: 900, ...VOCAB, vocab: 901, '"merges":[': 902, '': 903 },
				merges: [...MERGES, ['v', 'o'], ['c', 'a'], ['vo', 'ca'], ['voca', 'b']],
			},
		}),
		'what is said twice': JSON.stringify(TINY)
			.replace('"vocab":{', '"vocab":{"t":9},"vocab":{"a":7,')
			.replace('"merges":[', '"merges":[["t","h"],'),
	};
	it.each(Object.entries(layouts))('%s', (_, text) => {
		const json = JSON.parse(text) as Json;
		const few = piecesFor(Buffer.from(text))!(TEXT);
		expect(countOf(few)).toBeLessThan(countOf(json) / 2 + 256);
		expect(mergesOf(few)).toBeLessThan(mergesOf(json) / 2);
		expect(idsOf(few, TEXT)).toEqual(idsOf(json, TEXT));
	});
});

it('are enough where merges lead to what is longer than any of them', () => {
	const pieces = { '<unk>': 0, a: 1, b: 2, aaaa: 3 };
	const merges = ['a a', 'aa aa', 'aaaa aaaa', 'b b'].map((pair) => pair.split(' '));
	const model = { ...(TINY.model as Json), vocab: pieces, merges };
	const json = { ...TINY, added_tokens: [], model };
	const text = 'aaaabaaaaaaaa';
	const ids = idsOf(json, text);
	expect(ids).toEqual([3, 2, 0]);
	expect(idsOf(piecesFor(bytesOf(json))!(text), text)).toEqual(ids);
});

describe('all stay where', () => {
	const model = TINY.model as Json;
	it.each([
		['more than spaces change', { normalizer: { type: 'NFKC' } }],
		['its parts are changed', { pre_tokenizer: { type: 'ByteLevel' } }],
		['words end in something', { model: { ...model, end_of_word_suffix: '</w>' } }],
		['merges are texts', { model: { ...model, merges: MERGES.map((pair) => pair.join(' ')) } }],
		['there are no merges', { model: { ...model, merges: [] } }],
		['numbers are none', { model: { ...model, vocab: { ...VOCAB, the: 'many' } } }],
		['it is another model', { model: { ...model, type: 'WordPiece' } }],
	])('%s', (_, changes) => {
		const changed = { ...TINY, ...changes };
		expect(piecesFor(bytesOf(changed))!('a')).toEqual(changed);
	});

	it('a byte is none of UTF-8', () => {
		const bytes = bytesOf(TINY);
		bytes[bytes.indexOf('"the"') + 1] = 0xff;
		expect(countOf(piecesFor(bytes)!('a'))).toBe(countOf(TINY));
	});
});

it('of what is damaged are those of the library, or none where it is no JSON', () => {
	const seen = ['<unk>', 'a', '"', '\\', '\n', 'é', '😀', '▁', 'ab', '▁ab'];
	const unseen = ['x', 'xy', '\t', '"x', '\\y', 'ü'];
	const vocab = Object.fromEntries([...seen, ...unseen].map((piece, i) => [piece, i]));
	const pairs = ['a b', '▁ ab', '" \\', 'é 😀', 'x y', '\\ y', '" x'];
	const merges = pairs.map((pair) => pair.split(' '));
	const small = { ...TINY, added_tokens: [], model: { ...(TINY.model as Json), vocab, merges } };
	const text = 'ab ab "\\ é😀 \nba';
	const plain = JSON.stringify(small).replace('é', '\\u00e9');
	// Most of the bytes are before the model.
	const from = plain.indexOf('"vocab"');
	let refused = 0;
	for (let i = 0; i < 1000; i++) {
		const bytes = damaged(Buffer.from(plain), from);
		const few = piecesFor(bytes);
		const whole = jsonOf(bytes);
		expect(few === null, bytes.toString()).toBe(whole === null);
		if (few && whole) expect(outcome(few(text), text)).toEqual(outcome(whole, text));
		else refused++;
	}
	expect(refused).toBeGreaterThan(300);
	expect(refused).toBeLessThan(900);
});

it.each(['', 'null', '[]', '"model"', '{"model":', '\ufeff{}'])('of %j are none', (text) => {
	expect(piecesFor(Buffer.from(text))).toBe(null);
});

/** Cut off, or with a byte left out, changed, or one more. */
function damaged(bytes: Buffer, from: number): Buffer {
	const place = from + below(bytes.length - from);
	const signs = Buffer.from('"\\{}[],: 0-.eau\n\x01');
	const sign = signs.subarray(below(signs.length)).subarray(0, 1);
	const [before, after] = [bytes.subarray(0, place), bytes.subarray(place)];
	const ways = [
		[before],
		[before, after.subarray(1)],
		[before, sign, after.subarray(1)],
		[before, sign, after],
	];
	return Buffer.concat(ways[below(ways.length)]!);
}

function outcome(json: Json, text: string): unknown {
	try {
		return idsOf(json, text);
	} catch {
		return 'refused';
	}
}

function jsonOf(bytes: Buffer): Json | null {
	try {
		return JSON.parse(bytes.toString());
	} catch {
		return null;
	}
}

function idsOf(json: Json, text: string): readonly number[] {
	return cut(new Tokenizer(json, {}), text);
}

function cut(tokenizer: Tokenizer, text: string): readonly number[] {
	return tokenizer.encode(text, { add_special_tokens: false }).ids;
}

function countOf(json: Json): number {
	return Object.keys((json.model as Model).vocab).length;
}

function mergesOf(json: Json): number {
	return (json.model as Model).merges.length;
}

function bytesOf(json: unknown): Buffer {
	return Buffer.from(JSON.stringify(json));
}

const random = createRandom(1);

/** A whole number below `limit`. */
function below(limit: number): number {
	return random() % limit;
}
