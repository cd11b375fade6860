import { smoothStep } from '../timing.ts';
import { SILENCE, type Texture, type Textures } from './texture.ts';

/** One side's sound: colours, and the mean square right at the join. */
export type SoundSide = Textures & { readonly edge: number };

/** Level and colour along the range. */
export type Schedule = {
	readonly left: SoundSide;
	readonly right: SoundSide;
	/** Shares of the range at its ends: level is held, then glides to the tone's. */
	readonly hold: number;
	readonly glide: number;
};

const SAMPLE_RATE = 48_000;

/** Long enough that the level beside a join can be told by ear and by meter. */
const HOLD_SECONDS = 0.45;
const GLIDE_SECONDS = 0.8;

/** Mean square that counts as silence at the end of a glide. */
const FLOOR = SILENCE / 10;

/**
 * Settles the course of level and colour; null where both sides are silent. An open end where
 * nothing sounds takes over the tone of the other side.
 */
export function levelsOf(
	left: SoundSide,
	right: SoundSide,
	range: { readonly samples: number; readonly openLeft: boolean; readonly openRight: boolean },
): Schedule | null {
	if (!isAudible(left) && !isAudible(right)) return null;
	const steady = (side: SoundSide) => ({ ...side, join: side.tone, edge: side.tone.power });
	const side = (own: SoundSide, other: SoundSide, isOpen: boolean) => {
		if (isAudible(own)) return own;
		return isOpen ? steady(other) : { tone: SILENT, join: SILENT, edge: 0 };
	};
	const seconds = range.samples / SAMPLE_RATE;
	return {
		left: side(left, right, range.openLeft),
		right: side(right, left, range.openRight),
		hold: Math.min(0.25, HOLD_SECONDS / seconds),
		glide: Math.min(0.25, GLIDE_SECONDS / seconds),
	};
}

/** Whether anything sounds right at the join; what sounded a while before it does not count. */
export function isAudible(side: SoundSide): boolean {
	return side.edge > SILENCE;
}

const nothing = new Float32Array(0);
const SILENT: Texture = {
	left: nothing,
	right: nothing,
	crossReal: nothing,
	crossImaginary: nothing,
	power: 0,
};

/** Mean square and colours (weights add up to 1) at `place`, 0 at the left join, 1 at the right. */
export function scheduleAt(
	schedule: Schedule,
	place: number,
): { readonly power: number; readonly colours: readonly (readonly [Texture, number])[] } {
	const { left, right, hold, glide } = schedule;
	const across = smoothStep((place - hold) / (1 - 2 * hold));
	const nearLeft = 1 - smoothStep((place - hold) / glide);
	const nearRight = 1 - smoothStep((1 - place - hold) / glide);
	const leftPower = between(left.tone.power, left.edge, nearLeft);
	const rightPower = between(right.tone.power, right.edge, nearRight);
	const weights = [
		[left.tone, (1 - across) * (1 - nearLeft)],
		[left.join, (1 - across) * nearLeft],
		[right.tone, across * (1 - nearRight)],
		[right.join, across * nearRight],
	] as const;
	const audible = weights.filter(([texture, weight]) => texture.power > 0 && weight > 0);
	const total = audible.reduce((sum, [, weight]) => sum + weight, 0);
	const fallback = weights.filter(([texture]) => texture.power > 0);
	return {
		power: silenced(between(leftPower, rightPower, across)),
		colours:
			total > 1e-6
				? audible.map(([texture, weight]) => [texture, weight / total])
				: fallback.slice(0, 1).map(([texture]) => [texture, 1]),
	};
}

/** Straight in decibels, as the ear hears a fade. */
function between(a: number, b: number, share: number): number {
	return Math.max(a, FLOOR) ** (1 - share) * Math.max(b, FLOOR) ** share;
}

function silenced(power: number): number {
	return power <= FLOOR * 1.0001 ? 0 : power;
}
