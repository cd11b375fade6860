import type { PauseReason } from '../../protocol/jobs.ts';
import type { Words } from '../strings/en.ts';
import { noteSays } from './note-words.ts';

/** Why a job stands still. */
export function pauseWords(words: Words, { program, busy }: PauseReason): string {
	return words.pausedWhile[busy](program);
}

/** What an engine says it is at, in the panel's language; what is not known stays as it is. */
export function phaseWords(words: Words, phase: string): string {
	if (phase === '') return words.starting;
	const known: Readonly<Record<string, string>> = words.phases;
	const part = /^(.*) \(part (\d+) of (\d+)\)$/.exec(phase);
	if (!part) return known[phase] ?? noteSays(words, phase);
	const [, name = '', index, count] = part;
	return words.partOf(known[name] ?? name, Number(index), Number(count));
}
