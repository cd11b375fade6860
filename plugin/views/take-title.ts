import type { TakeView } from '../state/shots.ts';
import type { Words } from '../strings/en.ts';

/** `Draft`, `Take 2`. */
export function takeTitle(words: Words, { take }: Pick<TakeView, 'take'>): string {
	return take === 0 ? words.theDraft : words.takeName(take);
}
