/**
 * Time as editors mean it: a count of frames at a rational rate, half-open ranges, and exact
 * rational seconds where a position need not fall on a frame. Nothing here is a floating-point
 * second; arithmetic is done in BigInt and every result is exact, but for fractions whose parts
 * would not be safe integers: they are rounded up by less than their value over 2^52, so that a
 * time on a frame's edge stays on that frame.
 */

/** A rational number in lowest terms with `den` ≥ 1. Both parts are safe integers. */
export type Rational = { readonly num: number; readonly den: number };

/** Frames per second, exactly: 23.976 is `{ num: 24000, den: 1001 }`. Both parts are ≥ 1. */
export type FrameRate = Rational;

/** A position: `frames` since zero at `rate`. `frames` is an integer and may be negative. */
export type FrameTime = { readonly frames: number; readonly rate: FrameRate };

/** The frames `start ≤ f < end` of something whose rate is known from its surroundings. */
export type FrameRange = { readonly start: number; readonly end: number };

/** Adobe's ticks: a second has 254 016 000 000 of them, as a decimal string on the wire. */
export const TICKS_PER_SECOND = 254_016_000_000n;

/** Brings `num/den` to lowest terms. Throws RangeError when `den` is 0 or a part is unsafe. */
export function rational(num: number | bigint, den: number | bigint = 1): Rational {
	let n = BigInt(num);
	let d = BigInt(den);
	if (d === 0n) throw new RangeError(`Expected a non-zero denominator, got ${num}/${den}`);
	if (d < 0n) {
		n = -n;
		d = -d;
	}
	const divisor = greatestCommonDivisor(n < 0n ? -n : n, d);
	return { num: safeInteger(n / divisor), den: safeInteger(d / divisor) };
}

export const ZERO: Rational = { num: 0, den: 1 };
export const ONE: Rational = { num: 1, den: 1 };

export function add(a: Rational, b: Rational): Rational {
	return nearly(
		BigInt(a.num) * BigInt(b.den) + BigInt(b.num) * BigInt(a.den),
		BigInt(a.den) * BigInt(b.den),
	);
}

export function subtract(a: Rational, b: Rational): Rational {
	return add(a, { num: -b.num, den: b.den });
}

export function multiply(a: Rational, b: Rational): Rational {
	return nearly(BigInt(a.num) * BigInt(b.num), BigInt(a.den) * BigInt(b.den));
}

export function divide(a: Rational, b: Rational): Rational {
	const sign = b.num < 0 ? -1n : 1n;
	return nearly(sign * BigInt(a.num) * BigInt(b.den), sign * BigInt(a.den) * BigInt(b.num));
}

/** `num/den` of any size with `den` ≥ 1. Throws RangeError where not even the value is safe. */
function nearly(num: bigint, den: bigint): Rational {
	const divisor = greatestCommonDivisor(num < 0n ? -num : num, den);
	if (divisor !== 0n && fits(num / divisor) && fits(den / divisor)) return rational(num, den);
	const whole = (num < 0n ? -num : num) / den;
	const parts = 2n ** 52n / (whole + 1n);
	return parts === 0n ? rational(num, den) : rational(-floorDivide(-num * parts, den), parts);
}

function fits(value: bigint): boolean {
	return -MOST <= value && value <= MOST;
}

const MOST = BigInt(Number.MAX_SAFE_INTEGER);

/** Negative, zero or positive as `a` is less than, equal to or greater than `b`. */
export function compare(a: Rational, b: Rational): number {
	const difference = BigInt(a.num) * BigInt(b.den) - BigInt(b.num) * BigInt(a.den);
	return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** The largest integer not above the value. */
export function floor(value: Rational): number {
	return safeInteger(floorDivide(BigInt(value.num), BigInt(value.den)));
}

/** The nearest integer; halves go up. */
export function round(value: Rational): number {
	return safeInteger(
		floorDivide(2n * BigInt(value.num) + BigInt(value.den), 2n * BigInt(value.den)),
	);
}

/** The nearest double, for display and for handing to programs that take decimal seconds. */
export function toNumber(value: Rational): number {
	return value.num / value.den;
}

/** Exact seconds of a frame count: `frames · den / num`. */
export function framesToSeconds(frames: number, rate: FrameRate): Rational {
	return nearly(BigInt(frames) * BigInt(rate.den), BigInt(rate.num));
}

/** The frame that is on screen at `seconds`: `floor(seconds · rate)`. */
export function frameAt(seconds: Rational, rate: FrameRate): number {
	return floor(multiply(seconds, rate));
}

/** How many audio samples `frames` frames last: `round(frames · den · sampleRate / num)`. */
export function samplesForFrames(frames: number, rate: FrameRate, sampleRate = 48_000): number {
	return round(multiply(framesToSeconds(frames, rate), rational(sampleRate)));
}

/** Adobe ticks of a frame position, as the decimal string that travels. Rounded to a tick. */
export function framesToTicks(frames: number, rate: FrameRate): string {
	const ticks = BigInt(frames) * BigInt(rate.den) * TICKS_PER_SECOND;
	return floorDivide(2n * ticks + BigInt(rate.num), 2n * BigInt(rate.num)).toString();
}

export function rangeLength(range: FrameRange): number {
	return range.end - range.start;
}

export function sameRange(a: FrameRange, b: FrameRange): boolean {
	return a.start === b.start && a.end === b.end;
}

export function rangesOverlap(a: FrameRange, b: FrameRange): boolean {
	return a.start < b.end && b.start < a.end;
}

export function sameRate(a: FrameRate, b: FrameRate): boolean {
	return a.num * b.den === b.num * a.den;
}

/** The whole number that timecode counts to in a second: 24 for 23.976, 30 for 29.97. */
export function nominalRate(rate: FrameRate): number {
	return Math.round(rate.num / rate.den);
}

/** Drop-frame timecode exists at 29.97 and its multiples only. */
export function canDropFrames(rate: FrameRate): boolean {
	return rate.den === 1001 && rate.num % 30_000 === 0;
}

/** What people call the rate: `23.976`, `25`, `59.94`. */
export function formatRate(rate: FrameRate): string {
	return String(Math.round((rate.num / rate.den) * 1000) / 1000);
}

/**
 * `HH:MM:SS:FF`, with `;` before the frames when frames are dropped (SMPTE ST 12-1: two frame
 * numbers per 30 are skipped each minute except every tenth). Negative positions get a minus.
 */
export function formatTimecode(frames: number, rate: FrameRate, dropFrame = false): string {
	const fps = nominalRate(rate);
	let count = Math.abs(frames);
	if (dropFrame) {
		const dropped = droppedPerMinute(rate);
		const perMinute = fps * 60 - dropped;
		const perTenMinutes = perMinute * 10 + dropped;
		const tens = Math.floor(count / perTenMinutes);
		const rest = count % perTenMinutes;
		count += tens * dropped * 9;
		if (rest >= dropped) count += dropped * Math.floor((rest - dropped) / perMinute);
	}
	const two = (value: number) => String(value).padStart(2, '0');
	const seconds = Math.floor(count / fps);
	const clock = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
	const digits = fps > 100 ? 3 : 2;
	const ff = String(count % fps).padStart(digits, '0');
	return `${frames < 0 ? '-' : ''}${clock.map(two).join(':')}${dropFrame ? ';' : ':'}${ff}`;
}

/**
 * Frames of a timecode. A `;` or `.` before the frames, or `dropFrame`, means drop-frame.
 * Throws RangeError for malformed text, a frame number the rate does not have, or a dropped one.
 */
export function parseTimecode(text: string, rate: FrameRate, dropFrame?: boolean): number {
	const match = /^(-?)(\d{1,3}):([0-5]\d):([0-5]\d)([:;.])(\d{2,3})$/.exec(text);
	if (!match) throw new RangeError(`Expected a timecode as HH:MM:SS:FF, got "${text}"`);
	const [, sign, hh, mm, ss, separator, ff] = match;
	const fps = nominalRate(rate);
	const drop = dropFrame ?? separator !== ':';
	const minutes = Number(hh) * 60 + Number(mm);
	const frame = Number(ff);
	if (frame >= fps) {
		throw new RangeError(
			`Expected a frame number under ${fps} at ${formatRate(rate)} fps, got "${text}"`,
		);
	}
	let frames = (minutes * 60 + Number(ss)) * fps + frame;
	if (drop) {
		if (!canDropFrames(rate)) {
			throw new RangeError(
				`Drop-frame timecode does not exist at ${formatRate(rate)} fps, got "${text}"`,
			);
		}
		const dropped = droppedPerMinute(rate);
		if (Number(ss) === 0 && frame < dropped && minutes % 10 !== 0) {
			throw new RangeError(`"${text}" is one of the frame numbers that drop-frame timecode skips`);
		}
		frames -= dropped * (minutes - Math.floor(minutes / 10));
	}
	return sign ? -frames : frames;
}

function droppedPerMinute(rate: FrameRate): number {
	return nominalRate(rate) / 15;
}

function floorDivide(num: bigint, den: bigint): bigint {
	const quotient = num / den;
	return num % den !== 0n && num < 0n !== den < 0n ? quotient - 1n : quotient;
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
	let x = a;
	let y = b;
	while (y !== 0n) [x, y] = [y, x % y];
	return x === 0n ? 1n : x;
}

function safeInteger(value: bigint): number {
	const result = Number(value);
	if (!Number.isSafeInteger(result)) throw new RangeError(`${value} is too large for exact time`);
	return result;
}
