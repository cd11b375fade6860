import type { FrameRange } from '../../../../protocol/time.ts';
import type { ClipSpan } from '../../../../protocol/timeline.ts';
import type { Sound } from '../../../media/types.ts';
import { distinct } from '../../cut-sound.ts';

/** Sound that a range lacks and its sides have: what goes on under all of it is heard there anyway. */
export function heardBeside(spans: readonly ClipSpan[], gap: FrameRange): readonly ClipSpan[] {
	return distinct(spans).filter(
		({ enabled, range }) => enabled && (range.start > gap.start || range.end < gap.end),
	);
}

/** 5 ms at 48 kHz. */
const FADE = 240;

/**
 * Sound that goes on from the last sample before it and into the first one after it without a step:
 * what it is off by at each end fades out over 5 ms. `before` and `after` may be of any length; an
 * empty one leaves its end as it is.
 */
export function meetNeighbours(sound: Sound, before: Sound, after: Sound): Sound {
	return {
		left: met(sound.left, before.left.at(-1), after.left[0]),
		right: met(sound.right, before.right.at(-1), after.right[0]),
	};
}

function met(
	samples: Float32Array,
	before: number | undefined,
	after: number | undefined,
): Float32Array {
	const result = samples.slice();
	const fade = Math.min(FADE, Math.floor(samples.length / 2));
	const atStart = (before ?? samples[0] ?? 0) - (samples[0] ?? 0);
	const atEnd = (after ?? samples.at(-1) ?? 0) - (samples.at(-1) ?? 0);
	for (let i = 0; i < fade; i++) {
		const share = 0.5 + 0.5 * Math.cos((Math.PI * i) / fade);
		result[i]! += atStart * share;
		result[samples.length - 1 - i]! += atEnd * share;
	}
	return result;
}
