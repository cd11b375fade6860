import {
	add,
	floor,
	framesToSeconds,
	multiply,
	type Rational,
	rangesOverlap,
	subtract,
} from '../../protocol/time.ts';
import type { ClipSpan } from '../../protocol/timeline.ts';
import type { SequenceReading } from './fcp7-xml-read.ts';
import { short } from './fcp7-xml-source.ts';
import type { SourceTiming } from './fcp7-xml-speed.ts';

/**
 * What a nested sequence shows over `seconds` of the outer one: the media of its clip where one
 * plain clip fills that time, else something that no file holds. `reading` is null where the
 * sequence contains itself.
 */
export function throughNested(
	reading: SequenceReading | null,
	kind: 'video' | 'audio',
	outer: SourceTiming,
	seconds: Rational,
): Pick<ClipSpan, 'source' | 'sourceIn' | 'speed'> {
	if (reading === null) {
		return { source: { kind: 'synthetic', what: 'sequence that contains itself' }, ...outer };
	}
	const inner = onlyClip(reading, kind, outer, seconds);
	if (inner === null) {
		const what = short(`nested sequence "${reading.sequence.name}"`);
		return { source: { kind: 'synthetic', what }, ...outer };
	}
	const offset = subtract(
		outer.sourceIn,
		framesToSeconds(inner.range.start, reading.sequence.rate),
	);
	return {
		source: inner.source,
		sourceIn: add(inner.sourceIn, multiply(offset, inner.speed)),
		speed: multiply(outer.speed, inner.speed),
	};
}

function onlyClip(
	reading: SequenceReading,
	kind: 'video' | 'audio',
	outer: SourceTiming,
	seconds: Rational,
): ClipSpan | null {
	if (outer.speed.num <= 0) return null;
	const { rate } = reading.sequence;
	const used = multiply(seconds, outer.speed);
	const window = {
		start: floor(multiply(outer.sourceIn, rate)),
		// The frame that holds the last instant before the end.
		end: -floor(multiply({ num: -1, den: 1 }, multiply(add(outer.sourceIn, used), rate))),
	};
	const tracks = reading[kind].map(({ track }) => track).filter((track) => track.enabled);
	const clips = tracks
		.flatMap((track) => track.clips)
		.filter((clip) => clip.enabled && rangesOverlap(clip.range, window));
	const first = clips[0];
	if (!first || first.source.kind === 'synthetic') return null;
	const alike = clips.every((clip) => sameSound(clip, first)) && (kind === 'audio' || !clips[1]);
	const covers = first.range.start <= window.start && window.end <= first.range.end;
	const blended = tracks.some((track) =>
		track.transitions.some((transition) => rangesOverlap(transition.range, window)),
	);
	return alike && covers && !blended ? first : null;
}

/** The channels of one sound stand on several tracks. */
function sameSound(a: ClipSpan, b: ClipSpan): boolean {
	const key = (clip: ClipSpan) =>
		JSON.stringify([clip.source, clip.range, clip.sourceIn, clip.speed]);
	return key(a) === key(b);
}
