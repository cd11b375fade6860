import { type HostAgent, TIMELINE_FILE } from '../../protocol/hosts.ts';
import type { Words } from '../strings/en.ts';

/** What an editor is called: a program by its name, a file by what it is. */
export function programName(words: Words, { program }: Pick<HostAgent, 'program'>): string {
	return program === TIMELINE_FILE ? words.timelineFile : program;
}
