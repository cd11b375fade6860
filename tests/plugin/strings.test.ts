import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { en } from '../../plugin/strings/en.ts';
import { LANGUAGES, languageFor } from '../../plugin/strings/languages.ts';
import { ERROR_CODES } from '../../protocol/errors.ts';

type Entry = readonly [key: string, value: string | ((...values: never[]) => string)];

/** Every text of a language, by its path. */
function entriesOf(words: object, path = ''): readonly Entry[] {
	return Object.entries(words).flatMap(([key, value]): readonly Entry[] => {
		const name = path === '' ? key : `${path}.${key}`;
		return typeof value === 'object' ? entriesOf(value, name) : [[name, value]];
	});
}

/** What a text says when each of its values is one that can be found again. */
function filled([, value]: Entry): string {
	if (typeof value === 'string') return value;
	const values = Array.from({ length: value.length }, (_, index) => 4201 + index);
	return value(...(values as never[]));
}

/** Those of the values that are said: all but such as only choose between words. */
function said(entry: Entry): readonly string[] {
	return [...filled(entry).matchAll(/420\d/g)].map(([number]) => number).sort();
}

describe.each(Object.entries(LANGUAGES))('The words in %s', (_code, words) => {
	it('are all there and none too many', () => {
		const keys = (of: object) => entriesOf(of).map(([key]) => key);
		expect(keys(words)).toEqual(keys(en));
	});

	it('say every value that the English ones say', () => {
		const english = new Map(entriesOf(en).map((entry) => [entry[0], said(entry)]));
		for (const entry of entriesOf(words)) {
			expect([entry[0], ...said(entry)]).toEqual([entry[0], ...english.get(entry[0])!]);
		}
	});

	it('are never empty, have no technique in them and no exclamation mark', () => {
		for (const entry of entriesOf(words)) {
			const text = filled(entry);
			expect(text.trim(), entry[0]).not.toBe('');
			expect(text, entry[0]).not.toMatch(/[!！]|\bplease\b|\boops\b/i);
		}
	});
});

it('Every refusal that a panel can meet is said and advised on', () => {
	// Of the command and of the connection alone.
	const others = new Set<string>([
		...['bad-message', 'wrong-token', 'version-mismatch', 'hello-first', 'no-such-method'],
		...['request-id-reused', 'events-gone', 'not-a-regular-file', 'folder-missing', 'state-locked'],
		...[
			'timeline-malformed',
			'timeline-unsupported',
			'editor-not-found',
			'install-conflict',
			'download-failed',
			'usage',
		],
	]);
	const codes = ERROR_CODES.filter((code) => !others.has(code)).sort();
	expect(Object.keys(en.advice).sort()).toEqual(codes);
	const said = new Set([...Object.keys(en.refusals), ...Object.keys(en.problems)]);
	expect(codes.filter((code) => !said.has(code))).toEqual([]);
});

it('A language that is not there is English', () => {
	expect(languageFor(null)).toBe('en');
	expect(languageFor('ja')).toBe('ja');
});

it('No text is kept that nothing shows', async () => {
	const folder = fileURLToPath(new URL('../../plugin', import.meta.url));
	const names = (await readdir(folder, { recursive: true })).filter(
		(name) => /\.tsx?$/.test(name) && !name.startsWith('strings'),
	);
	const sources = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
	const all = sources.join('\n');
	// Some are found by a name that is a value: `words[tab]`.
	const byName = new Set(['cut', 'history', 'setup']);
	const unused = Object.keys(en).filter(
		(key) => !byName.has(key) && !new RegExp(`\\b(words|each)\\.${key}\\b`).test(all),
	);
	expect(unused).toEqual([]);
});
