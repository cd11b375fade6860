import type { Words } from '../strings/en.ts';

/** What an engine calls its phases, in the panel's language; what is not known stays as it is. */
export function phaseWords(words: Words, phase: string): string {
	if (phase === '') return words.starting;
	const known: Readonly<Record<string, string>> = words.phases;
	const part = /^(.*) \(part (\d+) of (\d+)\)$/.exec(phase);
	if (!part) return known[phase] ?? phase;
	const [, name = '', index, count] = part;
	return words.partOf(known[name] ?? name, Number(index), Number(count));
}
