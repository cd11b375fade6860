import { type ErrorCode, PickupError, type Problem } from '../../protocol/errors.ts';
import { en, type Words } from '../strings/en.ts';

/**
 * What a refusal says to an editor. The daemon’s messages are English: they are said where the panel
 * is, but for those of what was expected of a call and what came, which are for who reports or mends
 * it. Whatever is not said stands in the details.
 */
export function problemSays(
	words: Words,
	{ code, message, field }: Pick<Problem, 'code' | 'message' | 'field'>,
) {
	if (code === 'no-free-track') return words.noFreeTrack[kindOf(field)];
	if (words === en && !/^(?:[\w.]+: )?Expected\b/.test(message)) return message;
	const plain: Readonly<Record<string, string>> = words.refusals;
	const known: Readonly<Record<string, string>> = words.problems;
	const title = known[code];
	return plain[code] ?? (title === undefined ? words.refusalOther : `${title}.`);
}

/** What can be done about it: in the panel, and so not what the code advises who uses the command. */
export function adviceSays(
	words: Words,
	{ code, action, field }: Pick<Problem, 'code' | 'action' | 'field'>,
) {
	if (code === 'no-free-track') return words.addTrack[kindOf(field)];
	if (words === en && action !== usualAction(code)) return action;
	const known: Readonly<Record<string, string>> = words.advice;
	return known[code] ?? words.adviceOther;
}

/** Of the track that is free nowhere. */
function kindOf(field: string | undefined): 'video' | 'audio' {
	return field === 'video' ? 'video' : 'audio';
}

function usualAction(code: ErrorCode): string {
	return new PickupError(code, '').toProblem().action;
}

/** What an engine lacks, without what was looked for and where. */
export function needSays(words: Words, what: string): string {
	return /\bExpected\b/.test(what) ? words.modelNotHere : what;
}
