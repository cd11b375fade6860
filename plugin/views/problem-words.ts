import type { Problem } from '../../protocol/errors.ts';
import type { Words } from '../strings/en.ts';

/**
 * What a refusal says to an editor. Messages that say what was expected of a call and what came are
 * for who reports or mends it: they stand in the details and in the tooltip.
 */
export function problemSays(words: Words, { code, message }: Pick<Problem, 'code' | 'message'>) {
	if (!/^(?:[\w.]+: )?Expected\b/.test(message)) return message;
	const plain: Readonly<Record<string, string>> = words.refusals;
	const known: Readonly<Record<string, string>> = words.problems;
	const title = known[code];
	return plain[code] ?? (title === undefined ? words.refusalOther : `${title}.`);
}

/** What an engine lacks, without what was looked for and where. */
export function needSays(words: Words, what: string): string {
	return /\bExpected\b/.test(what) ? words.modelNotHere : what;
}
