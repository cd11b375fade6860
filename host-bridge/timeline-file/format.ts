import type { FrameRange } from '../../protocol/time.ts';
import type { Cut } from '../../protocol/timeline.ts';
import type { Placement } from '../host.ts';
import type { PlacementPlan } from '../placement.ts';
import type { MediaFinder } from './media-path.ts';

/** Text to add before the character at `offset` of the source; nothing is ever taken away. */
export type Insertion = { readonly offset: number; readonly text: string };

/** Text that takes the place of `length` characters of the source from `offset` on. */
export type Replacement = Insertion & { readonly length: number };

/** A clip that stands in a cut. */
export type Standing = { readonly track: string; readonly range: FrameRange };

/** One sequence of a timeline file, and how to change it. */
export type TimelineSequence = {
	readonly cut: Cut;
	/** The insertions that carry out the plan, in the file's own indentation and line ends. */
	insertions(placement: Placement, plan: PlacementPlan): readonly Insertion[];
	/**
	 * What has a clip play the media of the placement, from the same point of them on and with all
	 * that was done to it. Throws `placement-conflict` where the clip is more than a clip of a file.
	 */
	swap(clip: Standing, placement: Placement): readonly Replacement[];
	/** What leaves empty time where a clip stands; nothing else moves. Throws `placement-conflict`. */
	remove(clip: Standing): readonly Replacement[];
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
