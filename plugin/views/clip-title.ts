import type { Job } from '../../protocol/jobs.ts';
import type { Destination } from '../../protocol/landings.ts';
import type { Words } from '../strings/en.ts';

/** What a clip is called in a list: its prompt, else the place that it was made for. */
export function clipTitle(
	words: Words,
	{ job, meant }: { readonly job: Job; readonly meant: Destination | null },
): string {
	if (job.prompt !== '') return job.prompt;
	// As `Pickup V1 01:00:02:00 take 1`; which take it is stands in the line below.
	const place = meant?.name.match(/^Pickup (.+) (draft|take \d+)$/)?.[1];
	return place === undefined ? words.noPrompt : words.noPromptAt(place);
}
