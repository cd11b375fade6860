import type { FrameRange } from '../../../protocol/time.ts';
import type { Sequence, Track } from '../../../protocol/timeline.ts';
import type { XmlElement } from '../xml.ts';

/** A sequence as it was read, with the elements that its tracks were read from. */
export type SequenceReading = {
	readonly element: XmlElement;
	readonly sequence: Sequence;
	readonly video: readonly TrackReading[];
	readonly audio: readonly TrackReading[];
	/** What of it could not be read, in sentences. */
	readonly notes: readonly string[];
};

export type TrackReading = {
	readonly element: XmlElement;
	readonly track: Track;
	/** Which sequence frames each clip or generator shows; not those of no length. */
	readonly ranges: ReadonlyMap<XmlElement, FrameRange>;
};
