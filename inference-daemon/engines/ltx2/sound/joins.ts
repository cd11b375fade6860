import type { FrameRange } from '../../../../protocol/time.ts';
import { type ClipSpan, distinctSounds } from '../../../../protocol/timeline.ts';
import type { Sound } from '../../../media/types.ts';

/** Sound that a range lacks and its sides have: what goes on under all of it is heard there anyway. */
export function heardBeside(spans: readonly ClipSpan[], gap: FrameRange): readonly ClipSpan[] {
	return distinctSounds(spans).filter(
		({ enabled, range }) => enabled && (range.start > gap.start || range.end < gap.end),
	);
}

/** 5 ms at 48 kHz. */
const FADE = 240;

/**
 * Sound that goes on from the last sample before it and into the first one after it without a step:
 * over 5 ms it comes out of that sample, and goes over into it, never louder than the two. `before`
 * and `after` may be of any length; an empty one leaves its end as it is.
 */
export function meetNeighbours(sound: Sound, before: Sound, after: Sound): Sound {
	return {
		left: met(sound.left, before.left.at(-1), after.left[0]),
		right: met(sound.right, before.right.at(-1), after.right[0]),
	};
}

/**
 * Sound that begins as what came before it was going on and fades into its own, over as long as that
 * is known.
 */
export function crossfadeFrom(sound: Sound, continuation: Sound): Sound {
	return {
		left: fadedInto(sound.left, continuation.left),
		right: fadedInto(sound.right, continuation.right),
	};
}

function met(
	samples: Float32Array,
	before: number | undefined,
	after: number | undefined,
): Float32Array {
	const fade = Math.min(FADE, Math.floor(samples.length / 2));
	const held = (value: number | undefined) =>
		new Float32Array(value === undefined ? 0 : fade).fill(value ?? 0);
	const begun = fadedInto(samples, held(before));
	return fadedInto(begun.reverse(), held(after)).reverse();
}

function fadedInto(samples: Float32Array, from: Float32Array): Float32Array {
	const result = samples.slice();
	const fade = Math.min(from.length, samples.length);
	for (let i = 0; i < fade; i++) {
		const share = 0.5 + 0.5 * Math.cos((Math.PI * i) / fade);
		result[i]! += (from[i]! - result[i]!) * share;
	}
	return result;
}
