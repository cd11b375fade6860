import { de } from './de.ts';
import { en, type Words } from './en.ts';
import { ja } from './ja.ts';

export const LANGUAGES = { en, de, ja } as const;
export type LanguageCode = keyof typeof LANGUAGES;

declare const navigator: { readonly languages: readonly string[] } | undefined;

/** The wanted language, else the first of the system's that there is, else English. */
export function languageFor(wanted: LanguageCode | null): LanguageCode {
	if (wanted !== null) return wanted;
	const system = typeof navigator === 'undefined' ? [] : navigator.languages;
	for (const name of system) {
		const code = name.slice(0, 2).toLowerCase();
		if (Object.hasOwn(LANGUAGES, code)) return code as LanguageCode;
	}
	return 'en';
}

export function wordsFor(wanted: LanguageCode | null): Words {
	return LANGUAGES[languageFor(wanted)];
}
