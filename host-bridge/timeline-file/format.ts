import type { Cut } from '../../protocol/timeline.ts';
import type { Placement } from '../host.ts';
import type { PlacementPlan } from '../placement.ts';
import type { MediaFinder } from './media-path.ts';

/** Text to add before the character at `offset` of the source; nothing is ever taken away. */
export type Insertion = { readonly offset: number; readonly text: string };

/** One sequence of a timeline file, and how to add a clip to it. */
export type TimelineSequence = {
	readonly cut: Cut;
	/** The insertions that carry out the plan, in the file's own indentation and line ends. */
	insertions(placement: Placement, plan: PlacementPlan): readonly Insertion[];
};

/**
 * A file format. `read` throws PickupError `timeline-malformed` naming the element and line, or
 * `timeline-unsupported`; it never returns a sequence that it did not understand.
 */
export type TimelineFormat = {
	readonly name: 'fcp7-xml' | 'otio' | 'mlt';
	readonly extensions: readonly string[];
	recognises(text: string): boolean;
	read(text: string, media: MediaFinder): readonly TimelineSequence[];
};
