import { PickupError } from '../../protocol/errors.ts';
import { type Cut, clipSpanSchema, sequenceSchema } from '../../protocol/timeline.ts';
import type { TimelineFormat, TimelineSequence } from './format.ts';
import type { MediaFinder } from './media-path.ts';

/**
 * Reads a timeline and holds what the format made of it to the protocol's ranges, so that nothing
 * odd in a file gets further than here. Throws PickupError `timeline-malformed`.
 */
export function checkedSequences(
	format: TimelineFormat,
	text: string,
	media: MediaFinder,
): readonly TimelineSequence[] {
	let sequences: readonly TimelineSequence[];
	try {
		sequences = format.read(text, media);
	} catch (error) {
		// Exact time refuses numbers that no timeline has.
		if (!(error instanceof RangeError)) throw error;
		throw new PickupError('timeline-malformed', `Expected sensible times, got: ${error.message}`, {
			cause: error,
		});
	}
	for (const { cut } of sequences) checkCut(cut);
	return sequences;
}

function checkCut(cut: Cut): void {
	const { name } = cut.sequence;
	check(sequenceSchema.safeParse(cut.sequence), `sequence "${name}"`);
	for (const track of cut.tracks) {
		let end = 0;
		for (const clip of track.clips) {
			const where = `"${clip.name.slice(0, 60)}" on ${track.name} of sequence "${name}"`;
			check(clipSpanSchema.safeParse(clip), where);
			if (clip.range.start < end) {
				throw new PickupError(
					'timeline-malformed',
					`Expected ${where} to start at frame ${end} or later, got ${clip.range.start}`,
					{ field: `${track.name}.start` },
				);
			}
			end = clip.range.end;
		}
	}
}

function check(
	result: ReturnType<typeof clipSpanSchema.safeParse> | ReturnType<typeof sequenceSchema.safeParse>,
	what: string,
): void {
	if (result.success) return;
	const issue = result.error.issues[0];
	const field = issue?.path.map(String).join('.') || 'value';
	throw new PickupError(
		'timeline-malformed',
		`${what}: ${field} does not fit: ${issue?.message ?? 'out of range'}`,
		{ field },
	);
}
