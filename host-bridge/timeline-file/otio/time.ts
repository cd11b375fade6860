import {
	type FrameRate,
	type Rational,
	rational,
	TICKS_PER_SECOND,
} from '../../../protocol/time.ts';
import { type Json, malformed, member, needMember, numberOf } from './json.ts';

/**
 * Time while a document is read: ticks of 1/254 016 000 000 s, which every usual frame and sample
 * rate divides, so that sums over items of different rates stay exact.
 */
export type Ticks = bigint;

export type TickRange = { readonly start: Ticks; readonly end: Ticks };

/** Three years: beyond it a number is damage, not time. */
const LONGEST_SECONDS = 1e8;
/** Values that are not whole frames are taken to a millionth of a frame. */
const PARTS = 1_000_000n;

/** A RationalTime (or `value` and `rate` of anything) in ticks. Nothing is nothing at any rate. */
export function readTime(node: Json): Ticks {
	const valueNode = needMember(node, 'value');
	const value = numberOf(valueNode);
	if (value === 0) return 0n;
	const rate = readRate(node);
	if (Math.abs(value / (rate.num / rate.den)) > LONGEST_SECONDS) {
		throw malformed(valueNode, 'a time of less than three years');
	}
	const parts = Number.isInteger(value)
		? BigInt(value) * PARTS
		: BigInt(Math.round(value * Number(PARTS)));
	return divideRounded(parts * BigInt(rate.den) * TICKS_PER_SECOND, BigInt(rate.num) * PARTS);
}

/** A TimeRange; its duration is never negative. */
export function readRange(node: Json): TickRange {
	const start = readTime(needMember(node, 'start_time'));
	return { start, end: start + readDuration(needMember(node, 'duration')) };
}

export function readDuration(node: Json): Ticks {
	const ticks = readTime(node);
	if (ticks < 0n) throw malformed(needMember(node, 'value'), 'a duration that is not negative');
	return ticks;
}

/** The TimeRange under a key, or undefined where there is none. */
export function rangeMember(object: Json, key: string): TickRange | undefined {
	const node = member(object, key);
	return node === undefined ? undefined : readRange(node);
}

export function readRate(time: Json): FrameRate {
	const node = needMember(time, 'rate');
	const rate = exactRate(numberOf(node));
	if (rate === null) throw malformed(node, 'a rate above 0 and up to 1,000,000');
	return rate;
}

/**
 * The exact rate that a decimal stands for: 23.976, 23.98 and 23.976023976023978 are 24000/1001.
 * null where it is no rate at all.
 */
export function exactRate(value: number): FrameRate | null {
	if (!(value >= 0.001 && value <= 1_000_000)) return null;
	if (Number.isInteger(value)) return { num: value, den: 1 };
	const nominal = Math.round(value * 1.001);
	if (nominal > 0 && Math.abs((nominal * 1000) / 1001 - value) < 0.005) {
		return rational(nominal * 1000, 1001);
	}
	return nearestRational(value, 1000);
}

/** The closest fraction with a denominator up to `largest` (continued fractions). */
export function nearestRational(value: number, largest: number): Rational {
	let [num, den, previousNum, previousDen] = [1, 0, 0, 1];
	let rest = Math.abs(value);
	for (let step = 0; step < 64; step += 1) {
		const whole = Math.floor(rest);
		const [nextNum, nextDen] = [whole * num + previousNum, whole * den + previousDen];
		if (nextDen > largest || !Number.isSafeInteger(nextNum)) break;
		[previousNum, previousDen, num, den] = [num, den, nextNum, nextDen];
		if (rest - whole < 1e-9 || Math.abs(num / den - Math.abs(value)) < 1e-12) break;
		rest = 1 / (rest - whole);
	}
	return rational(value < 0 ? -num : num, den === 0 ? 1 : den);
}

/** The frame nearest to a position; halves go up. */
export function nearestFrame(ticks: Ticks, rate: FrameRate): number {
	return Number(divideRounded(ticks * BigInt(rate.num), BigInt(rate.den) * TICKS_PER_SECOND));
}

export function frameTicks(frame: number, rate: FrameRate): Ticks {
	return divideRounded(BigInt(frame) * BigInt(rate.den) * TICKS_PER_SECOND, BigInt(rate.num));
}

/** Frames as a number to write: whole where the position is on a frame. */
export function framesToWrite(ticks: Ticks, rate: FrameRate): number {
	const nearest = nearestFrame(ticks, rate);
	if (frameTicks(nearest, rate) === ticks) return nearest;
	const parts = divideRounded(
		ticks * BigInt(rate.num) * PARTS,
		BigInt(rate.den) * TICKS_PER_SECOND,
	);
	return Number(parts) / Number(PARTS);
}

export function scale(ticks: Ticks, by: Rational): Ticks {
	return divideRounded(ticks * BigInt(by.num), BigInt(by.den));
}

/** Exact seconds; to the nearest part that fits where they are too fine for safe integers. */
export function ticksToSeconds(ticks: Ticks): Rational {
	for (let coarser = 1n; ; coarser *= 10n) {
		try {
			return rational(divideRounded(ticks, coarser) * coarser, TICKS_PER_SECOND);
		} catch (error) {
			if (!(error instanceof RangeError) || coarser > TICKS_PER_SECOND) throw error;
		}
	}
}

export function divideRounded(num: bigint, den: bigint): bigint {
	const twice = 2n * num + den;
	const quotient = twice / (2n * den);
	return twice % (2n * den) !== 0n && twice < 0n ? quotient - 1n : quotient;
}

export function latest(a: Ticks, b: Ticks): Ticks {
	return a > b ? a : b;
}

export function earliest(a: Ticks, b: Ticks): Ticks {
	return a < b ? a : b;
}
